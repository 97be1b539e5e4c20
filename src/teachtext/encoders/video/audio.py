"""The sound of a video: the embedding of a network trained on sound effects."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from aisfx.models import cnn2d
from numpy.typing import NDArray

from teachtext import devices
from teachtext.devices import AUTO, CPU, batch_size
from teachtext.encoders.base import Hearing, Rows, hear_all
from teachtext.encoders.computing import TorchDevice
from teachtext.files import content_hash
from teachtext.video.sampling import Sound, SoundSampling
from teachtext.video.sound import SILENT_BELOW, Pieces, Samples, is_silent

_WEIGHTS = "aisfx"
_RATE = 44_100
# as the network was trained: spectra of 2048 samples every 1024, 96 mel bands, 100 spectra a look, half overlapping
_WINDOW, _HOP, _BANDS = 2048, 1024, 96
_HALF = 50 * _HOP
_LARGEST = 9.457798957824707
_CHUNK_LOOKS, _GPU_LOOKS = 4, 64
_ALLOCATED = 64


class SoundEffects:
    """Embeddings of sound effects (Ma and Lerch, Representation Learning for ... Sound Effects Libraries, ISMIR 2022).

    A sequence: each row, (512,), is a look of 2.3 s, one every 1.2 s; in a video with more than `most` looks a row is
    the mean of some looks in succession. Silent looks, more than 60 dB below full scale, have no row: a video that is
    silent throughout, or has no sound, has none.

    Args:
        threads: CPU threads.
        device: where the network computes (see `teachtext.devices`).
        most: rows, at most.
        most_s: seconds that are heard, at most.
    """

    def __init__(self, *, threads: int = 1, device: str = AUTO, most: int = 64, most_s: float = 3600.0) -> None:
        self.outputs: Mapping[str, int] = {"audio": 512}
        self.sampling = SoundSampling(rate=_RATE, most_s=most_s)
        weights = Path(cnn2d.__file__).with_name("checkpoint.pth")
        self.settings: Mapping[str, Any] = {
            "weights": f"{_WEIGHTS} {version(_WEIGHTS)}",
            "hash": content_hash(weights),
            "version": 2,
            "sampling": asdict(self.sampling),
            "silent_below": SILENT_BELOW,
            "audio": f"a row a look of 100 spectra, every 50, at most {most} rows, of which each is a mean of looks",
        }
        self._most = most
        self._place = TorchDevice(device, threads=threads)
        self.notes = self._place.notes
        self._filters = torch.from_numpy(_mel_filters())
        self._shape = torch.hann_window(_WINDOW)
        self._network = _load(weights).to(self._place.name)
        self._chunk = batch_size(self._place.name, cpu=_CHUNK_LOOKS, gpu=_GPU_LOOKS)
        noise = torch.rand((2, 100, _BANDS), generator=torch.Generator().manual_seed(0))
        self._place.use_half_if_equal(lambda: self._vectors(noise))

    def begin(self) -> Hearing:
        """Begin with one video; see `SoundExpert.begin`."""
        return _Hearing(self._spectra, self._rows)

    def encode(self, sampled: Sound) -> dict[str, Rows]:
        """Encode one video; see `VideoExpert.encode`."""
        return hear_all(self.begin(), sampled)

    def _spectra(self, samples: Samples, out: torch.Tensor) -> None:
        """Write (50, 96), mel spectra of half a look, of the samples of half a window before it and its own."""
        wave = torch.from_numpy(samples.astype(np.float32) / 32768)
        with devices.torch_threads(self._place.threads), torch.inference_mode():
            power = torch.fft.rfft(wave.unfold(0, _WINDOW, _HOP) * self._shape).abs() ** 2
            torch.matmul(power, self._filters, out=out)

    def _vectors(self, spectra: torch.Tensor) -> NDArray[np.float32]:
        """Return (looks, 512) of scaled power spectra, (looks, 100, 96)."""
        with self._place.inference():
            loudness = torch.log10(spectra + 1) / _LARGEST
            vectors: NDArray[np.float32] = self._network(loudness.to(self._place.name)).float().cpu().numpy()
        return vectors

    def _rows(self, heard: "_Hearing") -> Rows:
        if not heard.looks:
            return Rows(np.zeros((0, 512), np.float32), np.zeros((0, 2), np.float32))
        scale = 10_000 * (32768 / heard.loudest) ** 2
        parts = []
        for first in range(0, len(heard.looks), self._chunk):
            chosen = heard.looks[first : first + self._chunk]
            spectra = torch.stack([torch.cat([heard.halves[look], heard.halves[look + 1]]) for look in chosen])
            parts.append(self._vectors(spectra * scale))
        vectors, starts = np.concatenate(parts), _HALF * np.array(heard.looks)
        times = np.stack([starts, np.minimum(starts + 2 * _HALF, heard.count)], axis=1) / _RATE
        spans = np.array_split(np.arange(len(vectors)), min(self._most, len(vectors)))
        return Rows(
            np.stack([vectors[span].mean(axis=0) for span in spans]).astype(np.float32),
            np.stack([[times[span[0], 0], times[span[-1], 1]] for span in spans]).astype(np.float32),
        )


class _Hearing:
    """Spectra of half looks, in order. The network runs at the end: its input depends on the loudest sample of all.

    Attributes:
        halves: (50, 96) by number, of those that belong to a look that is not silent.
        looks: numbers of these looks; each is the half of its number and the next one.
        loudest: the greatest sample without its sign, at least 1.
        count: samples.
    """

    def __init__(self, spectra: Callable[[Samples, torch.Tensor], None], rows: Callable[["_Hearing"], Rows]) -> None:
        self.halves: dict[int, torch.Tensor] = {}
        self.looks: list[int] = []
        self.loudest = 1
        self.count = 0
        self._spectra = spectra
        self._rows = rows
        self._number = 0
        self._free: list[torch.Tensor] = []
        self._last = np.zeros(_HALF, np.int16)
        self._pieces = Pieces(lambda samples: _HALF if len(samples) >= _HALF else 0, self._take)
        self.hear = self._pieces.hear

    def finish(self) -> dict[str, Rows]:
        self._pieces.finish()
        if self._number == 1:
            # a short sound is one look too
            self._take(np.zeros(0, np.int16))
        return {"audio": self._rows(self)}

    def _take(self, half: Samples) -> None:
        """Take the next half, which is shorter at the end; the look before it ends with it."""
        look, whole = self._number - 1, np.concatenate([self._last, half])
        filled = np.pad(whole, (0, 2 * _HALF - len(whole)))
        if not self._free:
            # allocated together: small pieces between larger ones that come and go would fragment the memory
            self._free = list(torch.empty(_ALLOCATED, _HALF // _HOP, _BANDS))
        self.halves[self._number] = self._free.pop()
        self._spectra(filled[_HALF - _WINDOW // 2 :], self.halves[self._number])
        if look >= 0 and not is_silent(whole):
            self.looks.append(look)
        if look >= 0 and (not self.looks or self.looks[-1] < look - 1):
            self._free.append(self.halves.pop(look))
        self.loudest = max(self.loudest, int(half.max(initial=0)), -int(half.min(initial=0)))
        self.count += len(half)
        self._number += 1
        self._last = half


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
        weights, _ = torch.load(path, map_location=CPU, weights_only=True)
    with torch.random.fork_rng(devices=[]):
        network = cnn2d.EmbeddingNet("max", 3, 1, 64)
    prefix = "embedding_net."
    network.load_state_dict({key[len(prefix) :]: value for key, value in weights.items() if key.startswith(prefix)})
    return network.eval().to(memory_format=torch.channels_last)
