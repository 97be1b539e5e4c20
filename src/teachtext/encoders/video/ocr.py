"""Words on the screen: text recognised on frames, then encoded as text."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from importlib.metadata import distribution, version
from pathlib import Path
from typing import Any

import cv2
from rapidocr_onnxruntime import RapidOCR

from teachtext.data.passages import Passage
from teachtext.devices import AUTO, CPU, onnx_providers
from teachtext.encoders.base import Rows
from teachtext.encoders.computing import open_session
from teachtext.encoders.video.ocr_graph import with_fewer_passes
from teachtext.encoders.video.screen_text import RULES, SIDE, TextReader
from teachtext.encoders.video.words import Words
from teachtext.files import content_hash, fingerprint
from teachtext.video.sampling import Frames, FrameSampling

_WEIGHTS = "rapidocr-onnxruntime"
_MODELS = ["ch_PP-OCRv4_det_infer.onnx", "ch_PP-OCRv4_rec_infer.onnx"]


class ScreenText:
    """Text found and recognised by PP-OCRv4 (mobile, Chinese and English), then encoded as text.

    A sequence: a row for each text on the screen. A text is everything that is written on a frame, from top to bottom;
    while frames in succession show the same, it is one row, from the first frame to the last. What looks the same as
    before is not read again (see `TextReader`). The words are kept as passages. A video without text has no rows.

    Args:
        threads: CPU threads.
        device: where text is found and encoded (see `teachtext.devices`); RapidOCR uses no GPU but the first.
        encoder: spec of the text encoder; it has to give one row a text for there to be one row a text.
        per_second: moments a second.
        most: moments a video, at most.
    """

    def __init__(
        self,
        *,
        threads: int = 1,
        device: str = AUTO,
        encoder: str = "minilm",
        per_second: float = 1.0,
        most: int = 32,
    ) -> None:
        self._words = Words(encoder, threads=threads, device=device)
        self.outputs: Mapping[str, int] = {"ocr": self._words.dim}
        self.sampling = FrameSampling(per_second=per_second, most=most, height=720, width=1280)
        folder = Path(str(distribution(_WEIGHTS).locate_file("rapidocr_onnxruntime/models")))
        self.settings: Mapping[str, Any] = {
            "weights": f"{_WEIGHTS} {version(_WEIGHTS)}",
            "hash": fingerprint({name: content_hash(folder / name) for name in _MODELS}),
            "version": 2,
            **RULES,
            "sampling": asdict(self.sampling),
            "ocr": "a row a text, frames in succession with the same text joined",
            "text": self._words.settings,
        }
        on_gpu, note = _uses_gpu(device)
        self.notes = [*self._words.notes, *([note] if note else [])]
        self._engine: Any = RapidOCR(
            intra_op_num_threads=threads, inter_op_num_threads=1, det_limit_side_len=1, use_cls=False, **on_gpu
        )
        if not on_gpu:
            # RapidOCR's own session gives all memory back after each picture, which takes a quarter of its time
            graph = with_fewer_passes(folder / _MODELS[0])
            self._engine.text_det.infer.session, _ = open_session(graph, threads=threads, device=CPU)
        self._threads = threads

    def encode(self, sampled: Frames) -> dict[str, Rows]:
        """Encode one video; see `VideoExpert.encode`."""
        return self.begin_video()(sampled)

    def begin_video(self) -> Callable[[Frames], dict[str, Rows]]:
        """Begin with a video in pieces; see `PieceExpert.begin_video`."""
        return partial(self._encode, TextReader(self._engine))

    def _encode(self, reader: TextReader, sampled: Frames) -> dict[str, Rows]:
        cv2.setNumThreads(self._threads)
        size = _size(sampled.aspect)
        pictures = (cv2.resize(frame[0], size, interpolation=cv2.INTER_AREA) for frame in sampled.pixels)
        texts = [reader.read(picture, side=sampled.side) for picture in pictures]
        return {"ocr": self._words.encode(list(_joined(texts, sampled.times.tolist())))}


def _uses_gpu(device: str) -> tuple[dict[str, bool], str]:
    """Return RapidOCR's options for a device, and a note if it stays on the CPU."""
    providers, note = onnx_providers(device)
    if providers[0] == ("CUDAExecutionProvider", {"device_id": 0}):
        return {"det_use_cuda": True, "rec_use_cuda": True}, ""
    return {}, note or (f"RapidOCR cannot use {device}, so the CPU is used" if len(providers) > 1 else "")


def _size(aspect: float) -> tuple[int, int]:
    """Return (width, height) for a picture of this shape: the shorter side is `SIDE`, the longer at most 4 times."""
    longer = round(SIDE * min(4.0, max(aspect, 1 / aspect)))
    return (longer, SIDE) if aspect >= 1 else (SIDE, longer)


def _joined(texts: Sequence[str], times: Sequence[float]) -> Iterator[Passage]:
    """Yield each text once for as long as it stays, without regard to case."""
    start = 0
    for number in range(1, len(texts) + 1):
        if number == len(texts) or texts[number].casefold() != texts[start].casefold():
            if texts[start]:
                yield Passage(round(times[start], 2), round(times[number - 1], 2), texts[start])
            start = number
