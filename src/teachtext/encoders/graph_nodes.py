"""The nodes of an ONNX graph that is written by hand, one after another."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

# no file: the values are given to the session beside the graph
_BESIDE = "beside the graph"


class GraphNodes:
    """The nodes and weights of a graph, in order.

    Args:
        beside: whether weights stand beside the graph, and not in it. Large weights need not be copied into the graph
            and out of it.

    Attributes:
        weights: by name the weights that stand beside the graph, float32.

    >>> graph = GraphNodes()
    >>> twice = graph.add("Mul", ["x", graph.keep(np.float32(2))], "twice")
    >>> len(graph.written("doubling", inputs={"x": ["N"]}, outputs={"twice": ["N"]}, opset=17)) > 0
    True
    """

    def __init__(self, *, beside: bool = False) -> None:
        self.weights: dict[str, NDArray[np.float32]] = {}
        self._beside = beside
        self._nodes: list[onnx.NodeProto] = []
        self._kept: list[onnx.TensorProto] = []

    def keep(self, weight: Any) -> str:
        """Add an array or a tensor of torch; return its name."""
        name = f"weight{len(self._kept)}"
        values = np.asarray(weight.detach() if hasattr(weight, "detach") else weight)
        if self._beside and values.dtype == np.float32 and values.ndim:
            self.weights[name] = np.ascontiguousarray(values)
            self._kept.append(_without_values(name, values.shape))
        else:
            self._kept.append(numpy_helper.from_array(values, name))
        return name

    def add(self, kind: str, inputs: Sequence[str], name: str = "", **attributes: Any) -> str:
        """Add a node; return the name of its output."""
        name = name or f"node{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def split(self, before: str, parts: int, axis: int) -> list[str]:
        """Add a node that cuts values into parts of one size; return the names of the parts."""
        names = [f"node{len(self._nodes)}part{part}" for part in range(parts)]
        self._nodes.append(helper.make_node("Split", [before], names, axis=axis, num_outputs=parts))
        return names

    def written(
        self,
        name: str,
        *,
        inputs: Mapping[str, Sequence[str | int]],
        outputs: Mapping[str, Sequence[str | int]],
        opset: int,
        indices: Mapping[str, Sequence[str | int]] = {},
        levels: Mapping[str, Sequence[str | int]] = {},
    ) -> bytes:
        """Return the graph as the bytes of an ONNX file.

        Args:
            name: of the graph.
            inputs: by name the shape of each input, float32.
            outputs: the same of each output.
            opset: which version of the operators is meant.
            indices: further inputs, int64.
            levels: further inputs, uint8.
        """
        given = [helper.make_tensor_value_info(key, TensorProto.FLOAT, shape) for key, shape in inputs.items()]
        given += [helper.make_tensor_value_info(key, TensorProto.INT64, shape) for key, shape in indices.items()]
        given += [helper.make_tensor_value_info(key, TensorProto.UINT8, shape) for key, shape in levels.items()]
        results = [helper.make_tensor_value_info(key, TensorProto.FLOAT, shape) for key, shape in outputs.items()]
        graph = helper.make_graph(self._nodes, name, given, results, self._kept)
        # the oldest version of the format that has these operators, so that older releases of ONNX Runtime read it
        version = helper.find_min_ir_version_for([helper.make_opsetid("", opset)])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=version)
        if not self.weights:
            onnx.checker.check_model(model)
        written: bytes = model.SerializeToString()
        return written


def _without_values(name: str, shape: Sequence[int]) -> onnx.TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=_BESIDE)
    return tensor
