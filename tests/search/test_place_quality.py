"""Ranks of places in films, by hand: a model of one space whose queries and rows are corners of a cube."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("lancedb")
from teachtext.data.feature_writer import FeatureWriter
from teachtext.data.places import read_places
from teachtext.encoders.embedder import QueryVectors, VideoVectors
from teachtext.encoders.registry import VIDEO_EXPERTS
from teachtext.errors import InputError
from teachtext.files import content_hash
from teachtext.search.manifest import BankRecord, Manifest
from teachtext.search.place_quality import MISSED, PlaceQuality, measure_places
from teachtext.search.quality import read_split
from teachtext.search.searcher import Searcher
from teachtext.search.segments import long_settings
from teachtext.search.stores import open_store
from teachtext.search.types import Entry, Item, Segment

DIM = 1000
# by film: the stretches of its clips, as (clip, start, end, join); each clip shows its own thing
FILMS = {
    "film-001": [("a", 0, 10, "cut"), ("b", 10, 16, "cut"), ("c", 16, 40, "cross-fade")],
    "film-002": [("d", 0, 12, "cut"), ("e", 12, 24, "fade through black")],
}
CLIPS = "abcde"


def corner(*parts: tuple[str, float]) -> np.ndarray:
    """A vector of unit length that shows clips as much as the numbers say."""
    vector = np.zeros(DIM, np.float32)
    for clip, share in parts:
        vector[CLIPS.index(clip)] = share
    return vector / np.linalg.norm(vector)


class Corners:
    """An embedder of one space; a query is the letter of a clip, and a video the mean of its rows."""

    experts: Sequence[str] = ["scene"]
    expert_settings: Mapping[str, Any] = {}
    spaces: Mapping[str, int] = {"scene": DIM}
    identity: Mapping[str, Any] = {"kind": "classnames", "name": "corners", "fingerprint": "f"}

    def embed_query(self, text: str) -> QueryVectors:
        return QueryVectors({"scene": corner((text, 1.0))}, np.ones(1, np.float32))

    def embed_queries(self, texts: Sequence[str]) -> list[QueryVectors]:
        return [self.embed_query(text) for text in texts]

    def embed_videos(self, files: Mapping[str, Any], video_ids: Sequence[str]) -> list[VideoVectors]:
        means = [files["scene"].read(video_id).astype(np.float32).mean(axis=0) for video_id in video_ids]
        return [{"scene": mean / np.linalg.norm(mean)} for mean in means]


@pytest.fixture
def films(tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    (folder / "videos").mkdir(parents=True)
    places: dict[str, Any] = {"films": {}, "captions": {}}
    lines = []
    for film, stretches in FILMS.items():
        (folder / "videos" / f"{film}.mp4").write_text(film)
        keys = ("clip", "start_s", "end_s", "join")
        places["films"][film] = {"stretches": [dict(zip(keys, part, strict=True)) for part in stretches]}
        for clip, start, end, _ in stretches:
            places["captions"][clip] = {"film": film, "start_s": start, "end_s": end, "clip": clip}
            lines.append(json.dumps({"id": clip, "video": film, "text": clip}))
    (folder / "captions.jsonl").write_text("\n".join(lines))
    (folder / "splits.json").write_text(json.dumps({"test": list(FILMS)}))
    (folder / "places.json").write_text(json.dumps(places))
    return folder


# film 1 is cut too late, at 10 and at 30 s; film 2 is whole in one segment but for its last second
SEGMENTS = {
    "film-001": [(0, 10, corner(("a", 1.0))), (10, 30, corner(("b", 0.5), ("c", 0.9))), (30, 40, corner(("c", 1.0)))],
    "film-002": [(0, 23, corner(("d", 1.0), ("e", 1.0))), (23, 24, corner(("e", 1.0), ("a", 0.9)))],
}


def index(place: Path, films: Path, hubs: Sequence[str] = (), only: Sequence[str] = tuple(SEGMENTS)) -> Searcher:
    store = open_store(place)
    bank = BankRecord(file="", fingerprint="b", beta=20.0, hubs=list(hubs)) if hubs else None
    entries = [
        Entry(
            Item(
                id=f"films/{film}.mp4",
                content=content_hash(films / "videos" / f"{film}.mp4"),
                made="m",
                added_s=0,
                size=1,
            ),
            [
                Segment(start, end, {"scene": vector}, bias=-0.9 if (film, start) == ("film-001", 30) else 0.0)
                for start, end, vector in SEGMENTS[film]
            ],
        )
        for film in only
    ]
    with store.writing():
        roots = {"films": str((films / "videos").resolve())}
        Manifest(model=Corners.identity, spaces=Corners.spaces, experts=["scene"], roots=roots, bank=bank).write(store)
        store.put(entries)
    return Searcher(place, model=Corners())


def measure(searcher: Searcher, films: Path, features: Path | None = None) -> PlaceQuality:
    return measure_places(searcher, read_split(films, "test"), "test", read_places(films), features=features)


def test_ranks_follow_from_scores_and_from_what_counts_as_the_place(tmp_path: Path, films: Path):
    quality = measure(index(tmp_path / "index", films), films)
    assert [caption.id for caption in quality.captions] == list(CLIPS)
    (cut,) = quality.cuts
    assert (cut.name, cut.segments, cut.mean_s) == ("segments", 5, pytest.approx(64 / 5))
    # a: its segment is first. b: 10 to 30 s overlaps 6 of 20 s. c: the best has 10 of 24 s, 10 to 30 s has 14 of 30.
    # d: 12 of 23 s. e: 23 to 24 s comes before 0 to 23 s, and neither overlaps by half.
    assert cut.ranks["overlap"].tolist() == [0, MISSED, MISSED, 0, MISSED]
    assert cut.in_film.tolist() == [0, MISSED, MISSED, 0, MISSED]
    assert cut.ranks["start"].tolist() == [0, 0, MISSED, 0, MISSED]
    # the centre of 10 to 30 s lies in c
    assert cut.ranks["centre"].tolist() == [0, MISSED, 0, 0, 0]
    # e: 23 to 24 s has 0.74, 0 to 23 s has 0.71
    assert cut.film.tolist() == [0, 0, 0, 0, 0]
    assert quality.boundaries == {"cross-fade": 0.0, "cut": 1.0, "fade through black": 0.0}
    assert quality.precision == pytest.approx(1 / 3)
    assert quality.clips.tolist() == [0, 1, 2, 3, 4]
    assert quality.as_dict()["cuts"][0]["overlap"]["r1"] == pytest.approx(40)
    bounds = quality.interval(cut.in_film, "r5")
    assert bounds is not None and bounds.low < 40 < bounds.high
    assert any("--features" in note for note in quality.notes)


def test_hubs_are_corrected_as_in_a_search(tmp_path: Path, films: Path):
    searcher = index(tmp_path / "index", films, hubs=["films/film-001.mp4"])
    corrected, plain = measure(searcher, films).cuts
    assert (corrected.name, plain.name) == ("segments, hubs corrected", "segments")
    # c: the segment from 30 s has lost its first place to that from 10 s, whose centre is in the place too
    assert plain.ranks["centre"].tolist() == corrected.ranks["centre"].tolist()
    best = searcher.search("c", k=1, by="model")
    assert best.corrected


def test_other_cuts_of_the_same_features(tmp_path: Path, films: Path):
    searcher = index(tmp_path / "index", films)
    folder = VIDEO_EXPERTS.folder_name("scene", long_settings(["scene"], {}).get("scene", {}))
    with FeatureWriter(
        tmp_path / "features" / f"video-{searcher.snapshot().manifest.detail}" / folder,
        provenance={"encoder": "scene"},
        dim=DIM,
        dtype="float32",
    ) as writer:
        for film, stretches in FILMS.items():
            rows = [corner((clip, 1.0)) for clip, start, end, _ in stretches for _ in range(start, end, 2)]
            times = [(float(at), at + 2.0) for _, start, end, _ in stretches for at in range(start, end, 2)]
            writer.add(f"films/{film}.mp4", np.stack(rows), times=np.array(times, np.float32))
    quality = measure(searcher, films, tmp_path / "features")
    assert not quality.notes
    cuts = {cut.name: cut for cut in quality.cuts}
    assert list(cuts) == ["segments", "windows of 10 s", "true places", "whole videos"]
    assert [cuts[name].segments for name in cuts] == [5, 6, 5, 2]
    assert cuts["true places"].ranks["overlap"].tolist() == [0] * 5
    # b has 6 s of a window's 10, c at most 10 of its own 24; the last window of the second film is 10 to 24 s
    assert cuts["windows of 10 s"].ranks["overlap"].tolist() == [0, 0, MISSED, 0, 0]
    # a film is no place, but d and e are half of theirs
    assert cuts["whole videos"].ranks["overlap"].tolist() == [MISSED, MISSED, 0, 0, 0]
    assert cuts["whole videos"].in_film.tolist() == [MISSED, MISSED, 0, 0, 0]


def test_films_that_are_not_in_the_index_are_left_out(tmp_path: Path, films: Path):
    quality = measure(index(tmp_path / "one", films, only=["film-001"]), films)
    assert [caption.id for caption in quality.captions] == ["a", "b", "c"]
    places = json.loads((films / "places.json").read_text())
    del places["captions"]["b"]
    (films / "places.json").write_text(json.dumps(places))
    with pytest.raises(InputError, match=r"1 captions of 'films' have no place \('b'\)"):
        measure(index(tmp_path / "two", films), films)
    (films / "videos" / "film-001.mp4").write_text("another file")
    with pytest.raises(InputError, match="holds none of the 2 films"):
        measure(index(tmp_path / "three", tmp_path / "films", only=[]), films)
