"""One space for text, video, sound and every pair of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from teachtext.data.batch import Batch, TextBatch, VideoBatch
from teachtext.models.dual import ResidualHead, mean_of_experts
from teachtext.models.pooling import mean_of_rows
from teachtext.models.retrieval import RetrievalModel
from teachtext.models.scaling import StandardisedModel
from teachtext.models.similarity import Embedded, TextEmbedding, VideoEmbedding, at_least_single

MODALITIES = ("text", "video", "audio")
# below every gate: a modality that is missing has no weight
_MISSING = -1e30

Parts = Mapping[str, Tensor]
"""By modality, (N, D) unit vectors; anything where the modality is missing."""


class GatedFusion(nn.Module):
    """One vector of the modalities that are there: a = norm(sum_m w_m z_m), w = softmax over m of (W z_m + b_m).

    Products and softmaxes are taken dimension by dimension. A modality that is missing has no weight. So one modality
    alone is its own vector. W and b start at zero, with the mean of the modalities.

    Args:
        dim: D.

    Example:
        >>> fusion = GatedFusion(dim=2)
        >>> parts = {"text": torch.tensor([[1.0, 0.0]]), "video": torch.tensor([[0.0, 1.0]])}
        >>> fusion(parts, torch.tensor([[True, True, False]])).detach()
        tensor([[0.7071, 0.7071]])
        >>> fusion(parts, torch.tensor([[False, True, False]])).detach()
        tensor([[0., 1.]])
    """

    def __init__(self, *, dim: int) -> None:
        super().__init__()
        self.gate = nn.Linear(dim, dim, bias=False)
        self.offset = nn.Parameter(torch.zeros(len(MODALITIES), dim))
        nn.init.zeros_(self.gate.weight)

    def forward(self, parts: Parts, present: Tensor) -> Tensor:
        """Fuse.

        Args:
            parts: by modality; one that all lack may be left out.
            present: (N, 3) bool, in the order of `MODALITIES`.

        Returns:
            (N, D) unit vectors; anything where all modalities are missing.
        """
        given = [(m, name) for m, name in enumerate(MODALITIES) if name in parts]
        vectors = torch.stack([parts[name] for _, name in given], dim=1)
        columns = [m for m, _ in given]
        gates = (self.gate(vectors) + self.offset[columns]).masked_fill(~present[:, columns, None], _MISSING)
        return F.normalize((gates.softmax(dim=1) * vectors).sum(dim=1), dim=1)


@dataclass(frozen=True)
class OmniEmbedded(Embedded):
    """What `Omni` makes of a batch, with what its objective needs.

    Attributes:
        parts: the modalities of the B pairs.
        present: (B, 3) bool, in the order of `MODALITIES`; text is always there.
        fused: (B, D) the fusion of all modalities that are there.
        fused_again: (B, D) the fusion of the same, with other values dropped.
        fuse: the fusion of the model: of parts and presence.
    """

    parts: Parts
    present: Tensor
    fused: Tensor
    fused_again: Tensor
    fuse: Callable[[Parts, Tensor], Tensor]

    def packed(self) -> tuple[list[Tensor], Callable[[Sequence[Tensor]], "OmniEmbedded"]]:
        """Return all rows as matrices; see `Embedded.packed`."""
        plain, unpack = super().packed()

        def back(given: Sequence[Tensor]) -> OmniEmbedded:
            embedded = unpack(given[: len(plain)])
            *parts, present, fused, fused_again = given[len(plain) :]
            named = dict(zip(MODALITIES, parts, strict=True))
            return OmniEmbedded(
                embedded.text, embedded.video, named, present.detach() > 0.5, fused, fused_again, self.fuse
            )

        rows = [*(self.parts[name] for name in MODALITIES), self.present.to(self.fused.dtype)]
        return [*plain, *rows, self.fused, self.fused_again], back

    def in_single_precision(self) -> "OmniEmbedded":
        """Return the same in single precision; see `Embedded.in_single_precision`."""
        plain = super().in_single_precision()
        return replace(
            self,
            text=plain.text,
            video=plain.video,
            parts={name: at_least_single(values) for name, values in self.parts.items()},
            fused=at_least_single(self.fused),
            fused_again=at_least_single(self.fused_again),
        )


class Omni(RetrievalModel):
    """OmniRetriever (2026) on features: text, video and sound in one space, and a fusion of any of them.

    Each modality is pooled as in `teachtext.models.dual.PooledDualEncoder`: the mean of unit rows, projected, the mean
    over its experts, and a `ResidualHead`. A video is searched for by the fusion of its pictures and its sound, or by
    what is there of them.

    Args:
        expert_dims: D by expert; any of them may be missing for any video.
        text_dim: D of a caption's rows.
        sound: the experts that hear; those that are not among `expert_dims` do not matter. All others see.
        shared_dim: width of the space.
        dropout: share of the inputs' and of the heads' values that training drops.

    Raises:
        ValueError: no expert hears, or none sees.

    Example:
        >>> import torch
        >>> model = Omni(expert_dims={"audio": 128, "scene": 2208}, text_dim=384)
        >>> video = VideoBatch(
        ...     ["v1", "v2"],
        ...     {"audio": torch.randn(2, 9, 128), "scene": torch.randn(2, 1, 2208)},  # rows over time, padded
        ...     {"audio": torch.tensor([9, 0]), "scene": torch.tensor([1, 1])},  # v2 has no sound
        ... )
        >>> model.encode_video(video).vectors["joint"].shape
        torch.Size([2, 256])
    """

    space_per_expert = False

    def __init__(
        self,
        *,
        expert_dims: Mapping[str, int],
        text_dim: int,
        sound: Sequence[str] = ("audio", "speech"),
        shared_dim: int = 256,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.experts = sorted(expert_dims)
        self.experts_of = experts_by_modality(self.experts, sound)
        self.dropout = nn.Dropout(dropout)
        self.text_project = nn.Linear(text_dim, shared_dim)
        self.text_head = ResidualHead(dim=shared_dim, dropout=dropout)
        self.video_project = self._projections("video", expert_dims, shared_dim)
        self.video_head = ResidualHead(dim=shared_dim, dropout=dropout)
        self.audio_project = self._projections("audio", expert_dims, shared_dim)
        self.audio_head = ResidualHead(dim=shared_dim, dropout=dropout)
        self.fuse = GatedFusion(dim=shared_dim)

    def encode_text(self, text: TextBatch) -> TextEmbedding:
        """Embed C captions."""
        vectors = self._text(text)
        return TextEmbedding({"joint": vectors}, vectors.new_ones(len(vectors), 1))

    def encode_video(self, video: VideoBatch) -> VideoEmbedding:
        """Embed B videos: the fusion of the pictures and the sound."""
        return self._joint(self._senses(video), self._present(video))

    def embed(self, batch: Batch) -> OmniEmbedded:
        """Return the embeddings of both sides of a batch, of each modality, and of all together, twice."""
        present = self._present(batch.video)
        parts, again = ({"text": self._text(batch.text), **self._senses(batch.video)} for _ in range(2))
        text = TextEmbedding({"joint": parts["text"]}, parts["text"].new_ones(len(present), 1))
        fused, fused_again = self.fuse(parts, present), self.fuse(again, present)
        return OmniEmbedded(text, self._joint(parts, present), parts, present, fused, fused_again, self.fuse)

    def _joint(self, parts: Parts, present: Tensor) -> VideoEmbedding:
        senses = {name: parts[name] for name in ("video", "audio")}
        return VideoEmbedding({"joint": self.fuse(senses, present)}, present[:, 1:].any(dim=1, keepdim=True))

    def _text(self, text: TextBatch) -> Tensor:
        pooled = F.normalize(mean_of_rows(text.tokens, text.lengths), dim=1)
        vectors: Tensor = self.text_head(self.text_project(self.dropout(pooled)))
        return vectors

    def _senses(self, video: VideoBatch) -> dict[str, Tensor]:
        """Return the vectors of the pictures and of the sound."""
        return {
            "video": self.video_head(self._mean("video", self.video_project, video)),
            "audio": self.audio_head(self._mean("audio", self.audio_project, video)),
        }

    def _mean(self, modality: str, project: nn.ModuleList, video: VideoBatch) -> Tensor:
        return mean_of_experts(video, self.experts_of[modality], project, self.dropout)

    def _present(self, video: VideoBatch) -> Tensor:
        """Return (B, 3) bool: which modalities are there."""
        senses = [
            torch.stack([video.lengths[name] > 0 for name in self.experts_of[modality]]).any(dim=0)
            for modality in ("video", "audio")
        ]
        return torch.stack([torch.ones_like(senses[0]), *senses], dim=1)

    def _projections(self, modality: str, expert_dims: Mapping[str, int], shared_dim: int) -> nn.ModuleList:
        return nn.ModuleList(nn.Linear(expert_dims[name], shared_dim) for name in self.experts_of[modality])


def experts_by_modality(experts: Sequence[str], sound: Sequence[str]) -> dict[str, list[str]]:
    """Return the experts that see, `video`, and those that hear, `audio`.

    Args:
        experts: of a model.
        sound: the experts that hear.

    Raises:
        ValueError: no expert hears, or none sees.

    >>> experts_by_modality(["audio", "motion", "scene"], ["audio"])
    {'video': ['motion', 'scene'], 'audio': ['audio']}
    """
    hear = [name for name in experts if name in sound]
    see = [name for name in experts if name not in sound]
    if not hear or not see:
        lacking = "hears ('sound' names them)" if not hear else "sees"
        raise ValueError(f"none of its experts {lacking}: {', '.join(experts)}")
    return {"video": see, "audio": hear}


def omni_of(model: RetrievalModel) -> Omni | None:
    """Return the `Omni` in a model that may read standardised features; None where the model is of another kind."""
    inner = model.model if isinstance(model, StandardisedModel) else model
    return inner if isinstance(inner, Omni) else None
