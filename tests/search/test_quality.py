"""The ranks of captions among all videos of an index: those of the search, whatever the presence patterns."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from entries import SPACES, Numbered, make_entry

pytest.importorskip("lancedb")
from teachtext.errors import InputError
from teachtext.files import content_hash
from teachtext.rewriting.file_writer import FileWriter
from teachtext.rewriting.quality import check_counts
from teachtext.search.expansion import Expander
from teachtext.search.manifest import BankRecord, Manifest
from teachtext.search.quality import compare_quality, measure_quality, read_split
from teachtext.search.quality_by_queries import measure_by_queries
from teachtext.search.searcher import Searcher
from teachtext.search.stores import open_store

VIDEOS = 40
PATTERNS = [("audio", "face", "scene"), ("scene",), ("audio", "scene")]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """A dataset whose 40 videos are in split `test`, with two captions each; no other split."""
    folder = tmp_path / "dataset"
    (folder / "videos").mkdir(parents=True)
    lines = []
    for number in range(VIDEOS):
        (folder / "videos" / f"v{number}.mp4").write_bytes(b"video %d" % number)
        lines += [json.dumps({"video": f"v{number}", "text": str(2 * number + c)}) for c in range(2)]
    (folder / "captions.jsonl").write_text("\n".join(lines))
    (folder / "splits.json").write_text(json.dumps({"test": [f"v{number}" for number in range(VIDEOS)]}))
    return folder


Make = Callable[..., Searcher]


@pytest.fixture
def make(tmp_path: Path, dataset: Path) -> Make:
    def index(
        name: str = "index",
        *,
        numbers: Sequence[int] = range(VIDEOS),
        root: Path = dataset / "videos",
        hubs: Sequence[int] = (),
        seed_of: Callable[[int], int] = lambda number: number,
    ) -> Searcher:
        bank = BankRecord(file="", fingerprint="b", beta=20.0, hubs=[f"clips/v{n}.mp4" for n in hubs]) if hubs else None
        store = open_store(tmp_path / name)
        entries = [
            make_entry(
                f"clips/v{number}.mp4",
                PATTERNS[number % len(PATTERNS)],
                seed=seed_of(number),
                bias=-0.3 if number in hubs else 0.01 * (number % 7),
                content=content_hash(dataset / "videos" / f"v{number}.mp4"),
            )
            for number in numbers
        ]
        with store.writing():
            roots = {"clips": str(root.resolve())}
            Manifest(model=Numbered.identity, spaces=SPACES, experts=list(SPACES), roots=roots, bank=bank).write(store)
            if entries:
                store.put(entries)
        return Searcher(tmp_path / name, model=Numbered())

    return index


@pytest.mark.parametrize("hubs", [(), (3, 5, 7, 11, 13)])
def test_ranks_are_the_places_of_a_search(make: Make, dataset: Path, hubs: Sequence[int]):
    searcher = make(hubs=hubs)
    quality = measure_quality(searcher, read_split(dataset, "test"), "test")
    assert len(quality.captions) == 2 * VIDEOS and not quality.left_out and len(quality.contents) == VIDEOS
    corrected = 0
    for caption, rank, first in zip(quality.captions, quality.ranked.ranks, quality.first_ids, strict=True):
        answer = searcher.search(caption.text, k=VIDEOS, by="model")
        order = [result.item.id for result in answer.results]
        assert (order.index(f"clips/{caption.video_id}.mp4"), order[0]) == (rank, first)
        corrected += answer.corrected
    assert bool(corrected) == bool(hubs) and corrected < len(quality.captions)
    ranks = quality.ranked.ranks
    assert quality.metrics.r10 == pytest.approx(100 * np.mean(ranks < 10))
    interval = quality.interval("r10")
    assert interval is not None and interval.low < interval.value == quality.metrics.r10 < interval.high
    assert (interval.videos, interval.queries) == (VIDEOS, 2 * VIDEOS)
    assert quality.learned == set() and quality.learned_first == 0


def test_equal_videos_share_their_places(make: Make, dataset: Path):
    """Where all videos of a presence pattern are equal, a caption's video has the mean place of its pattern."""
    quality = measure_quality(make(seed_of=lambda number: 0), read_split(dataset, "test"), "test")
    sizes = {number % 3: len(range(number % 3, VIDEOS, 3)) for number in range(3)}
    ties = [sizes[int(caption.video_id[1:]) % 3] - 1 for caption in quality.captions]
    assert quality.ranked.ties.tolist() == ties and quality.metrics.r1 == 0


