"""Reads the text on the frames of one video, and reads nothing twice that looks the same."""

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

SIDE = 480
"""Pixels of the shorter side of the pictures that are read."""
# sides in which text is searched; the networks want multiples of 32
_LEAST_SIDE, _STEP = 352, 32
_SCORE = 0.6
# ornaments are often taken for one letter, or for the same one twice
_LEAST_LETTERS = 2
# two pictures look the same if the mean difference of no window of 8 x 8 pixels is above 6 levels of 255
_WINDOW, _LEVELS = 8, 6
# a line is at the same place if no corner moved by more pixels
_MOVED = 4

RULES = {
    "side": SIDE,
    "search": {"least side": _LEAST_SIDE, "most": "the video's own"},
    "least": {"score": _SCORE, "letters": _LEAST_LETTERS},
    "same": {"window": _WINDOW, "levels": _LEVELS, "moved": _MOVED},
}
"""All settings that change what is read (JSON-able)."""


class _Line(NamedTuple):
    """A line of text: its corners (4, 2), the picture around it, where that begins (x, y), and what it says."""

    corners: NDArray[np.float32]
    around: Picture
    start: tuple[int, int]
    text: str


class TextReader:
    """Read the frames of one video, one after the other.

    A frame that looks like the last frame in which text was searched has the same text. In any other frame text is
    searched, and a line that looks the same at the same place is not recognised again. Both are compared with the
    picture that was read, so slow changes add up until they count.

    Args:
        engine: a `RapidOCR`.

    Attributes:
        searched: frames in which text was searched so far.
        recognised: lines that were recognised so far.
    """

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._last: Picture | None = None
        self._lines: list[_Line] = []
        self.searched = self.recognised = 0

    def read(self, picture: Picture, *, side: int | None = None) -> str:
        """Return all text on a picture, line by line from top to bottom.

        Args:
            picture: (height, width, 3) RGB, the shorter side of `SIDE` pixels.
            side: pixels of the shorter side of the video's own pictures. Text is searched in a picture that is not
                larger, but of at least 352 pixels.
        """
        if self._last is None or not _looks_same(picture, self._last):
            self._lines = self._search(picture, side)
            self._last = picture
            self.searched += 1
        return " ".join(line.text for line in self._lines if line.text)

    def _search(self, picture: Picture, side: int | None) -> list[_Line]:
        bgr = np.ascontiguousarray(picture[..., ::-1])
        height, width = _size_for_search(picture, side)
        small = cv2.resize(bgr, (width, height), interpolation=cv2.INTER_AREA)
        boxes, _ = self._engine.auto_text_det(small)
        scale = np.array([picture.shape[1] / width, picture.shape[0] / height], np.float32)
        places = [np.asarray(box * scale, np.float32) for box in ([] if boxes is None else boxes)]
        lines = [self._seen_before(corners, picture) for corners in places]
        new = [number for number, line in enumerate(lines) if line is None]
        if new:
            read, _ = self._engine.text_rec(self._engine.get_crop_img_list(bgr, [places[number] for number in new]))
            self.recognised += len(new)
            for number, (text, score) in zip(new, read, strict=True):
                lines[number] = _line(places[number], picture, text if _is_text(text, score) else "")
        return [line for line in lines if line is not None]

    def _seen_before(self, corners: NDArray[np.float32], picture: Picture) -> _Line | None:
        for line in self._lines:
            if line.corners.shape == corners.shape and np.abs(line.corners - corners).max() <= _MOVED:
                (x, y), (height, width) = line.start, line.around.shape[:2]
                now = picture[y : y + height, x : x + width]
                if now.shape == line.around.shape and _looks_same(now, line.around):
                    return line
        return None


def _size_for_search(picture: Picture, side: int | None) -> tuple[int, int]:
    """Return (height, width) in which text is searched, multiples of 32.

    >>> _size_for_search(np.zeros((480, 853, 3), np.uint8), 360)
    (352, 640)
    """
    height, width = picture.shape[:2]
    shorter = min(height, width)
    searched = min(max(_LEAST_SIDE, round((side or shorter) / _STEP) * _STEP), shorter)
    return _multiple(height * searched / shorter), _multiple(width * searched / shorter)


def _multiple(length: float) -> int:
    return max(1, round(length / _STEP)) * _STEP


def _looks_same(picture: Picture, other: Picture) -> bool:
    """Return whether two pictures, (height, width, 3), look the same.

    >>> blank = np.zeros((20, 20, 3), np.uint8)
    >>> dot = blank.copy()
    >>> dot[5:9, 5:8] = 90
    >>> _looks_same(blank, blank + 3), _looks_same(blank, dot)
    (True, False)
    """
    if picture.shape != other.shape:
        return False
    return bool(cv2.blur(cv2.absdiff(picture, other), (_WINDOW, _WINDOW)).max() <= _LEVELS)


def _line(corners: NDArray[np.float32], picture: Picture, text: str) -> _Line:
    x, y = np.maximum(np.floor(corners.min(axis=0)).astype(int) - _MOVED, 0).tolist()
    end_x, end_y = (np.ceil(corners.max(axis=0)).astype(int) + _MOVED).tolist()
    return _Line(corners, picture[y:end_y, x:end_x].copy(), (x, y), text)


def _is_text(text: str, score: float) -> bool:
    return score >= _SCORE and len(set(filter(str.isalnum, text))) >= _LEAST_LETTERS
