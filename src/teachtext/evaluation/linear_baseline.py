"""A linear baseline of retrieval: regularised canonical correlation analysis of video features and TF-IDF of captions.

Canonical correlation analysis finds the directions of two views in which pairs correlate most (Hotelling, 1936). With
few videos and many dimensions it needs a ridge on both covariances (canonical ridge: Vinod, 1976). Both views are first
cut to their principal components, in which a covariance is diagonal and a ridge is one division. Captions and videos
meet in the canonical directions, each weighted by its correlation, and are compared by their cosine.

Axes: V training videos, C captions, B videos of a gallery, D dimensions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from teachtext.errors import InputError
from teachtext.evaluation.metrics import metrics_from_ranks
from teachtext.evaluation.ranks import t2v_ranks
from teachtext.packages import load

RIDGES = (0.0001, 0.001, 0.01, 0.1, 1.0)
"""The ridges from which `fit_linear` chooses, as a share of the largest variance."""
_UNCHOSEN = 0.01
# of the training pairs, and of the validation pairs
_MOST_VIDEOS, _MOST_CAPTIONS = 4000, 40_000
_FEW_VIDEOS, _FEW_CAPTIONS = 1000, 10_000
_COMPONENTS = 256
_VOCABULARY = 20_000
_AT_ONCE = 1024

Floats = NDArray[np.float32]
Features = Mapping[str, NDArray[np.floating]]
"""By expert, (videos, D): one row a video; a row of NaN is a missing expert."""


class Pairs(NamedTuple):
    """Videos and their captions.

    Attributes:
        features: of the videos.
        texts: C captions.
        video_of: (C,) row of the video that each caption describes.
    """

    features: Features
    texts: Sequence[str]
    video_of: NDArray[np.integer]


@dataclass(frozen=True)
class LinearBaseline:
    """The fitted baseline.

    Attributes:
        ridge: the regularisation, as a share of the largest variance of each view.
        tried: by ridge, the t2v geometric mean on the validation pairs; empty where there were none.
        videos, captions: numbers of videos and captions that it was fitted on.
    """

    ridge: float
    tried: Mapping[float, float]
    videos: int
    captions: int
    _views: "_Views" = field(repr=False)

    def similarity(self, features: Features, texts: Sequence[str]) -> Floats:
        """Return the cosines (C, B) of C captions and B videos."""
        return self._views.scores(self._views.of_videos(features), self._views.of_texts(texts), self.ridge)


def fit_linear(train: Pairs, select: Pairs | None = None, *, seed: int = 0) -> LinearBaseline:
    """Fit the baseline on training pairs, and choose its ridge on validation pairs.

    Time and memory are bounded: of more than 4,000 videos or 40,000 captions to fit, and of more than 1,000 videos or
    10,000 captions to choose by, so many are drawn at random. A view has at most 256 principal components.

    Args:
        train: the pairs to fit; two videos or more.
        select: the pairs that choose the ridge; without them the ridge is 0.01.
        seed: of the draws and of the decompositions.

    Raises:
        InputError: scikit-learn is not installed, the captions have no words, or the videos or captions are all alike.

    Example:
        >>> features = {"colour": np.eye(3)}
        >>> pairs = Pairs(features, ["red", "green", "blue"], np.arange(3))
        >>> baseline = fit_linear(pairs)
        >>> baseline.similarity(features, ["blue"]).argmax().item()
        2
    """
    train = _drawn(train, _MOST_VIDEOS, _MOST_CAPTIONS, seed)
    views = _Views.fit(train, seed)
    tried: dict[float, float] = {}
    if select is not None and len(select.texts):
        select = _drawn(select, _FEW_VIDEOS, _FEW_CAPTIONS, seed)
        videos, texts = views.of_videos(select.features), views.of_texts(select.texts)
        for ridge in RIDGES:
            ranks = t2v_ranks(views.scores(videos, texts, ridge), select.video_of)
            tried[ridge] = metrics_from_ranks(ranks).geometric_mean
    # of equal ridges the largest, which trusts the training pairs least
    ridge = max(reversed(RIDGES), key=lambda ridge: tried[ridge]) if tried else _UNCHOSEN
    return LinearBaseline(ridge, tried, _videos(train.features), len(train.texts), views)


@dataclass(frozen=True)
class _View:
    """The principal components of one view: mean (D,), components (K, D), variances (K,)."""

    mean: Floats
    components: Floats
    variances: Floats

    @classmethod
    def fit(cls, rows: Floats, seed: int, name: str) -> "_View":
        count = min(_COMPONENTS, len(rows) - 1, rows.shape[1])
        if count < 1 or not np.ptp(rows, axis=0).any():
            raise InputError(f"the training {name} are all alike", "give others")
        pca = load("sklearn.decomposition:PCA", "report", n_components=count, random_state=seed).fit(rows)
        varies = pca.explained_variance_ > 1e-7 * pca.explained_variance_[0]
        return cls(
            pca.mean_.astype(np.float32),
            pca.components_[varies].astype(np.float32),
            pca.explained_variance_[varies].astype(np.float32),
        )

    def project(self, rows: Floats) -> Floats:
        return np.asarray((rows - self.mean) @ self.components.T, np.float32)

    def whitening(self, ridge: float) -> Floats:
        """Return (K,) the factors that give every component about unit variance."""
        return np.asarray(1 / np.sqrt(self.variances + ridge * self.variances[0]), np.float32)


@dataclass(frozen=True)
class _Views:
    """Both views, and the covariance (K, K) of their components over the training pairs."""

    scales: "Mapping[str, _Scale]"
    words: Any
    videos: _View
    texts: _View
    covariance: Floats

    @classmethod
    def fit(cls, train: Pairs, seed: int) -> "_Views":
        scales = {name: _Scale.fit(rows) for name, rows in sorted(train.features.items())}
        rows = _joined(scales, train.features)
        videos = _View.fit(rows, seed, "videos")
        words = _Words(train.texts, seed)
        counts = words.rows(train.texts)
        texts = _View.fit(counts, seed, "captions")
        seen, read = videos.project(rows)[train.video_of], texts.project(counts)
        # captions of one video share its row: a video counts as often as it is described
        covariance = (seen - seen.mean(axis=0)).T @ read / len(read)
        return cls(scales, words, videos, texts, covariance)

    def of_videos(self, features: Features) -> Floats:
        """Return the components (B, K) of videos."""
        starts = range(0, _videos(features), _AT_ONCE)
        pieces = [{name: rows[start : start + _AT_ONCE] for name, rows in features.items()} for start in starts]
        return np.concatenate([self.videos.project(_joined(self.scales, piece)) for piece in pieces])

    def of_texts(self, texts: Sequence[str]) -> Floats:
        """Return the components (C, K) of captions."""
        return self.texts.project(self.words.rows(texts))

    def scores(self, videos: Floats, texts: Floats, ridge: float) -> Floats:
        """Return the cosines (C, B) in the canonical directions."""
        seen, read = self.videos.whitening(ridge), self.texts.whitening(ridge)
        left, correlations, right = linalg.svd(seen[:, None] * self.covariance * read, full_matrices=False)
        of_videos = _unit((videos * seen) @ left * correlations)
        of_texts = _unit((texts * read) @ right.T * correlations)
        return np.asarray(of_texts @ of_videos.T, np.float32)


@dataclass(frozen=True)
class _Scale:
    """The mean and the scale (D,) of an expert; zero for a constant dimension.

    All dimensions of an expert together have variance 1, so that a wide expert does not outweigh a narrow one.
    """

    mean: NDArray[np.float64]
    factor: NDArray[np.float64]

    @classmethod
    def fit(cls, rows: NDArray[np.floating]) -> "_Scale":
        present = rows[~np.isnan(rows).any(axis=1)].astype(np.float64)
        if len(present) < 2:
            return cls(np.zeros(rows.shape[1]), np.zeros(rows.shape[1]))
        mean, deviation = present.mean(axis=0), present.std(axis=0)
        varies = deviation > 1e-6 * np.abs(present).max(axis=0)
        width = np.sqrt(max(1, int(varies.sum())))
        return cls(mean, np.where(varies, 1 / np.where(varies, deviation * width, 1.0), 0.0))

    def __call__(self, rows: NDArray[np.floating]) -> Floats:
        # a missing expert is as the mean of the training videos
        return np.nan_to_num((rows - self.mean) * self.factor, nan=0.0).astype(np.float32)


class _Words:
    """TF-IDF of the words of captions, in at most 256 dimensions (latent semantic analysis where there are more)."""

    def __init__(self, texts: Sequence[str], seed: int) -> None:
        self._count = load(
            "sklearn.feature_extraction.text:TfidfVectorizer",
            "report",
            sublinear_tf=True,
            # words of one letter too
            token_pattern=r"(?u)\b\w+\b",
            max_features=_VOCABULARY,
            dtype=np.float32,
        )
        try:
            counts = self._count.fit_transform(texts)
        except ValueError as error:
            raise InputError("the training captions have no words", "give captions with words") from error
        self._reduce: Any = None
        if counts.shape[1] > _COMPONENTS:
            reduce = load("sklearn.decomposition:TruncatedSVD", "report", n_components=_COMPONENTS, random_state=seed)
            self._reduce = reduce.fit(counts)

    def rows(self, texts: Sequence[str]) -> Floats:
        """Return (C, D)."""
        counts = self._count.transform(texts)
        return np.asarray(self._reduce.transform(counts) if self._reduce else counts.toarray(), np.float32)


def _videos(features: Features) -> int:
    return len(next(iter(features.values())))


def _joined(scales: Mapping[str, _Scale], features: Features) -> Floats:
    """Return the scaled features of all experts side by side: (B, D)."""
    return np.concatenate([scale(features[name]) for name, scale in scales.items()], axis=1)


def _unit(rows: Floats) -> Floats:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), np.float32)


def videos_to_fit(video_ids: Sequence[str], seed: int = 0) -> list[str]:
    """Return the training videos that `fit_linear` fits: all of them, or 4,000 drawn at random, in their order.

    >>> len(videos_to_fit(["a"] * 5000)), videos_to_fit(["a", "b"])
    (4000, ['a', 'b'])
    """
    return [video_ids[place] for place in _draw(np.arange(len(video_ids)), _MOST_VIDEOS, seed).tolist()]


def _draw(places: NDArray[np.int64], most: int, seed: int) -> NDArray[np.int64]:
    return np.sort(np.random.default_rng(seed).permutation(places)[:most]) if len(places) > most else places


def _drawn(pairs: Pairs, most_videos: int, most_captions: int, seed: int) -> Pairs:
    """Return pairs of at most so many videos and captions."""
    videos = _draw(np.arange(_videos(pairs.features)), most_videos, seed)
    captions = _draw(np.flatnonzero(np.isin(pairs.video_of, videos)), most_captions, seed)
    return Pairs(
        {name: rows[videos] for name, rows in pairs.features.items()},
        [pairs.texts[caption] for caption in captions.tolist()],
        np.searchsorted(videos, pairs.video_of[captions]),
    )
