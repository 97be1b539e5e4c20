"""TIPSv2: texts in lower case, pictures that are resized and nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from teachtext.encoders.shared_space.family import Family, Pixels, pooled
from teachtext.encoders.video.hf.processor import ClipProcessor

_PROCESSOR: Mapping[str, Any] = {"size": {"height": 448, "width": 448}, "do_normalize": False, "resample": 2}


class TIPSv2(Family):
    """TIPSv2 (Google, 2026). Its picture processor in transformers needs torchvision, so its work is done here."""

    lower = True
    padded = True

    def pictures(self, pictures: Sequence[Pixels]) -> torch.Tensor:
        """Return the vectors of pictures."""
        pixels = torch.cat([self.image_processor.prepared([picture])[0] for picture in pictures]).to(self.place.name)
        return pooled(self.model.get_image_features(pixel_values=pixels))

    def _image_processor(self) -> ClipProcessor:
        return ClipProcessor.of(self.folder, _PROCESSOR)
