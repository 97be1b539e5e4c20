"""Towers of a shared-space model as video experts: rows of unit length in the space of the model's texts."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.encoders.base import Hearing, Rows
from teachtext.encoders.shared_space.model import PIECE_S, SharedSpace
from teachtext.encoders.video.hf.images import in_own_shape
from teachtext.encoders.video.hf.sounds import PieceHearing
from teachtext.video.sampling import Clips, ClipSampling, Frames, FrameSampling, SoundSampling
from teachtext.video.sound import SILENT_BELOW


class SharedPictures:
    """A row a frame.

    Args:
        space: a model with a picture tower.
        per_second: frames a second.
        most: frames a video, at most.
    """

    def __init__(self, space: SharedSpace, *, per_second: float = 1.0, most: int = 32) -> None:
        self._space = space
        self.dim = space.dim
        side = space.family.picture_side
        self.sampling = FrameSampling(per_second=per_second, most=most, height=side, width=side)
        self.settings: Mapping[str, Any] = {"sampling": asdict(self.sampling), "row": "a frame"}

    def rows(self, sampled: Frames) -> Rows:
        """Return a row a frame, with its time."""
        values = self._space.encode_pictures(in_own_shape(sampled.pixels, sampled.aspect))
        return Rows(values, np.stack([sampled.times, sampled.times], axis=1))


class SharedClips:
    """A row a clip of the frames that the model takes.

    Args:
        space: a model with a clip tower.
        per_second: frames a second; by default those of its family.
        most: clips a video, at most.
    """

    def __init__(self, space: SharedSpace, *, per_second: float | None = None, most: int = 32) -> None:
        self._space = space
        self.dim = space.dim
        family = space.family
        prepare = family.clip_processor
        self.sampling = ClipSampling(
            look=self._look,
            frames=family.clip_frames,
            per_second=per_second or family.clip_per_second,
            most=most,
            resize=prepare.resize,
            height=prepare.height,
            width=prepare.width,
            interpolation=prepare.interpolation,
        )
        chosen = {"frames": self.sampling.frames, "per_second": self.sampling.per_second, "most": most}
        self.settings: Mapping[str, Any] = {"sampling": asdict(prepare) | chosen, "row": "a clip"}

    def rows(self, sampled: Clips) -> Rows:
        """Return a row a clip, with its times."""
        return Rows(sampled.vectors, sampled.times)

    def _look(self, clip: NDArray[np.uint8]) -> NDArray[np.float32]:
        [vector] = self._space.encode_clips([clip])
        return np.asarray(vector)


class SharedSound:
    """A row a piece of 10 s that is not silent.

    Args:
        space: a model with a sound tower.
        most_s: seconds of sound, at most.
    """

    def __init__(self, space: SharedSpace, *, most_s: float = 3600.0) -> None:
        self._space = space
        self.dim = space.dim
        self.sampling = SoundSampling(rate=space.family.sound_rate, most_s=most_s)
        silent = f"a piece of {PIECE_S} s, silent ones below {SILENT_BELOW} left out"
        self.settings: Mapping[str, Any] = {"sampling": asdict(self.sampling), "row": silent}

    def begin(self, named: Callable[[Rows], dict[str, Rows]]) -> Hearing:
        """Begin with one video; `named` gives the rows their name."""
        rate = self.sampling.rate
        return PieceHearing(
            lambda piece: self._space.encode_sound(piece, rate),
            named,
            dim=self.dim,
            rate=rate,
            seconds=PIECE_S,
        )
