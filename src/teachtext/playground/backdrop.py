"""The places of scenes, drawn anew for every scene: no two seas are equal.

A backdrop is (HEIGHT, WIDTH, 3) uint8 RGB. The sea and the snow move gently; the other places stand still.
"""

import math
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from teachtext.playground.motion import HEIGHT, WIDTH
from teachtext.playground.pen import Colour

Image = npt.NDArray[np.uint8]


class Backdrop:
    """The place of a scene.

    Args:
        name: one of `scenes.BACKGROUNDS`.
        seed: seed of the details.
    """

    def __init__(self, name: str, seed: int) -> None:
        self._name = name
        rng = np.random.default_rng((seed, 3))
        self._still = _PAINTERS[name](rng)
        self._flakes = rng.uniform(0, 1, (46, 3))
        # A little grain, as of a camera: flat areas are not one number throughout.
        grain = rng.normal(0, 2.2, (HEIGHT, WIDTH, 1))
        self._still = np.clip(self._still + grain, 0, 255).astype(np.uint8)

    def at(self, seconds: float) -> Image:
        """Return the picture at a time, a copy to draw on: (HEIGHT, WIDTH, 3) uint8 RGB."""
        image = self._still.copy()
        if self._name == "sea":
            for row, y in enumerate(range(82, HEIGHT, 12)):
                drift = (14 * seconds * (1 if row % 2 else -1)) % 32
                for x in np.arange(-32 + drift, WIDTH + 32, 32):
                    centre = (round(float(x)), y)
                    cv2.ellipse(image, centre, (12, 4), 0, 200, 340, (206, 232, 246), 1, cv2.LINE_AA)
        elif self._name == "snow":
            for x, y, depth in self._flakes:
                down = (y * HEIGHT + (12 + 16 * depth) * seconds) % HEIGHT
                side = x * WIDTH + 3 * math.sin(seconds + 9 * depth)
                cv2.circle(image, (round(side), round(down)), 1 + round(depth), (255, 255, 255), -1, cv2.LINE_AA)
        return image


def _fade(top: Colour, bottom: Colour) -> Image:
    share = np.linspace(0, 1, HEIGHT)[:, None, None]
    column = np.asarray(top) * (1 - share) + np.asarray(bottom) * share
    return np.repeat(column, WIDTH, axis=1).astype(np.uint8)


def _cloud(image: Image, x: int, y: int, reach: int, colour: Colour = (250, 250, 252)) -> None:
    for dx, dy, share in ((-1.1, 0.15, 0.6), (0, 0, 1), (1.1, 0.15, 0.65), (0.5, -0.35, 0.7), (-0.5, -0.25, 0.6)):
        centre = (round(x + dx * reach), round(y + dy * reach))
        cv2.ellipse(
            image, centre, (round(reach * share), round(0.6 * reach * share)), 0, 0, 360, colour, -1, cv2.LINE_AA
        )


def _hill(image: Image, rng: np.random.Generator, level: float, swell: float, colour: Colour) -> None:
    x = np.arange(0, WIDTH + 4, 4)
    lift, pace = rng.uniform(0, 6.28, 2), rng.uniform(0.012, 0.035, 2)
    y = level + swell * (np.sin(lift[0] + pace[0] * x) + 0.5 * np.sin(lift[1] + 2 * pace[1] * x))
    outline = np.concatenate([np.stack([x, y], 1), [[WIDTH, HEIGHT], [0, HEIGHT]]])
    cv2.fillPoly(image, [np.round(outline).astype(np.int32)], colour, cv2.LINE_AA)


def _sky(rng: np.random.Generator) -> Image:
    image = _fade((86, 160, 230), (196, 228, 250))
    for x in rng.permutation([22, 78, 128, 176])[:3]:
        _cloud(image, int(x), int(rng.integers(18, 124)), int(rng.integers(13, 22)))
    return image


def _sea(rng: np.random.Generator) -> Image:
    image = _fade((150, 206, 240), (226, 240, 248))
    cv2.circle(image, (int(rng.integers(24, 168)), 22), 12, (255, 240, 170), -1, cv2.LINE_AA)
    image[70:] = _fade((38, 122, 176), (12, 62, 118))[70:]
    return image


def _meadow(rng: np.random.Generator) -> Image:
    image = _fade((130, 196, 240), (220, 240, 250))
    _cloud(image, int(rng.integers(20, 170)), 20, 13)
    _hill(image, rng, 66, 6, (122, 188, 92))
    _hill(image, rng, 84, 5, (92, 168, 66))
    for x, y in rng.uniform((0, 92), (WIDTH, HEIGHT), (70, 2)):
        cv2.line(image, (int(x), int(y)), (int(x) + 1, int(y) - 5), (60, 132, 46), 1, cv2.LINE_AA)
    for x, y in rng.uniform((0, 96), (WIDTH, HEIGHT), (14, 2)):
        cv2.circle(image, (int(x), int(y)), 1, (250, 244, 200), -1, cv2.LINE_AA)
    return image


def _night(rng: np.random.Generator) -> Image:
    image = _fade((10, 12, 44), (40, 40, 92))
    for x, y, glow in rng.uniform((0, 0, 120), (WIDTH, HEIGHT, 255), (60, 3)):
        cv2.circle(image, (int(x), int(y)), int(rng.integers(0, 2)), (int(glow), int(glow), 230), -1, cv2.LINE_AA)
    x = int(rng.integers(20, 170))
    cv2.circle(image, (x, 22), 13, (246, 242, 214), -1, cv2.LINE_AA)
    cv2.circle(image, (x + 6, 19), 11, (14, 16, 50), -1, cv2.LINE_AA)
    return image


