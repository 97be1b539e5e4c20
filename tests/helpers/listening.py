"""Hear the sound of a video as a whole."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.video.decode import sample_video
from teachtext.video.sampling import FrameSampling, Sound, SoundSampling
from teachtext.video.sound import Ear


def sense(path: Path, samplings: Sequence[FrameSampling | SoundSampling], **options: Callable[..., None]) -> list[Any]:
    """Return for each sampling the `Frames` or the `Sound` that it asks for, in one pass over the file."""
    heard: dict[int, list[NDArray[np.int16]]] = {}
    ears = []
    for number, one in enumerate(samplings):
        if isinstance(one, SoundSampling):
            heard[number] = [np.zeros(0, np.int16)]
            ears.append(Ear(one, heard[number].append))
    seen = iter(sample_video(path, [one for one in samplings if isinstance(one, FrameSampling)], ears, **options))
    return [
        Sound(np.concatenate(heard[number]), one.rate) if isinstance(one, SoundSampling) else next(seen)
        for number, one in enumerate(samplings)
    ]
