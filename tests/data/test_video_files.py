import os
from pathlib import Path

import pytest

from teachtext.data.video_files import VIDEO_ENDINGS, is_video_name, list_video_files, printable


def write(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode(errors="surrogateescape"))
    return folder


def listed(folder: Path) -> list[str]:
    return list(list_video_files(folder).files)


def left_out(folder: Path) -> dict[str, list[str]]:
    return {row.reason: list(row.names) for row in list_video_files(folder).left_out}


def test_flat_and_nested_files_in_small_letters_and_capitals(tmp_path: Path):
    write(tmp_path, "a.mp4", "B.MOV", "all/c.mkv", "train/deep/d.WebM", "film.mp4/e.avi")
    assert listed(tmp_path) == ["B.MOV", "a.mp4", "all/c.mkv", "film.mp4/e.avi", "train/deep/d.WebM"]
    assert left_out(tmp_path) == {}


def test_files_that_are_left_out_are_counted_and_named(tmp_path: Path):
    write(tmp_path, "a.mp4", "x.heic", "in/y.HEIC", "z.gif", "plain", "c.mp4.part")
    write(tmp_path, "captions.json", "list.txt", "features.npz", "LICENSE")
    row = list_video_files(tmp_path).left_out[0]
    assert sorted(row.names) == ["c.mp4.part", "in/y.HEIC", "plain", "x.heic", "z.gif"]
    assert str(row).startswith("left out, files without the ending of a video: 5 (.heic 2, ")
    assert ".part 1" in str(row) and "without an ending 1" in str(row) and ".mp4" in row.mend
    assert str(row).endswith(", ...)")


def test_hidden_files_and_folders_are_named(tmp_path: Path):
    write(tmp_path, "a.mp4", "._a.mp4", ".DS_Store", ".trash/b.mp4", "in/.c.mkv")
    assert listed(tmp_path) == ["a.mp4"]
    assert left_out(tmp_path) == {"hidden files": ["._a.mp4", "in/.c.mkv"], "hidden folders": [".trash"]}


def test_links_are_followed_to_files_and_folders_out_of_the_folder(tmp_path: Path):
    store = write(tmp_path / "store", "3f/ab", "77/cd.mp4")
    folder = write(tmp_path / "lib", "own.mp4", ".git/objects/ef")
    (folder / "red.mp4").symlink_to(store / "3f" / "ab")
    (folder / "annexed.mp4").symlink_to(".git/objects/ef")
    (folder / "2022").symlink_to(store / "77")
    assert listed(folder) == ["2022/cd.mp4", "annexed.mp4", "own.mp4", "red.mp4"]
    (tmp_path / "linked").symlink_to(folder)
    assert listed(tmp_path / "linked") == listed(folder), "the folder itself may be a link"


def test_loops_of_links_end_and_each_folder_is_read_once(tmp_path: Path):
    folder = write(tmp_path / "lib", "in/a.mp4", "b.mp4")
    elsewhere = write(tmp_path / "elsewhere", "deep/c.mp4")
    (folder / "in" / "up").symlink_to("..")
    (folder / "around").symlink_to(tmp_path)
    (folder / "root").symlink_to("/")
    (folder / "again").symlink_to("in")
    (folder / "out").symlink_to(elsewhere)
    (folder / "out too").symlink_to(elsewhere / "deep")
    (elsewhere / "back").symlink_to(folder)
    assert listed(folder) == ["b.mp4", "in/a.mp4", "out/deep/c.mp4"]
    repeated = left_out(folder)["links to folders that are read already"]
    assert sorted(repeated) == ["again", "around", "in/up", "out too", "out/back", "root"]


def test_broken_links_are_named_and_what_lies_below_is_not_said_to_be_gone(tmp_path: Path):
    folder = write(tmp_path / "lib", "a.mp4")
    (folder / "disk").symlink_to(tmp_path / "unplugged")
    (folder / "circle").symlink_to("circle")
    (folder / "gone.mp4").symlink_to(tmp_path / "gone.mp4")
    files = list_video_files(folder)
    assert list(files.files) == ["a.mp4", "gone.mp4"], "a file's reader says that it is gone"
    assert left_out(folder) == {"links that lead nowhere": ["circle", "disk"]}
    assert sorted(files.unread) == ["circle", "disk"]


