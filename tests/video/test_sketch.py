"""Copies of a video are told from other videos of the same place."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av")
from encodings_of_scenes import encode, scene

from teachtext.errors import InputError
from teachtext.video.sketch import Sketch, is_copy, sketch_times
from teachtext.video.sketching import sketch


def drawn(seed: int, seconds: float = 10.0, path_seed: int | None = None) -> Sketch:
    times = np.array(sketch_times(seconds), np.float32)
    frames = scene(seed, seconds, path_seed=path_seed, rate=8)[(times * 8).astype(int)]
    small = frames.reshape(len(times), 24, 4, 32, 4, 3).mean(axis=(2, 4, 5))[:, :18, :24]
    return Sketch(times, small.astype(np.uint8))


def changed(original: Sketch, slope: float = 1.0, offset: float = 0.0, noise: float = 0.0) -> Sketch:
    errors = np.random.default_rng(0).normal(0, noise, original.pixels.shape)
    return original._replace(pixels=(slope * original.pixels + offset + errors).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("seconds", [0.04, 0.5, 1.0, 4.0, 7.99, 8.01, 63.0, 7200.0, 86_400.0])
def test_videos_of_nearly_the_same_length_share_at_least_eight_times(seconds: float):
    times, longer = sketch_times(seconds), sketch_times(1.01 * seconds)
    assert len(times) <= 17 and times == sorted(set(times)) and times[0] == 0.0
    assert len(set(times) & set(longer)) >= (8 if seconds >= 0.5 else 1)


@pytest.mark.parametrize(("slope", "offset", "noise"), [(1, 0, 0), (1, 0, 8), (0.8, 40, 4), (1.1, -10, 4)])
def test_a_copy_may_be_noisy_brighter_or_of_other_contrast(slope: float, offset: float, noise: float):
    original = drawn(0)
    assert is_copy(original, changed(original, slope, offset, noise))


def test_other_videos_are_no_copies():
    original = drawn(0)
    assert not is_copy(original, drawn(1)), "another place"
    assert not any(is_copy(original, drawn(0, path_seed=seed)) for seed in range(1, 9)), "another movement in one place"
    edited = original.pixels.copy()
    edited[-4:] = drawn(1).pixels[:4]
    assert not is_copy(original, original._replace(pixels=edited)), "another end"
    still = original._replace(pixels=original.pixels[:1].repeat(len(original.times), axis=0))
    assert not is_copy(still, changed(still, noise=1.0)), "nothing moves"
    few = Sketch(original.times[:3], original.pixels[:3])
    assert not is_copy(few, few) and not is_copy(Sketch(original.times[:0], original.pixels[:0]), original)


def test_encodings_and_sizes_of_a_scene_are_copies(tmp_path: Path):
    frames = scene(0, 4.0)
    original = sketch(encode(tmp_path / "a.mp4", frames), 4.0)
    assert original.pixels.shape == (8, 18, 24) and original.times.tolist() == sketch_times(4.0)
    for name, settings in {
        "half.mkv": {"scale": 0.5, "options": {"crf": "36"}},
        "slow.mp4": {"every": 3},
        "old.avi": {"codec": "mpeg4", "scale": 1.5},
    }.items():
        copy = sketch(encode(tmp_path / name, frames, **settings), 4.0)
        assert is_copy(original, copy) and is_copy(copy, original), name
    assert not is_copy(original, sketch(encode(tmp_path / "b.mp4", scene(0, 4.0, path_seed=1)), 4.0))


@pytest.mark.slow
def test_a_long_video_is_looked_at_here_and_there(tmp_path: Path):
    frames = scene(0, 70.0, rate=5)
    whole = sketch(encode(tmp_path / "a.mp4", frames, rate=5), 70.0)
    other = sketch(encode(tmp_path / "b.mkv", frames, rate=5, scale=0.5, options={"g": "1000"}), 70.0)
    assert whole.times.tolist() == other.times.tolist() == sketch_times(70.0) and is_copy(whole, other)


def test_a_file_that_ends_early_has_the_pictures_that_are_there(tmp_path: Path):
    path = encode(tmp_path / "a.mp4", scene(0, 2.0))
    assert sketch(path, 8.0).times.tolist() == [0.0, 1.0, 2.0]
    (tmp_path / "b.mp4").write_bytes(b"no video")
    with pytest.raises(InputError):
        sketch(tmp_path / "b.mp4", 8.0)
