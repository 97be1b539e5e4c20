"""Several queries that count as one: an embedding whose scores are the mean of their scores."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from teachtext.models.similarity import TextEmbedding, at_least_single


def query_rows(text: TextEmbedding) -> NDArray[np.float32]:
    """Return (C, D) rows whose cosines say how far queries are apart: the vectors times their mixture weights."""
    weighted = [
        at_least_single(text.vectors[name]) * text.weights[:, [e]] for e, name in enumerate(sorted(text.vectors))
    ]
    return torch.cat(weighted, dim=1).numpy()


def fused(text: TextEmbedding, groups: Sequence[Sequence[int]]) -> TextEmbedding:
    """Return one embedding for each group of queries, whose score with a video is the mean of the scores of the group.

    GQE (Bai et al., ICLR 2025, arXiv 2408.07249) fuses after scoring; a mean of scores can be fused before. With unit
    vectors u and mixture weights w of the queries q of a group, the group has the weights mean_q w[q, e] and the
    vectors sum_q w[q, e] u[q, e] / sum_q w[q, e], which are shorter than 1. Of a video that lacks experts, a query
    counts in the mean as much as the weight that it gives to the experts that are there.

    Args:
        text: Q queries.
        groups: G groups of one or more rows of `text`.

    Returns:
        G queries.

    >>> unit = torch.eye(2)
    >>> fused(TextEmbedding({"scene": unit}, torch.ones(2, 1)), [[0, 1], [1]]).vectors["scene"]
    tensor([[0.5000, 0.5000],
            [0.0000, 1.0000]])
    """
    rows = [torch.tensor(group) for group in groups]
    weights = at_least_single(text.weights)
    # an expert that no query of a group trusts has a vector of zeros
    total = _sums(weights, rows).clamp(min=1e-30)
    vectors = {
        name: _sums(at_least_single(text.vectors[name]) * weights[:, [e]], rows) / total[:, [e]]
        for e, name in enumerate(sorted(text.vectors))
    }
    sizes = torch.tensor([len(group) for group in groups], dtype=weights.dtype)
    return TextEmbedding(vectors, _sums(weights, rows) / sizes[:, None])


def _sums(values: Tensor, rows: Sequence[Tensor]) -> Tensor:
    return torch.stack([values[group].sum(dim=0) for group in rows])
