"""EfficientNet-Lite as an ONNX graph: ONNX Runtime fuses its layers, and takes half the time of torch on a CPU.

The graph is written by hand and not by `torch.onnx.export`, for three reasons:

- An exported graph changes the last bits: 0.5 % of the values differ after rounding to half precision. Features that
  are stored already would no longer be those of new videos.
- Every worker process builds the graph when it starts. The export takes 9 times as long.
- The export depends on the version of torch, and its present form needs one more package.
"""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch.nn import BatchNorm2d, Conv2d
from torch.nn.utils.fusion import fuse_conv_bn_eval


def graph_of(network: Any, size: int) -> bytes:
    """Write a network as a graph from `images` (N, 3, size, size) to `features` (N, D) and `classes` (N, classes).

    Args:
        network: an `EfficientNet` of efficientnet_lite_pytorch, in evaluation mode.
        size: pixels.

    Returns:
        The graph, batch normalisation folded into its convolutions.
    """
    graph = _Graph()
    last = graph.convolve("images", network._conv_stem, network._bn0)
    for block in network._blocks:
        last = _block(graph, last, block)
    last = graph.convolve(last, network._conv_head, network._bn1)
    last = graph.add("Flatten", [graph.add("GlobalAveragePool", [last])], "features")
    last = graph.add("Gemm", [last, graph.keep(network._fc.weight), graph.keep(network._fc.bias)], transB=1)
    graph.add("Softmax", [last], "classes")
    return graph.written(size, network._fc.in_features, network._fc.out_features)


def _block(graph: "_Graph", before: str, block: Any) -> str:
    if block.has_se:
        raise ValueError("no Lite network has squeeze and excitation")
    last = before
    if hasattr(block, "_expand_conv"):
        last = graph.convolve(last, block._expand_conv, block._bn0)
    last = graph.convolve(last, block._depthwise_conv, block._bn1)
    last = graph.convolve(last, block._project_conv, block._bn2, relu6=False)
    stays = block._depthwise_conv.stride in (1, (1, 1), [1, 1])
    same = block._project_conv.out_channels == block._block_args.input_filters
    return graph.add("Add", [last, before]) if block.id_skip and stays and same else last


class _Graph:
    """The nodes and weights of a graph, in order."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.bounds = [self.keep(np.float32(0)), self.keep(np.float32(6))]

    def keep(self, weight: Any) -> str:
        """Add a weight; return its name."""
        name = f"weight{len(self.weights)}"
        values = np.asarray(weight.detach() if hasattr(weight, "detach") else weight)
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def add(self, kind: str, inputs: list[str], name: str = "", **attributes: Any) -> str:
        """Add a node; return the name of its output."""
        name = name or f"node{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def convolve(self, before: str, conv: Conv2d, norm: BatchNorm2d, *, relu6: bool = True) -> str:
        """Add a convolution with its normalisation, and ReLU6 after it with `relu6`."""
        fused = fuse_conv_bn_eval(conv, norm)
        # torch orders left, right, top, bottom; a module without padding has no such attribute
        left, right, top, bottom = getattr(conv.static_padding, "padding", (0, 0, 0, 0))
        last = self.add(
            "Conv",
            [before, self.keep(fused.weight), self.keep(fused.bias)],
            kernel_shape=fused.kernel_size,
            strides=conv.stride,
            group=conv.groups,
            pads=[top, left, bottom, right],
        )
        return self.add("Clip", [last, *self.bounds]) if relu6 else last

    def written(self, size: int, features: int, classes: int) -> bytes:
        """Return the graph as the bytes of an ONNX file."""
        shapes: dict[str, list[str | int]] = {
            "images": ["N", 3, size, size],
            "features": ["N", features],
            "classes": ["N", classes],
        }
        values = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()}
        graph = helper.make_graph(
            self.nodes, "EfficientNet-Lite", [values["images"]], [values["features"], values["classes"]], self.weights
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model)
        written: bytes = model.SerializeToString()
        return written
