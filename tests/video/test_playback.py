"""MP4 for browsers, from really encoded files of other formats."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import write_ramp

from teachtext.errors import InputError
from teachtext.video.playback import is_playable, write_clip, write_playable


def write(
    path: Path,
    codec: str,
    *,
    sound: str = "",
    seconds: float = 2.0,
    size: tuple[int, int] = (96, 64),
    late_s: float = 0,
) -> Path:
    """A white square that crosses the picture, and a tone."""
    width, height = size
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        track: Any = container.add_stream(sound, rate=48_000, layout="stereo") if sound else None
        for number in range(round(seconds * 10)):
            pixels = np.zeros((height, width, 3), np.uint8)
            pixels[:16, number * 2 : number * 2 + 16] = 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
        if sound:
            tone = np.sin(np.arange(round((seconds - late_s) * 48_000)) / 20).astype(np.float32) / 2
            resampler = av.AudioResampler(track.codec_context.format.name, "stereo", 48_000)
            frame = av.AudioFrame.from_ndarray(np.stack([tone, tone]), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = 48_000, round(late_s * 48_000), Fraction(1, 48_000)
            for piece in resampler.resample(frame):
                container.mux(track.encode(piece))
            container.mux(track.encode())
    return path


def streams(path: Path) -> dict[str, tuple[str, float]]:
    """Codec and end in seconds from the first picture of each stream, by decoding all of it."""
    ends = {}
    with av.open(str(path)) as container:
        begin = next(container.decode(video=0)).time
    for kind in ("video", "audio"):
        with av.open(str(path)) as container:
            for stream in getattr(container.streams, kind)[:1]:
                frames = list(container.decode(stream))
                last = frames[-1]
                length = last.samples / last.sample_rate if kind == "audio" else 0.1
                ends[kind] = (stream.codec_context.codec.canonical_name, last.time - begin + length)
    return ends


def made(source: Path, tmp_path: Path) -> Path:
    target = tmp_path / "made.mp4"
    write_playable(source, target, most_bytes=2**24)
    return target


@pytest.mark.parametrize(
    ("name", "codec", "sound", "plays"),
    [
        ("a.mp4", "libx264", "aac", True),
        ("a.mov", "libx264", "aac", True),
        ("a.webm", "libvpx-vp9", "libopus", True),
        ("a.mkv", "libx264", "aac", False),
        ("a.avi", "mpeg4", "libmp3lame", False),
        ("a.mp4", "libx265", "", False),
        ("a.mp4", "mpeg4", "aac", False),
        ("a.mpg", "mpeg2video", "mp2", False),
        ("a.mov", "libx264", "pcm_s16le", False),
    ],
)
def test_every_file_becomes_one_that_a_browser_plays(tmp_path: Path, name: str, codec: str, sound: str, plays: bool):
    source = write(tmp_path / name, codec, sound=sound)
    assert is_playable(source) == plays
    target = tmp_path / "made.mp4"
    write_playable(source, target, most_bytes=2**24)
    assert is_playable(target)
    before, after = streams(source), streams(target)
    assert after.keys() == before.keys()
    assert after["video"][1] == pytest.approx(before["video"][1], abs=0.11)
    if sound:
        assert after["audio"][1] == pytest.approx(before["audio"][1], abs=0.2)


def test_streams_that_a_browser_plays_are_copied(tmp_path: Path):
    source = write(tmp_path / "a.mkv", "libx264", sound="aac")
    target = made(source, tmp_path)
    with av.open(str(source)) as before, av.open(str(target)) as after:
        sizes = [[packet.size for packet in file.demux(video=0) if packet.size] for file in (before, after)]
    assert sizes[0] == sizes[1]


def test_pictures_are_those_of_the_file_at_their_times(tmp_path: Path):
    source = write(tmp_path / "a.avi", "mpeg4")
    target = made(source, tmp_path)
    with av.open(str(source)) as before, av.open(str(target)) as after:
        for one, other in zip(before.decode(video=0), after.decode(video=0), strict=True):
            assert one.time == pytest.approx(other.time, abs=1e-3)
            difference = one.to_ndarray(format="gray").astype(int) - other.to_ndarray(format="gray")
            assert abs(difference).mean() < 8


def test_the_index_of_the_file_comes_first(tmp_path: Path):
    content = made(write(tmp_path / "a.avi", "mpeg4"), tmp_path).read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat")


def test_sound_that_begins_late_keeps_its_time(tmp_path: Path):
    source = write(tmp_path / "a.mkv", "mpeg4", sound="libmp3lame", seconds=3, late_s=1.5)
    with av.open(str(made(source, tmp_path))) as container:
        loud = [frame.time for frame in container.decode(audio=0) if abs(frame.to_ndarray()).max() > 0.1]
    assert loud[0] == pytest.approx(1.5, abs=0.2)


def test_large_pictures_become_smaller_and_keep_their_shape(tmp_path: Path):
    source = write(tmp_path / "a.avi", "mpeg4", seconds=0.3, size=(1600, 400))
    with av.open(str(made(source, tmp_path))) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (1280, 320)


def test_a_file_that_breaks_off_gives_what_there_is(tmp_path: Path):
    source = write(tmp_path / "a.avi", "mpeg4", seconds=5, size=(320, 240))
    content = source.read_bytes()
    source.write_bytes(content[: len(content) // 2])
    assert 0.5 < streams(made(source, tmp_path))["video"][1] < 5


def test_a_file_without_pictures_is_refused(tmp_path: Path):
    source = tmp_path / "a.mp4"
    with av.open(str(source), "w") as container:
        track: Any = container.add_stream("aac", rate=48_000, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        frame.sample_rate = 48_000
        container.mux(track.encode(frame))
        container.mux(track.encode())
    for read in (is_playable, lambda path: made(path, tmp_path)):
        with pytest.raises(InputError, match="has no pictures"):
            read(source)


def test_a_size_limit_ends_it(tmp_path: Path):
    source = write(tmp_path / "a.avi", "mpeg4", seconds=20, size=(320, 240))
    with pytest.raises(InputError, match="becomes larger than"):
        write_playable(source, tmp_path / "made.mp4", most_bytes=2000)


def shades(path: Path) -> list[tuple[float, float]]:
    """Time and middle grey of each picture."""
    with av.open(str(path)) as container:
        return [(frame.time, float(frame.to_ndarray(format="gray").mean())) for frame in container.decode(video=0)]


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", "libx264"),
        ("a.mkv", "libx264"),
        ("a.avi", "mpeg4"),
        ("a.ts", "libx264"),
        ("a.mpg", "mpeg2video"),
        ("a.webm", "libvpx-vp9"),
        ("a.flv", "flv"),
    ],
)
def test_a_clip_shows_its_part_of_the_video(tmp_path: Path, name: str, codec: str):
    source = write_ramp(tmp_path / name, codec, rate=25)
    write_clip(source, tmp_path / "clip.mp4", 3.0, 5.0)
    assert is_playable(tmp_path / "clip.mp4")
    pictures = shades(tmp_path / "clip.mp4")
    assert pictures[0][0] == pytest.approx(0, abs=1e-3)
    assert pictures[-1][0] == pytest.approx(2 - 1 / 25, abs=0.05)
    whole = shades(source)
    begin_s = whole[0][0]
    for at_s, shade in pictures:
        there = min(whole, key=lambda picture: abs(picture[0] - begin_s - 3 - at_s))
        assert shade == pytest.approx(there[1], abs=4)


def test_a_clip_of_slow_pictures_shows_what_was_on_show(tmp_path: Path):
    source = write_ramp(tmp_path / "a.mp4", "libx264", rate=1, seconds=20)
    write_clip(source, tmp_path / "clip.mp4", 7.4, 7.9)
    pictures = shades(tmp_path / "clip.mp4")
    assert [at_s for at_s, _ in pictures] == [0.0]
    assert pictures[0][1] == pytest.approx(dict(shades(source))[7.0], abs=3)
    write_clip(source, tmp_path / "longer.mp4", 7.4, 9.9)
    assert [at_s for at_s, _ in shades(tmp_path / "longer.mp4")] == pytest.approx([0.0, 0.6, 1.6], abs=0.01)


@pytest.mark.parametrize(("name", "codec", "sound"), [("a.mkv", "libx264", "aac"), ("a.avi", "mpeg4", "libmp3lame")])
def test_a_clip_has_the_sound_of_its_part(tmp_path: Path, name: str, codec: str, sound: str):
    source = write_ramp(tmp_path / name, codec, sound=sound)
    write_clip(source, tmp_path / "clip.mp4", 3.0, 6.0)
    with av.open(str(tmp_path / "clip.mp4")) as container:
        frames = list(container.decode(audio=0))
    loud = [frame.time for frame in frames if abs(frame.to_ndarray()).max() > 0.3]
    assert loud[0] == pytest.approx(1.0, abs=0.1)
    assert frames[-1].time == pytest.approx(3.0, abs=0.15)


def test_a_clip_ends_with_the_video(tmp_path: Path):
    source = write_ramp(tmp_path / "a.mp4", "libx264")
    write_clip(source, tmp_path / "clip.mp4", 7.0, 100.0)
    assert len(shades(tmp_path / "clip.mp4")) == 10


@pytest.mark.parametrize(("start_s", "end_s"), [(3, 3), (4, 2), (-1, 2), (float("nan"), 2)])
def test_a_clip_without_length_is_refused(tmp_path: Path, start_s: float, end_s: float):
    source = write(tmp_path / "a.avi", "mpeg4", seconds=0.3)
    with pytest.raises(InputError, match="has no length"):
        write_clip(source, tmp_path / "clip.mp4", start_s, end_s)


def test_recordings_that_were_appended_are_played_and_cut_to_their_end(tmp_path: Path):
    source = write_ramp(tmp_path / "a.ts", "libx264", sound="aac")
    source.write_bytes(2 * source.read_bytes())
    whole = made(source, tmp_path)
    ends = streams(whole)
    assert ends["video"][1] == pytest.approx(16, abs=0.3) and ends["audio"][1] == pytest.approx(16, abs=0.5)
    write_clip(source, tmp_path / "clip.mp4", 11.0, 13.0)
    assert [shade for _, shade in shades(tmp_path / "clip.mp4")][::5] == pytest.approx([80, 90, 100, 110], abs=6)
