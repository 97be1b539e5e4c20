"""The sound of a video, handed on a piece at a time while its pictures are decoded."""

from collections.abc import Callable
from typing import NamedTuple

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from teachtext.video.sampling import SoundSampling

# shorter holes are jitter of the container's clock
_GAP_S = 0.1
# sound is silence if its root mean square is below this share of full scale (-60 dB), which nobody would notice
SILENT_BELOW = 0.001
_SAMPLE_BYTES = 2
Samples = NDArray[np.int16]


class Ear(NamedTuple):
    """Who hears the sound of a video: `hear` is called with the samples that follow, (S,), a second of them or so."""

    sampling: SoundSampling
    hear: Callable[[Samples], None]


class Listener:
    """Mix and resample sound for one ear. Holes are filled with silence, so that it stays in time."""

    def __init__(self, ear: Ear) -> None:
        self.ear = ear
        self.rate = ear.sampling.rate
        self.most = round(ear.sampling.most_s * self.rate)
        # samples that came since `begin`, and those of them that were not handed on yet
        self.count = 0
        self.kept = bytearray()
        self.begin: float | None = None
        # the time of the first picture; nothing is handed on before it is known
        self.start: float | None = None
        # samples before the first picture, to be left out yet; and how many may still be handed on
        self.early: int | None = None
        self.left = self.most
        self.kind: tuple[str, str, int] | None = None
        self.resampler: AudioResampler | None = None

    def hear(self, frame: AudioFrame, time: float | None, end: float) -> bool:
        """Take the next decoded frame. One that cannot be resampled is a hole.

        Args:
            frame: with samples of any kind.
            time: at which it begins, in seconds on the clock of the container; None where that is not told.
            end: the last time that is plausible, unless it follows on what came before.

        Returns:
            Whether its time is plausible; it is left out if not.
        """
        if self.count >= self.most:
            return True
        hole = 0.0
        if time is not None:
            hole = 0.0 if self.begin is None else time - self.begin - self.count / self.rate
            if time > end and (self.begin is None or hole > _GAP_S):
                return False
            self.begin = time if self.begin is None else self.begin
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if kind != self.kind or hole > _GAP_S:
            self._flush()
            self.kind, self.resampler = kind, AudioResampler(format="s16", layout="mono", rate=self.rate)
        if hole > _GAP_S:
            silence = min(round(hole * self.rate), self.most - self.count)
            for first in range(0, silence, self.rate):
                self._keep(bytes(_SAMPLE_BYTES * min(self.rate, silence - first)))
        self._resample(frame)
        return True

    def finish(self, start: float) -> None:
        """Hand on the rest; `start` is the time of the first picture on the same clock."""
        self._flush()
        self.start = start
        self._hand_on()

    def _flush(self) -> None:
        """Take what the resampler still holds."""
        self._resample(None)
        self.kind = self.resampler = None

    def _resample(self, frame: AudioFrame | None) -> None:
        if self.resampler is None:
            return
        try:
            data = b"".join(piece.to_ndarray().tobytes() for piece in self.resampler.resample(frame))
        except (av.error.FFmpegError, ValueError):
            return
        self._keep(data)

    def _keep(self, data: bytes) -> None:
        self.count += len(data) // _SAMPLE_BYTES
        self.kept += data
        if self.start is not None and len(self.kept) >= _SAMPLE_BYTES * self.rate:
            self._hand_on()

    def _hand_on(self) -> None:
        samples = np.frombuffer(bytes(self.kept), np.int16)
        self.kept.clear()
        if self.early is None and len(samples):
            lead = 0 if self.begin is None or self.start is None else round((self.begin - self.start) * self.rate)
            for first in range(0, min(lead, self.most), self.rate):
                self._tell(np.zeros(min(self.rate, lead - first), np.int16))
            self.early = max(0, -lead)
        early = self.early or 0
        self.early = max(0, early - len(samples)) if self.early is not None else None
        self._tell(samples[early:])

    def _tell(self, samples: Samples) -> None:
        samples = samples[: self.left]
        self.left -= len(samples)
        if len(samples):
            self.ear.hear(samples)


class Pieces:
    """Cut sound, which comes in portions of any length, into pieces.

    Args:
        cut: tells from some samples how long the first piece is; 0 if more of them have to come before.
        take: called with each piece as soon as it is there.
    """

    def __init__(self, cut: Callable[[Samples], int], take: Callable[[Samples], None]) -> None:
        self._cut = cut
        self._take = take
        self._rest = np.zeros(0, np.int16)

    def hear(self, samples: Samples) -> None:
        """Take the samples that follow."""
        self._rest = np.concatenate([self._rest, samples])
        while length := self._cut(self._rest):
            piece, self._rest = self._rest[:length], self._rest[length:]
            self._take(piece)

    def finish(self) -> None:
        """Take what is left as a piece, if there is something."""
        if len(self._rest):
            self._take(self._rest)


def is_silent(samples: Samples) -> bool:
    """Return whether there is nothing but silence in some samples."""
    if not len(samples):
        return True
    wave = samples.astype(np.float32) / 32768
    return float(np.sqrt(np.mean(wave**2))) < SILENT_BELOW
