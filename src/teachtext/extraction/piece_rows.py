"""The rows of an expert over the pieces of a video, and the words that stay from piece to piece."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from teachtext.data.passages import Passage
from teachtext.encoders.base import PieceExpert, Rows, SoundExpert, VideoExpert
from teachtext.encoders.registry import joins_of
from teachtext.video.pieces import Span
from teachtext.video.sampling import Frames
from teachtext.video.sound import Samples

_STRETCH_S = 10
_WORD = re.compile(r"\w+")
# seconds between two sights of the same text
_GAP_S = 8.0


class PieceRows:
    """Gathers the rows of one expert, piece by piece.

    Args:
        expert: what encodes the pieces.
    """

    def __init__(self, expert: VideoExpert) -> None:
        self._expert = expert
        self._encode = expert.begin_video() if isinstance(expert, PieceExpert) else expert.encode
        self._parts: dict[str, list[Rows]] = {name: [] for name in expert.outputs}
        self._last: tuple[Frames, Mapping[str, Rows]] | None = None

    @property
    def is_joined(self) -> bool:
        """Whether the expert gives a clip one row."""
        return any(joins_of(name) for name in self._expert.outputs)

    def take(self, frames: Frames, spans: Sequence[Span]) -> None:
        """Encode the frames of a piece, which stands for these spans in seconds.

        A piece that shows exactly what the piece before shows has its rows: slides and cards cost little.
        """
        if self._last is None or not _is_same(frames, self._last[0]):
            self._last = frames, self._encode(frames)
        self.add(self._last[1], spans)

    def add(self, encoded: Mapping[str, Rows], spans: Sequence[Span]) -> None:
        """Add the rows of a piece by output."""
        for name, rows in encoded.items():
            if len(rows.values):
                self._parts[name].append(over(rows, spans))

    def finish(self) -> dict[str, Rows]:
        """Return all rows by output."""
        return {name: _joined(parts, self._expert.outputs[name]) for name, parts in self._parts.items()}


class StretchHearing:
    """Lets an expert that gives sound one row hear a stretch at a time: one row for each 10 s.

    Args:
        expert: what hears.
    """

    def __init__(self, expert: SoundExpert) -> None:
        self._expert = expert
        sampling: Any = expert.sampling
        self._rate: int = sampling.rate
        self._length = _STRETCH_S * self._rate
        self._hearing = expert.begin()
        self._heard = self._begun = 0
        self._rows = PieceRows(expert)

    def hear(self, samples: Samples) -> None:
        """Take the samples that follow; see `Hearing.hear`."""
        while len(samples):
            now = samples[: self._begun + self._length - self._heard]
            self._hearing.hear(now)
            self._heard += len(now)
            samples = samples[len(now) :]
            if self._heard == self._begun + self._length:
                self._end()

    def finish(self) -> dict[str, Rows]:
        """Return rows by output; see `Hearing.finish`."""
        if self._heard > self._begun:
            self._end()
        return self._rows.finish()

    def _end(self) -> None:
        span = (self._begun / self._rate, self._heard / self._rate)
        self._rows.add(self._hearing.finish(), [span])
        self._begun, self._hearing = self._heard, self._expert.begin()


def _is_same(frames: Frames, others: Frames) -> bool:
    return (
        frames.aspect == others.aspect
        and np.array_equal(frames.times, others.times)
        and np.array_equal(frames.pixels, others.pixels)
    )


def over(rows: Rows, spans: Sequence[Span]) -> Rows:
    """Return the rows of a piece with their times in the video.

    Args:
        rows: of the piece; their times, if they have some, count from its beginning.
        spans: what the piece stands for, in seconds; several where a frame is shown for long.

    >>> over(Rows(np.ones((1, 2), np.float32)), [(4.0, 6.0), (6.0, 8.0)]).times.tolist()
    [[4.0, 6.0], [6.0, 8.0]]
    """
    start_s, end_s = spans[0][0], spans[-1][1]
    if rows.times is None:
        count = len(rows.values)
        times = np.repeat(np.array(spans, np.float32), count, axis=0)
        return Rows(np.tile(rows.values, (len(spans), 1)), times, rows.passages)
    times = np.asarray(rows.times + np.float32(start_s), np.float32)
    if rows.passages is None:
        return Rows(rows.values, times)
    last_s = max((passage.end_s for passage in rows.passages), default=0.0)
    passages = [
        # what the last frame of a piece shows stays until the piece ends
        Passage(start_s + start, max(start_s + end, end_s if end == last_s else 0.0), text)
        for start, end, text in rows.passages
    ]
    return Rows(rows.values, times, passages)


def _joined(parts: Sequence[Rows], dim: int) -> Rows:
    """Return the rows of all pieces; a text that is read again at once has one row."""
    if not parts:
        return Rows(np.zeros((0, dim), np.float32), np.zeros((0, 2), np.float32))
    values = np.concatenate([part.values for part in parts])
    times = np.concatenate([np.zeros((0, 2), np.float32) if part.times is None else part.times for part in parts])
    if parts[0].passages is None:
        return Rows(values, times)
    passages = [passage for part in parts for passage in part.passages or ()]
    if len(passages) != len(values):
        # several rows a text
        return Rows(values, times, passages)
    kept: list[int] = []
    spans: list[Passage] = []
    for number, passage in enumerate(passages):
        longer = _longer(spans[-1], passage) if spans else None
        if longer is None:
            kept.append(number)
            spans.append(passage)
        else:
            kept[-1] = number if longer is passage else kept[-1]
            spans[-1] = Passage(spans[-1].start_s, max(spans[-1].end_s, passage.end_s), longer.text)
    return Rows(values[kept], np.array([passage[:2] for passage in spans], np.float32), spans)


def _longer(passage: Passage, following: Passage) -> Passage | None:
    """Return the longer of two passages if it follows at once and has all words of the other; else None.

    So no word is lost where no two frames are read alike.
    """
    words, others = ({*_WORD.findall(each.text.casefold())} for each in (passage, following))
    if following.start_s - passage.end_s > _GAP_S or not (words <= others or words >= others):
        return None
    return following if len(others) > len(words) else passage
