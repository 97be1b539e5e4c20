"""The rank of every test query by one model, kept as an .npz file: all that metrics and comparisons need."""

import io
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.data.arrays import DAMAGED
from teachtext.errors import InputError
from teachtext.evaluation.metrics import Metrics, metrics_from_ranked, metrics_from_ranks
from teachtext.evaluation.ndcg import t2v_ndcg
from teachtext.evaluation.ranks import Ranked
from teachtext.files import write_bytes


@dataclass(frozen=True, kw_only=True)
class QueryRanks:
    """The result of one model on the test split, query by query: C captions, B videos, M experts.

    Attributes:
        t2v: (C,) 0-based ranks of the right video of each caption.
        v2t: (B,) 0-based ranks of the best caption of each video.
        top: (C, k) columns of the videos ranked first, best first.
        top_scores: (C, k) their similarities.
        weights: (C, M) mixture weights of the captions.
        video_of: (C,) column of the video that each caption describes.
        caption_ids: of the C rows.
        video_ids: of the B columns.
        experts: of the M weights.
        t2v_ties: (C,) number of videos with exactly the score of the right one; None in files of earlier versions.
        v2t_ties: (B,) number of captions with exactly the score of the best one.
        v2t_ndcg: (B,) nDCG@10 of each video; None where it was not asked for.
    """

    t2v: NDArray[np.float64]
    v2t: NDArray[np.float64]
    top: NDArray[np.int64]
    top_scores: NDArray[np.float32]
    weights: NDArray[np.float32]
    video_of: NDArray[np.int64]
    caption_ids: Sequence[str]
    video_ids: Sequence[str]
    experts: Sequence[str]
    t2v_ties: NDArray[np.int64] | None = None
    v2t_ties: NDArray[np.int64] | None = None
    v2t_ndcg: NDArray[np.float64] | None = None

    @property
    def metrics(self) -> dict[str, Metrics]:
        """Metrics by direction, `t2v` and `v2t`, with nDCG@10 where it was asked for."""
        if self.t2v_ties is None or self.v2t_ties is None:
            return {"t2v": metrics_from_ranks(self.t2v), "v2t": metrics_from_ranks(self.v2t)}
        t2v, v2t = Ranked(self.t2v, self.t2v_ties), Ranked(self.v2t, self.v2t_ties)
        return {
            "t2v": metrics_from_ranked(t2v, None if self.v2t_ndcg is None else t2v_ndcg(t2v)),
            "v2t": metrics_from_ranked(v2t, self.v2t_ndcg),
        }

    def of_captions(self, caption_ids: Sequence[str]) -> "QueryRanks":
        """Return the results of some captions among all videos, text to video; video to text stays of all captions."""
        row_of = {caption_id: row for row, caption_id in enumerate(self.caption_ids)}
        rows = [row_of[caption_id] for caption_id in caption_ids]
        return replace(
            self,
            t2v=self.t2v[rows],
            top=self.top[rows],
            top_scores=self.top_scores[rows],
            weights=self.weights[rows],
            video_of=self.video_of[rows],
            caption_ids=list(caption_ids),
            t2v_ties=None if self.t2v_ties is None else self.t2v_ties[rows],
        )

    def save(self, path: Path) -> None:
        """Write an .npz file."""
        buffer = io.BytesIO()
        values: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        values = {name: np.asarray(value) for name, value in values.items() if value is not None}
        np.savez_compressed(buffer, **values)
        write_bytes(path, buffer.getbuffer())

    @classmethod
    def load(cls, path: Path) -> "QueryRanks":
        """Read an .npz file.

        Raises:
            InputError: it is missing, truncated or not of this form.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                values = {
                    field.name: file[field.name]
                    for field in fields(cls)
                    if field.default is MISSING or field.name in file
                }
        except DAMAGED as error:
            raise InputError(f"{path} is not a whole ranks file", "delete it and run again") from error
        return cls(**values | {name: values[name].tolist() for name in ("caption_ids", "video_ids", "experts")})
