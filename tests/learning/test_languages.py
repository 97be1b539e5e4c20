import numpy as np
import pytest
import torch
from torch.nn import functional as F

from teachtext.data.batch import Batch, TextBatch, VideoBatch
from teachtext.data.feature_writer import FeatureWriter
from teachtext.data.features import Features
from teachtext.data.protocol import Caption
from teachtext.data.store import FeatureFile
from teachtext.errors import InputError
from teachtext.learning.distillation.objective import Distillation
from teachtext.learning.distillation.presets import preset
from teachtext.learning.languages import LanguagePicks, PerLanguage
from teachtext.learning.losses import InfoNCE, MaxMarginRankingLoss
from teachtext.learning.objective import Objective, Retrieval
from teachtext.models.similarity import Embedded, TextEmbedding, VideoEmbedding, similarity

VIDEOS = ["a", "b", "c", "d"]
# video c has no German caption, and video d alone has a French one
ROWS = [("a", "en"), ("a", "de"), ("b", "en"), ("b", "de"), ("c", "en"), ("d", "en"), ("d", "de"), ("d", "fr")]
QUERIES = [
    Caption(f"{video}#0{'' if language == 'en' else '.' + language}", video, "x", language) for video, language in ROWS
]


def made_of(rows=ROWS):
    """A batch, and what a model makes of it: videos are embedded once for each of their captions, always alike."""
    torch.manual_seed(0)
    ids = [query.id for query in QUERIES if (query.video_id, query.language) in rows]
    videos = [video for video, _ in rows]
    whole = F.normalize(torch.randn(len(VIDEOS), 5, dtype=torch.float64), dim=1)
    vectors = whole[[VIDEOS.index(video) for video in videos]]
    texts = F.normalize(torch.randn(len(rows), 5, dtype=torch.float64), dim=1).requires_grad_()
    ones = torch.ones(len(rows), 1)
    student = Embedded(TextEmbedding({"scene": texts}, ones), VideoEmbedding({"scene": vectors}, ones.bool()))
    text = TextBatch(ids, torch.zeros(len(rows), 1, 2), torch.ones(len(rows), dtype=torch.long))
    return student, Batch(text, VideoBatch(videos, {"scene": ones[:, None]}, {"scene": ones[:, 0].long()}))


def view(student, language, rows=ROWS):
    """The captions in a language against the videos that have one."""
    texts = [row for row, (_, spoken) in enumerate(rows) if spoken == language]
    scores = similarity(student.text, student.video)
    return scores[texts][:, texts]


