"""What is asked of a search, and the check of it that needs no model."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from teachtext.encoders.query import check_text
from teachtext.errors import InputError
from teachtext.search import GroupBy, RankBy
from teachtext.search.expansion import Expansion, check_can_expand
from teachtext.search.filters import EVERYTHING, Filter

if TYPE_CHECKING:
    from teachtext.search.reranking import Reranker

_MOST_CHARACTERS = 10_000


@dataclass(frozen=True, kw_only=True)
class SearchRequest:
    """A search with words.

    Attributes:
        text: the query.
        k: at most so many results.
        where: the filter.
        by: `model` ranks by the model's similarity, `words` by words that are heard, read, in subtitles, titles or
            file names, `both` by their fusion (see `fuse_first`).
        group_by: `video` returns each video once, with its best places; `moment` returns each place by itself, all
            places of all videos in one ranking (see `moments_of`).
        least_score: results with a lower score are left out.
        count: also count all that answer the query (see `Answer.total_matching`). Only searches that compare with
            every video can.
        expansion: further queries whose rankings by the model are fused with that of the query (see `Expander`).
            Scores, places and words are those of the query itself.
        reranker: ranks the first videos of the model anew. Scores and places stay those of the model.
    """

    text: str
    k: int = 10
    where: Filter = EVERYTHING
    by: RankBy = "both"
    group_by: GroupBy = "video"
    least_score: float = -1.0
    count: bool = False
    expansion: Expansion | None = None
    reranker: "Reranker | None" = None

    def check(self) -> None:
        """Raise InputError for what cannot be asked (see `Searcher.search`)."""
        check_query(self.text, self.k)
        if self.expansion is not None:
            check_can_expand(self.by, self.group_by)
        if self.reranker is not None:
            self.reranker.check(self.by, self.group_by, has_more_queries=self.expansion is not None)


def check_query(text: str, k: int) -> None:
    """Check a query and the number of its results; no model is needed.

    Raises:
        InputError: the query is empty or enormous, k is below 1.
    """
    check_k(k)
    check_text(text, "the query")
    if len(text) > _MOST_CHARACTERS:
        raise InputError(f"the query has {len(text):,} characters", f"keep it under {_MOST_CHARACTERS:,}")


def check_k(k: int) -> None:
    """Raise InputError for a number of results below 1."""
    if k < 1:
        raise InputError(f"the number of results is {k}", "ask for at least 1")
