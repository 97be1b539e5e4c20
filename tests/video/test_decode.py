from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from teachtext.errors import InputError
from teachtext.video.sampling import FrameSampling

av = pytest.importorskip("av")
from teachtext.video.decode import sample_video  # noqa: E402
from teachtext.video.frames import FrameSampler, thumbnail  # noqa: E402

PICTURE = FrameSampling(per_second=2, most=16, height=32, width=48)
PAIR = FrameSampling(per_second=4, most=64, height=24, width=32, burst=2, gap_s=0.1, gray=True)


def counting(count: int, height: int = 48, width: int = 64) -> np.ndarray:
    """Frames whose brightness is their number."""
    return np.stack([np.full((height, width, 3), 40 + 4 * i % 200, np.uint8) for i in range(count)])


def numbers(frames: np.ndarray) -> list[int]:
    return ((frames.astype(float).mean(axis=tuple(range(1, frames.ndim))) - 40) / 4).round().astype(int).tolist()


def test_moments_show_what_a_player_shows(make_video: Callable[..., Path]):
    path = make_video("a.mp4", counting(31), fps=10)
    (frames, times, *_), (pairs, pair_times, *_) = sample_video(path, [PICTURE, PAIR])
    assert frames.shape == (7, 1, 32, 48, 3) and frames.dtype == np.uint8
    assert np.allclose(times, [0, 0.5, 1, 1.5, 2, 2.5, 3]) and times.dtype == np.float32
    assert np.abs(np.array(numbers(frames)) - [0, 5, 10, 15, 20, 25, 30]).max() <= 1
    assert pairs.shape == (12, 2, 24, 32)
    assert np.allclose(pair_times[:4], [0, 0.2, 0.5, 0.7])
    first, second = numbers(pairs[:, 0]), numbers(pairs[:, 1])
    assert (np.array(second) - np.array(first)).tolist() == [1] * 12


def test_a_long_video_is_spanned_with_no_more_than_most(make_video: Callable[..., Path]):
    path = make_video("long.mp4", counting(150), fps=5)
    sampling = FrameSampling(per_second=2, most=10, height=16, width=16)
    [(frames, times, *_)] = sample_video(path, [sampling])
    assert len(frames) == 10 and np.allclose(np.diff(times), 3, atol=0.21) and times[0] == 0 and times[-1] > 26


@pytest.mark.parametrize("name", ["stream.h264", "stream.ts"])
def test_without_a_duration_moments_are_thinned_as_they_come(name: str, make_video: Callable[..., Path]):
    path = make_video(name, counting(200), fps=10)
    sampling = FrameSampling(per_second=5, most=8, height=16, width=16)
    [(frames, times, *_)] = sample_video(path, [sampling])
    assert 4 <= len(frames) <= 8 and times[0] == 0
    gaps = np.diff(times)
    assert times[-1] + gaps.max() > 0.9 * 199 / float(av.open(str(path)).streams.video[0].average_rate or 25)
    assert gaps.max() <= 2.1 * gaps.min()


def test_never_more_than_twice_most_are_held():
    sampler = FrameSampler(FrameSampling(per_second=10, most=4, height=8, width=8, burst=2, gap_s=0.2), None)
    images = counting(50, 8, 8)
    for number in range(500):
        sampler.see(av.VideoFrame.from_ndarray(images[number % 50], format="rgb24"), number / 10)
        assert len(sampler.moments) <= 8 and len(sampler.open) <= 8
    frames, times, *_ = sampler.finish()
    assert len(frames) <= 4 and times[0] == 0 and times[-1] > 35 and np.diff(times).max() < 2.1 * np.diff(times).min()


def test_a_variable_rate_is_followed_by_time_not_by_count(make_video: Callable[..., Path]):
    # ten frames in the first second, then one that stays for two
    path = make_video("vfr.mkv", counting(12), fps=10, pts=[*range(10), 10, 30])
    [(frames, times, *_)] = sample_video(path, [PICTURE])
    assert np.allclose(times, [0, 0.5, 1, 1, 1, 1, 3], atol=0.01)
    assert np.array_equal(frames[2], frames[5])


def test_bidirectional_frames_come_in_order(make_video: Callable[..., Path]):
    path = make_video("b.mp4", counting(40), fps=10, options={"bf": "3", "crf": "5"})
    [(frames, times, *_)] = sample_video(path, [PICTURE])
    assert (np.diff(times) > 0).all() and (np.diff(numbers(frames)) > 0).all()


@pytest.mark.parametrize("count", [1, 2])
def test_a_video_shorter_than_a_gap_repeats_its_last_frame(count: int, make_video: Callable[..., Path]):
    path = make_video("short.mp4", counting(count), fps=30)
    (frames, *_), (pairs, times, *_) = sample_video(path, [PICTURE, PAIR])
    assert frames.shape[0] == 1 and pairs.shape == (1, 2, 24, 32) and times.tolist() == [0]
    assert np.array_equal(pairs[0, 0], pairs[0, 1]) == (count == 1)


