"""What every retrieval model is: two towers and the similarity between them."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from teachtext.data.batch import Batch, TextBatch, VideoBatch
from teachtext.models.similarity import Embedded, TextEmbedding, VideoEmbedding


class RetrievalModel(nn.Module, ABC):
    """A dual encoder: `encode_text`, `encode_video`, `embed` for both, and `forward` for their similarity.

    Attributes:
        experts: the experts that it reads, sorted.
    """

    experts: list[str]

    @property
    def spaces(self) -> list[str]:
        """Names of the spaces in which text and video meet, sorted; by default one an expert."""
        return self.experts

    @abstractmethod
    def encode_text(self, text: TextBatch) -> TextEmbedding:
        """Embed C captions."""

    @abstractmethod
    def encode_video(self, video: VideoBatch) -> VideoEmbedding:
        """Embed B videos."""

    def embed(self, batch: Batch) -> Embedded:
        """Embed both sides of a batch."""
        return Embedded(self.encode_text(batch.text), self.encode_video(batch.video))

    def forward(self, batch: Batch) -> Tensor:
        """Return the similarity matrix (B, B) of a batch, rows = texts, columns = videos."""
        return self.embed(batch).scores
