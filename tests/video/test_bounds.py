"""Files that state or hold more than they should: large pictures, wrong lengths, other kinds of files."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from teachtext.errors import InputError
from teachtext.video.sampling import FrameSampling

av = pytest.importorskip("av")
from clips import write_black_video  # noqa: E402

from teachtext.video.decode import sample_video  # noqa: E402
from teachtext.video.file import MOST_PIXELS, checked_seconds, open_video, stated_seconds  # noqa: E402
from teachtext.video.frames import thumbnail  # noqa: E402

PICTURE = FrameSampling(per_second=2, most=8, height=16, width=16)


USES = [lambda path: sample_video(path, [PICTURE]), thumbnail, open_video]


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("a.avi", "png", "rgb24"),
        ("a.mov", "png", "gray"),
        ("a.mkv", "libx264", "yuv420p"),
        ("a.avi", "mpeg4", "yuv420p"),
    ],
)
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(
    name: str, codec: str, pixels: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = write_black_video(tmp_path / name, codec, pixels, 640, 480)
    monkeypatch.setattr("teachtext.video.file.MOST_PIXELS", 640 * 480)
    open_video(path).close()
    monkeypatch.setattr("teachtext.video.file.MOST_PIXELS", 640 * 480 - 1)
    for use in USES:
        with pytest.raises(InputError, match=rf"{name} has pictures of 640 x 480 pixels, more than 0 megapixels: conv"):
            use(path)


def test_where_only_the_decoder_knows_the_size_the_decoder_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = write_black_video(tmp_path / "a.mp4", "mpeg4", "yuv420p", 640, 480)
    assert thumbnail(path)
    monkeypatch.setattr("teachtext.video.file.MOST_PIXELS", 640 * 480 - 1)
    with pytest.raises(InputError, match=r"a.mp4 holds no frame that can be decoded \(of 64 megapixels at most\): "):
        sample_video(path, [PICTURE])
    with pytest.raises(InputError, match="shows no picture"):
        thumbnail(path)


def test_the_bound_lets_8k_through_and_holds_what_a_decoder_takes():
    assert 7680 * 4320 < MOST_PIXELS < 8192 * 8192


def test_a_picture_that_is_larger_than_its_container_states_is_not_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    data = bytearray(write_black_video(tmp_path / "a.avi", "png", "rgb24", 640, 480).read_bytes())
    for position in range(len(data) - 8):
        # in the headers of the file and of the stream, but not in the pictures, whose numbers have the other order
        if data[position : position + 8] == struct.pack("<II", 640, 480):
            data[position : position + 8] = struct.pack("<II", 64, 48)
    path = tmp_path / "lies.avi"
    path.write_bytes(data)
    assert thumbnail(path)
    monkeypatch.setattr("teachtext.video.file.MOST_PIXELS", 64 * 48)
    with pytest.raises(InputError):
        sample_video(path, [PICTURE])


def test_a_stated_length_is_not_believed(make_video: Callable[..., Path]):
    frames = np.stack([np.full((48, 64, 3), 40 + 4 * number, np.uint8) for number in range(40)])
    path = make_video("a.mkv", frames, fps=10)
    [honest] = sample_video(path, [PICTURE])
    data = path.read_bytes()
    # the length in Matroska is an element of eight bytes
    place = data.index(b"\x44\x89\x88") + 3
    for stated in (1e9, 1e12):
        path.write_bytes(data[:place] + struct.pack(">d", stated) + data[place + 8 :])
        [told] = sample_video(path, [PICTURE])
        assert np.array_equal(told.pixels, honest.pixels) and np.array_equal(told.times, honest.times)


@pytest.mark.parametrize("kind", ["mkv", "flv"])
@pytest.mark.parametrize("sound", [False, True], ids=["silent", "with sound"])
def test_a_stated_length_is_checked_against_the_end(kind: str, sound: bool, make_video: Callable[..., Path]):
    frames = np.stack([np.full((48, 64, 3), 40 + 4 * number, np.uint8) for number in range(40)])
    # the sound goes on after the last picture
    seconds = 9.0 if sound else 4.0
    track = [(0.0, np.zeros((1, 44_100 * 9)))] if sound else ()
    path = make_video(f"a.{kind}", frames, fps=10, sound=track, sound_as=("mp3", "s16p", "mono", 44_100))
    data = path.read_bytes()

    def state(stated_s: float) -> None:
        begin, scale = (data.index(b"\x44\x89\x88") + 3, 1000) if kind == "mkv" else (data.index(b"duration") + 9, 1)
        path.write_bytes(data[:begin] + struct.pack(">d", scale * stated_s) + data[begin + 8 :])

    state(seconds + 0.5)
    assert checked_seconds(path) == stated_seconds(path) == pytest.approx(seconds + 0.5), "which is near enough"
    for stated_s in (3600.0, 1e6, 0.1):
        state(stated_s)
        assert stated_seconds(path) == pytest.approx(stated_s, abs=0.01)
        assert checked_seconds(path) == pytest.approx(seconds, abs=0.2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "is a picture"),
        (b"\xff\xd8\xff\xe0" + bytes(50), "is a picture"),
        (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>", "is a picture"),
        (b"ffconcat version 1.0\nfile a.mp4\n", "is a text file"),
        (b"#EXTM3U\n#EXTINF:1,\na.mp4\n", "is a text file"),
        (b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video 9 RTP/AVP 96\n", "is a text file"),
        (b"ID3" + bytes(200), "is a sound file"),
        (b"RIFF\x24\0\0\0WAVEfmt " + bytes(40), "is a sound file"),
    ],
)
def test_pictures_sounds_and_lists_are_no_videos(content: bytes, message: str, tmp_path: Path):
    path = tmp_path / "x.mp4"
    path.write_bytes(content)
    for use in USES:
        with pytest.raises(InputError, match=rf"x.mp4 {message}, not a video: "):
            use(path)


def test_whole_pictures_are_refused(make_video: Callable[..., Path]):
    pictures = (
        ("a.png", "png", "rgb24"),
        ("a.jpg", "mjpeg", "yuvj420p"),
        ("a.bmp", "bmp", "bgr24"),
        ("a.gif", "gif", "rgb8"),
    )
    for name, codec, pixels in pictures:
        path = make_video(name, np.zeros((1, 32, 32, 3), np.uint8), codec=codec, pixels=pixels, options={})
        with pytest.raises(InputError, match="is a picture, not a video"):
            open_video(path)


def test_a_playlist_opens_no_other_file(make_video: Callable[..., Path], tmp_path: Path):
    make_video("other.mp4", np.zeros((3, 32, 32, 3), np.uint8))
    path = tmp_path / "list.mp4"
    sentences = set()
    for target in ("other.mp4", "gone.mp4", "list.mp4"):
        path.write_text(f"ffconcat version 1.0\nfile {target}\n")
        with pytest.raises(InputError) as caught:
            open_video(path)
        sentences.add(str(caught.value))
    assert len(sentences) == 1, "the answer must not say whether a file is there"
