"""The sound of a video, gathered while its pictures are decoded."""

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from teachtext.encoders.base import Sound, SoundSampling

# shorter holes are jitter of the container's clock
_GAP_S = 0.1
# sound is silence if its root mean square is below this share of full scale (-60 dB), which nobody would notice
SILENT_BELOW = 0.001
_SAMPLE_BYTES = 2


class Listener:
    """Mix, resample and keep the sound of one sampling. Holes are filled with silence, so that it stays in time."""

    def __init__(self, sampling: SoundSampling) -> None:
        self.rate = sampling.rate
        self.most = round(sampling.most_s * sampling.rate)
        self.samples = bytearray()
        self.begin: float | None = None
        self.kind: tuple[str, str, int] | None = None
        self.resampler: AudioResampler | None = None

    def hear(self, frame: AudioFrame, time: float | None) -> None:
        """Take the next decoded frame, and the seconds at which it begins, on the clock of the container.

        Raises:
            FFmpegError, ValueError: a frame that cannot be resampled; the hole is filled by the next one.
        """
        if self._count() >= self.most:
            return
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self.begin is None:
            self.begin = time
        hole = 0.0 if time is None or self.begin is None else time - self.begin - self._count() / self.rate
        if kind != self.kind or hole > _GAP_S:
            self._flush()
            self.kind, self.resampler = kind, AudioResampler(format="s16", layout="mono", rate=self.rate)
        if hole > _GAP_S:
            self._keep(bytes(_SAMPLE_BYTES * min(round(hole * self.rate), self.most - self._count())))
        assert self.resampler is not None
        for piece in self.resampler.resample(frame):
            self._keep(piece.to_ndarray().tobytes())

    def finish(self, start: float) -> Sound:
        """Return the sound; `start` is the time of the first picture on the same clock."""
        self._flush()
        lead = 0 if self.begin is None else round((self.begin - start) * self.rate)
        heard = np.frombuffer(self.samples, np.int16)
        if lead > 0 and len(heard):
            heard = np.concatenate([np.zeros(min(lead, self.most), np.int16), heard])
        return Sound(heard[max(0, -lead) :][: self.most], self.rate)

    def _count(self) -> int:
        return len(self.samples) // _SAMPLE_BYTES

    def _keep(self, data: bytes) -> None:
        self.samples += data

    def _flush(self) -> None:
        """Take what the resampler still holds."""
        if self.resampler is not None:
            resampler, self.resampler, self.kind = self.resampler, None, None
            try:
                for piece in resampler.resample(None):
                    self._keep(piece.to_ndarray().tobytes())
            except (av.error.FFmpegError, ValueError):
                return


def is_silent(samples: NDArray[np.int16]) -> bool:
    """Return whether there is nothing but silence in some samples."""
    if not len(samples):
        return True
    wave = samples.astype(np.float32) / 32768
    return float(np.sqrt(np.mean(wave**2))) < SILENT_BELOW
