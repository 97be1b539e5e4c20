import itertools
import json
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("cv2")
pytest.importorskip("efficientnet_lite_pytorch")
from teachtext.encoders.base import VideoExpert
from teachtext.encoders.registry import VIDEO_EXPERTS, build_video_experts
from teachtext.encoders.video import motion

Moving = Callable[..., NDArray[np.uint8]]


@pytest.fixture(scope="module")
def experts() -> dict[str, VideoExpert]:
    return {name: expert for expert in build_video_experts(VIDEO_EXPERTS) for name in expert.outputs}


def moments(expert: VideoExpert, count: int, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    sampling = expert.sampling
    shape = (count, sampling.burst, sampling.height, sampling.width, *([] if sampling.gray else [3]))
    frames = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    return frames, np.arange(count, dtype=np.float32) / np.float32(sampling.per_second)


def pairs(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Gray frames to pairs of neighbours, at the size of the motion expert."""
    import cv2

    gray = [cv2.resize(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), (224, 168)) for frame in frames]
    return np.stack([np.stack(pair) for pair in itertools.pairwise(gray)])


def orange() -> NDArray[np.uint8]:
    """A shaded orange ball on a plain ground."""
    y, x = np.mgrid[:260, :260] - 130.0
    disc = (x**2 + y**2 < 80**2)[..., None]
    shade = (1.2 - np.hypot(x + 30, y + 30) / 200)[..., None]
    return np.where(disc, np.array([240, 130, 20]) * shade, 225).clip(0, 255).astype(np.uint8)


def cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.mark.parametrize("name", VIDEO_EXPERTS)
def test_contract(name: str, experts: dict[str, VideoExpert]):
    expert = experts[name]
    for count in (1, 3):
        frames, times = moments(expert, count)
        values = expert.encode(frames, times)
        assert set(values) == set(expert.outputs)
        assert values[name].shape == (1, expert.outputs[name]) and values[name].dtype == np.float32
        assert np.isfinite(values[name]).all() and np.abs(values[name]).max() > 0
        assert np.array_equal(values[name], expert.encode(frames, times)[name])
    other = expert.encode(*moments(expert, 3, seed=1))[name]
    assert np.abs(other - values[name]).max() > 1e-3


@pytest.mark.parametrize("name", VIDEO_EXPERTS)
def test_settings_tell_the_sampling_and_are_json(name: str, experts: dict[str, VideoExpert]):
    settings = json.loads(json.dumps(experts[name].settings))
    assert settings["sampling"]["per_second"] == experts[name].sampling.per_second


def test_pooling_does_not_depend_on_what_is_looked_at_together(experts: dict[str, VideoExpert]):
    frames, times = moments(experts["appearance"], 5)
    whole = experts["appearance"].encode(frames, times)
    single = [experts["appearance"].encode(frames[i : i + 1], times[:1]) for i in range(5)]
    assert np.allclose(whole["appearance"], np.mean([one["appearance"] for one in single], axis=0), atol=1e-4)
    assert np.allclose(whole["scene"] ** 2, np.mean([one["scene"] ** 2 for one in single], axis=0), atol=1e-5)
    assert np.linalg.norm(whole["scene"]) == pytest.approx(1, abs=1e-5)


def test_a_changed_copy_is_nearer_than_another_picture(experts: dict[str, VideoExpert], moving: Moving):
    import cv2

    def look(image: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        return experts["scene"].encode(cv2.resize(image, (260, 260))[None, None], np.zeros(1, np.float32))

    picture, other = orange(), moving(seed=2, count=1)[0]
    darker = (picture * 0.9).astype(np.uint8)
    seen, copy, different = look(picture), look(darker), look(other)
    for name in ("appearance", "scene"):
        assert cosine(seen[name], copy[name]) > 0.9 > cosine(seen[name], different[name])


def test_the_classes_are_those_of_imagenet(experts: dict[str, VideoExpert]):
    scene = experts["scene"].encode(orange()[None, None], np.zeros(1, np.float32))["scene"][0]
    orange_lemon_and_balls = {950, 951, 722, 852, 429, 430, 574, 890}
    assert orange_lemon_and_balls & set(np.argsort(-scene)[:3].tolist())


def test_histograms_are_what_a_slow_loop_counts():
    rng = np.random.default_rng(0)
    x, y = (rng.normal(0, 0.5, (9, 12)).astype(np.float32) for _ in range(2))
    wanted = np.zeros((3, 3, 9))
    for row, column in np.ndindex(9, 12):
        cell = wanted[row // 3, column // 4]
        length = np.hypot(x[row, column], y[row, column])
        if length <= 0.4:
            cell[8] += 0.4
            continue
        turn = np.arctan2(y[row, column], x[row, column]) % (2 * np.pi) / (np.pi / 4)
        cell[int(turn)] += length * (1 - turn % 1)
        cell[(int(turn) + 1) % 8] += length * (turn % 1)
    counted = motion._histogram(x, y, motion._cells(9, 12), 0.4)
    # OpenCV's angles are good to a fraction of a degree
    assert np.allclose(counted.reshape(3, 3, 9), wanted, atol=0.02)


def test_directions_differ_and_patterns_do_not(experts: dict[str, VideoExpert], moving: Moving):
    def move(seed: int, dx: int, dy: int) -> NDArray[np.float32]:
        frames = pairs(moving(seed=seed, count=5, dx=dx, dy=dy))
        return experts["motion"].encode(frames, np.zeros(len(frames), np.float32))["motion"]

    left, left_too, right, down = move(1, 2, 0), move(2, 2, 0), move(1, -2, 0), move(1, 0, 2)
    assert cosine(left, left_too) > 0.9
    assert cosine(left, left_too) > cosine(left, right) + 0.15
    assert cosine(left, left_too) > cosine(left, down) + 0.15


def test_stillness_is_seen_but_a_single_picture_has_no_motion(experts: dict[str, VideoExpert], moving: Moving):
    still = pairs(moving(count=4))
    values = experts["motion"].encode(still, np.zeros(len(still), np.float32))["motion"].reshape(3, 9, 9)
    assert values[..., 8].min() > 0.3 and np.abs(values[..., :8]).max() < 0.1
    assert experts["motion"].encode(still[:1], np.zeros(1, np.float32))["motion"].shape == (0, 243)
