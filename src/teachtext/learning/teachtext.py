"""TeachText in one place: the objective of the paper, readable from top to bottom.

`teachtext.learning.distillation` has the same objective as the preset `teachtext` of its parts. Any part of the preset
can be exchanged there; the tests hold the preset to this class, to the bit.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from teachtext.data.batch import Batch
from teachtext.learning.losses import MaxMarginRankingLoss
from teachtext.learning.objective import Objective
from teachtext.learning.teachers import Teacher
from teachtext.models.similarity import Embedded


class TeachText(Objective):
    """Ranking loss, and Huber distance to the mean of the teachers' similarity matrices (Croitoru et al., ICCV 2021).

    A batch has B captions and their B videos. S (B, B) is the student's similarity matrix, T_n (B, B) that of teacher
    n of N; rows are captions, columns are videos, and the right pairs are on the diagonal.

        L_r = max-margin ranking loss of S                                     (eq. 1)
        T   = 1 / N sum_n T_n                                                  (eq. 2)
        L_d = 1 / B^2 sum_ij huber(S_ij - T_ij)                                (eq. 3)
        huber(d) = d^2 / 2 for |d| < 1, else |d| - 1 / 2
        L   = L_r + L_d                                                        (eq. 4)

    Every teacher must score every pair. For teachers that leave pairs out (NaN) use `Distillation`.

    Args:
        teachers: N frozen teachers, one or more.
        margin: margin of the ranking loss, in units of cosine similarity.

    >>> from teachtext.data.batch import Batch, TextBatch, VideoBatch
    >>> from teachtext.models.similarity import TextEmbedding, VideoEmbedding
    >>> class Expert:
    ...     def scores(self, batch):
    ...         return torch.eye(2)
    ...     def require(self, caption_ids, video_ids):
    ...         pass
    >>> unit, present = torch.tensor([[1.0, 0.0], [0.6, 0.8]]), torch.ones(2, 1, dtype=torch.bool)
    >>> student = Embedded(TextEmbedding({"scene": unit}, torch.ones(2, 1)), VideoEmbedding({"scene": unit}, present))
    >>> captions = TextBatch(["c1", "c2"], torch.zeros(2, 1, 1), torch.ones(2))
    >>> batch = Batch(captions, VideoBatch(["v1", "v2"], {}, {}))
    >>> losses = TeachText(teachers=[Expert()])(student, batch)
    >>> {name: round(loss.item(), 3) for name, loss in losses.items()}
    {'ranking': 0.0, 'distillation': 0.09}
    """

    def __init__(self, *, teachers: Sequence[Teacher], margin: float = 0.2) -> None:
        super().__init__()
        self.teachers = teachers
        self.ranking = MaxMarginRankingLoss(margin=margin)

    def forward(self, student: Embedded, batch: Batch) -> dict[str, Tensor]:
        """Return the ranking loss L_r and the distillation loss L_d of a batch, both scalars."""
        target = torch.stack([teacher.scores(batch) for teacher in self.teachers]).mean(dim=0)
        distillation = F.huber_loss(student.scores, target, delta=1.0)
        return {"ranking": self.ranking(student.scores, batch.same_video), "distillation": distillation}
