import subprocess
import sys
import tracemalloc
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("av")
from teachtext.video.decode import sample_video
from teachtext.video.sampling import Clips, ClipSampling, FrameSampling

Make = Callable[..., Path]


def gray(levels: Any, side: int = 32) -> NDArray[np.uint8]:
    """A video whose every frame is plain, and as bright as is told."""
    return np.stack([np.full((side, side, 3), level, np.uint8) for level in levels])


def brightness(clip: NDArray[np.uint8]) -> NDArray[np.float32]:
    return clip.astype(np.float32).mean(axis=(1, 2, 3))


def sampling(**changes: Any) -> ClipSampling:
    plain: dict[str, Any] = {"frames": 4, "per_second": 2, "most": 99, "resize": 16, "height": 16, "width": 16}
    return ClipSampling(**{"look": brightness} | plain | changes)


def clips_of(path: Path, **changes: Any) -> Clips:
    [actual] = sample_video(path, [sampling(**changes)])
    assert isinstance(actual, Clips)
    return actual


def test_clips_follow_one_another_and_tell_their_times(make_video: Make):
    # frame number n, at n / 8 s, is 2 n bright
    path = make_video("v.mp4", gray(range(0, 128, 2)), fps=8)
    actual = clips_of(path)
    assert actual.times.tolist() == [[0, 2], [2, 4], [4, 6], [6, 8]]
    assert np.abs(actual.vectors - np.arange(0, 128, 8).reshape(4, 4)).max() < 4
    faster = clips_of(path, per_second=8, frames=16)
    assert faster.times.tolist() == actual.times.tolist()
    assert np.abs(faster.vectors.ravel() - np.arange(0, 128, 2)).max() < 4


def test_a_slow_video_repeats_what_is_on_show(make_video: Make):
    actual = clips_of(make_video("v.mp4", gray([20, 100, 180]), fps=1), per_second=4)
    assert actual.times.tolist() == [[0, 1], [1, 2]]
    assert np.abs(actual.vectors - np.array([[20], [100]])).max() < 4


def test_an_end_that_is_at_least_half_a_clip_is_filled_up_and_a_shorter_one_left_out(make_video: Make):
    # clips of 2 s, the last frame is shown at 4.0 s, 4.5 s or 5.0 s
    for frames, expected in ((17, [[0, 2], [2, 4]]), (19, [[0, 2], [2, 4], [4, 5]]), (21, [[0, 2], [2, 4], [4, 5.5]])):
        levels = np.arange(frames) * 8
        actual = clips_of(make_video(f"{frames}.mp4", gray(levels), fps=4))
        assert actual.times.tolist() == expected
        assert abs(actual.vectors[-1, -1] - (levels[14] if frames == 17 else levels[-1])) < 4
    item = clips_of(make_video("one.mp4", gray([90])))
    assert item.times.tolist() == [[0, 0.5]] and np.abs(item.vectors - 90).max() < 4


def test_more_than_most_clips_are_spread_over_the_video(make_video: Make):
    path = make_video("v.mp4", gray(np.arange(160)), fps=8)
    actual = clips_of(path, most=3)
    assert len(actual.vectors) == 3 and actual.times[0].tolist() == [0, 2]
    assert np.diff(actual.times[:, 0]).tolist() == pytest.approx([20 / 3, 20 / 3], abs=0.1)
    assert np.abs(actual.vectors[:, 0] - actual.times[:, 0] * 8).max() < 4
    looks: list[int] = []

    def look(clip: NDArray[np.uint8]) -> NDArray[np.float32]:
        looks.append(1)
        return brightness(clip)

    # a stream that does not tell its length
    untold = make_video("v.mkv", gray(np.arange(160)), fps=8, container_options={"live": "1"})
    actual = clips_of(untold, most=3, look=look)
    assert len(actual.vectors) <= 3 and np.abs(actual.vectors[:, 0] - actual.times[:, 0] * 8).max() < 4
    assert actual.times[-1, 0] > 9 and len(looks) <= 9


def test_frames_are_resized_by_their_shorter_side_and_cut_in_the_middle(make_video: Make):
    wide = np.zeros((5, 64, 128, 3), np.uint8)
    wide[:, :, 32:96] = 200
    observed: list[NDArray[np.uint8]] = []

    def look(clip: NDArray[np.uint8]) -> NDArray[np.float32]:
        observed.append(clip.copy())
        return np.zeros(1, np.float32)

    for rotation in (0, 90):
        clips_of(make_video(f"{rotation}.mp4", wide, rotation=rotation), look=look, resize=32, height=32, width=32)
        assert observed[-1].shape == (4, 32, 32, 3) and observed[-1].mean() > 180
    clips_of(make_video("0.mp4", wide), look=look, resize=(32, 32), height=16, width=32)
    assert observed[-1].shape == (4, 16, 32, 3)
    assert observed[-1][:, :, 10:22].mean() > 190 and observed[-1][:, :, :6].mean() < 10, (
        "the whole width, whatever its shape"
    )


def test_one_pass_gives_each_what_it_gets_alone(make_video: Make, moving: Callable[..., NDArray[np.uint8]]):
    path = make_video("v.mp4", moving(count=60, dx=1))
    requested = [sampling(), FrameSampling(per_second=2, most=4, height=24, width=32), sampling(per_second=4, most=2)]
    together = sample_video(path, requested)
    for item, actual in zip(requested, together, strict=True):
        [alone] = sample_video(path, [item])
        for passed, expected in zip(actual, alone, strict=True):
            assert np.array_equal(passed, expected)


def test_a_long_video_never_lies_in_memory(make_video: Make):
    path = make_video("long.mkv", np.zeros((1200, 48, 48, 3), np.uint8), fps=4, options={"crf": "40"})
    kept: list[weakref.ref[Any]] = []

    def look(clip: NDArray[np.uint8]) -> NDArray[np.float32]:
        copy = clip.copy()
        kept.append(weakref.ref(copy))
        return brightness(copy)

    expected = sampling(look=look, most=10**6, per_second=4, frames=8, resize=96, height=96, width=96)
    tracemalloc.start()
    [actual] = sample_video(path, [expected])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(actual[0]) == 150 and not any(item() is not None for item in kept)
    whole = 1200 * 96 * 96 * 3
    assert peak < whole / 10, f"{peak / 1e6:.1f} MB of {whole / 1e6:.1f}"


MEASURE = """
import sys
from pathlib import Path
import numpy as np
import torch
from teachtext.video.sampling import ClipSampling
from teachtext.video.decode import sample_video

sizes = []

def look(clip):
    lines = Path("/proc/self/status").read_text().splitlines()
    sizes.append(1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")))
    # as a network does: something large, and something small out of it
    return (torch.from_numpy(clip).permute(0, 3, 1, 2).float() * 2).flatten(0, 2).mean(dim=0)[None][0].numpy()

sampling = ClipSampling(look=look, frames=8, per_second=4, most=10**6, resize=160, height=160, width=160)
sample_video(Path(sys.argv[1]), [sampling])
print(len(sizes), max(sizes) - sizes[10])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_is_kept_of_clips_does_not_hold_the_memory_of_what_it_came_from(make_video: Make):
    pytest.importorskip("torch")
    path = make_video("long.mkv", np.zeros((800, 48, 48, 3), np.uint8), fps=4, options={"crf": "40"})
    ran = subprocess.run([sys.executable, "-c", MEASURE, path], capture_output=True, text=True, check=True)
    clips, grown = map(int, ran.stdout.split())
    assert clips == 100 and grown < 20e6, f"{grown / 1e6:.0f} MB; all clips as numbers are 246 MB"
