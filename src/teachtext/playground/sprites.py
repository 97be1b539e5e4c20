"""Pictures of the things: vector drawings with transparent surroundings.

The canvas of a drawing reaches 100 units to every side of its centre.
"""

import math
from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from teachtext.playground.pen import DARK, SIDE, Colour, Pen, arc

RGB: dict[str, Colour] = {
    "red": (214, 34, 34), "blue": (38, 84, 214), "green": (34, 156, 62), "yellow": (246, 212, 34),
    "orange": (244, 128, 22), "purple": (128, 50, 168), "pink": (246, 132, 184), "white": (244, 244, 240),
    "black": (36, 36, 40),
}  # fmt: skip
_WHITE: Colour = (250, 250, 250)
_BROWN: Colour = (122, 80, 44)


@lru_cache(maxsize=256)
def sprite(kind: str, colour: str, phase: int = 0) -> npt.NDArray[np.float32]:
    """Return the picture of a thing that looks to the right.

    Args:
        kind: one of `scenes.KINDS`.
        colour: one of `scenes.COLOURS`.
        phase: 0 to 3, for things with moving parts (wings, tails, hands of a clock).

    Returns:
        (SIDE, SIDE, 4) float32, RGB in 0..255 multiplied by opacity, then opacity in 0..1.
    """
    pen = Pen()
    _DRAWINGS[kind](pen, RGB[colour], phase)
    # Averaging is right here because the colours are multiplied by their opacity.
    small: npt.NDArray[np.float32] = cv2.resize(pen.canvas, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(
        np.float32
    )
    small[..., 3] /= 255
    small.setflags(write=False)
    return small


def _mix(colour: Colour, towards: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(colour, towards, strict=True))
    return (red, green, blue)


def _light(colour: Colour) -> Colour:
    return _mix(colour, _WHITE, 0.45)


def _shade(colour: Colour) -> Colour:
    return _mix(colour, (0, 0, 0), 0.3) if sum(colour) > 150 else _mix(colour, _WHITE, 0.22)


def _ball(pen: Pen, colour: Colour, phase: int) -> None:
    pen.oval(0, 0, 92, 92, colour)
    pen.polygon(arc(0, 0, 90, 26), _shade(colour), 3)
    pen.line(arc(0, 0, 34, 90, 90, 270), width=4)
    pen.oval(-34, -50, 20, 12, _light(colour), 0, -35)


def _star(pen: Pen, colour: Colour, phase: int) -> None:
    points = []
    for corner in range(10):
        angle, reach = math.radians(36 * corner - 90), 96 if corner % 2 == 0 else 42
        points.append((reach * math.cos(angle), reach * math.sin(angle) + 6))
    pen.polygon(points, colour, 6)
    facet = _light(colour) if colour != RGB["white"] else (206, 206, 206)
    for corner in range(0, 10, 2):
        pen.polygon([(0, 6), points[corner], points[(corner + 1) % 10]], facet, 0)


def _heart(pen: Pen, colour: Colour, phase: int) -> None:
    angles = np.linspace(0, 2 * math.pi, 60)
    points = [
        (
            5.7 * 16 * math.sin(a) ** 3,
            -5.7 * (13 * math.cos(a) - 5 * math.cos(2 * a) - 2 * math.cos(3 * a) - math.cos(4 * a)),
        )
        for a in angles
    ]
    pen.polygon(points, colour, 6)
    pen.oval(-44, -38, 22, 13, _light(colour), 0, -40)


def _car(pen: Pen, colour: Colour, phase: int) -> None:
    pen.polygon([(-52, -6), (-34, -52), (26, -52), (54, -6)], _shade(colour))
    pen.polygon([(-42, -8), (-28, -44), (-6, -44), (-6, -8)], (186, 222, 240), 3)
    pen.polygon([(2, -8), (2, -44), (22, -44), (42, -8)], (186, 222, 240), 3)
    pen.polygon([(-94, -2), (-52, -8), (58, -8), (90, 4), (96, 34), (-96, 34)], colour)
    pen.oval(86, 14, 8, 8, (255, 244, 160), 3)
    pen.oval(-90, 14, 6, 8, (200, 30, 30), 3)
    for x in (-52, 52):
        pen.oval(x, 36, 27, 27, (44, 44, 48))
        pen.oval(x, 36, 12, 12, (190, 190, 196), 2)
        spoke = math.radians(45 * phase)
        pen.line([(x, 36), (x + 12 * math.cos(spoke), 36 + 12 * math.sin(spoke))], width=4)


def _boat(pen: Pen, colour: Colour, phase: int) -> None:
    pen.line([(0, 40), (0, -92)], _BROWN, 8)
    pen.polygon([(6, -88), (6, 26), (74, 26)], _WHITE)
    pen.polygon([(-6, -70), (-6, 26), (-58, 26)], _light(colour))
    pen.polygon([(-92, 38), (92, 38), (62, 86), (-64, 86)], colour)
    pen.line([(-82, 54), (82, 54)], _WHITE, 5)


def _fish(pen: Pen, colour: Colour, phase: int) -> None:
    sway = (0, 14, 0, -14)[phase]
    pen.polygon([(-44, 0), (-94, -44 + sway), (-80, sway), (-94, 44 + sway)], _shade(colour))
    pen.polygon([(-24, -38), (10, -72), (36, -36)], _shade(colour))
    pen.polygon([(-10, 38), (4, 66), (26, 38)], _shade(colour))
    pen.oval(14, 0, 76, 46, colour)
    for x in (-26, -6):
        pen.line(arc(x, 0, 12, 24, -80, 80), _shade(colour), 5)
    pen.oval(56, -12, 13, 13, _WHITE, 3)
    pen.oval(60, -11, 6, 6, DARK, 0)
    pen.line(arc(72, 16, 12, 8, 100, 200), width=4)


def _bird(pen: Pen, colour: Colour, phase: int) -> None:
    pen.polygon([(-42, 6), (-94, -14), (-90, 26)], _shade(colour))
    pen.oval(-4, 12, 56, 40, colour)
    pen.oval(46, -26, 32, 30, colour)
    pen.oval(40, -2, 20, 20, colour, 0)
    pen.polygon([(72, -32), (98, -20), (72, -12)], (250, 170, 30), 4)
    pen.oval(54, -34, 8, 8, _WHITE, 2)
    pen.oval(56, -34, 4, 4, DARK, 0)
    tip = (-84, -40, 44, -20)[phase]
    pen.polygon([(-36, 0), (-40, tip), (20, 4)], _light(colour), 4)
    for x in (-14, 8):
        pen.line([(x, 50), (x, 76), (x + 12, 76)], (230, 140, 30), 5)


def _tree(pen: Pen, colour: Colour, phase: int) -> None:
    pen.polygon([(-15, 10), (15, 10), (22, 94), (-22, 94)], _BROWN)
    crown = [(-44, 0, 40), (44, 0, 40), (-24, -42, 42), (28, -42, 42), (0, -12, 48)]
    for x, y, reach in crown:
        pen.oval(x, y, reach, reach, colour, 10)
    for x, y, reach in crown:
        pen.oval(x, y, reach - 4, reach - 4, colour, 0)
    for x, y in ((-48, -4), (20, -52), (46, 6), (-14, -18), (-26, -54)):
        pen.line(arc(x, y, 16, 14, 180, 300), _shade(colour), 6)


def _house(pen: Pen, colour: Colour, phase: int) -> None:
    pen.polygon([(40, -78), (60, -78), (60, -28), (40, -40)], (150, 70, 56))
    pen.polygon([(-72, -16), (72, -16), (72, 90), (-72, 90)], colour)
    pen.polygon([(0, -90), (94, -12), (-94, -12)], (118, 62, 50) if colour != RGB["red"] else (86, 78, 80))
    pen.polygon([(-16, 32), (18, 32), (18, 90), (-16, 90)], _BROWN, 4)
    for x in (-46, 46):
        pen.polygon([(x - 17, 8), (x + 17, 8), (x + 17, 42), (x - 17, 42)], (190, 226, 244), 4)
        pen.line([(x, 8), (x, 42)], width=3)
        pen.line([(x - 17, 25), (x + 17, 25)], width=3)


def _flower(pen: Pen, colour: Colour, phase: int) -> None:
    pen.line([(0, 0), (4, 50), (0, 96)], (44, 130, 50), 10)
    pen.oval(26, 62, 26, 11, (54, 150, 60), 4, -32)
    pen.oval(-24, 74, 24, 10, (54, 150, 60), 4, 28)
    for petal in range(6):
        angle = math.radians(60 * petal + 30)
        pen.oval(36 * math.cos(angle), -30 + 36 * math.sin(angle), 30, 22, colour, 4, 60 * petal + 30)
    centre: Colour = (250, 210, 50) if colour not in (RGB["yellow"], RGB["orange"]) else (120, 70, 30)
    pen.oval(0, -30, 22, 22, centre, 4)


def _balloon(pen: Pen, colour: Colour, phase: int) -> None:
    pen.line([(0, 46), (-8, 62), (8, 78), (0, 96)], width=4)
    pen.polygon([(-10, 50), (10, 50), (0, 34)], _shade(colour), 4)
    pen.polygon([*arc(0, -30, 58, 64, 140, 400), (0, 42)], colour)
    pen.oval(-24, -56, 11, 20, _light(colour), 0, 25)


def _rocket(pen: Pen, colour: Colour, phase: int) -> None:
    flame = (0, 12, 4, 16)[phase]
    pen.polygon([(-18, 52), (0, 84 + flame), (18, 52)], (255, 150, 20), 3)
    pen.polygon([(-9, 52), (0, 70 + flame / 2), (9, 52)], (255, 236, 110), 0)
    for side in (-1, 1):
        pen.polygon([(side * 26, 14), (side * 62, 62), (side * 24, 50)], _shade(colour))
    pen.polygon([(0, -96), (22, -64), (32, -20), (28, 54), (-28, 54), (-32, -20), (-22, -64)], colour)
    pen.polygon([(0, -96), (22, -64), (-22, -64)], _light(colour), 4)
    pen.oval(0, -26, 17, 17, (180, 224, 246))
    pen.line([(-28, 30), (28, 30)], _shade(colour), 6)


def _clock(pen: Pen, colour: Colour, phase: int) -> None:
    for side in (-1, 1):
        pen.oval(side * 48, -72, 22, 16, colour, 4, side * 35)
        pen.line([(side * 46, 66), (side * 62, 92)], width=10)
    pen.oval(0, 0, 84, 84, colour)
    pen.oval(0, 0, 64, 64, _WHITE, 4)
    for hour in range(12):
        angle = math.radians(30 * hour)
        reach = 48 if hour % 3 == 0 else 54
        pen.line(
            [(reach * math.cos(angle), reach * math.sin(angle)), (59 * math.cos(angle), 59 * math.sin(angle))], width=5
        )
    long, short = math.radians(90 * phase - 90), math.radians(22 * phase - 30)
    pen.line([(0, 0), (46 * math.cos(long), 46 * math.sin(long))], width=6)
    pen.line([(0, 0), (30 * math.cos(short), 30 * math.sin(short))], width=8)
    pen.oval(0, 0, 6, 6, (200, 40, 40), 0)


def _umbrella(pen: Pen, colour: Colour, phase: int) -> None:
    pen.line([(0, -20), (0, 70), *arc(14, 72, 14, 18, 180, 20)], _BROWN, 8)
    pen.polygon([*arc(0, 4, 94, 88, 180, 360), (62, -8), (31, 6), (0, -8), (-31, 6), (-62, -8)], colour)
    for x in (-31, 31):
        pen.line([(0, -84), (x * 0.8, -46), (x, 4)], width=4)
    pen.polygon([(-31, 4), (0, -84), (31, 4), (0, -8)], _light(colour), 3)
    pen.line([(0, -84), (0, -96)], width=6)


def _cat(pen: Pen, colour: Colour, phase: int) -> None:
    for side in (-1, 1):
        pen.polygon([(side * 78, -92), (side * 26, -58), (side * 74, -16)], colour)
        pen.polygon([(side * 69, -74), (side * 42, -54), (side * 66, -32)], (246, 170, 180), 0)
    pen.oval(0, 10, 82, 72, colour)
    for side in (-1, 1):
        pen.oval(side * 32, -4, 16, 20, (200, 236, 120), 4)
        pen.oval(side * 32, -2, 6, 16, DARK, 0)
        for lift in (-6, 6, 18):
            pen.line([(side * 36, 36 + lift / 2), (side * 94, 28 + lift * 1.6)], (90, 90, 96), 3)
    pen.polygon([(-10, 28), (10, 28), (0, 40)], (240, 120, 140), 3)
    pen.line([(0, 40), (0, 48), (-18, 58)], width=4)
    pen.line([(0, 48), (18, 58)], width=4)


def _butterfly(pen: Pen, colour: Colour, phase: int) -> None:
    spread = (1.0, 0.78, 0.5, 0.78)[phase]
    for side in (-spread, spread):
        pen.oval(side * 48, -34, 46 * spread, 46, colour, 5, 20 * side)
        pen.oval(side * 40, 44, 34 * spread, 36, _shade(colour), 5)
        pen.oval(side * 54, -38, 16 * spread, 18, _light(colour), 3)
        pen.oval(side * 42, 48, 12 * spread, 12, _light(colour), 3)
        pen.line([(0, -52), (side * 14, -78), (side * 30, -88)], width=4)
    pen.oval(0, 0, 10, 58, (60, 46, 40))


_DRAWINGS: dict[str, Callable[[Pen, Colour, int], None]] = {
    "ball": _ball, "star": _star, "heart": _heart, "car": _car, "boat": _boat, "fish": _fish, "bird": _bird,
    "tree": _tree, "house": _house, "flower": _flower, "balloon": _balloon, "rocket": _rocket, "clock": _clock,
    "umbrella": _umbrella, "cat": _cat, "butterfly": _butterfly,
}  # fmt: skip
