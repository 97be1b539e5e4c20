"""The Mixture of Embedding Experts (MoEE)."""

from collections.abc import Mapping, Sequence

from torch import nn

from teachtext.data.batch import TextBatch, VideoBatch
from teachtext.models.gating import GatedEmbeddingUnit
from teachtext.models.pooling import ExpertPooling
from teachtext.models.retrieval import RetrievalModel
from teachtext.models.similarity import TextEmbedding, VideoEmbedding
from teachtext.models.text import Mixture, TextBranch


class MoEE(RetrievalModel):
    """Mixture of Embedding Experts (Miech et al., 2018): a gated embedding unit an expert.

    Args:
        expert_dims: D by expert; any set of experts, any of which may be missing for any video.
        expert_clusters: NetVLAD clusters of the experts that are sequences; the others are averaged over time.
        text_dim: D of a caption's rows.
        text_clusters: NetVLAD clusters of the caption; 0 for a sentence vector.
        ghost_clusters: ghost clusters of the caption's NetVLAD.
        shared_dim: width of every expert's space; None: the expert's own width, as in the paper.
        mixture: see `TextBranch`.
        mask_padding: see `NetVLAD`.
        aligned: see `CE`.

    Raises:
        ValueError: an aligned expert that is not as wide as the caption.

    Example:
        >>> import torch
        >>> from teachtext.models.similarity import similarity
        >>> model = MoEE(expert_dims={"audio": 128, "scene": 2208}, text_dim=384)
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
        shared_dim: int | None = None,
        mixture: Mixture = "learned",
        mask_padding: bool = True,
        aligned: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.experts = sorted(expert_dims)
        out_dims = [shared_dim or expert_dims[name] for name in self.experts]
        self.pooling = ExpertPooling(dims=expert_dims, clusters=expert_clusters or {}, mask_padding=mask_padding)
        self.embeddings = nn.ModuleList(
            GatedEmbeddingUnit(in_dim=width, out_dim=out_dim)
            for width, out_dim in zip(self.pooling.out_dims, out_dims, strict=True)
        )
        self.text = TextBranch(
            experts=self.experts,
            out_dims=out_dims,
            text_dim=text_dim,
            clusters=text_clusters,
            ghost_clusters=ghost_clusters,
            mask_padding=mask_padding,
            mixture=mixture,
        )
        for name in aligned:
            self.text.start_aligned(name, self.embeddings[self.experts.index(name)].get_submodule("project"))

    def encode_text(self, text: TextBatch) -> TextEmbedding:
        """Embed C captions."""
        embedding: TextEmbedding = self.text(text)
        return embedding

    def encode_video(self, video: VideoBatch) -> VideoEmbedding:
        """Embed B videos."""
        pooled = self.pooling(video)
        vectors = {name: unit(vector) for name, unit, vector in zip(self.experts, self.embeddings, pooled, strict=True)}
        return VideoEmbedding(vectors, video.present)
