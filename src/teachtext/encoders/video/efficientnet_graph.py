"""EfficientNet-Lite as an ONNX graph: ONNX Runtime fuses its layers, and takes half the time of torch on a CPU.

The graph is written by hand and not by `torch.onnx.export`, for three reasons:

- An exported graph changes the last bits: 0.5 % of the values differ after rounding to half precision. Features that
  are stored already would no longer be those of new videos.
- Every worker process builds the graph when it starts. The export takes 9 times as long.
- The export depends on the version of torch, and its present form needs one more package.
"""

from typing import Any

import numpy as np
from torch.nn import BatchNorm2d, Conv2d
from torch.nn.utils.fusion import fuse_conv_bn_eval

from teachtext.encoders.graph_nodes import GraphNodes


def graph_of(network: Any, size: int) -> bytes:
    """Write a network as a graph from `images` (N, 3, size, size) to `features` (N, D) and `classes` (N, classes).

    Args:
        network: an `EfficientNet` of efficientnet_lite_pytorch, in evaluation mode.
        size: pixels.

    Returns:
        The graph, batch normalisation folded into its convolutions.
    """
    return write_graph(Graph(), network, size)


def write_graph(graph: "Graph", network: Any, size: int) -> bytes:
    """Write a network with a given kind of layers; see `graph_of`."""
    last = graph.convolve(graph.begin(), network._conv_stem, network._bn0)
    for block in network._blocks:
        last = _block(graph, last, block)
    last = graph.convolve(last, network._conv_head, network._bn1)
    last = graph.add("Flatten", [graph.add("GlobalAveragePool", [last])], "features")
    last = graph.add("Gemm", [last, graph.keep(network._fc.weight), graph.keep(network._fc.bias)], transB=1)
    graph.add("Softmax", [last], "classes")
    pictures: dict[str, list[str | int]] = {"images": ["N", 3, size, size]}
    return graph.written(
        "EfficientNet-Lite",
        inputs={} if graph.takes_levels else pictures,
        outputs={"features": ["N", network._fc.in_features], "classes": ["N", network._fc.out_features]},
        opset=17,
        levels=pictures if graph.takes_levels else {},
    )


def _block(graph: "Graph", before: str, block: Any) -> str:
    if block.has_se:
        raise ValueError("no Lite network has squeeze and excitation")
    last = before
    if hasattr(block, "_expand_conv"):
        last = graph.convolve(last, block._expand_conv, block._bn0)
    last = graph.convolve(last, block._depthwise_conv, block._bn1)
    last = graph.convolve(last, block._project_conv, block._bn2, relu6=False)
    stays = block._depthwise_conv.stride in (1, (1, 1), [1, 1])
    same = block._project_conv.out_channels == block._block_args.input_filters
    return graph.join(last, before) if block.id_skip and stays and same else last


class Graph(GraphNodes):
    """The nodes of a network of convolutions."""

    takes_levels = False
    """Whether its pictures are uint8, as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.bounds = [self.keep(np.float32(0)), self.keep(np.float32(6))]

    def begin(self) -> str:
        """Return the name of the values of the pictures."""
        return "images"

    def join(self, last: str, before: str) -> str:
        """Add the values before a block to its result."""
        return self.add("Add", [last, before])

    def convolve(self, before: str, conv: Conv2d, norm: BatchNorm2d, *, relu6: bool = True) -> str:
        """Add a convolution with its normalisation, and ReLU6 after it with `relu6`."""
        fused = fuse_conv_bn_eval(conv, norm)
        last = self.add_conv([before, self.keep(fused.weight), self.keep(fused.bias)], conv)
        return self.add("Clip", [last, *self.bounds]) if relu6 else last

    def add_conv(self, inputs: list[str], conv: Conv2d) -> str:
        """Add a convolution of some input with a weight and a bias; return the name of its output."""
        # torch orders left, right, top, bottom; a module without padding has no such attribute
        left, right, top, bottom = getattr(conv.static_padding, "padding", (0, 0, 0, 0))
        return self.add(
            "Conv",
            inputs,
            kernel_shape=conv.kernel_size,
            strides=conv.stride,
            group=conv.groups,
            pads=[top, left, bottom, right],
        )
