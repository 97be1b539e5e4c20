"""What training minimises: functions of what the model makes of a batch."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from teachtext.data.batch import Batch
from teachtext.models.similarity import Embedded, Scored


class Objective(nn.Module, ABC):
    """Turns what a model makes of a batch into named losses; training minimises their sum.

    A module, for a loss may have parameters of its own: they are trained with the model's, and not kept with it.
    """

    @abstractmethod
    def forward(self, student: Embedded, batch: Batch) -> dict[str, Tensor]:
        """Return the losses, weights already applied."""

    def start_epoch(self, epoch: int, epochs: int) -> None:
        """Be told that an epoch begins, numbered from 1, and of how many.

        What changes in the course of training depends on these two alone, so that training resumes anywhere.
        """


class Retrieval(Objective):
    """The ranking loss alone: how teachers, and the student without teachers, are trained.

    Args:
        ranking: of scores (B, B) and which pairs are of the same video.
    """

    def __init__(self, *, ranking: nn.Module) -> None:
        super().__init__()
        self.ranking = ranking

    def forward(self, student: Embedded | Scored, batch: Batch) -> dict[str, Tensor]:
        """Return the ranking loss."""
        return {"ranking": self.ranking(student.scores, batch.same_video)}
