"""Learning one space for text, video, sound and their pairs: the losses of OmniRetriever (2026), on features."""

from collections.abc import Iterator, Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from teachtext.data.batch import Batch
from teachtext.learning.losses import diagonal
from teachtext.learning.objective import Objective
from teachtext.models.omni import MODALITIES, OmniEmbedded
from teachtext.models.similarity import Embedded

_PAIRS = (("text", "audio"), ("text", "video"), ("audio", "video"))
# the order in which the released code exchanges them
_SLOTS = ("text", "audio", "video")


class AnyToAny(Objective):
    """Alignment of pairs, distillation of the fusion into each modality, and contrast of whole tuples.

        L   = w_a L_a + w_d L_d + w_t L_t
        L_a = mean over pairs of modalities (m, n) of NCE(z_m, z_n)
        L_d = mean over modalities m of NCE(sg(a), z_m)
        L_t = NCE(a, a' | h)

    z_m is the vector of a modality, and a the fusion of all that are there. a' is the fusion of the same with other
    values dropped. h are fusions of which one modality is exchanged for that of another video, and wrong for every
    row. Neither h nor the keys sg(a) have a gradient. NCE is the mean of the cross-entropies of rows and columns, as in
    `InfoNCE`, with further wrong columns h. Other pairs of the same video are left out.

    A pair counts where both modalities are there, and a fusion where it is one of two or three. What is missing thus
    changes nothing for the others. A loss for which fewer than two rows of a batch are left is 0.

    Args:
        temperature: of every NCE.
        preset_from: `paper` takes all pairs, modalities and exchanges in every step. `code` takes in turn one pair, the
            two modalities of the pair, and the exchange of one modality, as the released code does.
        alignment_weight, distillation_weight, tuple_weight: w_a, w_d and w_t; a loss of weight 0 is not computed.
    """

    def __init__(
        self,
        *,
        temperature: float,
        preset_from: Literal["paper", "code"] = "paper",
        alignment_weight: float = 1.0,
        distillation_weight: float = 1.0,
        tuple_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.temperature = temperature
        self.in_turn = preset_from == "code"
        self.alignment_weight = alignment_weight
        self.distillation_weight = distillation_weight
        self.tuple_weight = tuple_weight
        self.start_epoch(1, 1)

    def start_epoch(self, epoch: int, epochs: int) -> None:
        """Begin each epoch with another turn: an epoch may have few steps."""
        self._turn = epoch - 1

    def forward(self, student: Embedded, batch: Batch) -> dict[str, Tensor]:
        """Return the losses whose weight is above 0.

        Raises:
            TypeError: the student is no `Omni`.
        """
        if not isinstance(student, OmniEmbedded):
            raise TypeError(f"learning from any to any needs an Omni, not {type(student).__name__}")
        turn, self._turn = self._turn % 3, self._turn + 1
        pairs, slots = (_PAIRS[turn : turn + 1], _SLOTS[turn : turn + 1]) if self.in_turn else (_PAIRS, _SLOTS)
        losses = {}
        if self.alignment_weight:
            losses["ranking"] = self.alignment_weight * self._alignment(student, pairs, batch.same_video)
        if self.distillation_weight:
            taught = pairs[0] if self.in_turn else MODALITIES
            losses["distillation"] = self.distillation_weight * self._taught(student, taught, batch.same_video)
        if self.tuple_weight:
            losses["tuple"] = self.tuple_weight * self._tuples(student, slots, batch.same_video)
        return losses

    def _alignment(self, student: OmniEmbedded, pairs: Sequence[tuple[str, str]], same_video: Tensor) -> Tensor:
        return _mean(
            self._nce(student.parts[left], student.parts[right], _there(student, left, right), same_video)
            for left, right in pairs
        )

    def _taught(self, student: OmniEmbedded, taught: Sequence[str], same_video: Tensor) -> Tensor:
        keys, counted = student.fused.detach(), _fused(student)
        return _mean(self._nce(keys, student.parts[m], counted & _there(student, m), same_video) for m in taught)

    def _tuples(self, student: OmniEmbedded, slots: Sequence[str], same_video: Tensor) -> Tensor:
        wrong = torch.cat([exchanged(student, slot, same_video) for slot in slots])
        return self._nce(student.fused, student.fused_again, _fused(student), same_video, wrong)

    def _nce(
        self, left: Tensor, right: Tensor, counted: Tensor, same_video: Tensor, wrong: Tensor | None = None
    ) -> Tensor:
        """Return the NCE of the rows that count; 0 where they are fewer than two."""
        rows = counted.nonzero()[:, 0]
        if len(rows) < 2:
            return 0 * (left.sum() + right.sum())
        same = same_video[rows][:, rows]
        return nce(left[rows], right[rows], same, wrong, temperature=self.temperature)


def nce(left: Tensor, right: Tensor, same_video: Tensor, wrong: Tensor | None = None, *, temperature: float) -> Tensor:
    """Return the mean of the cross-entropies of rows and of columns, right pairs on the diagonal.

    Args:
        left: (N, D) unit vectors.
        right: (N, D) unit vectors.
        same_video: (N, N) bool; such pairs beside the diagonal are left out.
        wrong: (K, D) unit vectors that are wrong for every row and column; by default none.
        temperature: of the softmaxes.

    >>> unit = torch.eye(2)
    >>> round(nce(unit, unit, unit.bool(), temperature=1.0).item(), 4)  # log(1 + 1 / e)
    0.3133
    """
    targets = torch.arange(len(left), device=left.device)
    losses = []
    for ours, theirs in ((left, right), (right, left)):
        logits = (ours @ theirs.T).masked_fill(same_video & ~diagonal(same_video), -torch.inf)
        if wrong is not None:
            logits = torch.cat([logits, ours @ wrong.T], dim=1)
        losses.append(F.cross_entropy(logits / temperature, targets))
    return (losses[0] + losses[1]) / 2


@torch.no_grad()
def exchanged(student: OmniEmbedded, slot: str, same_video: Tensor) -> Tensor:
    """Return fusions of which one modality is that of another video: the next of the batch that has the modality.

    Rows without the modality, and rows for which no other video has it, are left out.

    Args:
        student: B pairs.
        slot: the modality that is exchanged.
        same_video: (B, B) bool.

    Returns:
        (K, D) unit vectors without gradient, K at most B.
    """
    has = _there(student, slot)
    count = len(has)
    later = (torch.arange(count)[:, None] + torch.arange(1, count + 1)) % count
    later = later.to(has.device)
    fits = (~same_video & has).gather(1, later)
    rows = (has & fits.any(dim=1)).nonzero()[:, 0]
    others = later.gather(1, fits.int().argmax(dim=1, keepdim=True))[rows, 0]
    parts = {name: values[rows] for name, values in student.parts.items()}
    parts[slot] = student.parts[slot][others]
    return student.fuse(parts, student.present[rows])


def _there(student: OmniEmbedded, *modalities: str) -> Tensor:
    """Return (B,) bool: which pairs have all these modalities."""
    return student.present[:, [MODALITIES.index(name) for name in modalities]].all(dim=1)


def _fused(student: OmniEmbedded) -> Tensor:
    """Return (B,) bool: which fusions are of two modalities or more."""
    return student.present.sum(dim=1) > 1


def _mean(losses: Iterator[Tensor]) -> Tensor:
    return torch.stack(list(losses)).mean()
