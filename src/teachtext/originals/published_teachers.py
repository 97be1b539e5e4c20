"""Turns the authors' teachers, which are pickled embeddings, into teacher caches."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from teachtext.data.restricted.pickles import unpickled
from teachtext.data.restricted.standins import LazyArray, as_list
from teachtext.errors import InputError
from teachtext.learning.teachers import CachedTeacher
from teachtext.models.similarity import TextEmbedding, VideoEmbedding
from teachtext.originals.archive.captions import check_count, entries

_MEND = "export that teacher again"


def read_published_teacher(
    path: Path, *, captions: Mapping[str, Sequence[str]], fused: bool
) -> tuple[CachedTeacher, list[str]]:
    """Read a teacher of the authors' trainer.

    The file has for every video `{"vid_embds": {expert: (D,)}, "text_embds": {expert: (captions, D)}}`. Its scores are
    plain sums of inner products over the M experts, because its text vectors include the mixture weights. A teacher
    cache divides by the sum of the weights. To keep the scores, all weights are set to 1 / M, and the text vectors
    are multiplied by M.

    Args:
        path: the pickle.
        captions: the raw captions by video; the teacher must have as many.
        fused: whether all captions of a video are one query, which then has one row.

    Returns:
        The teacher, and the ids of its captions.

    Raises:
        InputError: the file is not such a pickle, experts or widths differ between videos, numbers of captions differ,
            or a vector holds NaN.
    """
    with unpickled(path) as content:
        videos = {video_id: _embeddings(value, path, video_id) for video_id, value in entries(content, path)}
        if not videos:
            raise InputError(f"{path} holds no video", _MEND)
        experts = sorted(next(iter(videos.values()))[0])
        if not experts or any(video.keys() != set(experts) for pair in videos.values() for video in pair):
            raise InputError(f"{path} has other experts for some videos than for others", _MEND)
        counts = {video_id: _rows_of(text[experts[0]]) for video_id, (_, text) in videos.items()}
        for video_id, count in counts.items():
            check_count(path, video_id, count, {video_id: [""]} if fused else captions)
        video_vectors, text_vectors = {}, {}
        for expert in experts:
            prefix = f"{path}: expert '{expert}' of video"
            video_vectors[expert] = _stack(
                {v: video[expert] for v, (video, _) in videos.items()}, dict.fromkeys(videos, 1), path, prefix
            )
            text_vectors[expert] = _stack({v: text[expert] for v, (_, text) in videos.items()}, counts, path, prefix)
            text_vectors[expert] *= len(experts)
    names = ["fused"] if fused else None
    caption_ids = [f"{v}#{name}" for v, count in counts.items() for name in names or range(count)]
    teacher = CachedTeacher(
        caption_ids=caption_ids,
        text=TextEmbedding(text_vectors, torch.full((len(caption_ids), len(experts)), 1 / len(experts))),
        video_ids=list(videos),
        video=VideoEmbedding(video_vectors, torch.ones(len(videos), len(experts), dtype=torch.bool)),
    )
    return teacher, caption_ids


def import_teacher(path: Path, target: Path, *, captions: Mapping[str, Sequence[str]], fused: bool) -> list[str]:
    """Turn a published teacher into a teacher cache, `target`, and return the ids of its captions.

    See `read_published_teacher`.
    """
    teacher, caption_ids = read_published_teacher(path, captions=captions, fused=fused)
    teacher.save(target)
    return caption_ids


def _embeddings(value: Any, path: Path, video_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    if isinstance(value, dict):
        video, text = value.get("vid_embds"), value.get("text_embds")
        if isinstance(video, dict) and isinstance(text, dict):
            return video, text
    raise InputError(f"{path}: video '{video_id}' has no dicts 'vid_embds' and 'text_embds'", _MEND)


def _rows_of(value: Any) -> int:
    if isinstance(value, LazyArray):
        return value.shape[0] if value.ndim > 1 else 1
    rows = as_list(value) or []
    return len(rows) if rows and (isinstance(rows[0], LazyArray) or as_list(rows[0]) is not None) else 1


def _stack(values: Mapping[str, Any], counts: Mapping[str, int], path: Path, prefix: str) -> Tensor:
    """Concatenate the vectors of all videos: (rows, D) float32."""
    stacked, start = torch.empty(0, 0), 0
    for video_id, value in values.items():
        rows = _matrix(value, path)
        if stacked.numel() == 0:
            stacked = torch.empty(sum(counts.values()), 0 if rows is None else rows.shape[1])
        if rows is None or not rows.size or rows.shape != (counts[video_id], stacked.shape[1]):
            shape = None if rows is None else rows.shape
            expected = (counts[video_id], stacked.shape[1])
            raise InputError(f"{prefix} '{video_id}' has shape {shape}, not {expected}", _MEND)
        if not np.isfinite(rows).all():
            raise InputError(f"{prefix} '{video_id}' holds NaN or infinite values", _MEND)
        stacked[start : start + len(rows)] = torch.from_numpy(rows)
        start += len(rows)
    return stacked


def _matrix(value: Any, path: Path) -> NDArray[np.float32] | None:
    """Return an array, a list of arrays or lists of numbers as (rows, D); None for anything else."""
    try:
        return np.atleast_2d(np.array(_plain(value, path), np.float32))
    except (TypeError, ValueError, RecursionError):
        return None


def _plain(value: Any, path: Path) -> Any:
    if isinstance(value, LazyArray) and value.items is None:
        return value.read(path)
    rows = as_list(value)
    return value if rows is None else [_plain(row, path) for row in rows]
