"""Any image tower or sound model of the transformers family, by its id or folder."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any, Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoFeatureExtractor, AutoImageProcessor, AutoModel

from teachtext.encoders.base import Frames, FrameSampling, Hearing, Rows, Sound, SoundSampling
from teachtext.encoders.hub import quiet, resolve, told_of
from teachtext.encoders.sound import SILENT_BELOW, PieceHearing, Samples, hear_all
from teachtext.encoders.threads import torch_threads
from teachtext.errors import InputError

_BATCH = 4
_PIECE_S = 10
_Look = Callable[[Any], torch.Tensor]


class HuggingFace:
    """A model of one's own choice. Weights must be safetensors, and code that comes with a model is never run.

    Of an image model (CLIP, SigLIP, DINOv2, ViT, ...) each frame's vector is the projection into the space that it
    shares with text, or else the model's own pooled output, or else its first token. Of a sound model (CLAP, Whisper,
    ...) the same goes for pieces of 10 s, where the last resort is the mean over time; silent pieces have no row.

    Args:
        model: a local folder, or an id of the Hugging Face hub; a model that is in the hub's cache needs no network.
        output: `frames` = a row a frame or piece, with times; `pooled` = their mean, one row.
        name: the name of the output.
        threads: CPU threads.
        per_second: frames a second.
        most: frames a video, at most.
        most_s: seconds of sound, at most.

    Raises:
        InputError: no such folder or id, no network, or a model that cannot be loaded under these rules.
    """

    def __init__(
        self,
        *,
        model: str,
        output: Literal["frames", "pooled"],
        name: str,
        threads: int = 1,
        per_second: float = 1.0,
        most: int = 32,
        most_s: float = 3600.0,
    ) -> None:
        folder = resolve(model)
        try:
            with quiet():
                self._prepare = _processor(folder)
                self._model = AutoModel.from_pretrained(folder, trust_remote_code=False, use_safetensors=True)
        except (OSError, ValueError, ImportError, KeyError) as error:
            reason = str(error).strip().split("\n")[0]
            mend = "give an image or sound model that transformers knows, with its processor and weights in safetensors"
            raise InputError(f"{model} cannot be loaded as a video expert ({reason})", mend) from error
        self._model = self._model.float().eval()
        self._threads = threads
        self._pooled = output == "pooled"
        rate = getattr(self._prepare, "sampling_rate", None)
        side = 0 if rate else _side(self._prepare)
        self.sampling: FrameSampling | SoundSampling = (
            SoundSampling(rate=int(rate), most_s=most_s)
            if rate
            else FrameSampling(per_second=per_second, most=most, height=side, width=side)
        )
        picture = Frames(np.zeros((1, 1, side, side, 3), np.uint8), np.zeros(1, np.float32), 1.0)
        with torch_threads(threads), torch.inference_mode():
            dim = (self._hear(np.ones(int(rate), np.int16)) if rate else self._look(picture.pixels, 1.0)).shape[1]
        self.outputs: Mapping[str, int] = {name: int(dim)}
        self.settings: Mapping[str, Any] = {
            **told_of(model, folder),
            "output": output,
            "sampling": asdict(self.sampling),
            "row": f"a piece of {_PIECE_S} s, silent ones below {SILENT_BELOW} left out" if rate else "a frame",
        }

    def begin(self) -> Hearing:
        """Begin with one video, if this is a sound model; see `SoundExpert.begin`."""
        [dim] = self.outputs.values()
        assert isinstance(self.sampling, SoundSampling)
        return PieceHearing(self._hear, self._named, dim=dim, rate=self.sampling.rate, seconds=_PIECE_S)

    def encode(self, seen: Frames | Sound) -> dict[str, Rows]:
        """Encode one video; see `VideoExpert.encode`."""
        if isinstance(seen, Sound):
            return hear_all(self.begin(), seen)
        with torch_threads(self._threads), torch.inference_mode():
            return self._named(self._rows_of_frames(seen))

    def _named(self, rows: Rows) -> dict[str, Rows]:
        [name] = self.outputs
        if self._pooled and len(rows.values):
            return {name: Rows(rows.values.mean(axis=0, keepdims=True))}
        return {name: rows._replace(times=None) if self._pooled else rows}

    def _rows_of_frames(self, seen: Frames) -> Rows:
        starts = range(0, len(seen.pixels), _BATCH)
        values = torch.cat([self._look(seen.pixels[start : start + _BATCH], seen.aspect) for start in starts])
        return Rows(values.numpy(), np.stack([seen.times, seen.times], axis=1))

    def _look(self, pixels: NDArray[np.uint8], aspect: float) -> torch.Tensor:
        """Return a row a frame, as the model's own processor crops and scales it."""
        height, width = pixels.shape[2:4]
        # bring the frames to their own shape first, without making them smaller
        size = (round(width * min(4.0, aspect)), height) if aspect >= 1 else (width, round(height / max(0.25, aspect)))
        images = [cv2.resize(frame[0], size, interpolation=cv2.INTER_LINEAR) for frame in pixels]
        inputs = self._prepare(images=images, return_tensors="pt")
        if hasattr(self._model, "get_image_features"):
            return _vector(self._model.get_image_features(pixel_values=inputs["pixel_values"]))
        return _vector(self._model(pixel_values=inputs["pixel_values"]))

    def _hear(self, piece: Samples) -> NDArray[np.float32]:
        """Return (1, D) of a piece of sound."""
        wave = piece.astype(np.float32) / 32768
        with torch_threads(self._threads), torch.inference_mode():
            inputs = self._prepare([wave], sampling_rate=self._prepare.sampling_rate, return_tensors="pt")
            if hasattr(self._model, "get_audio_features"):
                return _vector(self._model.get_audio_features(**inputs)).numpy()
            model = self._model.get_encoder() if self._model.config.is_encoder_decoder else self._model
            return _vector(model(**inputs), mean=True).numpy()


def _processor(folder: Any) -> Any:
    """Return what turns pictures (by PIL, the other way needs torchvision) or sound into a model's inputs."""
    try:
        return AutoImageProcessor.from_pretrained(folder, trust_remote_code=False, backend="pil")
    except (OSError, ValueError):
        found = AutoFeatureExtractor.from_pretrained(folder, trust_remote_code=False)
        if getattr(found, "sampling_rate", None) is None:
            raise
        return found


def _side(processor: Any) -> int:
    """Return the side of the square that frames are decoded to: what the processor crops or scales them to."""
    numbers = list(_numbers(getattr(processor, "size", None))) + list(_numbers(getattr(processor, "crop_size", None)))
    return max(numbers, default=224)


def _numbers(told: Any) -> Iterator[int]:
    values = dict(told).values() if told is not None and not isinstance(told, int) else [told]
    yield from (int(value) for value in values if isinstance(value, int))


def _vector(output: Any, *, mean: bool = False) -> torch.Tensor:
    """Return (N, D) of what a model gives: itself, its pooled output, the mean over time, or the first token."""
    if isinstance(output, torch.Tensor):
        return output
    pooled = getattr(output, "pooler_output", None)
    if pooled is not None:
        return torch.as_tensor(pooled).flatten(1)
    states = output.last_hidden_state
    return torch.as_tensor(states.mean(dim=1) if mean else states[:, 0])
