"""Words that were heard or read, as features: one row a passage."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from teachtext.data.passages import Passage
from teachtext.data.store import FeatureFile
from teachtext.devices import AUTO
from teachtext.encoders.base import Rows
from teachtext.encoders.registry import build_text_encoder


def same_encoder(expert: FeatureFile, text: FeatureFile) -> bool:
    """Return whether the rows of an expert are words, encoded by the encoder of these captions."""
    encoder = expert.provenance.get("settings", {}).get("text", {})
    return bool(encoder) and encoder["settings"] == text.provenance.get("settings")


class Words:
    """A text encoder for passages.

    Args:
        encoder: its spec (see `teachtext.encoders.registry`). One that gives tokens gives several rows a passage.
        threads: CPU threads.
        device: where it computes (see `teachtext.devices`).
    """

    def __init__(self, encoder: str, *, threads: int, device: str = AUTO) -> None:
        self._encoder = build_text_encoder(encoder, threads=threads, device=device)
        self.notes: Sequence[str] = getattr(self._encoder, "notes", ())
        self.dim = self._encoder.dim
        self.settings: Mapping[str, Any] = {"encoder": encoder, "settings": dict(self._encoder.settings)}

    def encode(self, passages: Sequence[Passage]) -> Rows:
        """Return the rows of all passages, with their times and the passages themselves."""
        values = self._encoder.encode([passage.text for passage in passages])
        spans = [[passage[:2]] * len(rows) for passage, rows in zip(passages, values, strict=True)]
        return Rows(
            np.concatenate([np.zeros((0, self.dim), np.float32), *values]),
            np.array([span for passage in spans for span in passage], np.float32).reshape(-1, 2),
            passages,
        )
