"""A model at work: embeddings and scores of many captions and videos, in pieces that fit in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from teachtext.data.features import Features
from teachtext.data.types import Caption
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
        batch_size: captions at once; by default as many as `captions_at_once`.
    """
    return concat_text([text.to(CPU) for text in _pieces(model, features, caption_ids, batch_size)])


@torch.no_grad()
def score(
    model: RetrievalModel,
    features: Features,
    captions: Sequence[Caption],
    video_ids: Sequence[str],
    *,
    batch_size: int | None = None,
) -> Scores:
    """Score captions against a gallery of videos, a piece at a time: only the scores themselves are kept.

    Args:
        model: put in evaluation mode.
        features: features of both.
        captions: C queries, each of a video of the gallery.
        video_ids: B videos.
        batch_size: captions at once; by default as many as `captions_at_once`.
    """
    gallery = embed_videos(model, features, video_ids).to(next(model.parameters()).device)
    caption_ids = [caption.id for caption in captions]
    column = {video_id: number for number, video_id in enumerate(video_ids)}
    scores = np.empty((len(captions), len(video_ids)), np.float32)
    weights, start = [], 0
    for text in _pieces(model, features, caption_ids, batch_size, videos=len(video_ids)):
        rows = slice(start, start + len(text.weights))
        scores[rows] = similarity(text, gallery).cpu().numpy()
        weights.append(text.weights.cpu().numpy())
        start = rows.stop
    return Scores(
        similarity=scores,
        caption_ids=caption_ids,
        video_ids=list(video_ids),
        video_of=np.array([column[caption.video_id] for caption in captions]),
        weights=np.concatenate(weights),
    )


def captions_at_once(model: RetrievalModel, features: Features, caption_ids: Sequence[str], *, videos: int = 0) -> int:
    """Return how many captions fit together into a budget of memory, by their widest tensors.

    Args:
        model: what embeds them; its widest layer tells how wide a pooled caption may be.
        features: their longest, or for a model that reads padding too the length that all are padded to.
        caption_ids: C ids.
        videos: how many each is scored against.
    """
    longest = max((features.text.rows_of(caption_id) for caption_id in caption_ids), default=1)
    words = features.max_words if features.max_words and features.fill_words else longest
    read = min(words, features.max_words or words) * features.text.dim
    widest = max((weight.shape[-1] for weight in model.parameters() if weight.ndim > 1), default=0)
    return max(1, min(_MOST_CAPTIONS, _BUDGET_BYTES // (4 * (read + widest + videos))))


CPU = torch.device("cpu")
_BUDGET_BYTES = 64 * 2**20
_MOST_CAPTIONS = 1024


def _pieces(
    model: RetrievalModel, features: Features, caption_ids: Sequence[str], batch_size: int | None, *, videos: int = 0
) -> Iterator[TextEmbedding]:
    model.eval()
    device = next(model.parameters()).device
    size = batch_size or captions_at_once(model, features, caption_ids, videos=videos)
    for ids in _chunks(caption_ids, size):
        yield model.encode_text(features.texts(ids).to(device))


def _chunks(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
