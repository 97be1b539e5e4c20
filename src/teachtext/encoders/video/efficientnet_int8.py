"""EfficientNet-Lite in whole numbers of 8 bits: two fifths of the time with VNNI, and nearly equal values.

No picture is needed to prepare it. What a layer gives on average, and how far its values spread, stands in the batch
normalisation of the network (Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, ICCV
2019). The ranges of the values follow from that. So does what rounded weights change on average, which is taken off the
biases.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from torch.nn import BatchNorm2d, Conv2d
from torch.nn.utils.fusion import fuse_conv_bn_eval

from teachtext.devices import CPU
from teachtext.encoders.computing import open_session
from teachtext.encoders.graph_nodes import GraphNodes
from teachtext.encoders.video.efficientnet_graph import Graph, write_graph
from teachtext.errors import InputError

# levels of a weight on either side of zero, and of a value
_WEIGHT_LEVELS, _LEVELS = 127, 255
_LEAST_WEIGHT = 1e-4
# standard deviations on either side of the mean that values may have
_REACH = 4.0
_SIX = 6.0
_CHECKED = 64

Floats = NDArray[np.float64]
_erf = np.vectorize(math.erf, otypes=[np.float64])


def open_int8(network: Any, size: int, *, mean: float, std: float, threads: int) -> onnxruntime.InferenceSession:
    """Open a network that computes in whole numbers, on the CPU.

    Args:
        network: an `EfficientNet` of efficientnet_lite_pytorch, in evaluation mode.
        size: pixels.
        mean: what is taken off values of pixels in [0, 1].
        std: what they are divided by then.
        threads: CPU threads.

    Returns:
        A session from `images` (N, 3, size, size), uint8 pixels as they are, to `features` (N, D) and `classes`
        (N, classes) as floats.

    Raises:
        InputError: the processor does not add products of 8 bits exactly.
    """
    if not _adds_exactly():
        raise InputError(
            "this processor loses parts of sums of 8-bit products, so features would depend on the machine",
            "leave 'precision' out",
        )
    session, _ = open_session(write_graph(_Int8Graph(mean, std), network, size), threads=threads, device=CPU)
    return session


class _Values(NamedTuple):
    """The values of a layer: the step between two levels, and the mean and variance of each channel, (C,)."""

    step: float
    mean: Floats
    variance: Floats


class _Int8Graph(Graph):
    """Layers whose values are rounded to 8 bits; ONNX Runtime fuses the roundings into the layers.

    Args:
        mean: of pixels in [0, 1].
        std: of these.
    """

    takes_levels = True

    def __init__(self, mean: float, std: float) -> None:
        super().__init__()
        self._zero = round(_LEVELS * mean)
        self._values = {"pictures": _Values(1 / (_LEVELS * std), np.zeros(3), np.ones(3))}

    def begin(self) -> str:
        """Return the name of the values of the pictures; see `Graph.begin`."""
        step = self.keep(np.float32(self._values["pictures"].step))
        return self.add("DequantizeLinear", ["images", step, self.keep(np.uint8(self._zero))], "pictures")

    def join(self, last: str, before: str) -> str:
        """Add the values before a block to its result; see `Graph.join`."""
        result, earlier = self._values[last], self._values[before]
        mean, variance = result.mean + earlier.mean, result.variance + earlier.variance
        return self._rounded(self.add("Add", [last, before]), mean, variance)

    def convolve(self, before: str, conv: Conv2d, norm: BatchNorm2d, *, relu6: bool = True) -> str:
        """Add a convolution with its normalisation; see `Graph.convolve`."""
        fused: Any = fuse_conv_bn_eval(conv, norm)
        weight, bias = (part.detach().double().numpy() for part in (fused.weight, fused.bias))
        largest = np.maximum(np.abs(weight).max(axis=(1, 2, 3)), _LEAST_WEIGHT)
        steps = (largest / _WEIGHT_LEVELS).astype(np.float32)
        levels = np.round(weight / steps[:, None, None, None])
        lost = (weight - levels * steps[:, None, None, None]).sum(axis=(2, 3))
        values = self._values[before]
        bias = bias + (lost[:, 0] * values.mean if conv.groups > 1 else lost @ values.mean)
        last = self.add_conv(
            [
                before,
                self._weights(levels.astype(np.int8), steps),
                self._weights(np.round(bias / (steps * values.step)).astype(np.int32), steps * np.float32(values.step)),
            ],
            conv,
        )
        mean, deviation = norm.bias.detach().double().numpy(), norm.weight.detach().double().abs().numpy()
        if not relu6:
            return self._rounded(last, mean, deviation**2)
        last = self.add("Clip", [last, *self.bounds])
        return self._rounded(last, _clipped_mean(mean, deviation), deviation**2, bounds=(0.0, _SIX))

    def _weights(self, levels: NDArray[Any], steps: NDArray[np.float32]) -> str:
        zeros = np.zeros(len(levels), levels.dtype)
        return self.add("DequantizeLinear", [self.keep(levels), self.keep(steps), self.keep(zeros)], axis=0)

    def _rounded(self, name: str, mean: Floats, variance: Floats, bounds: tuple[float, float] | None = None) -> str:
        """Round values to levels between bounds; without bounds these follow from the mean and the variance."""
        reach = _REACH * np.sqrt(variance)
        low, high = bounds or (min(0.0, float((mean - reach).min())), max(0.0, float((mean + reach).max())))
        step = (high - low) / _LEVELS
        levels = [self.keep(np.float32(step)), self.keep(np.uint8(round(-low / step)))]
        last = self.add("DequantizeLinear", [self.add("QuantizeLinear", [name, *levels]), *levels])
        self._values[last] = _Values(step, mean, variance)
        return last


def _clipped_mean(mean: Floats, deviation: Floats) -> Floats:
    """Return the mean of normal variables that are cut off at 0 and at 6.

    >>> _clipped_mean(np.array([3.0, -9.0]), np.array([1.0, 1.0])).round(3).tolist()
    [3.0, 0.0]
    """
    deviation = np.maximum(deviation, 1e-9)
    low, high = -mean / deviation, (_SIX - mean) / deviation
    below_low, below_high = ((1 + _erf(bound / math.sqrt(2))) / 2 for bound in (low, high))
    density_low, density_high = (np.exp(-(bound**2) / 2) / math.sqrt(2 * math.pi) for bound in (low, high))
    inside = mean * (below_high - below_low) - deviation * (density_high - density_low)
    return np.asarray(inside + _SIX * (1 - below_high), np.float64)


def _adds_exactly() -> bool:
    """Return whether this processor adds products of 8 bits without losses; some keep 16 bits of each pair of them."""
    graph = GraphNodes()
    unit, zero = graph.keep(np.float32(1)), graph.keep(np.uint8(0))
    weights = np.full((_CHECKED, _CHECKED, 1, 1), _WEIGHT_LEVELS, np.int8)
    # the largest sum there is makes the highest level
    step = graph.keep(np.float32(_CHECKED * _WEIGHT_LEVELS))
    pictures = graph.add("DequantizeLinear", ["images", unit, zero])
    conv = graph.add(
        "Conv", [pictures, graph.add("DequantizeLinear", [graph.keep(weights), unit, graph.keep(np.int8(0))])]
    )
    level = graph.add("QuantizeLinear", [conv, step, zero])
    graph.add("DequantizeLinear", [level, unit, zero], "sums")
    shape = (1, _CHECKED, 8, 8)
    written = graph.written("sums of products", inputs={}, outputs={"sums": shape}, opset=17, levels={"images": shape})
    session, _ = open_session(written, threads=1, device=CPU)
    [sums] = session.run(None, {"images": np.full(shape, _LEVELS, np.uint8)})
    return bool((sums == _LEVELS).all())
