"""The one place where text and video meet."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

NOTHING_KNOWN = -2.0
"""The score of a video that no expert describes: below every cosine, so that all such videos share the last rank.

They have no similarity with anything (0 / 0), but they stay in the gallery: a model with few experts is then measured
on the same videos as the others, and pays for what it cannot see. A number and not NaN or minus infinity, so that
ranks, files and reports need no case of their own.
"""


@dataclass(frozen=True)
class VideoEmbedding:
    """B videos in the shared spaces of M experts.

    Attributes:
        vectors: by expert, (B, D_e), unit length; anything where the expert is missing.
        present: (B, M) bool, experts in sorted order.
        frames: by expert whose rows are weighed, (B, T) logits of the rows (see `teachtext.models.pooling`). They are
            for the loss of one batch, and are not kept: `concat_video` leaves them out.
    """

    vectors: Mapping[str, Tensor]
    present: Tensor
    frames: Mapping[str, Tensor] = field(default_factory=dict, kw_only=True)

    def select(self, rows: Tensor) -> "VideoEmbedding":
        """Return the videos of `rows`, an index or mask."""
        return self._each(lambda values: values[rows])

    @property
    def described(self) -> Tensor:
        """(B,) bool: which videos any expert describes."""
        return self.present.any(dim=1)

    def to(self, device: torch.device) -> "VideoEmbedding":
        """Return the embedding on a device."""
        return self._each(lambda values: values.to(device))

    def detach(self) -> "VideoEmbedding":
        """Return the same without gradient."""
        return self._each(torch.Tensor.detach)

    def in_single_precision(self) -> "VideoEmbedding":
        """Return the same in single precision; see `at_least_single`."""
        return self._each(at_least_single)

    def _each(self, change: Callable[[Tensor], Tensor]) -> "VideoEmbedding":
        """Return the embedding with each of its tensors changed."""
        vectors, frames = (
            {name: change(values) for name, values in table.items()} for table in (self.vectors, self.frames)
        )
        return VideoEmbedding(vectors, change(self.present), frames=frames)


@dataclass(frozen=True)
class TextEmbedding:
    """C captions in the shared spaces of M experts.

    Attributes:
        vectors: by expert, (C, D_e), unit length.
        weights: (C, M) mixture weights, experts in sorted order, each row summing to 1.
    """

    vectors: Mapping[str, Tensor]
    weights: Tensor

    def select(self, rows: Tensor) -> "TextEmbedding":
        """Return the captions of `rows`, an index or mask."""
        return TextEmbedding({name: vector[rows] for name, vector in self.vectors.items()}, self.weights[rows])

    def to(self, device: torch.device) -> "TextEmbedding":
        """Return the embedding on a device."""
        return TextEmbedding(
            {name: vector.to(device) for name, vector in self.vectors.items()}, self.weights.to(device)
        )


def similarity(text: TextEmbedding, video: VideoEmbedding) -> Tensor:
    """Score captions against videos.

    With unit vectors u, mixture weights w and presence a:
    s[c, b] = sum_e w[c, e] a[b, e] <u_text[c, e], u_video[b, e]> / sum_e w[c, e] a[b, e],
    the weighted mean of cosines over the experts that the video has (Liu et al., BMVC 2019, eq. 4). The mixture
    weights are renormalised per pair. A video without experts has the score `NOTHING_KNOWN`.

    Two matrix products on concatenated vectors, never a C x B x M tensor.

    Args:
        text: C captions.
        video: B videos with the same experts.

    Returns:
        (C, B), in [-1, 1] or `NOTHING_KNOWN`.

    Example:
        One caption trusts the expert "scene" three times as much as "audio"; the second video has no sound.

        >>> unit = torch.eye(2)
        >>> text = TextEmbedding({"audio": unit[:1], "scene": unit[:1]}, weights=torch.tensor([[0.25, 0.75]]))
        >>> present = torch.tensor([[True, True], [False, True]])
        >>> video = VideoEmbedding({"audio": unit, "scene": unit[[1, 0]]}, present)
        >>> similarity(text, video)
        tensor([[0.2500, 1.0000]])
    """
    names = sorted(text.vectors)
    # above zero, or a caption sure of experts that a video lacks would have no similarity with it
    weights = text.weights.clamp(min=1e-30)
    present = video.present.to(weights.dtype)
    left = torch.cat([text.vectors[name] * weights[:, e, None] for e, name in enumerate(names)], dim=1)
    right = torch.cat([video.vectors[name] * present[:, e, None] for e, name in enumerate(names)], dim=1)
    # nothing is divided by nothing, not even where it is then put aside: the gradient would be NaN
    total = weights @ present.T + ~video.described
    return ((left @ right.T) / total).masked_fill(~video.described, NOTHING_KNOWN)


@dataclass(frozen=True)
class Embedded:
    """What a model makes of a batch: captions and videos where they meet.

    Attributes:
        text: C captions.
        video: B videos.
    """

    text: TextEmbedding
    video: VideoEmbedding

    @cached_property
    def scores(self) -> Tensor:
        """Their similarity matrix (C, B), made once."""
        return similarity(self.text, self.video)

    def in_single_precision(self) -> "Embedded":
        """Return the same in single precision, where numbers are in half precision; others stay as they are."""
        text = {name: at_least_single(vector) for name, vector in self.text.vectors.items()}
        return Embedded(TextEmbedding(text, at_least_single(self.text.weights)), self.video.in_single_precision())

    def packed(self) -> tuple[list[Tensor], Callable[[Sequence[Tensor]], "Embedded"]]:
        """Return all rows as matrices (rows, K) of one type, and what makes an embedding of such matrices again."""
        text, video = self.text, self.video
        spaces, weighed = sorted(text.vectors), sorted(video.frames)

        def back(given: Sequence[Tensor]) -> Embedded:
            every = iter(given)
            texts, weights = {name: next(every) for name in spaces}, next(every)
            videos, frames = ({name: next(every) for name in names} for names in (spaces, weighed))
            return Embedded(
                TextEmbedding(texts, weights), VideoEmbedding(videos, next(every).detach() > 0.5, frames=frames)
            )

        vectors = [*(text.vectors[name] for name in spaces), text.weights, *(video.vectors[name] for name in spaces)]
        frames = [video.frames[name] for name in weighed]
        return [*vectors, *frames, video.present.to(text.weights.dtype)], back

    def detach(self) -> "Embedded":
        """Return the same without gradient."""
        text = {name: vector.detach() for name, vector in self.text.vectors.items()}
        return Embedded(TextEmbedding(text, self.text.weights.detach()), self.video.detach())


@dataclass(frozen=True)
class Scored:
    """What a model without embeddings makes of a batch.

    Attributes:
        scores: (C, B) of captions against videos.
    """

    scores: Tensor

    def in_single_precision(self) -> "Scored":
        """Return the same in single precision, where numbers are in half precision."""
        return Scored(at_least_single(self.scores))


def at_least_single(values: Tensor) -> Tensor:
    """Return numbers in single precision, where they are in half precision; others stay as they are."""
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values


def concat_text(parts: Sequence[TextEmbedding]) -> TextEmbedding:
    """Join text embeddings along the captions."""
    vectors = {name: torch.cat([part.vectors[name] for part in parts]) for name in parts[0].vectors}
    return TextEmbedding(vectors, torch.cat([part.weights for part in parts]))


def concat_video(parts: Sequence[VideoEmbedding]) -> VideoEmbedding:
    """Join video embeddings along the videos, without the logits of their rows: batches are padded differently."""
    vectors = {name: torch.cat([part.vectors[name] for part in parts]) for name in parts[0].vectors}
    return VideoEmbedding(vectors, torch.cat([part.present for part in parts]))
