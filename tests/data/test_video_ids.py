import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teachtext.data.video_ids import check_has_videos, plain, read_video_folder
from teachtext.errors import InputError

COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"


def write(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return folder


def ids(folder: Path) -> dict[str, str]:
    listed = read_video_folder(folder)
    return {video.id: str(video.path.relative_to(folder)) for video in listed.videos if video.path}


@pytest.mark.parametrize("place", ["videos/", "videos/all/", "videos/train/2/", "", "TrainValVideo/"])
def test_the_id_is_the_name_without_its_ending_wherever_the_file_lies(tmp_path: Path, place: str):
    write(tmp_path, f"{place}video0.mp4", f"{place}a.b_1.5_3.25.AVI", "captions.json")
    assert ids(tmp_path) == {"a.b_1.5_3.25": f"{place}a.b_1.5_3.25.AVI", "video0": f"{place}video0.mp4"}


def test_different_files_of_one_name_have_their_folder_in_the_id(tmp_path: Path):
    write(
        tmp_path,
        "videos/train/0001.mp4",
        "videos/test/0001.mp4",
        "videos/0002.mp4",
        "videos/b/0002.mp4",
        "videos/3.mp4",
    )
    assert ids(tmp_path) == {
        "3": "videos/3.mp4",
        "train/0001": "videos/train/0001.mp4",
        "test/0001": "videos/test/0001.mp4",
        "0002": "videos/0002.mp4",
        "b/0002": "videos/b/0002.mp4",
    }


def test_copies_of_a_video_in_several_folders_are_one_video(tmp_path: Path):
    write(tmp_path, "videos/all/a.mp4")
    for folder in ("test", "train"):
        (tmp_path / "videos" / folder).mkdir()
        (tmp_path / "videos" / folder / "a.mp4").symlink_to("../all/a.mp4")
    listed = read_video_folder(tmp_path)
    assert list(listed.files) == ["a"]
    assert listed.notes == ["left out, copies of a video in other folders: 2 ('test/a.mp4', 'train/a.mp4')"]


def test_two_files_of_one_id_are_named(tmp_path: Path):
    write(tmp_path, "videos/a.mp4", "videos/a.avi")
    listed = read_video_folder(tmp_path)
    assert [path.name for path in listed.files["a"]] == ["a.avi", "a.mp4"]
    assert listed.notes == ["left out, second files of an id: 1 ('a.mp4')"]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("video0.mp4", "video0"),
        ("video0.mp4", "video0.mp4"),
        ("video0.MP4", "video0.avi"),
        ("all/video0.mp4", "./video0.mp4"),
        ("all/video0.mp4", "all/video0"),
        ("all/video0.mp4", "videos/all/video0.mp4"),
        ("all/video0.mp4", "/data/msrvtt/videos/all/video0.mp4"),
        ("all/video0.mp4", "C:\\clips\\video0.mp4"),
        ("video0.mov.mp4", "video0.mov"),
        ("video0.mov.mp4", "video0"),
        (f"{DECOMPOSED}.mp4", COMPOSED),
        (f"{COMPOSED}.mp4", DECOMPOSED),
        (f"{COMPOSED}.mp4", f"{DECOMPOSED}.mp4"),
        ("two\nlines 😀.mp4", "two\nlines 😀"),
    ],
)
def test_captions_name_a_file_in_many_spellings(tmp_path: Path, file: str, name: str):
    write(tmp_path / "videos", file, "other.mp4")
    listed = read_video_folder(tmp_path)
    match = listed.match([name])
    assert match[name] in listed.files and listed.files[match[name]][0].name == Path(file).name
    assert bool(match.notes) == (name != match[name])


def test_the_notes_count_the_spellings(tmp_path: Path):
    write(tmp_path / "videos", "a.mp4", "b.mp4", f"{DECOMPOSED}.mp4", "d.mp4")
    match = read_video_folder(tmp_path).match(["a.mp4", "b.mp4", COMPOSED, "x/d", "nowhere"])
    assert match.notes == [
        "ids read as those of files: 2 with an ending, 1 with folders, 1 with other Unicode forms ('a.mp4' is 'a')"
    ]
    assert match["nowhere"] == "nowhere"


