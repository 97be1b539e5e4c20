"""The vector of a text from the states of its tokens."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# no caption is longer, and the cost of attention grows with the square of the length
MAX_POOLED_TOKENS = 256


def masked_mean(hidden: Sequence[NDArray[np.float32]], *, normalise: bool) -> list[NDArray[np.float32]]:
    """Average the (tokens, D) of each text to (1, D), of unit length with `normalise`."""
    means = [rows.mean(axis=0, keepdims=True) for rows in hidden]
    return [mean / np.linalg.norm(mean) for mean in means] if normalise else means
