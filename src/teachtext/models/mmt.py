"""The Multi-Modal Transformer (MMT)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from teachtext.data.batch import TextBatch, VideoBatch
from teachtext.models.pooling import length_mask
from teachtext.models.retrieval import RetrievalModel
from teachtext.models.similarity import TextEmbedding, VideoEmbedding
from teachtext.models.text import Mixture, TextBranch


class ExpertTokens(nn.Module):
    """Rows of all experts, and one aggregate of each, as the tokens of a transformer (Gabeur et al., ECCV 2020).

    A row becomes LayerNorm(F + E + T), with dropout. F is the row's projection, of unit length. E is the embedding of
    the expert. T is the embedding of the row's number, or of "no time" where an expert has one row. The aggregate of
    an expert has the maximum of the expert's F as F, and a separate embedding as T.

    Args:
        expert_dims: D by expert.
        dim: D of the tokens.
        max_positions: times that are told apart; later rows have the last.
        dropout: share of the tokens' values that training drops.
    """

    def __init__(self, *, expert_dims: Mapping[str, int], dim: int, max_positions: int, dropout: float) -> None:
        super().__init__()
        self.names = sorted(expert_dims)
        self.project = nn.ModuleList(nn.Linear(expert_dims[name], dim) for name in self.names)
        self.expert = _embedding(len(self.names), dim)
        self.time = _embedding(max_positions, dim)
        self.no_time = _embedding(dim)
        self.aggregate = _embedding(dim)
        self.norm = nn.LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, video: VideoBatch) -> tuple[Tensor, Tensor]:
        """Return tokens (B, M + sum of T, D), aggregates first, and which of them count, (B, M + sum of T) bool."""
        aggregates, rows, masks = [], [], []
        for e, (name, layer) in enumerate(zip(self.names, self.project, strict=True)):
            lengths = video.lengths[name]
            mask = length_mask(lengths, video.experts[name].shape[1])
            projected = F.normalize(layer(video.experts[name]), dim=2)
            aggregates.append(_maximum(projected, mask) + self.expert[e] + self.aggregate)
            rows.append(projected + self.expert[e] + self._times(lengths, mask.shape[1]))
            masks.append(mask)
        tokens = torch.cat([torch.stack(aggregates, dim=1), *rows], dim=1)
        return self.dropout(self.norm(tokens)), torch.cat([video.present, *masks], dim=1)

    def _times(self, lengths: Tensor, longest: int) -> Tensor:
        numbers = torch.arange(longest, device=lengths.device).clamp(max=len(self.time) - 1)
        return torch.where(lengths[:, None, None] == 1, self.no_time, self.time[numbers])


def _embedding(*shape: int) -> nn.Parameter:
    return nn.Parameter(0.02 * torch.randn(*shape))


def _maximum(rows: Tensor, mask: Tensor) -> Tensor:
    """Return the maximum (B, D) of the rows (B, T, D) that count; zeros where none does."""
    maximum = rows.masked_fill(~mask[..., None], -torch.inf).amax(dim=1)
    return maximum.masked_fill(~mask.any(dim=1, keepdim=True), 0)


class MMT(RetrievalModel):
    """Multi-Modal Transformer (Gabeur et al., ECCV 2020): the rows of all experts attend to one another.

    What a transformer encoder makes of an expert's aggregate token, of unit length, is the video's vector in that
    expert's space. Rows are read as they are, never pooled before. The text is read by `TextBranch`; the original
    fine-tunes BERT instead.

    Args:
        expert_dims: D by expert; any set of experts, any of which may be missing for any video.
        text_dim: D of a caption's rows.
        text_clusters: NetVLAD clusters of the caption; 0 for a sentence vector.
        ghost_clusters: ghost clusters of the caption's NetVLAD.
        shared_dim: width of the transformer and of the shared spaces.
        layers: of the transformer.
        heads: of attention in each; they divide `shared_dim`.
        feedforward: hidden width of each layer.
        dropout: of tokens and layers.
        mixture: see `TextBranch`.
        max_positions: see `ExpertTokens`.

    Raises:
        ValueError: `heads` do not divide `shared_dim`.

    Example:
        >>> import torch
        >>> from teachtext.models.similarity import similarity
        >>> model = MMT(expert_dims={"audio": 128, "scene": 2208}, text_dim=384, shared_dim=64, layers=1)
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
        text_clusters: int = 0,
        ghost_clusters: int = 0,
        shared_dim: int = 512,
        layers: int = 4,
        heads: int = 4,
        feedforward: int = 3072,
        dropout: float = 0.1,
        mixture: Mixture = "learned",
        max_positions: int = 64,
    ) -> None:
        super().__init__()
        if shared_dim % heads:
            raise ValueError(f"{heads} heads do not divide a shared_dim of {shared_dim}")
        self.experts = sorted(expert_dims)
        self.tokens = ExpertTokens(
            expert_dims=expert_dims, dim=shared_dim, max_positions=max_positions, dropout=dropout
        )
        self.transformer = transformer(shared_dim, layers, heads, feedforward, dropout)
        self.text = TextBranch(
            experts=self.experts,
            out_dims=[shared_dim] * len(self.experts),
            text_dim=text_dim,
            clusters=text_clusters,
            ghost_clusters=ghost_clusters,
            mixture=mixture,
        )

    def encode_text(self, text: TextBatch) -> TextEmbedding:
        """Embed C captions."""
        embedding: TextEmbedding = self.text(text)
        return embedding

    def encode_video(self, video: VideoBatch) -> VideoEmbedding:
        """Embed B videos."""
        tokens, mask = self.tokens(video)
        # attention to nothing is NaN; a video of which nothing is known attends to its empty tokens, for nobody to see
        mask = mask | ~mask.any(dim=1, keepdim=True)
        encoded = self.transformer(tokens, src_key_padding_mask=~mask)[:, : len(self.experts)]
        vectors = F.normalize(encoded, dim=2).unbind(dim=1)
        return VideoEmbedding(dict(zip(self.experts, vectors, strict=True)), video.present)


def transformer(dim: int, layers: int, heads: int, feedforward: int, dropout: float) -> nn.TransformerEncoder:
    """Return a transformer encoder with the initial weights of BERT."""
    layer = nn.TransformerEncoderLayer(dim, heads, feedforward, dropout, activation="gelu", batch_first=True)
    encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
    # torch starts all layers as copies of one
    for name, parameter in encoder.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
        elif parameter.dim() > 1:
            nn.init.normal_(parameter, std=0.02)
    return encoder
