import base64
import builtins
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from teachtext.data.protocol import Caption
from teachtext.data.rivals import rivals_of
from teachtext.errors import InputError
from teachtext.evaluation.floor_and_ceiling import FloorAndCeiling, LeftOut, Reference, chance_metrics, reference
from teachtext.evaluation.metrics import metrics_from_ranks
from teachtext.evaluation.query_ranks import QueryRanks
from teachtext.evaluation.result_rows import Row, SeedResult
from teachtext.evaluation.result_rows import TestedOn as SplitTested  # pytest collects names in Test*
from teachtext.evaluation.results import Results
from teachtext.reports import results_figures, training_figures
from teachtext.reports.figures import looks
from teachtext.reports.reference_tables import reference_notes, reference_table
from teachtext.reports.report import ReportContent, pick_examples, pick_worst, render_report
from teachtext.reports.sections import Example, Hit

VIDEOS, PER_VIDEO, EPOCHS = 40, 3, 6
EXPERTS = ["audio", "motion", "rgb"]
JPEG = b"\xff\xd8\xff\xe0 a picture \xff\xd9"
MEMBERS = [
    ("teacher minilm", "teacher", "minilm", 1.2),
    ("teacher use", "teacher", "use", 1.4),
    ("teacher $x_1$ & <i>", "teacher", "glove", 1.6),
    ("student alone", "student", "glove", 1.5),
    ("TeachText student", "taught", "glove", 1.3),
]


def query_ranks(generator, difficulty):
    captions = VIDEOS * PER_VIDEO
    return QueryRanks(
        t2v=np.minimum(np.floor(generator.lognormal(difficulty, 1.2, captions)), VIDEOS - 1),
        v2t=np.minimum(np.floor(generator.lognormal(difficulty, 1.2, VIDEOS)), captions - 1),
        top=np.stack([generator.permutation(VIDEOS)[:10] for _ in range(captions)]),
        top_scores=np.sort(generator.random((captions, 10), dtype=np.float32))[:, ::-1],
        weights=generator.dirichlet([1, 2, 3], captions).astype(np.float32),
        video_of=np.repeat(np.arange(VIDEOS), PER_VIDEO),
        caption_ids=[f"caption{place}" for place in range(captions)],
        video_ids=[f"video{place}" for place in range(VIDEOS)],
        experts=EXPERTS,
    )


def history(generator, role):
    def entry(epoch):
        losses = {"ranking": 0.2 / epoch} | ({"distillation": 0.1 / epoch} if role == "taught" else {})
        score = metrics_from_ranks(np.floor(generator.lognormal(1.5, 1, 50))).as_dict()
        return {"epoch": epoch, "lr": 1e-3, "losses": losses, "validation": {"t2v": score, "v2t": score}, "seconds": 1}

    return [entry(epoch) for epoch in range(1, EPOCHS + 1)]


def example(caption="a man slices a tomato", place=1, picture=JPEG):
    hits = [Hit(f"video{number}", 0.9 - number / 10, number == place, picture) for number in range(1, 8)]
    return Example(caption, "caption1", f"video{place}", float(place), hits, picture)


def content(members=MEMBERS, seeds=(0, 1, 2), generated=False, examples=(), listed=VIDEOS):
    generator = np.random.default_rng(0)
    tested = SplitTested(
        dataset="MSVD <small>",
        split="test",
        videos=VIDEOS,
        listed_videos=listed,
        queries=VIDEOS * PER_VIDEO,
        train_videos=100,
        selection_videos=20,
        generated=generated,
        notes=["A note <b>of</b> the dataset."],
    )
    rows, histories, ranks = [], {}, {}
    for label, role, encoder, difficulty in members:
        ranks[label] = [query_ranks(generator, difficulty) for _ in seeds]
        histories[label] = [history(generator, role) for _ in seeds]
        seed_results = [
            SeedResult.of(
                seed,
                f"{label}/{seed}",
                4,
                {"t2v": metrics_from_ranks(seed_ranks.t2v), "v2t": metrics_from_ranks(seed_ranks.v2t)},
            )
            for seed, seed_ranks in zip(seeds, ranks[label], strict=True)
        ]
        rows.append(
            Row(
                label=label,
                role=role,
                text_encoder=encoder,
                experts=EXPERTS,
                parameters=12345,
                seeds=seed_results,
                tested=tested,
            )
        )

    config = {"training": {"epochs": EPOCHS}, "note": "</pre><script>bad()</script>"}
    results = Results(name="first run", seeds=list(seeds), rows=rows, config=config, versions={"torch": "2.9"})
    return ReportContent(results=results, histories=histories, ranks=ranks, examples=examples)


