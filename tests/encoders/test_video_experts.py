import itertools
import json
from collections.abc import Callable
from dataclasses import asdict
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("cv2")
pytest.importorskip("efficientnet_lite_pytorch")
from teachtext.encoders.base import VideoExpert
from teachtext.encoders.registry import VIDEO_EXPERTS, build_video_experts
from teachtext.encoders.video import motion
from teachtext.errors import InputError
from teachtext.video.sampling import Frames, Sound, SoundSampling

Moving = Callable[..., NDArray[np.uint8]]


NAMES = [name for name, entry in VIDEO_EXPERTS.items() if not entry.takes_model]


@pytest.fixture(scope="module")
def experts() -> dict[str, VideoExpert]:
    return {name: expert for expert in build_video_experts(["appearance", "motion"]) for name in expert.outputs}


@cache
def build(name: str) -> VideoExpert:
    """An expert, if its packages are there."""
    try:
        return build_video_experts([name])[0]
    except InputError as error:
        pytest.skip(str(error))


def some(expert: VideoExpert, count: int, seed: int = 0) -> Frames | Sound:
    """Noise that stands for `count` moments or seconds."""
    sampling, rng = expert.sampling, np.random.default_rng(seed)
    if isinstance(sampling, SoundSampling):
        loudness = np.repeat(rng.uniform(0.01, 0.3, 20 * count), sampling.rate // 20)
        return Sound(
            (rng.normal(0, 8000, len(loudness)) * loudness).clip(-32767, 32767).astype(np.int16), sampling.rate
        )
    shape = (count, sampling.burst, sampling.height, sampling.width, *([] if sampling.gray else [3]))
    times = np.arange(count, dtype=np.float32) / np.float32(sampling.per_second)
    return Frames(rng.integers(0, 256, shape, np.uint8), times, sampling.width / sampling.height)


def shown(pixels: NDArray[np.uint8]) -> Frames:
    return Frames(pixels, np.zeros(len(pixels), np.float32), 1.0)


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


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_contract(name: str):
    expert = build(name)
    for count in (1, 3):
        observed = some(expert, count)
        actual = expert.encode(observed)
        assert set(actual) == set(expert.outputs)
        values, times, passages = actual[name]
        assert values.ndim == 2 and values.shape[1] == expert.outputs[name] and values.dtype == np.float32
        assert np.isfinite(values).all() and np.array_equal(values, expert.encode(observed)[name].values)
        if times is not None:
            assert times.shape == (len(values), 2) and times.dtype == np.float32 and (times[:, 0] <= times[:, 1]).all()
        assert (passages is None) == (name not in ("speech", "ocr"))


@pytest.mark.parametrize("name", ["appearance", "scene", "motion", "audio"])
def test_what_always_has_something_to_describe(name: str):
    expert = build(name)
    item, three, other = (
        expert.encode(some(expert, count, seed))[name].values for count, seed in ((1, 0), (3, 0), (3, 1))
    )
    assert len(item) == 1 and (len(three) == 1 or name == "audio")
    assert np.abs(item).max() > 0 and np.abs(three[0] - other[0]).max() > 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_settings_tell_weights_sampling_and_aggregation_and_are_json(name: str):
    expert = build(name)
    settings = json.loads(json.dumps(expert.settings))
    assert settings["sampling"] == asdict(expert.sampling)
    assert name == "motion" or (settings["weights"] and settings[name])
    assert name in ("appearance", "scene", "motion") or len(settings["hash"]) == 16


def test_pooling_does_not_depend_on_what_is_looked_at_together(experts: dict[str, VideoExpert]):
    frames = some(experts["appearance"], 5).pixels
    whole = experts["appearance"].encode(shown(frames))
    single = [experts["appearance"].encode(shown(frames[i : i + 1])) for i in range(5)]
    mean = np.mean([item["appearance"].values for item in single], axis=0)
    assert np.allclose(whole["appearance"].values, mean, atol=1e-4)
    mean = np.mean([item["scene"].values ** 2 for item in single], axis=0)
    assert np.allclose(whole["scene"].values ** 2, mean, atol=1e-5)
    assert np.linalg.norm(whole["scene"].values) == pytest.approx(1, abs=1e-5)


def test_rows_of_moments_have_the_times_and_the_mean_of_the_one_row(experts: dict[str, VideoExpert]):
    settings = {name: {"rows": "moments"} for name in ("appearance", "scene")}
    [expert] = build_video_experts(["appearance", "scene"], settings=settings)
    sampled = shown(some(expert, 5).pixels)
    one, rows = experts["appearance"].encode(sampled), expert.encode(sampled)
    assert np.allclose(rows["appearance"].values.mean(axis=0), one["appearance"].values[0], atol=1e-4)
    assert np.allclose((rows["scene"].values ** 2).mean(axis=0), one["scene"].values[0] ** 2, atol=1e-5)
    for output in rows.values():
        assert output.times is not None and output.times.tolist() == [[time, time] for time in sampled.times.tolist()]
    assert expert.settings["rows"] == "moments" and "rows" not in experts["appearance"].settings


@pytest.mark.slow
def test_the_network_gives_what_it_gives_in_torch(experts: dict[str, VideoExpert]):
    import torch

    from teachtext.encoders.video.efficientnet import load_network

    frames = np.concatenate([some(experts["appearance"], 5).pixels, orange()[None, None]])
    actual = experts["appearance"].encode(shown(frames))
    network = load_network()
    with torch.inference_mode():
        images = (torch.from_numpy(frames[:, 0]).permute(0, 3, 1, 2).float() / 255 - 0.498) / 0.502
        features = network.extract_features(images).mean((2, 3))
        classes = network._fc(features).softmax(1)
    assert np.abs(actual["appearance"].values - features.mean(0).numpy()).max() < 1e-5
    assert np.abs(actual["scene"].values ** 2 - classes.mean(0).numpy()).max() < 1e-6
    # the network itself, and not only this use of it
    assert np.allclose(network(images).detach().softmax(1), classes, atol=1e-6)


@pytest.fixture(scope="module")
def in_int8() -> VideoExpert:
    [expert] = build_video_experts(["scene"], settings={"scene": {"precision": "int8"}})
    return expert


def test_whole_numbers_give_nearly_the_same_features(
    experts: dict[str, VideoExpert], in_int8: VideoExpert, moving: Moving
):
    import cv2

    pictures = [orange(), *(cv2.resize(moving(seed=seed, count=1)[0], (260, 260)) for seed in range(3))]
    for picture in pictures:
        sampled = shown(picture[None, None])
        single, rounded = experts["scene"].encode(sampled), in_int8.encode(sampled)
        for name in ("appearance", "scene"):
            assert 0.96 < cosine(single[name].values, rounded[name].values) < 1 - 1e-6
    together = in_int8.encode(shown(np.stack(pictures)[:, None]))["appearance"].values
    alone = [in_int8.encode(shown(picture[None, None]))["appearance"].values for picture in pictures]
    assert np.allclose(together, np.mean(alone, axis=0), atol=1e-4)


def test_features_in_whole_numbers_are_not_taken_for_the_others(experts: dict[str, VideoExpert], in_int8: VideoExpert):
    assert "int8" in in_int8.settings["precision"] and "precision" not in experts["scene"].settings
    names = {VIDEO_EXPERTS.folder_name("scene", values) for values in ({}, {"precision": "int8"})}
    assert len(names) == 2


def test_a_changed_copy_is_nearer_than_another_picture(experts: dict[str, VideoExpert], moving: Moving):
    import cv2

    def look(image: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        actual = experts["scene"].encode(shown(cv2.resize(image, (260, 260))[None, None]))
        return {name: rows.values for name, rows in actual.items()}

    picture, other = orange(), moving(seed=2, count=1)[0]
    darker = (picture * 0.9).astype(np.uint8)
    observed, copy, different = look(picture), look(darker), look(other)
    for name in ("appearance", "scene"):
        assert cosine(observed[name], copy[name]) > 0.9 > cosine(observed[name], different[name])


def test_the_classes_are_those_of_imagenet(experts: dict[str, VideoExpert]):
    scene = experts["scene"].encode(shown(orange()[None, None]))["scene"].values[0]
    orange_lemon_and_balls = {950, 951, 722, 852, 429, 430, 574, 890}
    assert orange_lemon_and_balls & set(np.argsort(-scene)[:3].tolist())


def test_histograms_are_what_a_slow_loop_counts():
    import cv2

    rng = np.random.default_rng(0)
    x, y = (rng.normal(0, 0.5, (18, 24)).astype(np.float32) for _ in range(2))
    # a whole turn, no turn, half a turn, no movement, and as much as counts as still
    x[0, :5], y[0, :5] = [1, 1, -1, 0, 0.4], [-1e-12, 0, 0, 0, 0]
    lengths, angles = cv2.cartToPolar(x, y)
    expected = np.zeros((3, 3, 9))
    for row, column in np.ndindex(18, 24):
        cell, length = expected[row // 6, column // 8], float(lengths[row, column])
        if length <= np.float32(0.4):
            cell[8] += 0.4
            continue
        turn = float(angles[row, column]) / (np.pi / 4)
        cell[int(turn) % 8] += length * (1 - turn % 1)
        cell[(int(turn) + 1) % 8] += length * (turn % 1)
    counted = motion._histogram(x, y, motion._cells(18, 24), 0.4)
    assert np.allclose(counted.reshape(3, 3, 9), expected, rtol=1e-6, atol=2e-6)
    # OpenCV's angles are good to a fraction of a degree
    assert np.allclose(angles, np.arctan2(y, x) % (2 * np.pi), atol=0.01)


def test_directions_differ_and_patterns_do_not(experts: dict[str, VideoExpert], moving: Moving):
    def move(seed: int, dx: int, dy: int) -> NDArray[np.float32]:
        frames = pairs(moving(seed=seed, count=5, dx=dx, dy=dy))
        return experts["motion"].encode(shown(frames))["motion"].values

    left, left_too, right, down = move(1, 2, 0), move(2, 2, 0), move(1, -2, 0), move(1, 0, 2)
    assert cosine(left, left_too) > 0.9
    assert cosine(left, left_too) > cosine(left, right) + 0.15
    assert cosine(left, left_too) > cosine(left, down) + 0.15


def test_stillness_is_seen_but_a_single_picture_has_no_motion(experts: dict[str, VideoExpert], moving: Moving):
    still = pairs(moving(count=4))
    values = experts["motion"].encode(shown(still))["motion"].values.reshape(3, 9, 9)
    assert values[..., 8].min() > 0.3 and np.abs(values[..., :8]).max() < 0.1
    assert experts["motion"].encode(shown(still[:1]))["motion"].values.shape == (0, 243)
