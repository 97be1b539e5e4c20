"""Short lists: a fast model's best videos of each caption, and a slow scorer's scores of them."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from teachtext.data.features import Features
from teachtext.evaluation.ranks import top_columns
from teachtext.learning.inference import score_pieces
from teachtext.learning.sparse_teacher import SparseTeacher
from teachtext.models.cross import CrossScorer, SlowVideo, Tokens
from teachtext.models.retrieval import RetrievalModel
from teachtext.models.similarity import NOTHING_KNOWN, concat_video

Columns = NDArray[np.int64]
"""(C, M): for each caption the columns of its videos in the gallery, the best first."""

_VIDEOS = 256
# numbers of attention that are computed at once
_NUMBERS = 4_000_000


def shortlists(
    model: RetrievalModel, features: Features, caption_ids: Sequence[str], video_ids: Sequence[str], *, most: int
) -> Columns:
    """Return the `most` best of B videos for each of C captions, or all where there are fewer: (C, M)."""
    pieces = score_pieces(model, features, caption_ids, video_ids)
    return np.concatenate([top_columns(similarity, most) for _, similarity, _ in pieces])


def with_right(columns: Columns, video_of: NDArray[np.int64]) -> Columns:
    """Return the lists with the right video in each: where it is missing, it takes the last place.

    >>> with_right(np.array([[2, 0], [1, 0]]), np.array([0, 2])).tolist()
    [[2, 0], [1, 2]]
    """
    completed = columns.copy()
    lacking = ~(columns == video_of[:, None]).any(axis=1)
    completed[lacking, -1] = video_of[lacking]
    return completed


def neighbours(columns: Columns, video_of: NDArray[np.int64], video_ids: Sequence[str]) -> dict[str, list[str]]:
    """Return by video id the videos that its captions are confused with, the most confused first.

    A video in place k of a list of M counts M - k, added up over the captions of the right video.

    >>> neighbours(np.array([[0, 2], [2, 1]]), np.array([0, 0]), ["a", "b", "c"])
    {'a': ['c', 'b'], 'b': [], 'c': []}
    """
    counts: list[dict[int, int]] = [{} for _ in video_ids]
    most = columns.shape[1]
    for right, listed in zip(video_of.tolist(), columns.tolist(), strict=True):
        for place, column in enumerate(listed):
            if column != right:
                counts[right][column] = counts[right].get(column, 0) + most - place
    return {
        video_id: [video_ids[column] for column in sorted(count, key=lambda column: (-count[column], column))]
        for video_id, count in zip(video_ids, counts, strict=True)
    }


@torch.no_grad()
def slow_scores(
    scorer: CrossScorer,
    features: Features,
    caption_ids: Sequence[str],
    video_ids: Sequence[str],
    columns: Columns,
) -> NDArray[np.float32]:
    """Score short lists with a slow scorer, in pieces that fit in memory.

    Args:
        scorer: put in evaluation mode.
        features: what the scorer reads.
        caption_ids: C ids.
        video_ids: B ids of the gallery.
        columns: (C, M).

    Returns:
        (C, M), in [-1, 1], or `NOTHING_KNOWN` for videos that no expert of the scorer describes.
    """
    scorer.eval()
    device = next(scorer.parameters()).device
    pieces = [video_ids[start : start + _VIDEOS] for start in range(0, len(video_ids), _VIDEOS)]
    video = _joined([scorer.encode_video(features.videos(ids).to(device)) for ids in pieces])
    scores = np.empty(columns.shape, np.float32)
    longest = max((features.text.rows_of(caption_id) for caption_id in caption_ids), default=1)
    words = min(longest, features.max_words or longest)
    size = max(1, _NUMBERS // max(1, columns.shape[1] * scorer.attention.heads * words * video.tokens.mask.shape[1]))
    for start in range(0, len(caption_ids), size):
        rows = slice(start, start + size)
        text = scorer.encode_text(features.texts(caption_ids[rows]).to(device))
        scores[rows] = scorer.scores(text, video, torch.from_numpy(columns[rows]).to(device)).cpu().numpy()
    return scores


def as_teacher(
    caption_ids: Sequence[str], video_ids: Sequence[str], columns: Columns, scores: NDArray[np.float32], *, name: str
) -> SparseTeacher:
    """Return scored lists (C, M) as a teacher, who has no say on videos that nothing describes."""
    with_gaps = np.where(scores == NOTHING_KNOWN, np.nan, scores)
    lists = zip(caption_ids, columns.tolist(), with_gaps.tolist(), strict=True)
    return SparseTeacher(
        ((caption_id, [video_ids[column] for column in listed], values) for caption_id, listed, values in lists),
        name=name,
    )


def _joined(parts: Sequence[SlowVideo]) -> SlowVideo:
    """Join videos, their tokens padded to the longest."""
    longest = max(part.tokens.mask.shape[1] for part in parts)
    padded = [(longest - part.tokens.mask.shape[1], part.tokens) for part in parts]
    tokens = Tokens(
        torch.cat([F.pad(part.keys, (0, 0, 0, more)) for more, part in padded]),
        torch.cat([F.pad(part.values, (0, 0, 0, more)) for more, part in padded]),
        torch.cat([F.pad(part.mask, (0, more)) for more, part in padded]),
    )
    return SlowVideo(concat_video([part.embedding for part in parts]), tokens)