def test_a_name_that_may_mean_several_files_is_left_alone_and_named(tmp_path: Path):
    write(tmp_path / "videos", "train/1.mp4", "test/1.mp4", "only/2.mp4")
    match = read_video_folder(tmp_path).match(["1", "videos/train/1.mp4", "a/2", "b/2"])
    assert match["videos/train/1.mp4"] == "train/1"
    assert [match[name] for name in ("1", "a/2", "b/2")] == ["1", "a/2", "b/2"]
    assert match.notes[-1] == "ids that may mean several files: 3 ('1', 'a/2', 'b/2')"


def test_names_of_one_video_agree_with_and_without_a_file(tmp_path: Path):
    write(tmp_path / "videos", "a.mp4")
    match = read_video_folder(tmp_path).match(["a.mp4", "a", "/data/a", "far.mp4", "far", DECOMPOSED, COMPOSED])
    assert {match[name] for name in ("a.mp4", "a", "/data/a", "a.MOV")} == {"a"}
    assert match["far"] == match["far.mp4"] == match["far.webm"] == "far.mp4", "of the first, where there is no file"
    assert match[COMPOSED] == DECOMPOSED


def test_files_with_names_that_are_not_utf8_are_named(tmp_path: Path):
    (tmp_path / os.fsdecode(b"\xff.mp4")).touch()
    (tmp_path / "a.mp4").touch()
    listed = read_video_folder(tmp_path)
    assert list(listed.files) == ["a"]
    assert listed.notes == ["left out, files whose names are not UTF-8: 1 ('\\udcff.mp4')"]


def test_a_broken_link_is_set_aside_by_extraction_and_left_out_of_a_dataset(tmp_path: Path):
    (tmp_path / "a.mp4").symlink_to("nowhere")
    assert list(read_video_folder(tmp_path).files) == ["a"]
    listed = read_video_folder(tmp_path, regular=True)
    assert not listed.files and "links that lead nowhere, pipes and devices: 1 ('a.mp4')" in listed.notes[0]


def test_a_folder_without_videos_says_what_it_holds(tmp_path: Path):
    with pytest.raises(InputError, match="is not a folder"):
        check_has_videos(tmp_path / "nowhere")
    write(tmp_path, "videos/a.heic", "videos/b.gif")
    with pytest.raises(InputError, match=r"holds no video; left out, .* 2 \(.heic 1, .gif 1; 'a.heic', 'b.gif'\)"):
        check_has_videos(tmp_path)


@given(st.text(max_size=30))
def test_a_plain_name_is_plain_already(name: str):
    assert plain(plain(name)) == plain(name)
    assert plain(unicodedata.normalize("NFD", name)) == plain(unicodedata.normalize("NFC", name))
    assert plain(f"{name}a.MP4") == plain(f"{name}a")


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("v_abc.mp4", "abc"),
        ("abc.mp4", "v_abc"),
        ("abc.mp4", "v_abc.mkv"),
        ("abc-_d.mp4", "https://www.youtube.com/watch?v=abc-_d&t=3"),
        ("abc-_d.mp4", "https://youtu.be/abc-_d"),
        ("tumblr_1_400.mp4", "https://38.media.tumblr.com/9f/tumblr_1_400.gif"),
    ],
)
def test_an_id_may_stand_as_an_address_or_with_the_letter_of_activitynet(tmp_path: Path, file: str, name: str):
    folder = read_video_folder(write(tmp_path, f"videos/{file}", "videos/other.mp4"))
    match = folder.match([name, "other"])
    assert match[name] == file.removesuffix(".mp4") and not match.ambiguous
    assert "with folders" in match.respelled_note or "with another name" in match.respelled_note


def test_a_name_that_a_file_has_goes_before_other_spellings(tmp_path: Path):
    folder = read_video_folder(write(tmp_path, "v_a.mp4", "a.mp4"))
    assert not folder.match(["a", "v_a"]).respelled
    assert folder.match(["a"], {"a": "v_a"})["a"] == "a"
    assert folder.match(["b"], {"b": "v_a"})["b"] == "v_a"


def test_copies_in_folders_of_different_splits_are_different_videos(tmp_path: Path):
    for split in ("train", "test"):
        write(tmp_path, f"videos/{split}/1.mp4")
        (tmp_path / "videos" / split / "1.mp4").write_bytes(b"the same")
    folder = read_video_folder(tmp_path)
    assert list(folder.files) == ["test/1", "train/1"]
    assert folder.match(["train/1.mp4", "test/1.mp4"]).ids == {"train/1.mp4": "train/1", "test/1.mp4": "test/1"}
