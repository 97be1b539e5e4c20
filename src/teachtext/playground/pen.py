"""A pen that draws smooth outlines on a transparent canvas.

The colours at smooth edges are multiplied by their opacity.
"""

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

Colour = tuple[int, int, int]
Points = Sequence[tuple[float, float]]

SIDE = 160
DARK: Colour = (26, 24, 30)


class Pen:
    """Draws on a transparent canvas, in units of 1/100 of its half side.

    Attributes:
        canvas: (2 SIDE, 2 SIDE, 4) uint8, RGB multiplied by opacity, then opacity.
    """

    def __init__(self) -> None:
        self.canvas: npt.NDArray[np.uint8] = np.zeros((2 * SIDE, 2 * SIDE, 4), np.uint8)

    def polygon(self, points: Points, colour: Colour, edge: float = 5) -> None:
        """Fill a polygon and draw a dark edge of that width around it (0: none)."""
        fixed = self._fixed(points)
        cv2.fillPoly(self.canvas, [fixed], (*colour, 255), cv2.LINE_AA, 4)
        if edge:
            cv2.polylines(self.canvas, [fixed], True, (*DARK, 255), self._width(edge), cv2.LINE_AA, 4)

    def line(self, points: Points, colour: Colour = DARK, width: float = 5) -> None:
        """Draw an open line through `points`."""
        cv2.polylines(self.canvas, [self._fixed(points)], False, (*colour, 255), self._width(width), cv2.LINE_AA, 4)

    def oval(
        self, x: float, y: float, across: float, down: float, colour: Colour, edge: float = 5, tilt: float = 0
    ) -> None:
        """Fill an ellipse with half axes `across` and `down`, turned by `tilt` degrees."""
        self.polygon(arc(x, y, across, down, tilt=tilt), colour, edge)

    def _fixed(self, points: Points) -> npt.NDArray[np.int32]:
        scaled = (np.asarray(points, np.float64) / 100 + 1) * SIDE * 16
        return np.round(scaled).astype(np.int32)

    def _width(self, units: float) -> int:
        return max(1, round(units * SIDE / 100))


def arc(
    x: float, y: float, across: float, down: float, begin: float = 0, end: float = 360, tilt: float = 0
) -> list[tuple[float, float]]:
    """Return points along an ellipse from angle `begin` to `end`, in degrees, clockwise from the right."""
    turn = math.radians(tilt)
    points = []
    for angle in np.radians(np.linspace(begin, end, 49)):
        u, v = across * math.cos(angle), down * math.sin(angle)
        points.append((x + u * math.cos(turn) - v * math.sin(turn), y + u * math.sin(turn) + v * math.cos(turn)))
    return points
