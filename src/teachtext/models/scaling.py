"""Features on one scale, with statistics of the training split that are kept with the weights."""

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor, nn

from teachtext.data.batch import Batch, TextBatch, VideoBatch
from teachtext.models.pooling import length_mask
from teachtext.models.retrieval import RetrievalModel
from teachtext.models.similarity import Embedded, TextEmbedding, VideoEmbedding

# deviations from the mean at which a value is cut
_LIMIT = 10.0
# the variance of a dimension is drawn towards the mean variance, as if so many more rows had that variance
_PRIOR_ROWS = 10
# a value that lies so many deviations from the mean counts as one that lies there: a single absurd value would
# otherwise make the statistics
_OUTLIER = 8.0
# every pass makes such a value eight times smaller; there are two passes where there is none
_PASSES = 12


class Standardise(nn.Module):
    """Rows with mean 0 and mean variance 1 over the training rows, cut at -10 and 10: y = c (x - m) / s^p.

    m and s are the mean and the deviation of each dimension, and c is one number. With p = 1 every dimension has
    variance 1. With p = 0 the dimensions keep their proportions.

    The variance of few rows says little. The variance v of n rows thus counts as (n v + 10 w) / (n + 10), where w is
    the mean variance of all dimensions. A dimension that is constant in training stays near 0. Before `fit` the layer
    only cuts values.

    Args:
        dim: D of the rows.
        exponent: p, from 0 to 1.

    Example:
        >>> layer = Standardise(dim=2, exponent=1.0)
        >>> layer.fit(lambda: [torch.tensor([[0.0, 10.0], [2.0, 12.0]]).repeat(500, 1)])
        >>> layer(torch.tensor([[[1.0, 11.0], [2.0, 1e6]]]), torch.tensor([2]))
        tensor([[[ 0.,  0.],
                 [ 1., 10.]]])
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, *, dim: int, exponent: float) -> None:
        super().__init__()
        self.exponent = exponent
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("scale", torch.ones(dim))

    def forward(self, rows: Tensor, lengths: Tensor) -> Tensor:
        """Standardise rows (N, T, D), of which the first `lengths` (N,) count; the others become zeros."""
        scaled = ((rows - self.mean) * self.scale).clamp(-_LIMIT, _LIMIT)
        return scaled * length_mask(lengths, rows.shape[1])[..., None]

    @torch.no_grad()
    def fit(self, read: Callable[[], Iterable[Tensor]]) -> None:
        """Compute the statistics.

        Args:
            read: returns all rows in pieces (n, D); called a few times. Without rows nothing changes.
        """
        low, high = torch.tensor(-torch.inf), torch.tensor(torch.inf)
        before = torch.zeros((), dtype=torch.float64)
        for _ in range(_PASSES):
            count, mean, variance = _moments(piece.double().clamp(low, high) for piece in read())
            if not count:
                return
            if torch.allclose(variance, before, rtol=0.01, atol=0):
                break
            before = variance
            low, high = mean - _OUTLIER * variance.sqrt(), mean + _OUTLIER * variance.sqrt()
        variance = (count * variance + _PRIOR_ROWS * variance.mean()) / (count + _PRIOR_ROWS)
        scale = torch.where(variance > 0, variance ** (-self.exponent / 2), 0.0)
        mean_variance = (variance * scale**2).mean()
        self.mean.copy_(mean)
        self.scale.copy_(scale / mean_variance.sqrt() if mean_variance > 0 else scale)


def _moments(pieces: Iterable[Tensor]) -> tuple[int, Tensor, Tensor]:
    """Return the number of rows in pieces (n, D), and mean and variance of each dimension, added up piece by piece."""
    count, mean, squares = 0, torch.zeros(()), torch.zeros(())
    for piece in pieces:
        if not len(piece):
            continue
        rows, both = len(piece), count + len(piece)
        piece_mean = piece.mean(dim=0)
        step = piece_mean - mean
        squares = squares + ((piece - piece_mean) ** 2).sum(dim=0) + step**2 * (count * rows / both)
        mean = mean + step * (rows / both)
        count = both
    return count, mean, squares / max(1, count)


class ScaledFeatures(nn.Module):
    """Video features on one scale: a layer `Standardise` for each expert that is standardised, and dropout.

    Args:
        expert_dims: D by expert that is standardised; other experts are read as they are.
        exponent: see `Standardise`.
        dropout: share of the standardised features that training drops.
    """

    def __init__(self, *, expert_dims: Mapping[str, int], exponent: float, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.standardised = sorted(expert_dims)
        # a list and not a dict of modules: experts may have dots in their names
        self.layers = nn.ModuleList(Standardise(dim=expert_dims[name], exponent=exponent) for name in self.standardised)

    def fit(self, expert: str, read: Callable[[], Iterable[Tensor]]) -> None:
        """Compute the statistics of an expert that is standardised (see `Standardise.fit`)."""
        self._layers()[expert].fit(read)

    def scaled(self, video: VideoBatch) -> VideoBatch:
        """Return the videos with standardised features."""
        rows = dict(video.experts)
        # in sorted order, so that what is dropped does not depend on the order of the experts
        for name, layer in self._layers().items():
            rows[name] = self.dropout(layer(rows[name], video.lengths[name]))
        return VideoBatch(video.ids, rows, video.lengths)

    def _layers(self) -> dict[str, Standardise]:
        return dict(zip(self.standardised, self.layers, strict=True))  # type: ignore[arg-type]


class StandardisedModel(ScaledFeatures, RetrievalModel):
    """A model that reads standardised video features; it has the model's spaces, and its scores are the model's.

    Args:
        model: reads the standardised features.
        expert_dims: D by expert that is standardised; the model's other experts are read as they are.
        exponent: see `Standardise`.
        dropout: share of the standardised features that training drops.

    Example:
        >>> from teachtext.models.moee import MoEE
        >>> moee = MoEE(expert_dims={"scene": 8}, text_dim=4)
        >>> model = StandardisedModel(model=moee, expert_dims={"scene": 8}, exponent=0.5)
        >>> rows = torch.randn(50, 1, 8)
        >>> model.fit("scene", lambda: [rows[:, 0]])
        >>> video = VideoBatch(["v1", "v2"], {"scene": rows[:2]}, {"scene": torch.ones(2, dtype=torch.long)})
        >>> model.encode_video(video).vectors["scene"].shape
        torch.Size([2, 8])
    """

    def __init__(
        self, *, model: RetrievalModel, expert_dims: Mapping[str, int], exponent: float, dropout: float = 0.0
    ) -> None:
        super().__init__(expert_dims=expert_dims, exponent=exponent, dropout=dropout)
        self.experts = model.experts
        self.model = model

    @property
    def spaces(self) -> list[str]:
        """Names of the spaces of the model."""
        return self.model.spaces

    def encode_text(self, text: TextBatch) -> TextEmbedding:
        """Embed C captions."""
        return self.model.encode_text(text)

    def encode_video(self, video: VideoBatch) -> VideoEmbedding:
        """Embed B videos."""
        return self.model.encode_video(self.scaled(video))

    def embed(self, batch: Batch) -> Embedded:
        """Return what the model makes of a batch."""
        if type(self.model).embed is RetrievalModel.embed:
            # the caption comes first, and what is dropped depends on the order
            return super().embed(batch)
        return self.model.embed(Batch(batch.text, self.scaled(batch.video)))
