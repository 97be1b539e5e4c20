"""Image towers: a vector a frame."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoImageProcessor

from teachtext.devices import batch_size
from teachtext.encoders.base import Rows
from teachtext.encoders.video.hf.network import Network
from teachtext.encoders.video.hf.processor import picture_side
from teachtext.video.sampling import Frames, FrameSampling

_BATCH, _GPU_BATCH = 4, 32


class ImageTower:
    """The projection into the space shared with text, or else what `Network.vector` takes, of each frame.

    Args:
        network: the model.
        folder: with its image processor, run on PIL, because the alternative needs torchvision.
        per_second: frames a second.
        most: frames a video, at most.
    """

    def __init__(self, network: Network, folder: Path, *, per_second: float = 1.0, most: int = 32) -> None:
        self._prepare: Any = AutoImageProcessor.from_pretrained(folder, trust_remote_code=False, backend="pil")
        self._network = network
        side = picture_side(self._prepare)
        self.sampling = FrameSampling(per_second=per_second, most=most, height=side, width=side)
        noise = np.random.default_rng(0).integers(0, 256, (1, 1, side, side, 3), np.uint8)
        self.dim = network.width(lambda: self._look(noise, 1.0))
        self.settings: Mapping[str, Any] = {
            "sampling": asdict(self.sampling),
            "row": "a frame",
            "vector": network.taken,
        }

    def rows(self, sampled: Frames) -> Rows:
        """Return a row a frame, with its time."""
        batch = batch_size(self._network.place.name, cpu=_BATCH, gpu=_GPU_BATCH)
        starts = range(0, len(sampled.pixels), batch)
        with self._network.place.inference():
            values = torch.cat([self._look(sampled.pixels[start : start + batch], sampled.aspect) for start in starts])
        return Rows(values.float().cpu().numpy(), np.stack([sampled.times, sampled.times], axis=1))

    def _look(self, pixels: NDArray[np.uint8], aspect: float) -> torch.Tensor:
        """Return a row a frame, as the model's own processor crops and scales it."""
        inputs = self._prepare(images=in_own_shape(pixels, aspect), return_tensors="pt")
        model = self._network.model
        look = getattr(model, "get_image_features", model)
        return self._network.vector(look(pixel_values=inputs["pixel_values"].to(self._network.place.name)))


def in_own_shape(pixels: NDArray[np.uint8], aspect: float) -> list[NDArray[np.uint8]]:
    """Bring frames back to the shape that they had before sampling, without making them smaller.

    Args:
        pixels: (T, 1, height, width, 3), as `Frames` has them.
        aspect: width of the video by its height.
    """
    height, width = pixels.shape[2:4]
    size = (round(width * min(4.0, aspect)), height) if aspect >= 1 else (width, round(height / max(0.25, aspect)))
    return [np.asarray(cv2.resize(frame[0], size, interpolation=cv2.INTER_LINEAR), np.uint8) for frame in pixels]
