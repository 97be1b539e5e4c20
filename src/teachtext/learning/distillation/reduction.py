"""Reduction and direction: how the numbers of pairs and lists become one loss."""

from collections.abc import Callable

from torch import Tensor


def mean_pairs(values: Tensor, shares: Tensor) -> Tensor:
    """Take the mean over all pairs that count: over B x B where all do."""
    return values.sum() / shares.sum().clamp(min=1e-12)


def mean_lists(values: Tensor, shares: Tensor) -> Tensor:
    """Sum up each list, and take the mean over the lists in which something counts: over B where all do."""
    lists = shares.amax(dim=1) if shares.ndim == 2 else shares
    return values.sum() / lists.sum().clamp(min=1e-12)


def total(values: Tensor, shares: Tensor) -> Tensor:
    """Sum up everything."""
    return values.sum()


REDUCTIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mean_pairs": mean_pairs,
    "mean_lists": mean_lists,
    "sum": total,
}
"""Functions of numbers (B, B) or (B,), those that do not count zero, and of how much each counts, of the same shape."""


def reduced(how: Callable[[Tensor, Tensor], Tensor], values: Tensor, counted: Tensor, weights: Tensor | None) -> Tensor:
    """Return one loss.

    Args:
        how: a function of `REDUCTIONS`.
        values: (B, B) or (B,).
        counted: of the same shape, bool.
        weights: (B,) of the lists, of mean 1; None for all 1.
    """
    shares = counted.to(values.dtype)
    if weights is not None:
        shares = shares * (weights[:, None] if shares.ndim == 2 else weights)
    return how(values.masked_fill(~counted, 0) * shares, shares)


Part = Callable[[], Tensor]


def rows(of_rows: Part, of_columns: Part) -> Tensor:
    """Read rows: the videos that a text may mean."""
    return of_rows()


def columns(of_rows: Part, of_columns: Part) -> Tensor:
    """Read columns: the texts that may tell of a video."""
    return of_columns()


def both(of_rows: Part, of_columns: Part) -> Tensor:
    """Read both, and add the two losses up."""
    return of_rows() + of_columns()


def both_halved(of_rows: Part, of_columns: Part) -> Tensor:
    """Read both, and take the mean of the two losses."""
    return (of_rows() + of_columns()) / 2


DIRECTIONS: dict[str, Callable[[Part, Part], Tensor]] = {
    "rows": rows,
    "columns": columns,
    "both": both,
    "both_halved": both_halved,
}
"""Functions of what rows give and of what columns give."""