def _city(rng: np.random.Generator) -> Image:
    image = _fade((176, 196, 214), (226, 222, 216))
    x = -4
    while x < WIDTH:
        wide, high = int(rng.integers(20, 34)), int(rng.integers(44, 104))
        tone = int(rng.integers(96, 146))
        top = 118 - high
        cv2.rectangle(image, (x, top), (x + wide, 118), (tone, tone + 2, tone + 12), -1)
        for wx in range(x + 4, x + wide - 4, 7):
            for wy in range(top + 5, 112, 9):
                lit = (246, 226, 150) if rng.random() < 0.4 else (tone - 40, tone - 34, tone - 20)
                cv2.rectangle(image, (wx, wy), (wx + 3, wy + 4), lit, -1)
        x += wide + int(rng.integers(0, 4))
    image[118:] = (84, 84, 90)
    for x in range(4, WIDTH, 26):
        cv2.rectangle(image, (x, 130), (x + 13, 132), (232, 226, 200), -1)
    return image


def _desert(rng: np.random.Generator) -> Image:
    image = _fade((246, 190, 120), (252, 230, 180))
    cv2.circle(image, (int(rng.integers(24, 168)), 24), 14, (255, 246, 200), -1, cv2.LINE_AA)
    _hill(image, rng, 72, 9, (226, 182, 112))
    _hill(image, rng, 96, 8, (210, 160, 92))
    x = int(rng.choice([16, 172]))
    for begin, end in (
        ((x, 104), (x, 66)),
        ((x - 9, 90), (x, 90)),
        ((x - 9, 90), (x - 9, 76)),
        ((x, 84), (x + 9, 84)),
        ((x + 9, 84), (x + 9, 72)),
    ):
        cv2.line(image, begin, end, (70, 122, 66), 6, cv2.LINE_AA)
    return image


def _snow(rng: np.random.Generator) -> Image:
    image = _fade((150, 168, 192), (206, 216, 228))
    _hill(image, rng, 88, 7, (222, 230, 240))
    _hill(image, rng, 108, 5, (240, 244, 250))
    for x in rng.permutation([14, 52, 138, 178])[:2]:
        for level, reach in ((98, 13), (86, 10), (76, 7)):
            corners = np.array([[x - reach, level], [x + reach, level], [x, level - 18]])
            cv2.fillPoly(image, [corners.astype(np.int32)], (52, 86, 78), cv2.LINE_AA)
    return image


def _room(rng: np.random.Generator) -> Image:
    image = _fade((226, 208, 184), (214, 192, 166))
    for x in range(0, WIDTH, 16):
        cv2.line(image, (x, 0), (x, 100), (216, 194, 168), 2)
    image[104:] = _fade((140, 96, 60), (112, 74, 44))[104:]
    for y in (104, 114, 127):
        cv2.line(image, (0, y), (WIDTH, y), (96, 62, 36), 1)
    cv2.rectangle(image, (0, 100), (WIDTH, 104), (246, 240, 230), -1)
    x = int(rng.integers(14, 120))
    cv2.rectangle(image, (x, 16), (x + 50, 66), (250, 248, 244), -1)
    cv2.rectangle(image, (x + 4, 20), (x + 46, 62), (166, 210, 240), -1)
    cv2.line(image, (x + 25, 20), (x + 25, 62), (250, 248, 244), 3)
    cv2.line(image, (x + 4, 41), (x + 46, 41), (250, 248, 244), 3)
    return image


def _checkerboard(rng: np.random.Generator) -> Image:
    tile, shift = int(rng.choice([16, 20, 24])), int(rng.integers(16))
    rows, columns = np.arange(HEIGHT)[:, None] // tile, (np.arange(WIDTH)[None] + shift) // tile
    odd = ((rows + columns) % 2)[..., None]
    return np.where(odd, np.asarray((208, 208, 208)), np.asarray((120, 120, 124))).astype(np.uint8)


def _forest(rng: np.random.Generator) -> Image:
    image = _fade((150, 190, 160), (196, 214, 178))
    for depth, trunk, leaf in ((0, (104, 110, 86), (96, 140, 98)), (1, (84, 62, 42), (44, 96, 56))):
        for x in np.arange(6 + 14 * depth, WIDTH + 10, 30) + rng.integers(-6, 7):
            cv2.rectangle(image, (int(x) - 3 - depth, 20), (int(x) + 3 + depth, 122), trunk, -1)
            for dx, dy, reach in rng.uniform((-10, 0, 11), (10, 26, 17), (4, 3)):
                cv2.circle(image, (int(x + dx), int(dy)), int(reach), leaf, -1, cv2.LINE_AA)
    _hill(image, rng, 118, 3, (86, 96, 52))
    return image


_PAINTERS: dict[str, Callable[[np.random.Generator], Image]] = {
    "sky": _sky, "sea": _sea, "meadow": _meadow, "night": _night, "city": _city, "desert": _desert,
    "snow": _snow, "room": _room, "checkerboard": _checkerboard, "forest": _forest,
}  # fmt: skip
