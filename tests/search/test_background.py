"""Vectors that come into memory in the background, in a process that searches more than once."""

import time
from pathlib import Path

import pytest
from entries import SPACES, Texts, make_entry, make_query

pytest.importorskip("lancedb")
from teachtext.search.manifest import Manifest
from teachtext.search.snapshots import Snapshots
from teachtext.search.stores import open_store
from teachtext.search.video_ranker import ModelQuery, VideoRanker

MODEL = Texts()


def test_a_second_search_brings_the_vectors_into_memory_and_a_writer_is_followed(tmp_path: Path):
    store = open_store(str(tmp_path / "index"))
    Manifest(model=MODEL.identity, spaces=SPACES, experts=sorted(SPACES)).write(store)
    patterns = [("audio", "face", "scene"), ("scene",)]
    with store.writing():
        store.put([make_entry(f"v{number:02}", patterns[number % 2], seed=number) for number in range(30)])
    snapshots = Snapshots(store)
    nearly, exactly = (VideoRanker(store, SPACES, exact=exact) for exact in (False, True))

    def ids_of(ranker: VideoRanker) -> list[str]:
        [ranking] = ranker.by_model([ModelQuery(make_query(1), 99)], snapshots.now(MODEL))
        return list(ranking.ids)

    def is_in_memory() -> bool:
        return nearly.gallery.is_prepared(snapshots.now(MODEL).state.versions)

    def search_until_in_memory() -> None:
        end = time.monotonic() + 60
        while not is_in_memory():
            assert time.monotonic() < end
            assert ids_of(nearly) == ids_of(exactly)
            time.sleep(0.02)
        assert ids_of(nearly) == ids_of(exactly)

    assert ids_of(nearly) == ids_of(exactly)
    time.sleep(0.2)
    assert not is_in_memory(), "a process that searches once reads nothing"
    search_until_in_memory()
    with store.writing():
        store.put([make_entry("new", seed=99)])
        store.remove(["v03"])
    assert not is_in_memory()
    changed = ids_of(nearly)
    assert "new" in changed and "v03" not in changed and len(changed) == 30
    search_until_in_memory()
