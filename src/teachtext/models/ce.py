"""Collaborative Experts (CE)."""

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import nn
from torch.nn import functional as F

from teachtext.data.batch import TextBatch, VideoBatch
from teachtext.models.gating import CollaborativeGating, Gating, SelfGating
from teachtext.models.pooling import ExpertPooling
from teachtext.models.retrieval import RetrievalModel
from teachtext.models.similarity import TextEmbedding, VideoEmbedding
from teachtext.models.text import Mixture, TextBranch


class CE(RetrievalModel):
    """Collaborative Experts (Liu et al., BMVC 2019): experts projected to one width, gated by one another.

    Args:
        expert_dims: D by expert; any set of experts, any of which may be missing for any video.
        expert_clusters: NetVLAD clusters of the experts that are sequences; the others are averaged over time.
        text_dim: D of a caption's rows.
        text_clusters: NetVLAD clusters of the caption; 0 for a sentence vector.
        ghost_clusters: ghost clusters of the caption's NetVLAD.
        shared_dim: width of the shared spaces.
        gating: see `CollaborativeGating`; `none` is `SelfGating`.
        mixture: see `TextBranch`.
        mask_padding: see `NetVLAD`. False, with `sequential` gating, is the original model.
        aligned: experts of words that the captions' own encoder encoded; see `TextBranch.start_aligned`.

    Raises:
        ValueError: an aligned expert that is not as wide as the caption.

    Example:
        >>> import torch
        >>> from teachtext.models.similarity import similarity
        >>> model = CE(expert_dims={"audio": 128, "scene": 2208}, text_dim=384, shared_dim=64)
        >>> video = VideoBatch(
        ...     ["v1", "v2"],
        ...     {"audio": torch.randn(2, 9, 128), "scene": torch.randn(2, 1, 2208)},  # rows over time, padded
        ...     {"audio": torch.tensor([9, 0]), "scene": torch.tensor([1, 1])},  # v2 has no sound
        ... )
        >>> captions = TextBatch(["c1", "c2", "c3"], torch.randn(3, 1, 384), torch.ones(3, dtype=torch.long))
        >>> similarity(model.encode_text(captions), model.encode_video(video)).shape
        torch.Size([3, 2])
    """

    def __init__(
        self,
        *,
        expert_dims: Mapping[str, int],
        text_dim: int,
        expert_clusters: Mapping[str, int] | None = None,
        text_clusters: int = 0,
        ghost_clusters: int = 0,
        shared_dim: int = 768,
        gating: Gating | Literal["none"] = "parallel",
        mixture: Mixture = "learned",
        mask_padding: bool = True,
        aligned: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.experts = sorted(expert_dims)
        self.pooling = ExpertPooling(dims=expert_dims, clusters=expert_clusters or {}, mask_padding=mask_padding)
        self.reduce = nn.ModuleList(nn.Linear(width, shared_dim) for width in self.pooling.out_dims)
        self.collaborate = (
            SelfGating(experts=len(self.experts), dim=shared_dim)
            if gating == "none"
            else CollaborativeGating(experts=len(self.experts), dim=shared_dim, gating=gating)
        )
        self.text = TextBranch(
            experts=self.experts,
            out_dims=[shared_dim] * len(self.experts),
            text_dim=text_dim,
            clusters=text_clusters,
            ghost_clusters=ghost_clusters,
            mask_padding=mask_padding,
            mixture=mixture,
        )
        for name in aligned:
            self.text.start_aligned(name, self.reduce[self.experts.index(name)])

    def encode_text(self, text: TextBatch) -> TextEmbedding:
        """Embed C captions."""
        embedding: TextEmbedding = self.text(text)
        return embedding

    def encode_video(self, video: VideoBatch) -> VideoEmbedding:
        """Embed B videos."""
        pooled = self.pooling(video)
        reduced = [F.normalize(layer(vector), dim=1) for layer, vector in zip(self.reduce, pooled, strict=True)]
        gated = self.collaborate(torch.stack(reduced, dim=1), video.present)
        return VideoEmbedding(dict(zip(self.experts, gated.unbind(dim=1), strict=True)), video.present)
