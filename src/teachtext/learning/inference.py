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
    model: RetrievalModel, features: Features, caption_ids: Sequence[str], *, batch_size: int = 512
) -> TextEmbedding:
    """Embed captions with a model in evaluation mode."""
    model.eval()
    device = next(model.parameters()).device
    return concat_text(
        [model.encode_text(features.texts(ids).to(device)).to(CPU) for ids in _chunks(caption_ids, batch_size)]
    )


def score(model: RetrievalModel, features: Features, captions: Sequence[Caption], video_ids: Sequence[str]) -> Scores:
    """Score captions against a gallery of videos.

    Args:
        model: put in evaluation mode.
        features: features of both.
        captions: C queries, each of a video of the gallery.
        video_ids: B videos.
    """
    video = embed_videos(model, features, video_ids)
    text = embed_texts(model, features, [caption.id for caption in captions])
    column = {video_id: number for number, video_id in enumerate(video_ids)}
    return Scores(
        similarity=similarity(text, video).numpy(),
        caption_ids=[caption.id for caption in captions],
        video_ids=list(video_ids),
        video_of=np.array([column[caption.video_id] for caption in captions]),
        weights=text.weights.numpy(),
    )


CPU = torch.device("cpu")


def _chunks(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
