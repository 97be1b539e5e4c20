"""Subtitles and titles that videos have already, in an index."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("av")
pytest.importorskip("cv2")
pytest.importorskip("lancedb")
pytest.importorskip("wordllama")
from clips import write_model
from subtitle_tracks import write_video

from teachtext.learning.trained_model import TrainedModel
from teachtext.search.indexing import Indexed, index_folder
from teachtext.search.searcher import Searcher
from teachtext.search.stores import open_store
from teachtext.search.subtitles import subtitle_files
from teachtext.search.types import Moment

Index = Callable[..., Indexed]
SRT = "1\n00:00:00,500 --> 00:00:01,000\n<i>The zebra</i> drinks.\n\n2\n00:00:01,000 --> 00:00:01,500\nGrüße\n"


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    return TrainedModel(write_model(tmp_path_factory.mktemp("models") / "motion"))


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    write_video(tmp_path / "videos/film.mp4")
    write_video(tmp_path / "videos/inner/other.mkv", seed=1)
    return tmp_path / "videos"


@pytest.fixture
def index(videos: Path, model: TrainedModel, tmp_path: Path) -> Index:
    def run(**options: Any) -> Indexed:
        store = open_store(str(tmp_path / "index"))
        return index_folder(videos, store, model, tmp_path / "features", hub_correction=False, **options)

    return run


@pytest.fixture
def find(tmp_path: Path, model: TrainedModel) -> Callable[[str], list[str]]:
    def search(text: str) -> list[str]:
        return [each.item.id for each in Searcher(tmp_path / "index", model=model).search(text, by="words").results]

    return search


@pytest.mark.parametrize(
    ("names", "beside", "others"),
    [
        (["film.mp4", "film.srt"], ["film.srt"], []),
        (["film.mp4", "film.en.SRT", "film.pt-BR.forced.vtt"], ["film.en.SRT", "film.pt-BR.forced.vtt"], []),
        (["film.mp4", "film.mp4.srt", "film.German.ass"], ["film.German.ass", "film.mp4.srt"], []),
        (["film.mp4", "film.part2.srt", "films.srt"], [], ["film.part2.srt", "films.srt"]),
        (["film.mp4", "film.en.mp4", "film.en.srt"], [], []),
        (["film.mp4", "film.sub", ".film.srt", "film.txt"], [], ["film.sub"]),
        (["film.mp4", "cafe\u0301.srt"], [], ["cafe\u0301.srt"]),
    ],
    ids=["plain", "tags", "whole name", "of others", "longer name", "other forms", "accents"],
)
def test_which_files_belong_to_a_video(tmp_path: Path, names: list[str], beside: list[str], others: list[str]):
    for name in names:
        (tmp_path / name).write_text("")
    videos = {name: tmp_path / name for name in names if name.endswith("mp4")}
    files, left_out = subtitle_files(videos)
    assert [path.name for path in files.get("film.mp4", [])] == beside
    assert sorted(name for row in left_out for name in row.names) == others


def test_a_name_in_the_other_form_of_accents_is_the_same_name(tmp_path: Path):
    (tmp_path / "cafe\u0301.srt").write_text("")
    files, _ = subtitle_files(
        {"caf\u00e9.mkv": tmp_path / "caf\u00e9.mkv", "caf\u00e9.mp4": tmp_path / "caf\u00e9.mp4"}
    )
    assert len(files) == 2, "two videos of one name share it"


@pytest.mark.slow
def test_words_of_subtitles_are_found_with_their_times(index: Index, videos: Path, find: Any, tmp_path: Path):
    (videos / "film.en.srt").write_text(SRT)
    done = index()
    assert (done.added, done.failed, [*done.notes]) == (2, [], [])
    assert find("zebra") == ["videos/film.mp4"] and find("the zebras drinking") == ["videos/film.mp4"]
    result = Searcher(tmp_path / "index").search("zebra").results[0]
    assert result.moments == [Moment(0.5, 1.0, "subtitles", "The zebra drinks.")] and result.moments[0].heard
    assert result.item.has_speech and result.words == ["zebra"] and result.is_strong
    assert index().unchanged == 2


@pytest.mark.slow
def test_a_change_of_subtitles_is_taken_over_without_decoding_the_video_again(
    index: Index, videos: Path, find: Any, tmp_path: Path
):
    index()
    shards = sorted((tmp_path / "features").rglob("*.safetensors"))
    for text, words in ((SRT, "zebra"), (SRT.replace("zebra", "giraffe"), "giraffe")):
        (videos / "film.srt").write_text(text)
        done = index()
        assert (done.updated, done.unchanged) == (1, 1) and find(words) == ["videos/film.mp4"]
    assert find("zebra") == []
    (videos / "film.srt").rename(videos / "film.en.srt")
    assert index().unchanged == 2, "the same words"
    (videos / "film.en.srt").unlink()
    assert index().updated == 1 and find("giraffe") == []
    assert sorted((tmp_path / "features").rglob("*.safetensors")) == shards


@pytest.mark.slow
def test_tracks_and_files_are_read_together_and_equal_cues_are_one(index: Index, videos: Path, tmp_path: Path):
    write_video(videos / "film.mp4", tracks={"mov_text": [(0.5, 1.0, "The zebra drinks."), (1.2, 1.4, "Off it goes")]})
    (videos / "film.srt").write_text(SRT)
    (videos / "film.vtt").write_text("WEBVTT\n\n" + SRT.replace(",", "."))
    index()
    item = open_store(str(tmp_path / "index")).items(["videos/film.mp4"])["videos/film.mp4"]
    assert [moment.text for moment in item.moments] == ["The zebra drinks.", "Grüße", "Off it goes"]


@pytest.mark.slow
def test_subtitles_of_another_video_are_counted_and_said_once(index: Index, videos: Path, find: Any):
    late = "".join(f"\n{n}\n00:{n:02}:00,000 --> 00:{n:02}:05,000\nlate words\n" for n in range(1, 10))
    (videos / "film.srt").write_text(SRT.replace("1,500", "9,500") + late)
    notes = index().notes
    assert [*notes] == [
        f"{videos / 'film.srt'}: 9 of 11 cues begin after the end of film.mp4 (0:02) and are left out; they may belong "
        "to another video"
    ]
    assert find("zebra") == ["videos/film.mp4"] and find("late words") == []


@pytest.mark.slow
def test_files_that_are_no_subtitles_are_named_and_the_video_is_indexed(index: Index, videos: Path):
    (videos / "film.srt").write_bytes(bytes(range(256)) * 9)
    (videos / "film.en.srt").write_bytes(b"")
    (videos / "film.vtt").mkdir()
    (videos / "nobody.srt").write_text(SRT)
    done = index()
    assert (done.added, done.failed) == (2, [])
    assert [str(note).replace(f"{videos}/", "") for note in done.notes] == [
        "left out, subtitles beside no video of their name: 1 ('nobody.srt')",
        "left out, subtitles: film.en.srt is empty: download it anew, or delete it",
        "left out, subtitles: film.srt holds no subtitles, whatever its name: give a file of subtitles, or rename it",
        "left out, subtitles: film.vtt is no regular file: give a file of subtitles",
    ]
    assert index().unchanged == 2


@pytest.mark.slow
def test_titles_in_video_files_are_found_like_file_names(index: Index, videos: Path, find: Any, tmp_path: Path):
    facts = {"title": "Midsummer in Uppsala", "artist": "Åsa Öberg", "comment": "two\nlines"}
    write_video(videos / "inner/other.mkv", seed=1, facts=facts)
    index()
    for words in ("uppsala", "asa oberg", "midsummer other", "two lines"):
        assert find(words) == ["videos/inner/other.mkv"], words
    entry = open_store(str(tmp_path / "index")).get(["videos/inner/other.mkv"])["videos/inner/other.mkv"]
    assert entry.item.about == {**facts, "comment": "two lines"} and entry.item.moments == ()
