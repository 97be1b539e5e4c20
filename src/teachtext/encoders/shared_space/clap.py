"""CLAP: texts and sound."""

from pathlib import Path
from typing import Any

import torch
from transformers import AutoFeatureExtractor

from teachtext.encoders.computing import TorchDevice
from teachtext.encoders.shared_space.family import SOUND, TEXT, Family, Samples, pooled


class CLAP(Family):
    """CLAP (Wu et al., ICASSP 2023). A sound shorter than 10 s is repeated up to that length."""

    towers = frozenset({TEXT, SOUND})
    trained_tokens = 77

    def __init__(self, folder: Path, place: TorchDevice) -> None:
        super().__init__(folder, place)
        self._prepare: Any = AutoFeatureExtractor.from_pretrained(folder, trust_remote_code=False)
        self.sound_rate = self._prepare.sampling_rate

    def sound(self, samples: Samples) -> torch.Tensor:
        """Return the vector of one piece of sound."""
        inputs = self._on_device(self._prepare([samples], sampling_rate=self.sound_rate, return_tensors="pt"))
        return pooled(self.model.get_audio_features(**inputs))
