"""The form of every retrieval model: two towers, and the similarity between their embeddings."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from teachtext.data.batch import Batch, TextBatch, VideoBatch
from teachtext.models.similarity import Embedded, TextEmbedding, VideoEmbedding


class RetrievalModel(nn.Module, ABC):
    """Two towers: `encode_text`, `encode_video`, `embed` for both, and `forward` for their similarity.

    Attributes:
        space_per_expert: whether text and video meet in a space an expert; False: in one space, `joint`.
        experts: the experts that the model reads, sorted.
    """

    space_per_expert: ClassVar[bool] = True
    experts: list[str]

    @property
    def spaces(self) -> list[str]:
        """Names of the spaces in which text and video meet, sorted."""
        return self.experts if self.space_per_expert else ["joint"]

    @abstractmethod
    def encode_text(self, text: TextBatch) -> TextEmbedding:
        """Return C captions as unit vectors, (C, D) in each space, and mixture weights (C, spaces)."""

    @abstractmethod
    def encode_video(self, video: VideoBatch) -> VideoEmbedding:
        """Return B videos as unit vectors, (B, D) in each space, and presence (B, spaces)."""

    def embed(self, batch: Batch) -> Embedded:
        """Return the embeddings of both sides of a batch, whose `scores` are its similarity matrix."""
        return Embedded(self.encode_text(batch.text), self.encode_video(batch.video))

    def forward(self, batch: Batch) -> Tensor:
        """Return the similarity matrix (B, B) of a batch, rows = texts, columns = videos."""
        return self.embed(batch).scores
