"""What a video expert and a text encoder are."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeGuard

import numpy as np
from numpy.typing import NDArray

from teachtext.data.passages import Passage
from teachtext.video.sampling import Sampling, Sound, SoundSampling


class Rows(NamedTuple):
    """Features of one video.

    Attributes:
        values: (rows, D): one row where the expert pools, several over time where it does not; no rows where it finds
            nothing to describe.
        times: (rows, 2) seconds from the start of the video at which each row begins and ends, where that is kept.
        passages: the words that were heard or read, where the expert finds words; else None.
    """

    values: NDArray[np.float32]
    times: NDArray[np.float32] | None = None
    passages: Sequence[Passage] | None = None


class Hearing(Protocol):
    """What an expert hears and makes of the sound of one video, which never lies in memory as a whole."""

    def hear(self, samples: NDArray[np.int16]) -> None:
        """Take the samples that follow, (S,), any number of them."""
        ...

    def finish(self) -> dict[str, Rows]:
        """Return rows by output; call after the last samples."""
        ...


class VideoExpert(Protocol):
    """Turns sampled frames or sound into features; one look may give several named outputs.

    One that wants sound is a `SoundExpert`.

    Attributes:
        outputs: the dimension D of each output, by the expert's name.
        sampling: the frames, the clips or the sound that it wants.
        settings: everything that changes its values: weights, version, sampling, pooling (JSON-able); neither device
            nor precision, which change them by less than storing them does.

    It may have `notes`, sentences for the user on what its device cannot do.
    """

    outputs: Mapping[str, int]
    sampling: Sampling
    settings: Mapping[str, Any]

    def encode(self, seen: Any) -> dict[str, Rows]:
        """Encode one video: from its `Frames`, `Clips` or `Sound`, as `sampling` asks for, to rows by output."""
        ...


class SoundExpert(VideoExpert, Protocol):
    """A video expert whose sampling is a `SoundSampling`."""

    def begin(self) -> Hearing:
        """Begin with one video."""
        ...


def listens(expert: VideoExpert) -> TypeGuard[SoundExpert]:
    """Say whether an expert wants sound."""
    return isinstance(expert.sampling, SoundSampling)


def hear_all(hearing: Hearing, sound: Sound) -> dict[str, Rows]:
    """Let an expert hear sound that is there as a whole."""
    hearing.hear(sound.samples)
    return hearing.finish()


class TextEncoder(Protocol):
    """Turns captions into features.

    Attributes:
        dim: D.
        tokens: whether a caption gives one row a token (True) or a single sentence vector (False).
        settings: everything that changes its values: weights, version, truncation (JSON-able); neither device nor
            precision.

    It may have `notes`, sentences for the user on what its device cannot do.
    """

    dim: int
    tokens: bool
    settings: Mapping[str, Any]

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        """Encode captions: for each one (rows, D), at least one row."""
        ...