class Watching(Objective):
    """The ranking loss of the mean score; notes which captions and videos a teacher would be asked for."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def forward(self, student, batch):
        self.asked.append((list(batch.text.ids), list(batch.video.ids), student.scores.shape))
        return {"ranking": student.scores.mean(), "distillation": student.scores.sum()}


def test_each_language_has_a_loss_of_its_own_against_the_same_videos():
    student, batch = made_of()
    losses = PerLanguage(objective=Watching(), queries=QUERIES)(student, batch)
    english, german = view(student, "en"), view(student, "de")
    torch.testing.assert_close(losses["ranking"], english.mean() + german.mean())
    torch.testing.assert_close(losses["distillation"], english.sum() + german.sum())


def test_teachers_are_asked_for_the_english_captions_of_the_same_videos():
    student, batch = made_of()
    objective = Watching()
    PerLanguage(objective=objective, queries=QUERIES)(student, batch)
    assert objective.asked == [
        (["a#0", "b#0", "c#0", "d#0"], VIDEOS, (4, 4)),
        (["a#0", "b#0", "d#0"], ["a", "b", "d"], (3, 3)),
    ]


def test_the_code_of_c2kd_counts_the_ranking_loss_of_english_twice():
    student, batch = made_of()
    once, twice = (PerLanguage(objective=Watching(), queries=QUERIES, english_weight=w)(student, batch) for w in (1, 2))
    torch.testing.assert_close(twice["ranking"] - once["ranking"], view(student, "en").mean())
    torch.testing.assert_close(twice["distillation"], once["distillation"])


def test_captions_in_english_alone_have_the_loss_of_the_objective():
    rows = [(video, "en") for video in VIDEOS]
    student, batch = made_of(rows)
    objective = Retrieval(ranking=MaxMarginRankingLoss())
    found, expected = PerLanguage(objective=objective, queries=QUERIES)(student, batch), objective(student, batch)
    torch.testing.assert_close(found["ranking"], expected["ranking"])


def test_c2kd_written_out():
    """alpha NCE and (1 - alpha) KL over rows and columns, a teacher a language model of English, for two languages."""
    rows = [(video, language) for video in VIDEOS for language in ("en", "de")]
    queries = [Caption(f"{video}#{language}", video, "x", language) for video, language in rows]
    torch.manual_seed(1)
    ids = [query.id for query in queries]
    texts = F.normalize(torch.randn(8, 5, dtype=torch.float64), dim=1).requires_grad_()
    videos = F.normalize(torch.randn(4, 5, dtype=torch.float64), dim=1).repeat_interleave(2, dim=0)
    ones = torch.ones(8, 1)
    student = Embedded(TextEmbedding({"x": texts}, ones), VideoEmbedding({"x": videos}, ones.bool()))
    batch = Batch(
        TextBatch(ids, torch.zeros(8, 1, 1), torch.ones(8, dtype=torch.long)),
        VideoBatch([video for video, _ in rows], {"x": ones[:, None]}, {"x": ones[:, 0].long()}),
    )
    matrices = [torch.randn(4, 4, dtype=torch.float64) for _ in range(2)]

    class English:
        def __init__(self, matrix):
            self.matrix = matrix

        def scores(self, asked):
            assert list(asked.text.ids) == [f"{video}#en" for video in VIDEOS] and list(asked.video.ids) == VIDEOS
            return self.matrix

    inner = Distillation(
        ranking=InfoNCE(temperature=0.1, learn_temperature=False),
        parts=preset("c2kd"),
        teachers=[English(matrix) for matrix in matrices],
    )
    losses = PerLanguage(objective=inner, queries=queries)(student, batch)
    teacher = torch.minimum(*matrices)
    ranking = distillation = torch.zeros((), dtype=torch.float64)
    for first in (0, 1):
        scores = texts[first::2] @ videos[::2].T
        ranking = ranking + 0.5 * sum(-(s / 0.1).log_softmax(dim=1).diagonal().mean() for s in (scores, scores.T))
        for t, s in ((teacher, scores), (teacher.T, scores.T)):
            p, q = (t / 0.1).log_softmax(dim=1), (s / 0.1).log_softmax(dim=1)
            distillation = distillation + 0.5 * (p.exp() * (p - q)).sum(dim=1).mean()
    torch.testing.assert_close(losses["ranking"], ranking, check_dtype=False, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(losses["distillation"], distillation, check_dtype=False, rtol=1e-6, atol=1e-7)


@pytest.fixture
def features(tmp_path):
    captions = [f"v{video}#{number}{end}" for video in range(6) for number in range(3) for end in ("", ".de")]
    captions += ["v5#other.fr"]
    for name, ids in (("text", captions), ("scene", [f"v{video}" for video in range(6)])):
        with FeatureWriter(tmp_path / name, provenance={"name": name}, dim=2) as writer:
            for item in ids:
                writer.add(item, np.ones((1, 2)))
    return Features(text=FeatureFile(tmp_path / "text"), experts={"scene": FeatureFile(tmp_path / "scene")})


def queries_of(features):
    def language(name):
        return name.rpartition(".")[2] if "." in name else "en"

    return [Caption(name, name.partition("#")[0], "x", language(name)) for name in features.text.ids]


def test_a_batch_has_the_same_caption_in_every_language(features):
    picks = LanguagePicks(features=features, queries=queries_of(features), batch_size=4, seed=0)
    drawn = set()
    for epoch in range(1, 30):
        batches = list(picks(epoch))
        assert [len(set(batch.video.ids)) for batch in batches] == [4, 2]
        ids = [name for batch in batches for name in batch.text.ids]
        english = [name for name in ids if "." not in name]
        assert [name for name in ids if name.endswith(".de")] == [f"{name}.de" for name in english]
        assert [name for name in ids if name.endswith(".fr")] == ["v5#other.fr"]
        drawn.update(english)
    assert len(drawn) == 18 and [b.text.ids for b in picks(3)] == [b.text.ids for b in picks(3)]


def test_a_video_without_english_captions_is_refused_by_name(features):
    queries = [query for query in queries_of(features) if query.video_id != "v2" or query.language == "de"]
    with pytest.raises(InputError, match=r"1 training videos .* none in English \(first: v2\)"):
        LanguagePicks(features=features, queries=queries, batch_size=4, seed=0)