@pytest.mark.skipif(os.geteuid() == 0, reason="the super-user reads every folder")
def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path):
    write(tmp_path, "a.mp4", "shut/b.mp4")
    (tmp_path / "shut").chmod(0)
    try:
        assert listed(tmp_path) == ["a.mp4"]
        assert left_out(tmp_path) == {"folders that cannot be read": ["shut"]}
    finally:
        (tmp_path / "shut").chmod(0o700)


def test_a_folder_set_apart_is_not_looked_into(tmp_path: Path):
    write(tmp_path, "a.mp4", "index/data/x.mp4", "index/thumbnails/y.jpg")
    files = list_video_files(tmp_path, apart=[tmp_path / "index"])
    assert list(files.files) == ["a.mp4"] and not files.left_out


def test_odd_names_are_listed_and_shown_in_one_line(tmp_path: Path):
    odd = ["two\nlines.mp4", "smile 😀.mp4", "cafe\u0301.mp4", os.fsdecode(b"\xff.mp4")]
    write(tmp_path, *odd)
    assert sorted(listed(tmp_path)) == sorted(odd)
    assert [printable(name) for name in odd] == ["two\\nlines.mp4", "smile 😀.mp4", "cafe\u0301.mp4", "\\udcff.mp4"]
    write(tmp_path, "odd\n.heic")
    assert all("\n" not in str(row) for row in list_video_files(tmp_path).left_out)


def test_a_folder_that_does_not_exist_has_no_files(tmp_path: Path):
    files = list_video_files(tmp_path / "nowhere")
    assert not files.files and not files.left_out


def test_a_folder_of_folders_deeper_than_python_calls_may_nest(tmp_path: Path):
    deep = tmp_path
    for _ in range(150):
        deep /= "d"
    deep.mkdir(parents=True)
    (deep / "a.mp4").touch()
    assert listed(tmp_path)[0].endswith("d/a.mp4")


@pytest.mark.parametrize(
    ("ending", "container", "codec"),
    [
        (".ts", "mpegts", "libx264"), (".mts", "mpegts", "libx264"), (".m2ts", "mpegts", "libx264"),
        (".3gp", "3gp", "libx264"), (".vob", "vob", "mpeg2video"), (".mxf", "mxf", "mpeg2video"),
        (".asf", "asf", "wmv2"), (".f4v", "f4v", "libx264"), (".m2v", "mpeg2video", "mpeg2video"),
        (".mpe", "mpeg", "mpeg1video"), (".qt", "mov", "libx264"), (".ogm", "ogg", "libtheora"),
        (".rm", "rm", "rv10"), (".wtv", "wtv", "mpeg2video"), (".y4m", "yuv4mpegpipe", "wrapped_avframe"),
    ],
)  # fmt: skip
def test_files_of_cameras_and_television_are_read(tmp_path: Path, ending: str, container: str, codec: str):
    av = pytest.importorskip("av")
    np = pytest.importorskip("numpy")
    from teachtext.video.file import open_video

    path = tmp_path / f"clip{ending}"
    try:
        with av.open(str(path), "w", format=container) as output:
            stream = output.add_stream(codec, rate=25)
            stream.width = stream.height = 176
            stream.pix_fmt = "yuv420p"
            for number in range(25):
                picture = np.full((176, 176, 3), 10 * number, np.uint8)
                output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            output.mux(stream.encode())
    except (av.error.FFmpegError, ValueError) as error:
        pytest.skip(f"this FFmpeg does not write {ending}: {error}")
    assert is_video_name(path.name) and ending in VIDEO_ENDINGS
    with open_video(path) as video:
        assert sum(1 for _ in video.decode(video=0)) >= 24