class Page(HTMLParser):
    VOID = frozenset({"meta", "img", "br", "link", "input", "hr"})

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.text = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]

    def by_class(self, name):
        return [attrs for _, attrs in self.tags if name in (attrs.get("class") or "").split()]

    def plain(self):
        return re.sub(r"\s+", " ", " ".join(self.text))


@pytest.fixture(scope="module")
def page():
    examples = [example(place=place) for place in (1, 3, 7)] + [example("<script>alert(1)</script> & more", 2, None)]
    return Page(render_report(content(examples=examples, listed=VIDEOS + 4)))


@pytest.mark.slow
def test_page_needs_nothing_from_elsewhere(page):
    assert page.all("script") == page.all("link") == page.all("iframe") == []
    for _, attrs in page.tags:
        for name in ("src", "href"):
            assert attrs.get(name, "#").startswith(("#", "data:image/"))
        assert not any(name.startswith("on") for name in attrs)


@pytest.mark.slow
def test_page_is_accessible(page):
    assert page.all("html")[0]["lang"] == "en"
    assert all(picture["alt"] for picture in page.all("img"))
    assert all(head["scope"] in ("col", "row") for head in page.all("th"))
    assert {"header", "nav", "main", "footer"} <= {tag for tag, _ in page.tags}
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {link["href"].removeprefix("#") for link in page.all("a")} <= set(ids)


def test_untrusted_text_is_escaped(page):
    assert "<script>alert(1)</script> & more" in page.plain()
    assert "MSVD <small>" in page.plain()
    assert "A note <b>of</b> the dataset." in page.plain()
    assert "<script>bad()</script>" in page.plain()


def test_examples_mark_the_right_video(page):
    assert len(page.by_class("example")) == 4
    assert len(page.by_class("hits")) == 4
    assert len(page.by_class("place")) == 4 * 5
    assert len(page.by_class("right")) == len(page.by_class("mark")) == 3
    right = [picture for picture in page.all("img") if picture["alt"].endswith(", the right one")]
    assert [picture["alt"] for picture in right] == [
        f"Video video{place}, {words}the right one" for place, words in ((1, "place 1, "), (3, "place 3, "), (7, ""))
    ]
    assert "Right video at rank 7 of 40, not among the first 5" in page.plain()
    assert "The right one: video7, rank 7" in page.plain()
    thumbnail = f"data:image/jpeg;base64,{base64.b64encode(JPEG).decode()}"
    assert sum(picture["src"] == thumbnail for picture in page.all("img")) == 3 * 5 + 1


@pytest.mark.slow
def test_a_tied_rank_has_a_half():
    tied = Example("a dog", "caption1", "video1", 2.5, [Hit("video1", 0.5, True)])
    assert "rank 2.5 of 40" in Page(render_report(content(examples=[tied]))).plain()


def test_page_states_its_data(page):
    assert "40 of 44 listed test videos could be used." in page.plain()
    assert "drawn uniformly at random over videos" in page.plain()
    assert "Generated data." not in page.plain()
    assert "epochs: 6" in page.plain()


def test_results_are_in_the_page(page):
    assert len(page.all("table")) == 2 * 2 + 1
    assert len(page.by_class("best")) >= 2 * 7
    assert len(page.by_class("emphasis")) == 2
    assert "TeachText changes the student's t2v geometric mean by" in page.plain()


