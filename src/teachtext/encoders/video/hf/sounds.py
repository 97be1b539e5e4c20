"""Sound models: a vector a piece of the sound."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoFeatureExtractor

from teachtext.encoders.base import Hearing, Rows
from teachtext.encoders.video.hf.network import Network
from teachtext.video.sampling import SoundSampling
from teachtext.video.sound import SILENT_BELOW, Pieces, Samples, is_silent

_PIECE_S = 10


class SoundModel:
    """The projection into the space shared with text, or else a pooled output, or else the mean over time.

    Of an encoder that looks at a fixed length (Whisper: 30 s) only the states over the piece itself are averaged, and
    not those over the silence that fills it up.

    Args:
        network: the model; of encoder-decoders the encoder is used.
        folder: with its feature extractor.
        most_s: seconds of sound, at most.
    """

    def __init__(self, network: Network, folder: Path, *, most_s: float = 3600.0) -> None:
        self._prepare: Any = AutoFeatureExtractor.from_pretrained(folder, trust_remote_code=False)
        rate: int = self._prepare.sampling_rate
        self._network = network
        self._fixed: int | None = getattr(self._prepare, "n_samples", None)
        self.sampling = SoundSampling(rate=rate, most_s=most_s)
        noise = np.random.default_rng(0).integers(-9999, 9999, rate, np.int16)
        self.dim = network.width(lambda: self._hear(noise))
        self.settings: Mapping[str, Any] = {
            "sampling": asdict(self.sampling),
            "row": f"a piece of {_PIECE_S} s, silent ones below {SILENT_BELOW} left out",
            "vector": network.taken or "mean over time",
        }

    def begin(self, named: Callable[[Rows], dict[str, Rows]]) -> Hearing:
        """Begin with one video: a row for each piece that is not silent, with its times; `named` gives it its name."""
        return PieceHearing(self._vector, named, dim=self.dim, rate=self.sampling.rate, seconds=_PIECE_S)

    def _vector(self, piece: Samples) -> NDArray[np.float32]:
        with self._network.place.inference():
            vector: NDArray[np.float32] = self._hear(piece).float().cpu().numpy()
        return vector

    def _hear(self, piece: NDArray[np.int16]) -> torch.Tensor:
        wave = piece.astype(np.float32) / 32768
        inputs = self._prepare([wave], sampling_rate=self._prepare.sampling_rate, return_tensors="pt")
        inputs = inputs.to(self._network.place.name)
        model = self._network.model
        if hasattr(model, "get_audio_features"):
            return self._network.vector(model.get_audio_features(**inputs))
        output = (model.get_encoder() if model.config.is_encoder_decoder else model)(**inputs)
        if getattr(output, "pooler_output", None) is not None:
            return self._network.vector(output)
        states = torch.as_tensor(output.last_hidden_state)
        share = min(1.0, len(piece) / self._fixed) if self._fixed else 1.0
        return states[:, : math.ceil(share * states.shape[1])].mean(dim=1)


class PieceHearing:
    """A row for each piece of some seconds that is not silent, and for what is left at the end.

    Args:
        look: makes (1, D) of the samples of a piece.
        named: makes rows by output of all rows.
        dim: D.
        rate: samples a second.
        seconds: length of a piece.
    """

    def __init__(
        self,
        look: Callable[[Samples], NDArray[np.float32]],
        named: Callable[[Rows], dict[str, Rows]],
        *,
        dim: int,
        rate: int,
        seconds: int,
    ) -> None:
        self._look = look
        self._named = named
        self._rate = rate
        self._values = [np.zeros((0, dim), np.float32)]
        self._times: list[tuple[int, int]] = []
        self._begin = 0
        length = seconds * rate
        self._pieces = Pieces(lambda samples: length if len(samples) >= length else 0, self._take)
        self.hear = self._pieces.hear

    def finish(self) -> dict[str, Rows]:
        """See `Hearing.finish`."""
        self._pieces.finish()
        times = np.array(self._times, np.float64).reshape(-1, 2) / self._rate
        return self._named(Rows(np.concatenate(self._values), times.astype(np.float32)))

    def _take(self, piece: Samples) -> None:
        end = self._begin + len(piece)
        if not is_silent(piece):
            self._values.append(self._look(piece))
            self._times.append((self._begin, end))
        self._begin = end
