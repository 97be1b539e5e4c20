"""A model at work: embeddings and scores of many captions and videos, in pieces that fit in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from teachtext.data.features import Features
from teachtext.data.protocol import Caption
from teachtext.models.retrieval import RetrievalModel
from teachtext.models.similarity import TextEmbedding, VideoEmbedding, concat_text, concat_video, similarity


@dataclass(frozen=True)
class Scores:
    """A similarity matrix and what its rows and columns are.

    Attributes:
        similarity: (C, B) float32.
        caption_ids: C ids.
        video_ids: B ids.
        video_of: (C,) column of each caption's own video.
        weights: (C, M) mixture weights of the captions, experts in sorted order.
    """

    similarity: NDArray[np.float32]
    caption_ids: Sequence[str]
    video_ids: Sequence[str]
    video_of: NDArray[np.int64]
    weights: NDArray[np.float32]


@torch.no_grad()
def embed_videos(
    model: RetrievalModel, features: Features, video_ids: Sequence[str], *, batch_size: int = 256
) -> VideoEmbedding:
    """Embed videos with a model in evaluation mode."""
    model.eval()
    device = next(model.parameters()).device
    return concat_video(
        [model.encode_video(features.videos(ids).to(device)).to(CPU) for ids in _chunks(video_ids, batch_size)]
    )


@torch.no_grad()
def embed_texts(
    model: RetrievalModel, features: Features, caption_ids: Sequence[str], *, batch_size: int | None = None
) -> TextEmbedding:
    """Embed captions with a model in evaluation mode.

    Args:
        model: put in evaluation mode.
        features: of the captions.
        caption_ids: C ids.
        batch_size: captions at once; by default `captions_at_once`.
    """
    model.eval()
    device = next(model.parameters()).device
    size = batch_size or captions_at_once(model, features, caption_ids)
    return concat_text(
        [model.encode_text(features.texts(ids).to(device)).to(CPU) for ids in _chunks(caption_ids, size)]
    )


def score(
    model: RetrievalModel,
    features: Features,
    captions: Sequence[Caption],
    video_ids: Sequence[str],
    *,
    batch_size: int | None = None,
) -> Scores:
    """Score captions against a gallery of videos, a piece at a time: of a caption no more than its scores is kept.

    Args:
        model: put in evaluation mode.
        features: features of both.
        captions: C queries, each of a video of the gallery.
        video_ids: B videos.
        batch_size: captions embedded at once; by default `captions_at_once`.
    """
    column = {video_id: number for number, video_id in enumerate(video_ids)}
    caption_ids = [caption.id for caption in captions]
    pieces = score_pieces(model, features, caption_ids, video_ids, batch_size=batch_size)
    scores = np.empty((len(captions), len(video_ids)), np.float32)
    weights = np.empty((len(captions), len(model.spaces)), np.float32)
    for rows, similarities, mixture in pieces:
        scores[rows], weights[rows] = similarities, mixture
    return Scores(
        similarity=scores,
        caption_ids=caption_ids,
        video_ids=list(video_ids),
        video_of=np.array([column[caption.video_id] for caption in captions]),
        weights=weights,
    )


def score_pieces(
    model: RetrievalModel,
    features: Features,
    caption_ids: Sequence[str],
    video_ids: Sequence[str],
    *,
    batch_size: int | None = None,
) -> Iterator[tuple[slice, NDArray[np.float32], NDArray[np.float32]]]:
    """Score captions against a gallery of videos, which need not be theirs, and yield one piece after the other.

    Args:
        model: put in evaluation mode.
        features: features of both.
        caption_ids: C ids.
        video_ids: B ids.
        batch_size: captions embedded at once; by default `captions_at_once`.

    Yields:
        Which captions, their scores (N, B) and their mixture weights (N, M), experts in sorted order. The pieces depend
        on the numbers of captions and videos alone.
    """
    video = embed_videos(model, features, video_ids)
    # more at once than are embedded together, for each time the gallery has to be laid out anew
    size = _within_budget(4 * len(video_ids))
    for start in range(0, len(caption_ids), size):
        rows = slice(start, start + size)
        text = embed_texts(model, features, caption_ids[rows], batch_size=batch_size)
        yield rows, similarity(text, video).numpy(), text.weights.numpy()


def captions_at_once(model: RetrievalModel, features: Features, caption_ids: Sequence[str]) -> int:
    """Return how many captions can be embedded together within a budget of memory, by their widest tensors.

    Those are what is read, as long as the longest caption, or as all are padded for a model that reads padding too;
    and the pooled caption, which may be as wide as the model's widest layer.
    """
    longest = max((features.text.rows_of(caption_id) for caption_id in caption_ids), default=1)
    most = features.max_words or longest
    words = most if features.fill_words else min(longest, most)
    widest = max((weight.shape[-1] for weight in model.parameters() if weight.ndim > 1), default=0)
    return _within_budget(4 * (words * features.text.dim + widest))


CPU = torch.device("cpu")
_BUDGET_BYTES = 64 * 2**20
_MOST_CAPTIONS = 1024


def _within_budget(bytes_each: int) -> int:
    return max(1, min(_MOST_CAPTIONS, _BUDGET_BYTES // max(1, bytes_each)))


def _chunks(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
