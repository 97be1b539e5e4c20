"""The concatenation of experts, an ablation."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from teachtext.data.batch import TextBatch, VideoBatch
from teachtext.models.pooling import ExpertPooling, sequence_pooling
from teachtext.models.retrieval import RetrievalModel
from teachtext.models.similarity import TextEmbedding, VideoEmbedding


class Concat(RetrievalModel):
    """Pooled experts one after another against the pooled caption: the ablation "Concat" of Liu et al., BMVC 2019.

    The model has no projection, no gate and no mixture weights. The score is one cosine: of the caption's vector and
    of the concatenation of the experts' unit vectors. A missing expert is zeros, and the shorter side is filled with
    zeros. Only NetVLAD learns. The ablation shows what learned projections are for.

    The row published for MSR-VTT (R@1 0.0, median rank 1495.5) says nothing about concatenation: where the caption's
    vector was the longer, the authors' code left the video's at zero, so that all scores were equal.

    Args:
        expert_dims: D by expert; any set of experts, any of which may be missing for any video.
        expert_clusters: NetVLAD clusters of the experts that are sequences; the others are averaged over time.
        text_dim: D of a caption's rows.
        text_clusters: NetVLAD clusters of the caption; 0 for a sentence vector.
        ghost_clusters: ghost clusters of the caption's NetVLAD.
        mask_padding: see `NetVLAD`.

    Raises:
        ValueError: neither the caption nor an expert has NetVLAD, so that there is nothing to learn.
    """

    space_per_expert = False

    def __init__(
        self,
        *,
        expert_dims: Mapping[str, int],
        text_dim: int,
        expert_clusters: Mapping[str, int] | None = None,
        text_clusters: int = 0,
        ghost_clusters: int = 0,
        mask_padding: bool = True,
    ) -> None:
        super().__init__()
        self.experts = sorted(expert_dims)
        self.pooling = ExpertPooling(dims=expert_dims, clusters=expert_clusters or {}, mask_padding=mask_padding)
        self.text = sequence_pooling(
            dim=text_dim, clusters=text_clusters, ghost_clusters=ghost_clusters, mask_padding=mask_padding
        )
        self.dim = max(sum(self.pooling.out_dims), self.text.out_dim)
        if next(self.parameters(), None) is None:
            raise ValueError("nothing of it learns from sentence vectors and pooled experts: one must be a sequence")

    def encode_text(self, text: TextBatch) -> TextEmbedding:
        """Embed C captions."""
        pooled = self._fill(self.text(text.tokens, text.lengths))
        return TextEmbedding({"joint": F.normalize(pooled, dim=1)}, pooled.new_ones(len(pooled), 1))

    def encode_video(self, video: VideoBatch) -> VideoEmbedding:
        """Embed B videos."""
        units = [F.normalize(vector, dim=1) for vector in self.pooling(video)]
        # without a mask, NetVLAD returns a vector even for an expert without rows
        masked = [
            unit * is_present[:, None] for unit, is_present in zip(units, video.present.unbind(dim=1), strict=True)
        ]
        joint = F.normalize(self._fill(torch.cat(masked, dim=1)), dim=1)
        return VideoEmbedding({"joint": joint}, video.present.any(dim=1, keepdim=True))

    def _fill(self, vectors: Tensor) -> Tensor:
        return F.pad(vectors, (0, self.dim - vectors.shape[1]))
