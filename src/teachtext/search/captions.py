"""Video to text: which of some captions describe a video."""

from collections.abc import Sequence
from typing import NamedTuple

from teachtext.encoders.embedder import Embedder
from teachtext.errors import InputError
from teachtext.search.types import Entry
from teachtext.search.vectors import contributions

MOST = 10_000


class RankedCaption(NamedTuple):
    """A caption, and the model's similarity of it and the video, in [-1, 1]."""

    text: str
    score: float


class CaptionBank:
    """Captions, embedded once.

    Args:
        model: what embeds them.
        captions: C of them; equal ones count once.

    Raises:
        InputError: none, more than 10,000, or an empty one.
    """

    def __init__(self, model: Embedder, captions: Sequence[str]) -> None:
        texts = list(dict.fromkeys(captions))
        if not 1 <= len(texts) <= MOST:
            raise InputError(f"{len(texts):,} captions cannot be ranked", f"give 1 to {MOST:,}")
        self._captions = [(text, model.embed_query(text)) for text in texts]

    def rank(self, entry: Entry, k: int) -> list[RankedCaption]:
        """Return the k captions that are most similar to a video, best first."""
        scored = [
            RankedCaption(text, sum(contributions(query, entry.vectors).values())) for text, query in self._captions
        ]
        return sorted(scored, key=lambda one: (-one.score, one.text))[:k]
