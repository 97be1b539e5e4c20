"""The protocols of video experts and text encoders, and the rows of features that they return."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeGuard, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from teachtext.data.passages import Passage
from teachtext.video.sampling import Sampling, Sound, SoundSampling

_SPECIAL_TOKENS = 8


class Rows(NamedTuple):
    """Features of one video.

    Attributes:
        values: (rows, D): one row if the expert pools, else several over time; none if it detects nothing.
        times: (rows, 2) seconds from the start of the video at which each row begins and ends; None if not kept.
        passages: the words that were heard or read; None if the expert finds no words.
    """

    values: NDArray[np.float32]
    times: NDArray[np.float32] | None = None
    passages: Sequence[Passage] | None = None


class Hearing(Protocol):
    """The sound of one video on its way into an expert; it is never in memory as a whole."""

    def hear(self, samples: NDArray[np.int16]) -> None:
        """Take the samples that follow, (S,), any number of them."""
        ...

    def finish(self) -> dict[str, Rows]:
        """Return rows by output; call after the last samples."""
        ...


class VideoExpert(Protocol):
    """Turns sampled frames or sound into features; one pass may give several named outputs.

    An expert for sound is a `SoundExpert`.

    Attributes:
        outputs: the dimension D of each output, by the expert's name.
        sampling: the frames, the clips or the sound that it needs.
        settings: everything that changes its values: weights, version, sampling, pooling (JSON-able); neither device
            nor precision, which change them by less than storing them does.

    It may have `notes`, sentences for the user on what its device cannot do.
    """

    outputs: Mapping[str, int]
    sampling: Sampling
    settings: Mapping[str, Any]

    def encode(self, sampled: Any) -> dict[str, Rows]:
        """Encode one video, from the `Frames`, `Clips` or `Sound` of its `sampling`, to rows by output."""
        ...


@runtime_checkable
class PieceExpert(Protocol):
    """A video expert for frames that takes less time where a piece of a video looks like the piece before."""

    def begin_video(self) -> Callable[[Any], dict[str, Rows]]:
        """Return what encodes the pieces of one video, in their order; see `VideoExpert.encode`."""
        ...


class SoundExpert(VideoExpert, Protocol):
    """A video expert whose sampling is a `SoundSampling`."""

    sampling: SoundSampling

    def begin(self) -> Hearing:
        """Begin with one video."""
        ...


def listens(expert: VideoExpert) -> TypeGuard[SoundExpert]:
    """Return whether an expert needs sound."""
    return isinstance(expert.sampling, SoundSampling)


def hear_all(hearing: Hearing, sound: Sound) -> dict[str, Rows]:
    """Encode sound that is in memory as a whole."""
    hearing.hear(sound.samples)
    return hearing.finish()


@dataclass(frozen=True)
class Limit:
    """The length that a text encoder reads of a text; what is longer is cut.

    Attributes:
        most: so many units are read.
        unit: `tokens`, `words` or `characters`.
        count: returns the number of units of each text, of the whole text.
    """

    most: int
    unit: str
    count: Callable[[Sequence[str]], Sequence[int]]

    def exceeded(self, texts: Sequence[str]) -> list[bool]:
        """Return which texts are cut.

        >>> Limit(2, "words", lambda texts: [len(text.split()) for text in texts]).exceeded(["a dog", "a dog runs"])
        [False, True]
        """
        # no unit is shorter than a byte, so that few captions have to be counted; special tokens have none
        long = [row for row, text in enumerate(texts) if len(text.encode()) > self.most - _SPECIAL_TOKENS]
        counts = dict(zip(long, self.count([texts[row] for row in long]), strict=True)) if long else {}
        return [counts.get(row, 0) > self.most for row in range(len(texts))]

    def __str__(self) -> str:
        return f"{self.most:,} {self.unit}"


class TextEncoder(Protocol):
    """Turns captions into features.

    Attributes:
        dim: D.
        tokens: whether a caption gives one row a token (True) or a single sentence vector (False).
        settings: everything that changes its values: weights, version, truncation (JSON-able); neither device nor
            precision.

    It may have `notes`, sentences for the user on what its device cannot do, and a `limit` (see `Limit`); without one
    it reads texts of any length.
    """

    dim: int
    tokens: bool
    settings: Mapping[str, Any]

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        """Encode captions: for each one (rows, D), at least one row."""
        ...
