"""The text branch that all models over experts share."""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from teachtext.data.batch import TextBatch
from teachtext.models.gating import GatedEmbeddingUnit
from teachtext.models.pooling import sequence_pooling
from teachtext.models.similarity import TextEmbedding

Mixture = Literal["learned", "uniform"]


class TextBranch(nn.Module):
    """Pooled caption -> one gated embedding an expert, and mixture weights w = softmax(Linear(c)).

    Args:
        experts: M expert names, sorted.
        out_dims: D_e of each.
        text_dim: D of a caption's rows.
        clusters: NetVLAD clusters; 0 takes the mean of the rows, which is a sentence vector itself.
        ghost_clusters: see `NetVLAD`.
        mask_padding: see `NetVLAD`.
        mixture: `uniform` gives every expert the weight 1 / M for every caption, and has no parameters for it.

    Raises:
        ValueError: an unknown mixture.
    """

    def __init__(
        self,
        *,
        experts: Sequence[str],
        out_dims: Sequence[int],
        text_dim: int,
        clusters: int = 0,
        ghost_clusters: int = 0,
        mask_padding: bool = True,
        mixture: Mixture = "learned",
    ) -> None:
        super().__init__()
        if mixture not in get_args(Mixture):
            raise ValueError(f"mixture '{mixture}' is not one of {', '.join(get_args(Mixture))}")
        self.experts = list(experts)
        self.pooling = sequence_pooling(
            dim=text_dim, clusters=clusters, ghost_clusters=ghost_clusters, mask_padding=mask_padding
        )
        self.embeddings = nn.ModuleList(
            GatedEmbeddingUnit(in_dim=self.pooling.out_dim, out_dim=out_dim) for out_dim in out_dims
        )
        self.mixture = nn.Linear(self.pooling.out_dim, len(self.experts)) if mixture == "learned" else None

    @torch.no_grad()
    def start_aligned(self, expert: str, projection: nn.Module) -> None:
        """Let an expert and its captions begin with one orthogonal projection, and so with the cosines of their space.

        For experts of words that the captions' own encoder encoded: a few dozen videos with a voice or a sign are not
        enough to learn what that encoder knows, that words are like themselves.

        Raises:
            ValueError: expert and caption are not of the same width.
        """
        caption_unit = self.embeddings[self.experts.index(expert)]
        assert isinstance(caption_unit, GatedEmbeddingUnit) and isinstance(projection, nn.Linear)
        if projection.in_features != caption_unit.project.in_features:
            widths = f"{projection.in_features} and {caption_unit.project.in_features}"
            raise ValueError(f"expert '{expert}' cannot start aligned with captions: their widths are {widths}")
        nn.init.orthogonal_(projection.weight)
        caption_unit.project.weight.copy_(projection.weight)
        # the expert keeps its own: of a video that lacks it there is nothing else, and zeros cannot be normalised
        nn.init.zeros_(caption_unit.project.bias)

    def forward(self, text: TextBatch) -> TextEmbedding:
        """Embed C captions."""
        pooled: Tensor = self.pooling(text.tokens, text.lengths)
        vectors = {name: unit(pooled) for name, unit in zip(self.experts, self.embeddings, strict=True)}
        if self.mixture is None:
            return TextEmbedding(vectors, pooled.new_full((len(pooled), len(self.experts)), 1 / len(self.experts)))
        return TextEmbedding(vectors, self.mixture(pooled).softmax(dim=1))
