"""What `Model.encode_text` and `Model.encode_video` return: embeddings with the ids of their rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from teachtext.encoders.embedder import QueryVectors, VideoVectors
from teachtext.extraction.extract import Failure
from teachtext.models.similarity import TextEmbedding, VideoEmbedding


@dataclass(frozen=True)
class EncodedTexts(TextEmbedding):
    """C texts in the spaces of a model.

    Attributes:
        vectors: by space, (C, D) float32, unit length.
        weights: (C, M) mixture weights, spaces in sorted order, each row summing to 1.
        ids: C ids; by default the texts themselves.
    """

    ids: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of(cls, ids: Sequence[str], queries: Sequence[QueryVectors], device: str) -> "EncodedTexts":
        """Stack C queries on a device."""
        vectors = {
            name: torch.from_numpy(np.stack([query.vectors[name] for query in queries])).to(device)
            for name in sorted(queries[0].vectors)
        }
        weights = torch.from_numpy(np.stack([query.weights for query in queries])).to(device)
        return cls(vectors, weights, list(ids))


@dataclass(frozen=True)
class EncodedVideos(VideoEmbedding):
    """B videos in the spaces of a model.

    Attributes:
        vectors: by space, (B, D) float32, unit length; zeros where the video lacks the space.
        present: (B, M) bool: which spaces the video has, in sorted order. A video that could not be read has none.
        ids: B ids: the paths as they were written, or the video ids of a dataset or a feature store.
        failed: the videos that could not be read, with the reasons.
    """

    ids: Sequence[str] = ()
    failed: Sequence[Failure] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of(
        cls,
        ids: Sequence[str],
        videos: Sequence[VideoVectors],
        spaces: Mapping[str, int],
        device: str,
        failed: Sequence[Failure] = (),
    ) -> "EncodedVideos":
        """Stack B videos on a device."""
        names = sorted(spaces)
        vectors: dict[str, Tensor] = {}
        for name in names:
            rows = [video.get(name, np.zeros(spaces[name], np.float32)) for video in videos]
            vectors[name] = torch.from_numpy(np.stack(rows)).to(device)
        present = torch.tensor([[name in video for name in names] for video in videos], device=device)
        return cls(vectors, present, list(ids), tuple(failed))
