"""all-MiniLM-L6-v2 as an ONNX graph: ONNX Runtime packs the weights once, and holds no lock of Python meanwhile."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from teachtext.encoders.graph_nodes import GraphNodes

LAYERS, HEADS, DIM = 6, 12, 384
_EPSILON = 1e-12

Floats = NDArray[np.float32]


def minilm_graph(weights: Mapping[str, Floats]) -> tuple[bytes, dict[str, Floats]]:
    """Write the layers of BERT as a graph from the embedded tokens of texts to their last hidden states.

    Only attention sees padding. All other nodes get the tokens of all texts, one text after another.

    Args:
        weights: those of the published file, by name.

    Returns:
        The graph, and the weights that stand beside it. Inputs of the graph:

        - `embedded`: (tokens, D) the sum of the embeddings of each token.
        - `token_of`: (texts, longest) the token at each place of a padded text; any token stands for padding.
        - `place_of`: (tokens,) the place of each token in the padded texts, counted through all texts.
        - `mask`: (texts, 1, 1, longest) 0 for a token, minus infinity for padding.

        Its output is `states`, (tokens, D).
    """
    graph = _Bert(weights)
    states = graph.normalised("embeddings", "embedded")
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        attended = graph.linear([f"{name}.attention.output.dense"], graph.attention(f"{name}.attention.self", states))
        states = graph.normalised(f"{name}.attention.output", graph.add("Add", [states, attended]))
        inner = graph.add("Gelu", [graph.linear([f"{name}.intermediate.dense"], states)])
        inner = graph.linear([f"{name}.output.dense"], inner)
        states = graph.normalised(f"{name}.output", graph.add("Add", [states, inner]))
    graph.add("Identity", [states], "states")
    written = graph.written(
        "MiniLM",
        inputs={"embedded": ["tokens", DIM], "mask": ["texts", 1, 1, "longest"]},
        indices={"token_of": ["texts", "longest"], "place_of": ["tokens"]},
        outputs={"states": ["tokens", DIM]},
        opset=20,
    )
    return written, graph.weights


class _Bert(GraphNodes):
    """The nodes of layers of BERT."""

    def __init__(self, weights: Mapping[str, Floats]) -> None:
        super().__init__(beside=True)
        self._by_name = weights
        self._heads = self.keep(np.array([0, 0, HEADS, DIM // HEADS]))
        self._side_by_side = self.keep(np.array([-1, DIM]))
        self._scale = self.keep(np.float32(np.sqrt(HEADS / DIM)))

    def linear(self, names: Sequence[str], before: str) -> str:
        """Add the product with the weights of layers, whose results stand side by side."""
        kept = [
            self.keep(np.concatenate([self._by_name[f"{name}.{kind}"] for name in names]))
            for kind in ("weight", "bias")
        ]
        return self.add("Gemm", [before, *kept], transB=1)

    def normalised(self, name: str, before: str) -> str:
        """Add a layer normalisation."""
        kept = [self.keep(self._by_name[f"{name}.LayerNorm.{kind}"]) for kind in ("weight", "bias")]
        return self.add("LayerNormalization", [before, *kept], axis=-1, epsilon=_EPSILON)

    def attention(self, name: str, states: str) -> str:
        """Add what each token takes from all tokens of its text, heads side by side."""
        projected = self.linear([f"{name}.{part}" for part in ("query", "key", "value")], states)
        padded = self.split(self.add("Gather", [projected, "token_of"]), 3, axis=-1)
        queries, keys, values = (
            self.add("Transpose", [self.add("Reshape", [part, self._heads])], perm=order)
            for part, order in zip(padded, ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]), strict=True)
        )
        scores = self.add("Mul", [self.add("MatMul", [queries, keys]), self._scale])
        shares = self.add("Softmax", [self.add("Add", [scores, "mask"])], axis=-1)
        attended = self.add("Transpose", [self.add("MatMul", [shares, values])], perm=[0, 2, 1, 3])
        return self.add("Gather", [self.add("Reshape", [attended, self._side_by_side]), "place_of"])
