"""Titles, examples and places, by hand-written videos."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from entries import heard, make_entry
from hypothesis import given
from hypothesis import strategies as st

from teachtext.data.feature_writer import FeatureWriter
from teachtext.encoders.class_names import TEMPLATE, class_name_texts
from teachtext.search.types import Item, Moment
from teachtext.service.examples import example_queries
from teachtext.service.seen_names import SeenName, SeenNames
from teachtext.service.strip import Part, strip
from teachtext.service.titles import name_as_words, title_of

GONE = Path("/nowhere/a.mp4")
GUITAR = [SeenName("electric guitar", 0.4), SeenName("stage", 0.2), SeenName("wombat", 0.05)]


def item(name: str, *moments: Moment) -> Item:
    return make_entry(f"videos/{name}", moments=moments).item


def read(text: str, start_s: float = 1.0) -> Moment:
    return heard(text, start_s, expert="ocr")


def test_the_first_of_all_sources_is_the_title(tmp_path: Path):
    path = tmp_path / "a1b2.mp4"
    said = heard("We are at the zoo. Look.", 3.0)
    video = item("a1b2.mp4", said)
    assert title_of(item("a1b2.mp4"), path, []) == "a1b2"
    assert title_of(item("a1b2.mp4"), path, GUITAR) == "Electric guitar, stage"
    assert title_of(video, path, GUITAR) == "“We are at the zoo.”"
    assert title_of(item("a1b2.mp4", said, read("At The Zoo")), path, GUITAR) == "At The Zoo"
    assert title_of(item("a1b2.mp4", said, read("At The Zoo", 99.0)), path, GUITAR) == "“We are at the zoo.”"
    assert title_of(item("a1b2.mp4", read("YP SA (-20 ,,;; 11:1 x")), path, []) == "a1b2", "noise is no title"
    assert title_of(item("our trip.mp4", said, read("At The Zoo")), path, GUITAR) == "Our trip"
    path.with_suffix(".nfo").write_text("<movie><title>Zoo &amp; we</title></movie>")
    assert title_of(video, path, GUITAR) == "Zoo & we"
    path.with_suffix(".info.json").write_text(json.dumps({"title": "  Anna in\nthe zoo "}))
    assert title_of(video, path, GUITAR) == "Anna in the zoo"


def with_title(title: str, name: str = "a1b2.mp4") -> Item:
    return replace(item(name), about={"title": title, "artist": "Anna"})


def test_the_title_in_the_file_comes_before_its_name(tmp_path: Path):
    path = tmp_path / "a1b2.mp4"
    assert title_of(with_title("Casablanca"), path, GUITAR) == "Casablanca"
    assert title_of(with_title("Midsommar i Uppsala", "our trip.mp4"), path, GUITAR) == "Midsommar i Uppsala"
    assert title_of(with_title("犬と公園"), path, []) == "犬と公園"
    path.with_suffix(".nfo").write_text("<movie><title>Zoo</title></movie>")
    assert title_of(with_title("Casablanca"), path, GUITAR) == "Zoo"


@pytest.mark.parametrize(
    "title",
    [
        "a1b2",
        "A1-B2.MP4",
        "IMG_2041.MOV",
        "DSC_0042",
        "Lavf58.29.100",
        "Title 1",
        "Untitled",
        "HandBrake 1.6",
        "ISO Media file produced by Google Inc.",
        "https://example.org/a",
        "00:12",
        "---",
        "",
    ],
)
def test_a_title_that_no_person_has_written_is_passed_over(title: str):
    assert title_of(with_title(title), GONE, GUITAR) == "Electric guitar, stage"


@pytest.mark.parametrize(
    "content", ["", "[]", '{"title": 3}', "{" * 5000, "[" * 100_000, '{"title": "' + "a" * 300_000]
)
def test_a_file_beside_the_video_that_is_no_list_of_facts_is_passed_over(tmp_path: Path, content: str):
    (tmp_path / "a.info.json").write_text(content)
    assert title_of(item("a1.mp4"), tmp_path / "a.mp4", []) == "a1"


def test_a_link_beside_the_video_is_not_followed(tmp_path: Path):
    (tmp_path / "secret.json").write_text('{"title": "secret"}')
    (tmp_path / "a.info.json").symlink_to(tmp_path / "secret.json")
    assert title_of(item("a1.mp4"), tmp_path / "a.mp4", []) == "a1"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("birthday-anna.mp4", "Birthday anna"),
        ("holidayInSpain.mp4", "Holiday In Spain"),
        ("2019 Tenerife/dog on beach 2.mp4", "Dog on beach 2"),
        ("犬 公園.mp4", "犬 公園"),
        ("shPymuahrsc_5_12.avi", ""),
        ("-wa0umYJVGg_168_176.mp4", ""),
        ("DSC_0042.MOV", ""),
        ("VID_20240101_120000.mp4", ""),
        ("video clip 3.mp4", ""),
        ("IMG.mp4", ""),
        ("7d2c9b1e-55aa-4c1f.mp4", ""),
    ],
)
def test_a_file_name_of_words_is_told_from_an_id(name: str, words: str):
    assert name_as_words(f"videos/{name}") == words


@given(st.text(max_size=200))
def test_any_file_name_has_a_title(name: str):
    assert title_of(item(name.replace("/", "_") + "x.mp4"), GONE, [])


@pytest.mark.parametrize("folder", ["video/scene", "video-normal/scene", "video/scene-clips-0123"])
def test_names_are_those_of_the_likeliest_classes_at_a_time(tmp_path: Path, folder: str):
    names = [text.removeprefix(TEMPLATE.format("")) for text in class_name_texts()]
    rows = np.zeros((2, 1000), np.float32)
    rows[0, 7], rows[1, 9] = 1.0, 1.0
    with FeatureWriter(tmp_path / folder, provenance={"encoder": "scene"}, dim=1000) as writer:
        writer.add("videos/a.mp4", rows, times=np.array([[0, 5], [5, 10]], np.float32))
        writer.add("videos/b.mp4", None)
    seen = SeenNames(tmp_path)
    assert {name.name for name in seen.of("videos/a.mp4")[:2]} == {names[7], names[9]}
    assert seen.of("videos/a.mp4", 6.0, 9.0)[0] == SeenName(names[9], 1.0)
    assert seen.of("videos/b.mp4") == seen.of("videos/c.mp4") == [] == SeenNames(tmp_path / "none").of("videos/a.mp4")


def test_examples_are_what_the_index_can_answer(tmp_path: Path):
    items = [item("a1.mp4", heard("hello my dear friends, welcome")), item("our trip.mp4"), item("b2.mp4")]
    assert example_queries(items, SeenNames(tmp_path)) == ["hello my dear friends", "our trip"]
    assert example_queries([], SeenNames(tmp_path)) == []


@given(st.lists(st.integers(-1000, 1000).map(lambda score: score / 1000), max_size=30))
def test_a_strip_covers_the_video_and_is_highest_at_the_best_part(scores: list[float]):
    parts = [Part(2.0 * number, 2.0 * number + 2, score) for number, score in enumerate(scores)]
    stripes = strip(parts, 2.0 * len(scores))
    assert [stripe.start_s for stripe in stripes] == [part.start_s for part in parts]
    assert all(2 <= stripe.height <= 30 and stripe.left + stripe.width <= 100.001 for stripe in stripes)
    if len(set(scores)) > 1 and max(scores) > sorted(scores)[len(scores) // 2]:
        assert stripes[scores.index(max(scores))].height == pytest.approx(30)
