from itertools import pairwise

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teachtext.video.shots import ShotDetector

HEIGHT, WIDTH = 96, 128


def scene(seed, height=HEIGHT, width=WIDTH):
    """A picture of a few coloured areas."""
    coarse = np.random.default_rng(seed).integers(20, 236, (4, 5, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def still(seed, count):
    return [scene(seed)] * count


def shots_of(pictures, rate=25.0, pixel_format="yuv420p"):
    detector = ShotDetector()
    found = []
    for number, picture in enumerate(pictures):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24").reformat(format=pixel_format)
        if detector.begins_shot(frame, number / rate):
            found.append(number)
    return found


@pytest.mark.parametrize("rate", [2.0, 5.0, 15.0, 25.0, 60.0])
def test_each_cut_is_found_once_at_any_rate(rate):
    count = max(4, round(2 * rate))
    pictures = [picture for seed in range(5) for picture in still(seed, count)]
    found = shots_of(pictures, rate)
    assert len(found) == 4
    # every second frame of a fast video is looked at
    assert all(0 <= (place - count * number) / rate < 1 / 15 for number, place in enumerate(found, start=1))


def test_the_first_frame_begins_no_shot():
    assert shots_of(still(0, 3)) == []


def test_a_cut_is_found_while_the_picture_moves():
    def pan(seed):
        wide = scene(seed, HEIGHT, 2 * WIDTH)
        return [wide[:, step : step + WIDTH] for step in range(0, 100, 2)]

    assert shots_of(pan(1) + pan(2)) == [50]


def test_shakes_noise_and_changes_of_light_begin_no_shot():
    rng = np.random.default_rng(0)
    big = scene(3, HEIGHT + 8, WIDTH + 8)
    shaken = []
    for _ in range(100):
        top, left = rng.integers(0, 9, 2)
        shaken.append(big[top : top + HEIGHT, left : left + WIDTH])
    assert shots_of(shaken) == []
    noisy = [np.clip(scene(3) + rng.normal(0, 25, (HEIGHT, WIDTH, 3)), 0, 255).astype(np.uint8) for _ in range(60)]
    assert shots_of(noisy) == []
    light = [(scene(3) * share).astype(np.uint8) for share in np.abs(np.sin(np.arange(1, 100) / 4)) * 0.6 + 0.4]
    assert shots_of(light) == []


@pytest.mark.parametrize("colour", [0, 128, 255])
def test_a_flash_of_one_colour_begins_no_shot(colour):
    flash = [np.full((HEIGHT, WIDTH, 3), colour, np.uint8)] * 2
    assert shots_of(still(1, 30) + flash + still(1, 30)) == []
    # a flash may also hide a cut
    assert len(shots_of(still(1, 30) + flash + still(2, 30))) == 1


def test_a_fade_through_black_begins_one_shot_when_the_picture_comes_back():
    down = [(scene(1) * share).astype(np.uint8) for share in np.linspace(1, 0, 20)]
    up = [(scene(2) * share).astype(np.uint8) for share in np.linspace(0, 1, 20)]
    (found,) = shots_of(still(1, 20) + down + up + still(2, 20))
    assert 40 <= found <= 47


def test_films_of_one_colour_and_films_of_cuts_alone_begin_few_shots():
    assert shots_of([np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * 100) == []
    solid = [np.full((HEIGHT, WIDTH, 3), colour, np.uint8) for colour in np.random.default_rng(0).integers(0, 256, 99)]
    assert shots_of(solid) == []
    # 5,000 cuts a minute
    pictures = [scene(seed) for seed in range(300)]
    assert len(shots_of(pictures, rate=5000 / 60)) <= 2


@pytest.mark.parametrize("pixel_format", ["gray", "yuv444p", "yuv420p10le", "rgb24", "nv12", "rgba"])
def test_any_pixel_format_and_any_size_are_looked_at(pixel_format):
    assert len(shots_of(still(5, 20) + still(6, 20), pixel_format=pixel_format)) == 1
    for size in [(2, 2), (2, 640), (640, 2)]:
        assert len(shots_of([np.zeros((*size, 3), np.uint8)] * 3, pixel_format=pixel_format)) == 0


def test_pictures_may_change_their_size():
    assert shots_of([*still(1, 20), *[scene(1, 2 * HEIGHT, 2 * WIDTH)] * 20]) == []
    assert len(shots_of([*still(1, 20), *[scene(2, 2 * HEIGHT, 2 * WIDTH)] * 20])) == 1


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 12)), max_size=12), st.sampled_from([10.0, 25.0, 50.0]))
def test_shots_are_at_least_a_quarter_of_a_second_long(runs, rate):
    found = shots_of([picture for seed, count in runs for picture in still(seed, count)], rate)
    assert all(later - earlier >= 0.25 * rate - 1e-6 for earlier, later in pairwise(found))