def test_captions_of_other_videos_are_counted_and_named(make: Make, dataset: Path):
    split = read_split(dataset, "test")
    quality = measure_quality(make(numbers=range(30)), split, "test")
    assert len(quality.captions) == 60 and [c.video_id for c in quality.left_out[::2]] == [
        f"v{n}" for n in range(30, 40)
    ]
    (note,) = [note for note in quality.notes if note.startswith("left out")]
    assert "20 of 80 captions, whose 10 videos are not in" in note and "'v30', 'v31', 'v32' and 7 more" in note
    with pytest.raises(InputError, match="holds no videos: index a folder"):
        measure_quality(make("empty", numbers=()), split, "test")
    with pytest.raises(InputError, match="has no split 'val': use one of test"):
        read_split(dataset, "val")
    other = dataset.parent / "other"
    (other / "videos").mkdir(parents=True)
    (other / "videos" / "v1.mp4").write_bytes(b"another video of that name")
    (other / "captions.json").write_text('{"v1": ["1"]}')
    (other / "splits.json").write_text('{"test": ["v1"]}')
    with pytest.raises(InputError, match=r"holds none of the 1 videos of split 'test' \('v1'\)"):
        measure_quality(make(), read_split(other, "test"), "test")


def test_a_video_is_found_by_its_content_or_without_a_file_by_its_id(make: Make, dataset: Path, tmp_path: Path):
    elsewhere = make(root=tmp_path / "gone")
    by_path = measure_quality(make("same"), read_split(dataset, "test"), "test")
    by_content = measure_quality(elsewhere, read_split(dataset, "test"), "test")
    for path in (dataset / "videos").iterdir():
        path.unlink()
    by_id = measure_quality(elsewhere, read_split(dataset, "test"), "test")
    assert by_path.ranked.ranks.tolist() == by_content.ranked.ranks.tolist() == by_id.ranked.ranks.tolist()


def test_an_index_is_no_better_than_itself_and_better_than_noise(make: Make, dataset: Path):
    split = read_split(dataset, "test")
    ours = measure_quality(make(), split, "test")
    same = compare_quality(ours, ours)
    assert same.captions == 80 and not same.notes
    for difference in same.differences.values():
        assert difference.value == difference.low == difference.high == 0 and not difference.decided
    fewer = measure_quality(make("fewer", numbers=range(10, VIDEOS)), split, "test")
    compared = compare_quality(ours, fewer)
    assert compared.captions == 60
    assert "40 and 30, 30 in both" in compared.notes[0] and "not compared: 20 captions" in compared.notes[1]
    rows = [row for row, caption in enumerate(ours.captions) if caption in fewer.captions]
    gain = 100 * (np.mean(ours.ranked.ranks[rows] == 0) - np.mean(fewer.ranked.ranks == 0))
    assert compared.differences["r1"].value == pytest.approx(gain)
    first, last = (measure_quality(make(name, numbers=n), split, "test") for name, n in (("a", [0]), ("b", [1])))
    with pytest.raises(InputError, match="hold no captioned video in common"):
        compare_quality(first, last)
    assert first.interval("r1") is None and compare_quality(first, first).differences == {}


@pytest.mark.parametrize("hubs", [(), (3, 5, 7, 11, 13)])
def test_ranks_by_number_of_queries_are_those_of_expanded_searches(
    make: Make, dataset: Path, tmp_path: Path, hubs: Sequence[int]
):
    searcher, split = make(hubs=hubs), read_split(dataset, "test")
    path = tmp_path / "texts.json"
    # the last caption has no further queries
    path.write_text(json.dumps({str(n): [str(1000 + 3 * n + turn) for turn in range(3)] for n in range(79)}))
    writer = FileWriter(path)
    quality = measure_by_queries(searcher, split, "test", writer, counts=[3, 1])
    assert list(quality.ranked) == [1, 3]
    assert quality.ranked[1].ranks.tolist() == measure_quality(searcher, split, "test").ranked.ranks.tolist()
    expander = Expander(writer, queries=3)
    for caption, ranked in list(zip(quality.captions, quality.ranked[3].ranks, strict=True))[::7]:
        expansion = expander.expand(caption.text, searcher)
        answer = searcher.search(caption.text, k=VIDEOS, by="model", expansion=expansion)
        order = [result.item.id for result in answer.results]
        assert order.index(f"clips/{caption.video_id}.mp4") == pytest.approx(ranked, abs=1.0), "ties share a place"
    assert any("1 of 80 captions have no written query" in note for note in quality.notes)
    gain, figures = quality.gain(3), quality.as_dict()
    assert gain is not None and quality.gain(1) is None
    assert gain.value == pytest.approx(quality.metrics(3).r1 - quality.metrics(1).r1)
    assert figures["queries"]["3"]["t2v"]["r1"] == quality.metrics(3).r1 and figures["writer_ms"] >= 0


def test_numbers_of_queries_that_cannot_be_asked_are_refused():
    for counts in ([], [0], [22]):
        with pytest.raises(InputError, match="give numbers from 1 to 21"):
            check_counts(counts)
