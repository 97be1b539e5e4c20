"""Views: which matrices of the student are taught. Each is scores (B, B) and which of them it knows, (B, B) bool."""

from collections.abc import Callable

import torch
from torch import Tensor

from teachtext.models.similarity import Embedded

View = tuple[Tensor, Tensor]


def fused(student: Embedded) -> list[View]:
    """Return the student's similarity matrix."""
    return [(student.scores, torch.ones_like(student.scores, dtype=torch.bool))]


def experts(student: Embedded) -> list[View]:
    """Return one matrix an expert, of cosines; it does not know the videos that lack the expert."""
    found = []
    for e, name in enumerate(sorted(student.text.vectors)):
        scores = student.text.vectors[name] @ student.video.vectors[name].T
        found.append((scores, student.video.present[:, e].expand_as(scores)))
    return found


def both(student: Embedded) -> list[View]:
    """Return the student's similarity matrix and one an expert."""
    return [*fused(student), *experts(student)]


VIEWS: dict[str, Callable[[Embedded], list[View]]] = {"fused": fused, "experts": experts, "both": both}