@pytest.mark.slow
def test_page_with_one_row_and_one_seed():
    text = render_report(content(MEMBERS[3:4], seeds=(5,), generated=True))
    page = Page(text)
    assert "Generated data." in page.plain()
    assert "student alone (glove)" in page.plain()
    assert page.by_class("emphasis") == page.by_class("best") == page.by_class("example") == []
    assert "sample std" not in page.plain()
    assert text == render_report(content(MEMBERS[3:4], seeds=(5,), generated=True))


def test_page_without_histories_and_ranks():
    results = content().results
    page = Page(render_report(ReportContent(results=results)))
    assert len(page.by_class("figure")) == 1


def test_content_refuses_what_does_not_fit_the_seeds():
    made = content()
    with pytest.raises(ValueError, match="student alone: 2 histories for 3 seeds"):
        ReportContent(results=made.results, histories={"student alone": made.histories["student alone"][:2]})


def all_figures(made):
    rows = made.results.rows
    return [
        results_figures.rows_figure(made.results),
        training_figures.validation_figure(rows, made.histories),
        *training_figures.loss_figures(rows, made.histories),
        results_figures.recall_figure(rows, made.ranks),
        results_figures.rank_figure(rows, made.ranks),
        results_figures.weights_figure(rows, made.ranks),
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "members",
    [
        MEMBERS[:1],
        MEMBERS,
        [(f"teacher number {place} of quite a few others", "teacher", f"t{place}", 1.0) for place in range(8)],
    ],
    ids=["one", "five", "eight"],
)
def test_plots_are_the_same_bytes_twice(members):
    first, second = all_figures(content(members)), all_figures(content(members))
    assert [plot.svg for plot in first] == [plot.svg for plot in second]
    for plot in first:
        assert plot.svg.startswith("<svg")
        assert "<dc:date>" not in plot.svg


def test_losses_are_drawn_separately_for_who_has_them():
    made = content()
    ranking, distillation = training_figures.loss_figures(made.results.rows, made.histories)
    assert "student alone" in ranking.alt
    assert distillation.alt == "Last distillation loss: TeachText student, 0.017."


@pytest.mark.slow
def test_a_row_keeps_its_colour_and_no_two_share_one():
    drawn = looks(content().results.rows)
    assert len({look.color for look in drawn.values()}) == len(MEMBERS)
    for plot in all_figures(content()):
        if "TeachText student" in plot.alt:
            assert drawn["TeachText student"].color.lower() in plot.svg


def test_small_gallery_and_perfect_ranks():
    made = content(MEMBERS[3:])
    small = {
        label: [
            QueryRanks(
                t2v=np.zeros(2),
                v2t=np.zeros(2),
                top=np.array([[0, 1], [1, 0]]),
                top_scores=np.ones((2, 2), np.float32),
                weights=np.ones((2, 1), np.float32),
                video_of=np.arange(2),
                caption_ids=["a", "b"],
                video_ids=["v", "w"],
                experts=["rgb"],
            )
        ]
        * 3
        for label in made.ranks
    }
    assert "student alone, 100.0" in results_figures.recall_figure(made.results.rows, small).alt
    assert "student alone, 100.0" in results_figures.rank_figure(made.results.rows, small).alt


def test_missing_matplotlib_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(InputError, match=re.escape("pip install 'teachtext[report]'")):
        results_figures.rows_figure(content().results)


def test_picked_examples_are_of_different_videos_and_do_not_look_at_ranks():
    easy, hard = (query_ranks(np.random.default_rng(seed), seed) for seed in (0, 3))
    picked = pick_examples(easy, 12, seed=1)
    assert len({int(easy.video_of[row]) for row in picked}) == len(picked) == 12
    assert picked == pick_examples(hard, 12, seed=1)
    assert picked != pick_examples(easy, 12, seed=2)
    assert len(pick_examples(easy, 1000)) == VIDEOS


