"""Re-ranking: a slow scorer ranks the first videos of a fast model anew."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from teachtext.data.features import Features
from teachtext.data.types import Dataset
from teachtext.evaluation.metrics import Metrics, retrieval_metrics
from teachtext.evaluation.ranks import Floats, top_columns
from teachtext.learning.inference import Scores, score
from teachtext.learning.shortlists import Columns, slow_scores
from teachtext.models.cross import CrossScorer
from teachtext.models.retrieval import RetrievalModel
from teachtext.models.similarity import NOTHING_KNOWN

_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
_FIXED_SHARE = 0.5
# more than any two scores are apart: what is not ranked anew stays behind
_BEHIND = 10.0


@dataclass(frozen=True)
class Reranked:
    """The text-to-video results of a fast model whose first videos were ranked anew.

    Attributes:
        scorer: name of the slow scorer.
        shortlist: number of videos that were ranked anew for each query.
        share: of the slow score in the blend with the fast one.
        chosen_on: the split on which the share was chosen; empty where it is fixed.
        metrics: text to video.
        milliseconds_a_pair: time of the slow scores of a pair of caption and video, everything included.
    """

    scorer: str
    shortlist: int
    share: float
    chosen_on: str
    metrics: Metrics
    milliseconds_a_pair: float

    @property
    def label(self) -> str:
        """What was done, for the title of a table."""
        chosen = f"chosen on {self.chosen_on}" if self.chosen_on else "fixed"
        return (
            f"first {self.shortlist} videos ranked anew by {self.scorer} (share of the slow score {self.share:g}, "
            f"{chosen}; {self.milliseconds_a_pair:.3f} ms a pair)"
        )

    def as_dict(self) -> Mapping[str, object]:
        """Return the content as plain data."""
        facts = {name: getattr(self, name) for name in ("scorer", "shortlist", "share", "chosen_on")}
        return {**facts, "milliseconds_a_pair": self.milliseconds_a_pair, "t2v": self.metrics.as_dict()}


def rerank(
    fast: tuple[RetrievalModel, Features],
    slow: tuple[CrossScorer, Features],
    dataset: Dataset,
    split: str,
    scores: Scores,
    *,
    folder: Path,
    shortlist: int,
) -> Reranked:
    """Rank the first videos of a fast model anew, by a blend of both scores.

    The share of the slow score is chosen on the selecting split, by the geometric mean. Without such a split, or where
    it is the tested split, the share is a half.

    Args:
        fast: the fast model and what it reads.
        slow: the slow scorer and what it reads.
        dataset: with the tested split and the selecting one.
        split: the tested split.
        scores: of the fast model on that split.
        folder: of the slow scorer.
        shortlist: number of videos that are ranked anew for each query.
    """
    select = dataset.protocol.select
    share, chosen_on = _FIXED_SHARE, ""
    if select is not None and select != split and dataset.splits.get(select):
        on_select = score(*fast, dataset.queries_of(select), dataset.splits[select])
        columns, values = _listed(slow, on_select, shortlist)
        quality = {share: _t2v(on_select, columns, values, share).geometric_mean for share in _SHARES}
        # of equal shares the smallest
        share, chosen_on = max(_SHARES, key=lambda share: (quality[share], -share)), select
    started = time.perf_counter()
    columns, values = _listed(slow, scores, shortlist)
    seconds = time.perf_counter() - started
    metrics = _t2v(scores, columns, values, share)
    return Reranked(folder.name, columns.shape[1], share, chosen_on, metrics, 1000 * seconds / columns.size)


def blended(fast: Floats, columns: Columns, slow: Floats, share: float) -> Floats:
    """Return scores whose ranks are those after re-ranking.

    Args:
        fast: (C, B) scores of the fast model.
        columns: (C, M), the videos that are ranked anew.
        slow: (C, M), scores of these; `NOTHING_KNOWN` where the scorer has no say, and the fast score counts alone.
        share: of the slow score.

    Returns:
        (C, B). Videos that are not ranked anew stay behind all others, in their order.

    >>> blended(np.array([[0.5, 0.4, 0.3]]), np.array([[0, 1]]), np.array([[0.0, 0.9]]), 0.5).round(2).tolist()
    [[0.25, 0.65, -9.7]]
    """
    scores = fast - _BEHIND
    listed = np.take_along_axis(fast, columns, axis=1)
    mixed = np.where(slow == NOTHING_KNOWN, listed, (1 - share) * listed + share * slow)
    np.put_along_axis(scores, columns, mixed, axis=1)
    return scores


def _listed(slow: tuple[CrossScorer, Features], scores: Scores, shortlist: int) -> tuple[Columns, Floats]:
    columns = top_columns(scores.similarity, shortlist)
    return columns, slow_scores(*slow, scores.caption_ids, scores.video_ids, columns)


def _t2v(scores: Scores, columns: Columns, slow: Floats, share: float) -> Metrics:
    return retrieval_metrics(blended(scores.similarity, columns, slow, share), scores.video_of)["t2v"]
