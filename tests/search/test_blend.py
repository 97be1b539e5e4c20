from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from entries import unit

pytest.importorskip("lancedb")
from teachtext.data.kept_captions import KeptCaption
from teachtext.data.store import FeatureFile
from teachtext.encoders.embedder import QueryVectors, VideoVectors
from teachtext.errors import InputError
from teachtext.search.blend import Blend, with_shares
from teachtext.search.blend_shares import _best, choose_shares
from teachtext.search.hubness import EmbeddedBank
from teachtext.search.manifest import Manifest
from teachtext.search.searcher import Searcher
from teachtext.search.stores import open_store
from teachtext.search.types import Entry, Item
from teachtext.search.vectors import contributions

DIM = 8


class Seer:
    """An embedder whose query `n` is near video `v<n>`: the nearer, the less noise it has."""

    expert_settings: Mapping[str, Mapping[str, Any]] = {}

    def __init__(self, kind: str, noise: float, *, spread: float = 1.0, spaces: Sequence[str] = ("scene",)) -> None:
        self.identity = {"kind": kind, "name": kind, "fingerprint": f"{kind} {noise} {spread} {spaces}"}
        self.experts = list(spaces)
        self.spaces = dict.fromkeys(spaces, DIM + 1)
        self._noise, self._spread = noise, spread

    def _vector(self, number: int, space: str, noise: float) -> np.ndarray:
        """Return a vector; a small spread makes all vectors alike, and so all scores."""
        known = np.random.default_rng([number, 0]).standard_normal(DIM)
        vague = np.random.default_rng([number, len(space), int(100 * noise), 1]).standard_normal(DIM)
        return unit(np.append(self._spread * unit(known + noise * vague), 1.0))

    def embed_query(self, text: str) -> QueryVectors:
        weights = np.full(len(self.spaces), 1 / len(self.spaces), np.float32)
        return QueryVectors({space: self._vector(int(text), space, 0.0) for space in self.spaces}, weights)

    def embed_queries(self, texts: Sequence[str]) -> list[QueryVectors]:
        return [self.embed_query(text) for text in texts]

    def embed_videos(self, files: Mapping[str, FeatureFile], video_ids: Sequence[str]) -> list[VideoVectors]:
        return [{space: self._vector(int(name[1:]), space, self._noise) for space in self.spaces} for name in video_ids]


class Everything:
    """Features of every video."""

    def rows_of(self, video_id: str) -> list[int]:
        return [0]


Index = Callable[..., Searcher]


@pytest.fixture
def index(tmp_path: Path) -> Index:
    """An index of 150 videos by a blend; every third lacks the spaces of `lacking`."""

    def make(
        blend: Blend, shares: Mapping[str, float] | None, lacking: str = "nothing", *, exact: bool | None = None
    ) -> Searcher:
        store = open_store(tmp_path / "index")
        names = [f"v{number}" for number in range(150)]
        files: Any = dict.fromkeys(blend.experts, Everything())
        vectors = blend.embed_videos(files, names)
        entries = []
        for number, (name, by_space) in enumerate(zip(names, vectors, strict=True)):
            kept = {space: v for space, v in by_space.items() if number % 3 or not space.startswith(lacking)}
            item = Item(id=f"videos/{name}.mp4", content=name, made="", added_s=0, size=1)
            entries.append(Entry.of_clip(item, kept))
        with store.writing():
            roots = {"videos": str(tmp_path)}
            Manifest(model=blend.identity, spaces=blend.spaces, experts=blend.experts, roots=roots, blend=shares).write(
                store
            )
            store.put(entries)
        return Searcher(tmp_path / "index", model=blend, exact=exact)

    return make


def own_score(model: Seer, text: str, video: str) -> float:
    return sum(contributions(model.embed_query(text), model.embed_videos({}, [video])[0]).values())


def test_the_score_is_the_weighted_mean_of_the_scores_of_the_models(index: Index):
    student, zero_shot = Seer("trained", 0.5, spaces=("audio", "scene")), Seer("classnames", 1.5)
    shares = {"student": 0.7, "zero-shot": 0.3}
    for exact in (True, False):
        searcher = index(Blend([student, zero_shot]), shares, lacking="zero-shot", exact=exact)
        results = searcher.search("7", k=150, by="model").results
        assert len(results) == 150
        for result in results:
            name = Path(result.path).stem
            expected = own_score(student, "7", name)
            if "zero-shot:scene" in result.why:
                expected = 0.7 * expected + 0.3 * own_score(zero_shot, "7", name)
            assert result.score == pytest.approx(expected, abs=1e-5)
            assert sum(result.why.values()) == pytest.approx(result.score)
        scores = [result.score for result in results]
        assert scores == sorted(scores, reverse=True)
    assert {"student:audio", "student:scene", "zero-shot:scene"} == set().union(*(result.why for result in results))


def test_equal_weights_are_of_scores_with_equal_spread(index: Index):
    """A model whose scores spread little would not be heard in a plain sum."""
    wide, narrow = Seer("trained", 1.0), Seer("classnames", 1.0, spread=0.2)
    blend = Blend([wide, narrow])
    searcher = index(blend, None)
    shares = choose_shares(searcher.store, blend, [str(number) for number in range(40)], [])
    assert shares is not None and sum(shares.by_model.values()) == pytest.approx(1)
    parts = {
        name: np.std([own_score(model, "3", f"v{number}") for number in range(150)])
        for name, model in blend.models.items()
    }
    assert parts["student"] > 5 * parts["zero-shot"]
    heard = [shares.by_model[name] * part for name, part in parts.items()]
    assert heard[0] == pytest.approx(heard[1], rel=0.25)
    assert shares.note.endswith("added, with equal weights: student 0.5, zero-shot 0.5")