def test_picked_examples_are_uniform_over_videos():
    ranks = query_ranks(np.random.default_rng(0), 1.0)
    drawn = [int(ranks.video_of[pick_examples(ranks, 1, seed)[0]]) for seed in range(2000)]
    counts = np.bincount(drawn, minlength=VIDEOS)
    assert counts.min() > 20
    assert counts.max() < 90


def bounded(seeds=(0, 1, 2), **changes):
    """Results with a floor and a ceiling."""
    texts = ["a dog", "a dog", "a cat"]
    queries = [Caption(f"{place}#0", f"{place}", text) for place, text in enumerate(texts)]
    oracle = [np.array([0.0, 1.0, float(seed)]) for seed in seeds]
    bounds = FloorAndCeiling(
        floor=[Reference(label="chance", meaning="At <random>.", t2v=[chance_metrics(VIDEOS)])],
        ceiling=[reference("oracle over teachers", "The best of all.", oracle)],
        rivals=rivals_of(queries, words_alone=True),
        left_out=[LeftOut(label="zero-shot model", problem="nothing is there: add it")],
    )
    return content(seeds=seeds).results.model_copy(update={"floor_and_ceiling": bounds.model_copy(update=changes)})


def test_the_students_stand_between_floor_and_ceiling():
    results = bounded()
    table = reference_table(results)
    assert [[row[0].text for row in group] for group in table.groups] == [
        ["chance"],
        ["student alone (glove)", "TeachText student (glove)"],
        ["oracle over teachers", "equal texts"],
    ]
    chance, alone, _, oracle, equal = table.rows
    assert chance == ["chance", "2.5", "12.5", "25.0", "20.5", "9.2", "At <random>."]
    spread = results.row("student").spread("t2v", "r1")
    assert alone[1] == f"{spread.mean:.1f} ({spread.std:.1f})"
    # two, one and one of three captions come first
    assert oracle[1] == "44.4 (19)" and equal[:3] == ["equal texts", "66.7", "–"]
    short = reference_table(results, short=True)
    assert [[cell.partition(" (")[0] for cell in row[1:6]] for row in table.rows] == [row[1:] for row in short.rows]
    assert [row[0] for row in short.rows] == [row[0] for row in table.rows] and "mean over seeds" in short.title
    assert reference_table(content().results) is None and reference_notes(content().results) == []


def test_the_page_has_the_table_and_says_what_is_left_out():
    page = Page(render_report(ReportContent(results=bounded(), worst=[example(place=3)])))
    assert "2 of 3 test queries have a rival" in page.plain() and "R@1 is at most 66.7." in page.plain()
    assert "Left out, zero-shot model: nothing is there: add it." in page.plain()
    assert "At <random>." in page.plain() and len(page.by_class("sentences")) == 1 + 5
    assert len(page.by_class("example")) == 1 and "at most one caption a video" in page.plain()
    assert {"#floor", "#worst"} <= {link["href"] for link in page.all("a")}
    different = rivals_of([Caption("a#0", "a", "a dog"), Caption("b#0", "b", "a cat")], words_alone=True)
    again = Page(render_report(ReportContent(results=bounded(rivals=different, left_out=[]))))
    assert "None of the 2 test queries has the words of a query of another video." in again.plain()
    assert "equal texts" not in again.plain()


def test_the_worst_captions_are_those_of_the_lowest_ranks():
    ranks = query_ranks(np.random.default_rng(3), 1.0)
    rows = pick_worst(ranks, 4)
    videos = ranks.video_of[rows].tolist()
    assert len(set(videos)) == 4
    lowest = [ranks.t2v[ranks.video_of == video].max() for video in range(VIDEOS)]
    assert ranks.t2v[rows].tolist() == sorted(lowest, reverse=True)[:4]
    assert pick_worst(replace(ranks, t2v=np.zeros_like(ranks.t2v))) == []
