"""Pairs as lists: what the rows of a matrix (B, B) are, be they of the matrix or of its transpose."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Lists:
    """B lists of B pairs, a list a row, its own pair on the diagonal.

    Attributes:
        counted: (B, B) bool, pairs that count.
        same_video: (B, B) bool, pairs of the same video: never wrong ones.
    """

    counted: Tensor
    same_video: Tensor
