"""Video networks: a vector a clip of some frames."""

import inspect
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from teachtext.encoders.base import Rows
from teachtext.encoders.video.hf.network import Network
from teachtext.encoders.video.hf.processor import ClipProcessor
from teachtext.video.sampling import Clips, ClipSampling

# frames a second in the training of the published weights, for families whose processors do not state it
_TRAINED_AT = {"videomae": 7.5, "vivit": 12.5, "timesformer": 1.0, "vjepa2": 4.0}
_OTHERWISE = 4.0


def frames_a_clip(config: Any) -> int | None:
    """Return the frames of one input of a video network, as its config states; None for any other model."""
    for part in (config, getattr(config, "vision_config", None)):
        for name in ("num_frames", "frames_per_clip"):
            if isinstance(frames := getattr(part, name, None), int):
                return frames
    return None


class ClipNetwork:
    """The projection into the space shared with text, or else what `Network.vector` takes, of each clip.

    One clip at a time, so that its numbers do not depend on what else there is.

    Args:
        network: the model.
        folder: with its processor.
        per_second: frames a second; by default of the processor, or of the training of the family, or 4.
        most: clips a video, at most.
        frames: frames a clip; by default of the processor, or of the model's config.

    Raises:
        ValueError: a processor that cannot be followed.
        RuntimeError: the model cannot take such clips.
    """

    def __init__(
        self,
        network: Network,
        folder: Path,
        *,
        per_second: float | None = None,
        most: int = 32,
        frames: int | None = None,
    ) -> None:
        self._network = network
        self._prepare = ClipProcessor.of(folder)
        prepare, config = self._prepare, network.config
        usual = prepare.per_second or _TRAINED_AT.get(config.model_type, _OTHERWISE)
        self.sampling = ClipSampling(
            look=self._look,
            frames=frames or prepare.frames or frames_a_clip(config) or 1,
            per_second=per_second or usual,
            most=most,
            resize=prepare.resize,
            height=prepare.height,
            width=prepare.width,
            interpolation=prepare.interpolation,
        )
        self._forward = getattr(network.model, "get_video_features", network.model)
        parameters = inspect.signature(getattr(self._forward, "forward", self._forward)).parameters
        self._input = "pixel_values_videos" if "pixel_values_videos" in parameters else "pixel_values"
        # V-JEPA 2: the prediction for a clip that is whole adds nothing
        self._options = {"skip_predictor": True} if "skip_predictor" in parameters else {}
        noise = np.random.default_rng(0).integers(
            0, 256, (self.sampling.frames, prepare.height, prepare.width, 3), np.uint8
        )
        self.dim = network.width(lambda: self._vector(noise))
        chosen = {"frames": self.sampling.frames, "per_second": self.sampling.per_second, "most": most}
        self.settings: Mapping[str, Any] = {
            "sampling": asdict(prepare) | chosen,
            "row": "a clip",
            "vector": network.taken,
        }

    def rows(self, sampled: Clips) -> Rows:
        """Return a row a clip, with its times."""
        return Rows(sampled.vectors, sampled.times)

    def _look(self, clip: NDArray[np.uint8]) -> NDArray[np.float32]:
        with self._network.place.inference():
            vector: NDArray[np.float32] = self._vector(clip)[0].float().cpu().numpy()
        return vector

    def _vector(self, clip: NDArray[np.uint8]) -> torch.Tensor:
        pixels = self._prepare(clip).to(self._network.place.name)
        return self._network.vector(self._forward(**{self._input: pixels}, **self._options))
