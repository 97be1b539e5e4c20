"""A dual encoder over pooled features."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from teachtext.data.batch import TextBatch, VideoBatch
from teachtext.models.pooling import FrameWeights, mean_of_rows, weighted_rows
from teachtext.models.retrieval import RetrievalModel
from teachtext.models.similarity import TextEmbedding, VideoEmbedding


class ResidualHead(nn.Module):
    """y = x + Dropout(W2 GELU(W1 LayerNorm(x) + b1) + b2), L2-normalised.

    Args:
        dim: D.
        dropout: share of the branch's values that training drops.
    """

    def __init__(self, *, dim: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.LayerNorm(dim), nn.Linear(dim, dim), nn.GELU(), nn.Linear(dim, dim), nn.Dropout(dropout)
        )
        # the branch starts as a part of x and not as many times x
        nn.init.normal_(self.last.weight, std=1 / dim)
        nn.init.zeros_(self.last.bias)

    @property
    def last(self) -> nn.Linear:
        """The branch's last layer."""
        return self.branch[3]  # type: ignore[return-value]

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (N, D) to unit vectors (N, D)."""
        return F.normalize(inputs + self.branch(inputs), dim=1)


def mean_of_experts(
    video: VideoBatch,
    experts: Sequence[str],
    project: nn.ModuleList,
    dropout: nn.Module | None = None,
    frames: Mapping[str, Tensor] | None = None,
) -> Tensor:
    """Return the mean (B, D) over the experts that are there; each is the mean of its unit rows, projected.

    Args:
        video: B videos.
        experts: those that count.
        project: a layer an expert.
        dropout: drops values before they are projected.
        frames: logits (B, T) of the rows, by expert whose rows do not count alike; see `weighted_rows`.
    """
    weighed = frames or {}
    means = []
    for name in experts:
        units, lengths = F.normalize(video.experts[name], dim=2), video.lengths[name]
        pooled = weighted_rows(units, weighed[name], lengths) if name in weighed else mean_of_rows(units, lengths)
        means.append(F.normalize(pooled, dim=1))
    inputs = means if dropout is None else [dropout(mean) for mean in means]
    projected = torch.stack([layer(mean) for layer, mean in zip(project, inputs, strict=True)], dim=1)
    present = torch.stack([video.lengths[name] > 0 for name in experts], dim=1)[..., None]
    return (projected * present).sum(dim=1) / present.sum(dim=1).clamp(min=1)


class PooledDualEncoder(RetrievalModel):
    """Projection heads on pooled features: the form that features of CLIP and its kin want; scores are plain cosines.

    Video: each expert is the mean of its unit rows, of unit length (CLIP4Clip's "mean pooling": Luo et al., 2021),
    projected to one width; then the mean over the experts that are there, and a `ResidualHead`. Text: the mean of the
    rows, which is a sentence vector itself, of unit length, projected, and a head of its own.

    The rows of `weighed` experts do not count alike: their weights are learned (see `FrameWeights`).

    Args:
        expert_dims: D by expert; any set of experts, any of which may be missing for any video.
        text_dim: D of a caption's rows.
        shared_dim: width of the shared space.
        dropout: see `ResidualHead`.
        identity_start: start as the identity, so that text and video features that are already aligned begin at
            their zero-shot similarity.
        weighed: the experts whose rows are weighed.

    Raises:
        ValueError: `identity_start` where the widths of experts, text and shared space are not all the same.

    Example:
        >>> import torch
        >>> from teachtext.models.similarity import similarity
        >>> model = PooledDualEncoder(expert_dims={"audio": 128, "scene": 2208}, text_dim=384)
        >>> video = VideoBatch(
        ...     ["v1", "v2"],
        ...     {"audio": torch.randn(2, 9, 128), "scene": torch.randn(2, 1, 2208)},  # rows over time, padded
        ...     {"audio": torch.tensor([9, 0]), "scene": torch.tensor([1, 1])},  # v2 has no sound
        ... )
        >>> captions = TextBatch(["c1", "c2", "c3"], torch.randn(3, 1, 384), torch.ones(3, dtype=torch.long))
        >>> similarity(model.encode_text(captions), model.encode_video(video)).shape
        torch.Size([3, 2])
    """

    space_per_expert = False

    def __init__(
        self,
        *,
        expert_dims: Mapping[str, int],
        text_dim: int,
        shared_dim: int = 512,
        dropout: float = 0.1,
        identity_start: bool = False,
        weighed: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.experts = sorted(expert_dims)
        self.project = nn.ModuleList(nn.Linear(expert_dims[name], shared_dim) for name in self.experts)
        self.video_head = ResidualHead(dim=shared_dim, dropout=dropout)
        self.text_project = nn.Linear(text_dim, shared_dim)
        self.text_head = ResidualHead(dim=shared_dim, dropout=dropout)
        self.weighed = sorted(weighed)
        self.frame_weights = nn.ModuleList(FrameWeights(dim=expert_dims[name]) for name in self.weighed)
        if identity_start:
            self._start_as_identity()

    def encode_text(self, text: TextBatch) -> TextEmbedding:
        """Embed C captions."""
        pooled = F.normalize(mean_of_rows(text.tokens, text.lengths), dim=1)
        vectors = self.text_head(self.text_project(pooled))
        return TextEmbedding({"joint": vectors}, vectors.new_ones(len(vectors), 1))

    def encode_video(self, video: VideoBatch) -> VideoEmbedding:
        """Embed B videos."""
        frames = {
            name: weights(F.normalize(video.experts[name], dim=2))
            for name, weights in zip(self.weighed, self.frame_weights, strict=True)
        }
        mean = mean_of_experts(video, self.experts, self.project, frames=frames)
        return VideoEmbedding({"joint": self.video_head(mean)}, video.present.any(dim=1, keepdim=True), frames=frames)

    @torch.no_grad()
    def _start_as_identity(self) -> None:
        layers: list[nn.Linear] = [*self.project, self.text_project]
        widths = {width for layer in layers for width in (layer.in_features, layer.out_features)}
        if len(widths) > 1:
            different = ", ".join(map(str, sorted(widths)))
            raise ValueError(f"identity_start needs experts, text and shared space of one width, not {different}")
        for layer in layers:
            nn.init.eye_(layer.weight)
            nn.init.zeros_(layer.bias)
        for head in (self.video_head, self.text_head):
            nn.init.zeros_(head.last.weight)
        for weights in self.frame_weights:
            nn.init.zeros_(weights.get_parameter("last.weight"))
