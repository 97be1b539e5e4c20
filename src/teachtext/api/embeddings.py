"""What `Model.encode_text` and `Model.encode_video` return: embeddings with the ids of their rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

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
        fingerprint: the fingerprint of the model; empty if it is not known.
    """

    ids: Sequence[str] = ()
    fingerprint: str = ""

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"EncodedTexts({len(self)} texts, spaces={sorted(self.vectors)}, device='{self.weights.device}')"

    def to(self, device: torch.device | str) -> "EncodedTexts":
        """Return the texts on a device."""
        vectors = {name: vector.to(device) for name, vector in self.vectors.items()}
        return replace(self, vectors=vectors, weights=self.weights.to(device))

    @classmethod
    def of(
        cls, ids: Sequence[str], queries: Sequence[QueryVectors], device: str, *, fingerprint: str = ""
    ) -> "EncodedTexts":
        """Stack C queries on a device."""
        vectors = {
            name: torch.from_numpy(np.stack([query.vectors[name] for query in queries])).to(device)
            for name in sorted(queries[0].vectors)
        }
        weights = torch.from_numpy(np.stack([query.weights for query in queries])).to(device)
        return cls(vectors, weights, list(ids), fingerprint)


@dataclass(frozen=True)
class EncodedVideos(VideoEmbedding):
    """B videos in the spaces of a model.

    Attributes:
        vectors: by space, (B, D) float32, unit length; zeros where the video lacks the space.
        present: (B, M) bool: which spaces the video has, in sorted order. A video that could not be read has none.
        ids: B ids: the paths as they were written, or the video ids of a dataset or a feature store.
        failed: the videos that could not be read, with the reasons.
        fingerprint: the fingerprint of the model; empty if it is not known.
    """

    ids: Sequence[str] = ()
    failed: Sequence[Failure] = ()
    fingerprint: str = ""

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        counts = f"{len(self)} videos, {len(self.failed)} failed"
        return f"EncodedVideos({counts}, spaces={sorted(self.vectors)}, device='{self.present.device}')"

    def to(self, device: torch.device | str) -> "EncodedVideos":
        """Return the videos on a device."""
        vectors = {name: vector.to(device) for name, vector in self.vectors.items()}
        return replace(self, vectors=vectors, present=self.present.to(device))

    @classmethod
    def of(
        cls,
        ids: Sequence[str],
        videos: Sequence[VideoVectors],
        spaces: Mapping[str, int],
        device: str,
        failed: Sequence[Failure] = (),
        *,
        fingerprint: str = "",
    ) -> "EncodedVideos":
        """Stack B videos on a device."""
        names = sorted(spaces)
        vectors: dict[str, Tensor] = {}
        for name in names:
            rows = [video.get(name, np.zeros(spaces[name], np.float32)) for video in videos]
            vectors[name] = torch.from_numpy(np.stack(rows)).to(device)
        present = torch.tensor([[name in video for name in names] for video in videos], device=device)
        return cls(vectors, present, list(ids), tuple(failed), fingerprint)
