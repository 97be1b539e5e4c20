"""VideoPrism-LvT: clips of a fixed number of frames, texts of a fixed length."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from teachtext.encoders.computing import TorchDevice
from teachtext.encoders.shared_space.family import CLIPS, TEXT, Family, Pixels, pooled
from teachtext.encoders.video.hf.processor import ClipProcessor

_PROCESSOR: Mapping[str, Any] = {"size": {"height": 288, "width": 288}, "do_normalize": False, "resample": 3}


class VideoPrism(Family):
    """VideoPrism with a text tower (Zhao et al., ICML 2024). Texts are padded to the full length."""

    class_name = "VideoPrismClipModel"
    towers = frozenset({TEXT, CLIPS})
    padded = True
    clip_per_second = 2.0

    def __init__(self, folder: Path, place: TorchDevice) -> None:
        super().__init__(folder, place)
        self.clip_frames = self.config.vision_config.num_frames

    def clip(self, frames: Sequence[Pixels]) -> torch.Tensor:
        """Return the vector of one clip of `clip_frames` frames."""
        pixels = self.image_processor.prepared(frames).to(self.place.name)
        return pooled(self.model.get_video_features(pixel_values_videos=pixels))

    @property
    def clip_processor(self) -> ClipProcessor:
        """How frames of a video are decoded for the clip tower."""
        return self._image_processor()

    def _image_processor(self) -> ClipProcessor:
        return ClipProcessor.of(self.folder, _PROCESSOR)