def test_weights_are_chosen_by_validation_captions_where_there_are_enough(index: Index):
    blend = Blend([Seer("trained", 0.2), Seer("classnames", 50.0)])
    searcher = index(blend, None)
    texts = [str(number) for number in range(40)]
    captions = [KeptCaption(f"v{number}", str(number)) for number in range(120)]
    shares = choose_shares(searcher.store, blend, texts, captions)
    assert shares is not None and "120 captions of 120 validation videos" in shares.note
    assert shares.by_model["student"] > 0.8, "the other model knows nothing"
    few = choose_shares(searcher.store, blend, texts, captions[:99])
    assert few is not None and "equal weights" in few.note
    elsewhere = choose_shares(searcher.store, blend, texts, [KeptCaption(f"w{number}", "1") for number in range(120)])
    assert elsewhere is not None and "equal weights" in elsewhere.note
    none = choose_shares(searcher.store, blend, [], captions)
    assert none is not None and none.by_model == {"student": 0.5, "zero-shot": 0.5} and "as they are" in none.note


def test_a_film_of_equal_segments_weighs_as_much_as_a_clip(index: Index):
    blend = Blend([Seer("trained", 0.2), Seer("classnames", 5.0)])
    store = index(blend, None).store
    texts = [str(number) for number in range(40)]
    captions = [KeptCaption(f"v{number}", str(number)) for number in range(120)]
    of_clips = [choose_shares(store, blend, texts, some) for some in (captions, [])]
    with store.writing():
        entries = store.get([item.id for item in store.catalog()]).values()
        # some videos have more segments than others
        films = [replace(entry, segments=[*entry.segments] * (2 + n % 3)) for n, entry in enumerate(entries)]
        store.put(films)
    assert store.count() == 150 and store.segment_count() > 300
    for clips, some in zip(of_clips, (captions, []), strict=True):
        shares = choose_shares(store, blend, texts, some)
        assert clips is not None and shares is not None and shares.note == clips.note
        assert shares.by_model == pytest.approx(clips.by_model)


def test_the_best_segment_of_the_joint_score_chooses_the_weights():
    """The best segments of single models do not add up: here no model alone sees which video is right."""
    # two models, one caption; the right video has segments (1, 0) and (0, 1), the other one has (0.8, 0.8)
    scores = [np.array([[1.0, 0.0, 0.8]]), np.array([[0.0, 1.0, 0.8]])]
    weights = _best(scores, np.array([0, 2]), np.array([0]))
    assert max(weights @ np.array([[1.0, 0.0], [0.0, 1.0]])) > weights @ np.array([0.8, 0.8])


def test_biases_are_those_of_the_joint_score(index: Index):
    blend = Blend([Seer("trained", 0.5), Seer("classnames", 1.0)])
    shares = {"student": 0.6, "zero-shot": 0.4}
    searcher = index(blend, shares)
    queries = [with_shares(query, shares) for query in blend.embed_queries(["1", "2", "3"])]
    bank = EmbeddedBank(queries, blend.spaces)
    (pattern,) = searcher.store.patterns()
    block = next(iter(searcher.store.read(pattern)))
    column = block.ids.index("videos/v5.mp4")
    scores = [sum(0.6 * own_score(m, t, "v5") * (m is a) + 0.4 * own_score(m, t, "v5") * (m is b) for m in (a, b))
              for t in "123" for a, b in [tuple(blend.models.values())]]  # fmt: skip
    assert np.allclose(bank.scores(pattern, block.rows)[:, column], scores, atol=1e-5)


def test_one_model_that_reads_the_language_is_enough(monkeypatch: pytest.MonkeyPatch):
    models = [Seer("trained", 0.1), Seer("classnames", 0.2)]
    whole = models[0].embed_query("1")
    for model, unread in zip(models, ("German", ""), strict=True):
        monkeypatch.setattr(model, "embed_query", lambda text, unread=unread: replace(whole, unread=unread))
    assert Blend(models).embed_query("1").unread == ""
    monkeypatch.setattr(models[1], "embed_query", models[0].embed_query)
    assert Blend(models).embed_query("1").unread == "German"


def test_models_get_short_names_and_no_model_comes_twice():
    blend = Blend([Seer("trained", 0.1), Seer("classnames", 0.2), Seer("trained", 0.3)])
    assert list(blend.models) == ["student", "zero-shot", "student-2"]
    assert blend.identity["name"] == "student + zero-shot + student-2"
    with pytest.raises(InputError, match="model 'trained' is given twice"):
        Blend([Seer("trained", 0.1), Seer("trained", 0.1)])


def test_a_manifest_says_what_an_index_is(tmp_path: Path):
    store = open_store(tmp_path / "index")
    with store.writing():
        Manifest(model={}, spaces={"scene": 3}, experts=["scene"]).write(store)
    assert store.manifest().keys() == {"format", "model", "spaces", "experts", "made_by", "roots", "bank"} | {
        "blend",
        "detail",
        "confidence",
        "examples",
        "copies",
        "by_chance",
    }
