"""Hubs: videos that are near every query, and how a bank of captions puts them in their place.

The inverted softmax divides exp(beta s_j), for video j, by the sum over the captions b of a bank of exp(beta s_bj)
(Bogolin et al., Cross Modal Retrieval with Querybank Normalisation, CVPR 2022). Its logarithm over beta is s_j plus one
number of each video, its bias: - log(mean_b exp(beta s_bj)) / beta. So it is exact in every presence pattern, and costs
a search one more product. As there, it is dynamic: a query is corrected only if what it finds first is a hub, which is
a video that comes first for some caption of the bank.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from teachtext.encoders.embedder import Embedder, QueryVectors
from teachtext.encoders.query import check_text
from teachtext.errors import InputError
from teachtext.files import fingerprint, read_text
from teachtext.search.manifest import BankRecord
from teachtext.search.stores.base import Store
from teachtext.search.vectors import Floats, PresencePattern, query_row

# as the authors set it
BETA = 20.0
_CHUNK = 4096


class QueryBank:
    """Captions of a bank, embedded.

    Args:
        queries: of each caption; at least one.
        spaces: dimension by space.
        beta: inverse temperature.
    """

    def __init__(self, queries: Sequence[QueryVectors], spaces: Mapping[str, int], *, beta: float = BETA) -> None:
        self._queries = queries
        self._spaces = spaces
        self._beta = beta
        self._rows: dict[PresencePattern, Floats] = {}

    def scores(self, pattern: PresencePattern, rows: Floats) -> Floats:
        """Return the scores of all captions against videos of a pattern: (captions, videos), uncorrected."""
        if pattern not in self._rows:
            asked = [query_row(query, pattern, self._spaces, correct=False) for query in self._queries]
            self._rows[pattern] = np.stack(asked).astype(np.float32)
        return np.asarray(self._rows[pattern] @ rows.T)

    def biases(self, pattern: PresencePattern, rows: Floats) -> Floats:
        """Return the biases of videos of a pattern, (videos,), from their rows, (videos, width)."""
        logits = self._beta * self.scores(pattern, rows).astype(np.float64)
        largest = logits.max(axis=0)
        means = np.log(np.exp(logits - largest).mean(axis=0)) + largest
        return np.asarray(-means / self._beta, np.float32)

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


def read_captions(path: Path) -> list[str]:
    """Read the captions of a bank, one a line.

    Raises:
        InputError: no such file, or none in it.
    """
    captions = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    if not captions:
        raise InputError(f"{path} holds no captions", "write one a line")
    for caption in captions:
        check_text(caption, f"a caption of {path}")
    return captions


def describe_bank(path: Path) -> BankRecord:
    """Return what an index keeps of the captions of a file, before anything is known of its videos.

    Raises:
        InputError: see `read_captions`.
    """
    return BankRecord(file=str(path.resolve()), fingerprint=fingerprint([read_captions(path), BETA]), beta=BETA)


def embed_bank(bank: BankRecord, model: Embedder) -> QueryBank:
    """Embed the captions of a bank.

    Raises:
        InputError: see `read_captions`.
    """
    queries = [model.embed_query(caption) for caption in read_captions(Path(bank.file))]
    return QueryBank(queries, model.spaces, beta=bank.beta)