@pytest.mark.parametrize("shape", [(64, 3840), (2160, 64), (50, 66)])
def test_odd_shapes_are_resized_whole(shape: tuple[int, int], make_video: Callable[..., Path]):
    image = np.zeros((*shape, 3), np.uint8)
    image[:, shape[1] // 2 :] = 255
    [(frames, *_)] = sample_video(make_video("wide.mp4", [image] * 3), [PICTURE])
    assert frames[0, 0, :, :16].max() < 60 and frames[0, 0, :, 32:].min() > 195


def test_rotation_is_obeyed(make_video: Callable[..., Path]):
    image = np.zeros((48, 64, 3), np.uint8)
    image[:, 32:] = 255
    # what was right is on top after a quarter turn counterclockwise
    [(frames, *_)] = sample_video(make_video("turned.mp4", [image] * 3, rotation=90), [PICTURE])
    assert frames[0, 0, :10].min() > 195 and frames[0, 0, 22:].max() < 60


def test_a_file_is_opened_once_for_all_samplings(make_video: Callable[..., Path], monkeypatch: pytest.MonkeyPatch):
    path = make_video("once.mp4", counting(10))
    opened = []
    real = av.open

    def counted(*arguments: object, **options: object) -> object:
        opened.append(arguments)
        return real(*arguments, **options)

    monkeypatch.setattr(av, "open", counted)
    assert len(sample_video(path, [PICTURE, PAIR, PICTURE])) == 3
    assert len(opened) == 1


@pytest.mark.parametrize(
    ("kind", "expected_message"),
    [
        ("missing", "does not exist: check the path"),
        ("empty", "is empty"),
        ("folder", "is a folder"),
        ("text", "is a text file, not a video"),
        ("page", "is a web page, not a video"),
        ("zeros", "begins with nothing but zeros"),
        ("noise", "is not a video, or not whole"),
        ("no_index", "is not a video, or not whole"),
        ("half", "is truncated or damaged: "),
        ("sound", "has no video stream"),
        ("playlist", "is a text file, not a video"),
    ],
)
def test_a_bad_file_is_refused_by_name(kind: str, expected_message: str, bad_videos: dict[str, Path]):
    with pytest.raises(InputError) as caught:
        sample_video(bad_videos[kind], [PICTURE])
    message = str(caught.value)
    assert message.startswith(str(bad_videos[kind])) and expected_message in message and "\n" not in message


def test_a_file_that_may_not_be_read_or_has_disappeared_is_told(
    make_video: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    path = make_video("a.mp4", counting(3))

    def refuse(*arguments: object, **options: object) -> object:
        raise av.error.PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(av, "open", refuse)
    with pytest.raises(InputError, match=r"a.mp4 cannot be read \(Permission denied\): check its permissions"):
        sample_video(path, [PICTURE])

    def vanish(*arguments: object, **options: object) -> object:
        path.unlink()
        raise av.error.FileNotFoundError(2, "No such file or directory", str(path))

    monkeypatch.setattr(av, "open", vanish)
    with pytest.raises(InputError, match=r"a.mp4 does not exist"):
        sample_video(path, [PICTURE])


def test_one_broken_packet_does_not_cost_the_video(make_video: Callable[..., Path]):
    path = make_video("scratched.mp4", counting(60), options={"g": "5", "bf": "0"})
    sizes = [(packet.pos, packet.size) for packet in av.open(str(path)).demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    position, size = sizes[30]
    data[position : position + size] = b"\xff" * size
    path.write_bytes(data)
    [(frames, *_)] = sample_video(path, [PICTURE])
    assert len(frames) == 8


def test_a_colon_in_a_name_is_no_protocol(make_video: Callable[..., Path], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(make_video("12:30.mp4", counting(5)).parent)
    [(frames, *_)] = sample_video(Path("12:30.mp4"), [PICTURE])
    assert len(frames) == 1


def test_a_thumbnail_is_upright_of_the_middle_or_of_a_second(make_video: Callable[..., Path]):
    cv2 = pytest.importorskip("cv2")

    def picture(data: bytes) -> np.ndarray:
        assert data[:3] == b"\xff\xd8\xff"
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)

    path = make_video("long.mp4", counting(40), fps=10, options={"g": "10", "crf": "5"})
    middle, first, last = (picture(thumbnail(path, at, width=64)) for at in (None, 0, 1e6))
    assert middle.shape[1] == 64
    assert first.mean() < middle.mean() and last.shape == first.shape
    (path.parent / "text.mp4").write_text("no video")
    with pytest.raises(InputError):
        thumbnail(path.parent / "text.mp4")


@pytest.mark.parametrize("late_s", [0, 3])
def test_a_thumbnail_shows_what_is_on_show_at_that_second_not_the_key_frame_before(
    make_video: Callable[..., Path], late_s: int
):
    cv2 = pytest.importorskip("cv2")
    levels = [20] * 20 + [120] * 20 + [220] * 20
    frames = np.stack([np.full((48, 64, 3), level, np.uint8) for level in levels])
    pts = [10 * late_s + number for number in range(60)]
    path = make_video("film.mp4", frames, fps=10, pts=pts, options={"g": "600", "sc_threshold": "0", "crf": "5"})
    for at_s, level in ((0, 20), (1.9, 20), (2.1, 120), (3.9, 120), (4.1, 220), (99, 220)):
        picture = cv2.imdecode(np.frombuffer(thumbnail(path, at_s), np.uint8), cv2.IMREAD_COLOR)
        assert abs(float(picture.mean()) - level) < 8, at_s
