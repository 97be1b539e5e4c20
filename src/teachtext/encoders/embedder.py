"""What embeds queries and videos: the one protocol that the index, the service, Python and the command line know.

Four classes implement it: a trained model, a model with a shared space, the built-in class names, and, for queries
alone, an exported text side. Nothing here needs torch, because a server answers queries without torch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from teachtext.data.types import FeatureRows
from teachtext.errors import InputError

VideoVectors = Mapping[str, NDArray[np.float32]]
"""One video: by space, (D,) float32 of unit length; a space that the video lacks is missing."""


@dataclass(frozen=True)
class QueryVectors:
    """One query in the spaces where text and video meet.

    Attributes:
        vectors: by space, (D,) float32, unit length.
        weights: (M,) mixture weights, spaces in sorted order, summing to 1.
        read: what was read of a query that was cut, such as `30 tokens`; empty where all was read.
        shares: by model, its share in the score, where an index holds several models. The names of a model's spaces
            begin with its name (see `teachtext.search.blend`).
        unread: the language of the query in words, where the text encoder does not read it; else empty.
    """

    vectors: Mapping[str, NDArray[np.float32]]
    weights: NDArray[np.float32]
    read: str = ""
    shares: Mapping[str, float] = field(default_factory=dict)
    unread: str = ""


class QueryEmbedder(Protocol):
    """Embeds queries."""

    def embed_query(self, text: str) -> QueryVectors:
        """Embed one query. Several threads may call it.

        Raises:
            InputError: the query is empty, or contains a lone surrogate.
        """
        ...

    def embed_queries(self, texts: Sequence[str]) -> list[QueryVectors]:
        """Embed C queries together, which is faster than one at a time.

        A query has the same vectors in any company, up to the rounding of products of another size.

        Raises:
            InputError: a query is empty, or contains a lone surrogate.
        """
        ...


class Embedder(QueryEmbedder, Protocol):
    """Embeds queries and videos."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """What an index keeps to find the embedder again (JSON-able).

        The keys are `kind`, `name`, `folder` where it has one, and `fingerprint`, which stands for everything that the
        vectors depend on.
        """
        ...

    @property
    def experts(self) -> Sequence[str]:
        """Specs of the video experts whose features it reads, sorted."""
        ...

    @property
    def expert_settings(self) -> Mapping[str, Mapping[str, Any]]:
        """By expert, the arguments that differ from its defaults when its features are extracted."""
        ...

    @property
    def spaces(self) -> Mapping[str, int]:
        """Dimension D by the space in which video and query meet."""
        ...

    def embed_videos(self, files: Mapping[str, FeatureRows], video_ids: Sequence[str]) -> list[VideoVectors]:
        """Embed B videos.

        Args:
            files: feature file by expert. A video without rows in any of them has no vectors.
            video_ids: B ids.

        Raises:
            InputError: the features are of another width than the model's.
        """
        ...


def joined_settings(embedders: Sequence[Embedder], *, mend: str) -> dict[str, Mapping[str, Any]]:
    """Return the settings of all experts that several embedders read; empty ones too.

    Args:
        embedders: the embedders.
        mend: what the user can do where two of them do not fit together.

    Raises:
        InputError: two embedders read an expert with different settings.
    """
    settings: dict[str, Mapping[str, Any]] = {}
    for embedder in embedders:
        for expert in embedder.experts:
            values = embedder.expert_settings.get(expert, {})
            if settings.setdefault(expert, values) != values:
                raise InputError(f"the models read expert '{expert}' with different settings", mend)
    return settings


def pad_rows(
    items: Sequence[NDArray[Any]], *, max_rows: int | None = None, fill: bool = False
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Pad the features of N captions as a model reads them.

    Args:
        items: N arrays (rows, D).
        max_rows: keep at most the first rows of each.
        fill: pad to `max_rows` whatever the batch, for models that take padding for tokens.

    Returns:
        Zero-padded values (N, L, D), and the number of rows in use (N,).

    >>> values, lengths = pad_rows([np.ones((3, 2)), np.ones((1, 2))], max_rows=2)
    >>> values.shape, lengths.tolist()
    ((2, 2, 2), [2, 1])
    """
    kept = [item[:max_rows] for item in items]
    lengths = np.array([len(item) for item in kept], np.int64)
    longest = max_rows if fill and max_rows else max(1, int(lengths.max(initial=0)))
    padded = np.zeros((len(kept), longest, kept[0].shape[1]), np.float32)
    for row, item in zip(padded, kept, strict=True):
        row[: len(item)] = item
    return padded, lengths
