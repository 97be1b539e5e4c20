"""Searches with several queries for one scene: a writer writes them, the farthest are asked, their rankings are fused.

The generalised query expansion of Bai et al. (ICLR 2025, arXiv 2408.07249), at the time of search.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from teachtext.encoders.embedder import QueryVectors
from teachtext.errors import InputError
from teachtext.rewriting.farthest import farthest
from teachtext.rewriting.fusion import Fusion
from teachtext.rewriting.writer import Writer, Written, write_queries
from teachtext.search import GroupBy, RankBy
from teachtext.search.blend import with_shares
from teachtext.search.vectors import query_row
from teachtext.written_texts import MOST_TEXTS

if TYPE_CHECKING:
    from teachtext.search.searcher import Searcher

QUERIES, WRITER_S = 3, 10.0
"""By default so many queries are asked, and a writer has so many seconds."""
_REMEMBERED = 256


@dataclass(frozen=True, kw_only=True)
class Expansion:
    """The queries that are asked beside the one of a user.

    Attributes:
        fuse: how the rankings of all queries become one.
        texts: the queries, in the order of their choice.
        queries: their vectors.
        notes: what was left out, or why there are none; a sentence each.
    """

    fuse: Fusion
    texts: Sequence[str] = ()
    queries: Sequence[QueryVectors] = ()
    notes: Sequence[str] = ()


class Expander:
    """Writes queries and chooses among them. May be shared by threads.

    What a writer wrote for the last 256 queries is remembered, so that the parts of one list come from the same
    queries. A writer that fails is asked again.

    Args:
        writer: writes the queries.
        queries: how many queries are asked, with the one of the user.
        fuse: how their rankings become one.
        seconds: time limit of the writer.

    Raises:
        InputError: fewer than 1 or more than 21 queries, or no time.
    """

    def __init__(
        self,
        writer: Writer,
        *,
        queries: int = QUERIES,
        fuse: Fusion = "reciprocal",
        seconds: float = WRITER_S,
    ) -> None:
        if not 1 <= queries <= MOST_TEXTS + 1:
            raise InputError(f"{queries:,} queries cannot be asked", f"ask 1 to {MOST_TEXTS + 1}")
        if not 0 < seconds <= 600:
            raise InputError(f"the writer has {seconds:g} seconds", "give it more than 0, and at most 600")
        self._writer, self._count, self._fuse, self._seconds = writer, queries, fuse, seconds
        self._remembered: OrderedDict[str, Written] = OrderedDict()
        self._lock = Lock()

    def expand(self, text: str, searcher: "Searcher") -> Expansion:
        """Return the queries that are asked beside a query of a user.

        Args:
            text: the query of the user.
            searcher: of the index, whose model embeds the queries.

        Raises:
            InputError: the query is empty.
        """
        if self._count == 1:
            return Expansion(fuse=self._fuse)
        written = self._written(text)
        if not written.texts:
            return Expansion(fuse=self._fuse, notes=written.notes)
        manifest = searcher.manifest
        embedded = [with_shares(each, manifest.blend) for each in searcher.model.embed_queries([text, *written.texts])]
        order = farthest(query_rows(embedded, manifest.spaces), self._count)
        rows = [each - 1 for each in order if each > 0]
        texts, queries = [written.texts[row] for row in rows], [embedded[row + 1] for row in rows]
        cut = [query.read for query in queries if query.read]
        notes = [f"of {len(cut):,} written queries only the first {cut[0]} were read"] if cut else []
        return Expansion(fuse=self._fuse, texts=texts, queries=queries, notes=[*written.notes, *notes])

    def _written(self, text: str) -> Written:
        with self._lock:
            if text in self._remembered:
                self._remembered.move_to_end(text)
                return self._remembered[text]
        written = write_queries(self._writer, text, seconds=self._seconds)
        if written.texts:
            with self._lock:
                self._remembered[text] = written
                if len(self._remembered) > _REMEMBERED:
                    self._remembered.popitem(last=False)
        return written


def query_rows(queries: Sequence[QueryVectors], spaces: Mapping[str, int]) -> NDArray[np.float64]:
    """Return the rows of Q queries that are compared with videos which have all spaces, (Q, D).

    Args:
        queries: the vectors of the queries.
        spaces: dimension by space.
    """
    every = tuple(sorted(spaces))
    return np.stack([query_row(query, every, spaces, correct=False) for query in queries])


def check_can_expand(by: RankBy, group_by: GroupBy) -> None:
    """Raise InputError where several queries cannot be asked."""
    if by == "words":
        raise InputError(
            "written queries are ranked by the model, and the search is by words alone", "search by 'both'"
        )
    if group_by == "moment":
        raise InputError("written queries rank videos, and not moments", "group by 'video', or search without a writer")
