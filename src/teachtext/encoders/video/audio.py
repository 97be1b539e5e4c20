"""What a video sounds like: the embedding of a network trained on sound effects."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from aisfx.models import cnn2d
from numpy.typing import NDArray

from teachtext.encoders.base import Rows, Sound, SoundSampling
from teachtext.encoders.sound import SILENT_BELOW, is_silent
from teachtext.encoders.threads import torch_threads
from teachtext.files import content_hash

_WEIGHTS = "aisfx"
_RATE = 44_100
# as the network was trained: spectra of 2048 samples every 1024, 96 mel bands, 100 spectra a look, half overlapping
_WINDOW, _HOP, _BANDS = 2048, 1024, 96
_LOOK, _STEP = 100, 50
_LARGEST = 9.457798957824707
_CHUNK_LOOKS = 16


class SoundEffects:
    """Embeddings of sound effects (Ma and Lerch, Representation Learning for ... Sound Effects Libraries, ISMIR 2022).

    A sequence: each row, (512,), is a look of 2.3 s, one every 1.2 s; in a video with more than `most` looks a row is
    the mean of some looks in succession. Silent looks, more than 60 dB below full scale, have no row: a video that is
    silent throughout, or has no sound, has none.

    Args:
        threads: CPU threads.
        most: rows, at most.
        most_s: seconds that are heard, at most.
    """

    def __init__(self, *, threads: int = 1, most: int = 64, most_s: float = 3600.0) -> None:
        self.outputs: Mapping[str, int] = {"audio": 512}
        self.sampling = SoundSampling(rate=_RATE, most_s=most_s)
        weights = Path(cnn2d.__file__).with_name("checkpoint.pth")
        self.settings: Mapping[str, Any] = {
            "weights": f"{_WEIGHTS} {version(_WEIGHTS)}",
            "hash": content_hash(weights),
            "version": 1,
            "sampling": asdict(self.sampling),
            "silent_below": SILENT_BELOW,
            "audio": f"a row a look of 100 spectra, every 50, at most {most} rows, of which each is a mean of looks",
        }
        self._most = most
        self._threads = threads
        self._filters = torch.from_numpy(_mel_filters())
        self._shape = torch.hann_window(_WINDOW)
        self._network = _load(weights)

    def encode(self, seen: Sound) -> dict[str, Rows]:
        """Encode one video; see `VideoExpert.encode`."""
        with torch_threads(self._threads), torch.inference_mode():
            looks = list(self._looks(seen.samples))
        if not looks:
            return {"audio": Rows(np.zeros((0, 512), np.float32), np.zeros((0, 2), np.float32))}
        vectors, starts = np.concatenate([one for one, _ in looks]), np.concatenate([one for _, one in looks])
        times = np.stack([starts, np.minimum(starts + _LOOK * _HOP, len(seen.samples))], axis=1) / _RATE
        parts = np.array_split(np.arange(len(vectors)), min(self._most, len(vectors)))
        return {
            "audio": Rows(
                np.stack([vectors[part].mean(axis=0) for part in parts]).astype(np.float32),
                np.stack([[times[part[0], 0], times[part[-1], 1]] for part in parts]).astype(np.float32),
            )
        }

    def _looks(self, samples: NDArray[np.int16]) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
        """Yield the vectors of some looks, and the samples at which those begin; silent ones are left out."""
        loudest = max(1, int(np.abs(samples, dtype=np.int32).max(initial=0)))
        step, length = _STEP * _HOP, _LOOK * _HOP
        starts = np.arange(0, max(1, len(samples) - length // 2), step)
        heard = [start for start in starts if not is_silent(samples[start : start + length])]
        for first in range(0, len(heard), _CHUNK_LOOKS):
            chosen = heard[first : first + _CHUNK_LOOKS]
            spectra = torch.stack([self._spectra(samples, int(start), loudest) for start in chosen])
            yield self._network(spectra).numpy(), np.array(chosen)

    def _spectra(self, samples: NDArray[np.int16], start: int, loudest: int) -> torch.Tensor:
        """Return (100, 96): log mel spectra whose first is centred on `start`, of a sound whose loudest sample is 1."""
        begin, end = start - _WINDOW // 2, start + (_LOOK - 1) * _HOP + _WINDOW // 2
        piece = samples[max(0, begin) : end].astype(np.float32) / loudest
        piece = np.pad(piece, (max(0, -begin), 0))
        wave = torch.from_numpy(np.pad(piece, (0, end - begin - len(piece))))
        power = torch.fft.rfft(wave.unfold(0, _WINDOW, _HOP) * self._shape).abs() ** 2
        return torch.log10(power @ self._filters * 10_000 + 1) / _LARGEST


def _mel_filters() -> NDArray[np.float32]:
    """Return (1025, 96): triangles on the mel scale (O'Shaughnessy's formula), each of sum 1."""
    top = 2595 * np.log10(1 + _RATE / 2 / 700)
    corners = 700 * (10 ** (np.linspace(0, top, _BANDS + 2) / 2595) - 1)
    frequencies = np.fft.rfftfreq(_WINDOW, 1 / _RATE)[:, None]
    rising = (frequencies - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - frequencies) / (corners[2:] - corners[1:-1])
    triangles = np.maximum(0, np.minimum(rising, falling))
    return np.asarray(triangles / np.maximum(triangles.sum(axis=0), 1e-12), np.float32)


def _load(path: Path) -> Any:
    # a pickle: besides weights it holds class counts as NumPy numbers, and nothing else may be in it
    numbers: list[Any] = [
        (np.int64(0).__reduce__()[0], "numpy.core.multiarray.scalar"),
        (np.int64(0).__reduce__()[0], "numpy._core.multiarray.scalar"),
        np.dtype,
        type(np.dtype(np.int64)),
    ]
    with torch.serialization.safe_globals(numbers):
        weights, _ = torch.load(path, map_location="cpu", weights_only=True)
    with torch.random.fork_rng(devices=[]):
        network = cnn2d.EmbeddingNet("max", 3, 1, 64)
    prefix = "embedding_net."
    network.load_state_dict({key[len(prefix) :]: value for key, value in weights.items() if key.startswith(prefix)})
    return network.eval().to(memory_format=torch.channels_last)
