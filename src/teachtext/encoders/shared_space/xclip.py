"""X-CLIP: clips of a fixed number of frames."""

from collections.abc import Sequence
from pathlib import Path

import torch

from teachtext.encoders.computing import TorchDevice
from teachtext.encoders.shared_space.family import CLIPS, TEXT, Family, Pixels, pooled


class XCLIP(Family):
    """X-CLIP (Ni et al., ECCV 2022).

    Texts are those of `get_text_features`: the text vectors of `forward` depend on the video beside them.
    """

    towers = frozenset({TEXT, CLIPS})
    # in training the frames of a clip were spread over a video of some 10 s
    clip_per_second = 1.0

    def __init__(self, folder: Path, place: TorchDevice) -> None:
        super().__init__(folder, place)
        self.clip_frames = self.config.vision_config.num_frames

    def clip(self, frames: Sequence[Pixels]) -> torch.Tensor:
        """Return the vector of one clip of `clip_frames` frames."""
        pixels = self._picture_inputs(frames)["pixel_values"]
        # the processor of some checkpoints takes frames for pictures, that of others for a video
        clip = pixels.reshape(1, -1, *pixels.shape[-3:])
        return pooled(self.model.get_video_features(pixel_values=clip))
