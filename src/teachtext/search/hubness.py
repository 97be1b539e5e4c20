"""Hubs of an index: videos that are near every query, and how a bank of captions corrects them.

This is QB-Norm (see `teachtext.evaluation.query_bank`) over an index. The bank gives each video one bias,
-log(mean_b exp(beta s_bj)) / beta, that is added to its score. So the correction is exact in every presence pattern,
and costs a search one more product. As in the paper it is dynamic. A query is corrected only if its first video is a
hub: a video that comes first for some caption of the bank.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from teachtext.encoders.embedder import Embedder, QueryVectors
from teachtext.encoders.query import check_text
from teachtext.errors import InputError
from teachtext.evaluation.query_bank import PAPER_BETA, log_sums
from teachtext.files import fingerprint, read_text
from teachtext.search.manifest import BankRecord
from teachtext.search.stores.base import Store
from teachtext.search.vectors import Floats, PresencePattern, query_row

BETA = PAPER_BETA
_CHUNK = 4096


class EmbeddedBank:
    """The embedded captions of a bank.

    Args:
        queries: one embedding a caption; at least one.
        spaces: dimension by space.
        beta: inverse temperature.

    Attributes:
        notes: how many captions were read in part; a sentence.
    """

    def __init__(self, queries: Sequence[QueryVectors], spaces: Mapping[str, int], *, beta: float = BETA) -> None:
        self._queries = queries
        self.notes = _cut(queries)
        self._spaces = spaces
        self._beta = beta
        self._rows: dict[PresencePattern, Floats] = {}

    def scores(self, pattern: PresencePattern, rows: Floats) -> Floats:
        """Return the scores of all captions against videos of a pattern: (captions, videos), uncorrected."""
        if pattern not in self._rows:
            queries = [query_row(query, pattern, self._spaces, correct=False) for query in self._queries]
            self._rows[pattern] = np.stack(queries).astype(np.float32)
        return np.asarray(self._rows[pattern] @ rows.T)

    def biases(self, pattern: PresencePattern, rows: Floats) -> Floats:
        """Return the biases of videos of a pattern, (videos,), from their rows, (videos, width)."""
        sums = log_sums(self.scores(pattern, rows).astype(np.float64), self._beta)
        return np.asarray((np.log(len(self._queries)) - sums) / self._beta, np.float32)

    def hubs(self, store: Store) -> list[str]:
        """Return the ids of the videos of a store that come first for one of the captions, sorted."""
        best = np.full(len(self._queries), -np.inf)
        first = [""] * len(self._queries)
        for pattern in store.patterns():
            for block in store.read(pattern):
                for start in range(0, len(block.ids), _CHUNK):
                    scores = self.scores(pattern, block.rows[start : start + _CHUNK])
                    columns = scores.argmax(axis=1)
                    highest = scores[np.arange(len(scores)), columns]
                    for caption in np.flatnonzero(highest > best):
                        first[caption] = block.ids[start + int(columns[caption])]
                    best = np.maximum(best, highest)
        return sorted({name for name in first if name})


def _cut(queries: Sequence[QueryVectors]) -> list[str]:
    cut = [(number, query.read) for number, query in enumerate(queries, start=1) if query.read]
    if not cut:
        return []
    first, read = cut[0]
    return [f"{len(cut):,} of {len(queries):,} captions of the query bank were cut to {read} (first: number {first})"]


def read_captions(path: Path) -> list[str]:
    """Read the captions of a bank, one a line.

    Raises:
        InputError: no such file, or no captions in it.
    """
    captions = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    if not captions:
        raise InputError(f"{path} holds no captions", "write one a line")
    for caption in captions:
        check_text(caption, f"a caption of {path}")
    return captions


def describe_bank(path: Path) -> BankRecord:
    """Return the record that an index keeps of a bank: file, fingerprint and beta.

    Raises:
        InputError: see `read_captions`.
    """
    return BankRecord(file=str(path.resolve()), fingerprint=fingerprint([read_captions(path), BETA]), beta=BETA)


def embed_bank(bank: BankRecord, model: Embedder) -> EmbeddedBank:
    """Embed the captions of a bank.

    Raises:
        InputError: see `read_captions`.
    """
    queries = [model.embed_query(caption) for caption in read_captions(Path(bank.file))]
    return EmbeddedBank(queries, model.spaces, beta=bank.beta)
