"""The yardstick of `training.py`: CE as one writes it down, with the same weights and the same numbers.

Every pair of experts goes through the network of pairs by itself, similarities are a tensor of captions x videos x
experts, and the optimizer is PyTorch's RAdam as it comes.
"""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from teachtext.data.batch import Batch, TextBatch, VideoBatch
from teachtext.models.ce import CE
from teachtext.models.gating import CollaborativeGating
from teachtext.models.pooling import NetVLAD


class PlainCE(nn.Module):
    """The forward pass of Collaborative Experts with the weights of a CE model, which is copied."""

    def __init__(self, model: CE) -> None:
        super().__init__()
        self.model = copy.deepcopy(model)

    def forward(self, batch: Batch) -> Tensor:
        """Return the similarity matrix (B, B) of a batch."""
        texts, weights = self.encode_text(batch.text)
        videos, present = self.encode_video(batch.video)
        weights = weights[:, None] * present[None].to(weights.dtype)
        weights = weights / weights.sum(dim=2, keepdim=True)
        cosines = (texts[:, None] * videos[None]).sum(dim=3)
        return (cosines * weights).sum(dim=2)

    def encode_text(self, text: TextBatch) -> tuple[Tensor, Tensor]:
        """Return the captions in the space of every expert (C, M, D), and their mixture weights (C, M)."""
        branch = self.model.text
        pooled = pool(branch.pooling, text.tokens, text.lengths)
        vectors = []
        for unit in branch.embeddings:
            projected = unit.project(pooled)
            vectors.append(F.normalize(projected * torch.sigmoid(unit.norm(unit.gate(projected))), dim=1))
        return torch.stack(vectors, dim=1), branch.mixture(pooled).softmax(dim=1)

    def encode_video(self, video: VideoBatch) -> tuple[Tensor, Tensor]:
        """Return the videos in the space of every expert (B, M, D), and which experts they have (B, M)."""
        pooled = [
            pool(pooling, video.experts[name], video.lengths[name])
            for name, pooling in zip(self.model.experts, self.model.pooling.poolings, strict=True)
        ]
        projected = [
            F.normalize(reduce(vector), dim=1) for reduce, vector in zip(self.model.reduce, pooled, strict=True)
        ]
        gating, present = self.model.collaborate, video.present
        assert isinstance(gating, CollaborativeGating)
        # the network of pairs sees all pairs that exist at once, for its statistics are over all of them
        first = torch.stack([one for one in projected for _ in projected], dim=1)
        second = torch.stack([other for _ in projected for other in projected], dim=1)
        pairs = gating.pair(torch.cat([first, second], dim=2))
        exist = (present[:, :, None] & present[:, None]).flatten(1)
        answers = torch.zeros_like(pairs)
        answers[exist] = gating.shared(pairs[exist])
        answers = answers.unflatten(1, (len(projected), len(projected)))
        gated = []
        for e, vector in enumerate(projected):
            fused = answers[:, e].sum(dim=1) / present.sum(dim=1, keepdim=True)
            gate = gating.others_norm[e](fused) + gating.own_norm[e](gating.own[e](vector))
            gated.append(F.normalize(vector * torch.sigmoid(gate), dim=1))
        return torch.stack(gated, dim=1), present


def pool(pooling: nn.Module, rows: Tensor, lengths: Tensor) -> Tensor:
    """Return one vector (N, D) of the first `lengths` (N,) of rows (N, T, D): by NetVLAD or as their mean."""
    mask = torch.arange(rows.shape[1])[None] < lengths[:, None]
    if not isinstance(pooling, NetVLAD):
        return (rows * mask[..., None]).sum(dim=1) / lengths.clamp(min=1)[:, None]
    assigned = torch.zeros(*mask.shape, pooling.assignment.shape[1])
    assigned[mask] = pooling.norm(rows[mask] @ pooling.assignment).softmax(dim=1)
    assigned = assigned[..., : pooling.clusters]
    summed = torch.einsum("ntd,ntk->ndk", rows, assigned)
    residuals = F.normalize(summed - pooling.centres * assigned.sum(dim=1, keepdim=True), dim=1)
    return F.normalize(residuals.flatten(1), dim=1)


def max_margin(scores: Tensor, margin: float) -> Tensor:
    """Return the ranking loss of scores (B, B), right pairs on the diagonal."""
    right = scores.diag()[:, None]
    wrong = ~torch.eye(len(scores), dtype=torch.bool)
    return (F.relu(margin + scores - right)[wrong].mean() + F.relu(margin + scores.T - right)[wrong].mean()) / 2
