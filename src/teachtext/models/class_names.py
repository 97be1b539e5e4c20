"""A space that needs no training: captions meet the names of the classes that an image network sees in a video."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from teachtext.data.batch import TextBatch, VideoBatch
from teachtext.models.pooling import length_mask
from teachtext.models.retrieval import RetrievalModel
from teachtext.models.similarity import TextEmbedding, VideoEmbedding

SPACE = "names"
EXPERT = "scene"
ALL_CLASSES = "all"
"""The argument `class_names` of a model in which all classes of a video count."""
FORMER_LIKELIEST = 30
"""So many classes of a video, the likeliest ones, count in models of earlier versions."""


class ClassNames(RetrievalModel):
    """Zero-shot retrieval by convex combination of class names (Norouzi et al., ICLR 2014).

    A video's vector is the sum over all classes of sqrt(p_c) n_c. p_c is the probability of class c, whose square root
    is the feature of `scene`. n_c is the vector of class c by the captions' own encoder
    (`teachtext.encoders.class_names.class_name_vectors`). A caption's vector is the mean of its rows. Nothing is
    learned.

    Args:
        classes: number of classes, the width of the expert.
        text_dim: D of a caption's rows and of the names.
        likeliest: so many classes of a video count, the likeliest ones; by default all.

    Example:
        >>> model = ClassNames(classes=3, text_dim=2)
        >>> model.names.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]))
        Parameter containing:
        tensor([[ 1.,  0.],
                [ 0.,  1.],
                [-1., -1.]])
        >>> video = VideoBatch(["v"], {"scene": torch.tensor([[[0.8, 0.6, 0.0]]])}, {"scene": torch.tensor([1])})
        >>> model.encode_video(video).vectors["names"]
        tensor([[0.8000, 0.6000]])
    """

    def __init__(self, *, classes: int, text_dim: int, likeliest: int | None = None) -> None:
        super().__init__()
        self.experts = [EXPERT]
        self.likeliest = likeliest
        self.names = nn.Parameter(torch.zeros(classes, text_dim), requires_grad=False)

    @property
    def spaces(self) -> list[str]:
        """The one space, `names`."""
        return [SPACE]

    def encode_text(self, text: TextBatch) -> TextEmbedding:
        """Embed C captions: (C, D)."""
        vectors = F.normalize(_mean(text.tokens, text.lengths), dim=1)
        return TextEmbedding({SPACE: vectors}, vectors.new_ones(len(vectors), 1))

    def encode_video(self, video: VideoBatch) -> VideoEmbedding:
        """Embed B videos: (B, D)."""
        lengths = video.lengths[EXPERT]
        likelihood = _mean(video.experts[EXPERT], lengths)
        if self.likeliest is not None:
            least = likelihood.topk(min(self.likeliest, likelihood.shape[1]), dim=1).values[:, -1:]
            likelihood = likelihood.where(likelihood >= least, 0)
        vectors = F.normalize(likelihood @ self.names, dim=1)
        return VideoEmbedding({SPACE: vectors}, lengths[:, None] > 0)


class NamedModel(RetrievalModel):
    """A model with the space of class names beside its own: score = (1 - share) model + share names.

    The share is 0 or more; see `teachtext.learning.class_names`. With 0 no video is present in the space.

    Args:
        model: has the other spaces, and reads `scene`.
        classes: number of classes, the width of `scene`.
        text_dim: D of a caption's rows.
        likeliest: see `ClassNames`.

    Raises:
        ValueError: the model does not read `scene`, or has a space `names`.
    """

    share: Tensor

    def __init__(self, *, model: RetrievalModel, classes: int, text_dim: int, likeliest: int | None = None) -> None:
        super().__init__()
        if EXPERT not in model.experts or SPACE in model.spaces:
            raise ValueError(f"class names need an expert '{EXPERT}' and no space '{SPACE}'")
        self.model = model
        self.class_names = ClassNames(classes=classes, text_dim=text_dim, likeliest=likeliest)
        self.experts = model.experts
        self.register_buffer("share", torch.zeros(()))

    @property
    def spaces(self) -> list[str]:
        """The model's spaces and `names`, sorted."""
        return sorted([*self.model.spaces, SPACE])

    def encode_text(self, text: TextBatch) -> TextEmbedding:
        """Embed C captions."""
        ours, named = self.model.encode_text(text), self.class_names.encode_text(text)
        weights = self._side_by_side((1 - self.share) * ours.weights, self.share * named.weights)
        return TextEmbedding({**ours.vectors, **named.vectors}, weights)

    def encode_video(self, video: VideoBatch) -> VideoEmbedding:
        """Embed B videos."""
        ours, named = self.model.encode_video(video), self.class_names.encode_video(video)
        present = self._side_by_side(ours.present, named.present & (self.share > 0))
        return VideoEmbedding({**ours.vectors, **named.vectors}, present, frames=ours.frames)

    def _side_by_side(self, ours: Tensor, named: Tensor) -> Tensor:
        """Insert the column of the space into (N, spaces of the model)."""
        column = self.spaces.index(SPACE)
        return torch.cat([ours[:, :column], named, ours[:, column:]], dim=1)


def _mean(rows: Tensor, lengths: Tensor) -> Tensor:
    """Return the mean (N, D) of the rows (N, T, D) in use; zeros where there are none."""
    used = rows * length_mask(lengths, rows.shape[1])[..., None]
    return used.sum(dim=1) / lengths.clamp(min=1)[:, None]
