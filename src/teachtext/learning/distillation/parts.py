"""The settings of the distillation objective, part by part, and which of them make sense together."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

Source = Literal["teachers", "momentum", "own", "captions"]
Views = Literal["fused", "experts", "both"]
Standardise = Literal["none", "z_score", "min_max", "rank"]
Pool = Literal["mean", "min", "max", "median", "weighted", "learned", "none"]
Select = Literal["all", "top"]
Target = Literal["raw", "softmax", "rank"]
Distance = Literal["huber", "mse", "l1", "kl", "pearson", "margin_mse", "cosine", "nce"]
Direction = Literal["rows", "columns", "both", "both_halved"]
Reduction = Literal["mean_pairs", "mean_lists", "sum"]
Schedule = Literal["constant", "warm_up", "exponential", "cosine"]
Samples = Literal["uniform", "entropy", "entropy_share"]

OF_VALUES = ("huber", "mse", "l1", "margin_mse")
OF_LISTS = ("pearson", "cosine", "nce")


@dataclass(frozen=True, kw_only=True)
class Parts:
    """One objective: L = w_r L_r + lambda(epoch) w_d mean over teachers and views of D.

    A matrix (B, B) is read as lists of pairs: its rows (the videos that a text may mean), its columns, or both.

    Attributes:
        source: who teaches.
        momentum: share of the moving average that a step keeps (source momentum).
        views: which matrices of the student are taught; D is their mean.
        standardise: how matrices of different scales are brought to one before they are pooled.
        pool: how N teacher matrices become one, or not.
        pool_weights: of the teachers in their order (pool weighted).
        select: which pairs count.
        candidates: so many of a list's wrong pairs, those that the teacher scores highest (select top).
        label_first: the right pair gets the list's highest score and the others keep their order: a teacher that is
            never wrong.
        target: what is compared of the two matrices.
        temperature: of softmax, of the student's soft ranks, of nce, and of the entropies.
        label_share: share of the right pairs in the teacher's softmax.
        distance: what is between student and target.
        threshold: of the Huber distance.
        direction: which lists; both adds two losses up, both_halved takes their mean.
        reduction: the mean over all pairs that count; the mean over lists, each summed up; or the sum of all.
        weight: w_d.
        schedule: how lambda changes with the epochs.
        warm_up_epochs: until lambda is 1 (schedule warm_up).
        decay: factor on lambda from one epoch to the next (schedule exponential).
        samples: how much each list counts in D, by how sure the teacher is.
        ranking_weight: w_r.
        ranking_samples: how much each pair counts in L_r, by how unsure the teacher is.

    Raises:
        ValueError: parts that make no sense together.
    """

    pool: Pool
    select: Select
    target: Target
    distance: Distance
    direction: Direction
    reduction: Reduction
    weight: float
    source: Source = "teachers"
    momentum: float = 0.995
    views: Views = "fused"
    standardise: Standardise = "none"
    pool_weights: Sequence[float] | None = None
    candidates: int = 7
    label_first: bool = False
    temperature: float = 1.0
    label_share: float = 0.0
    threshold: float = 1.0
    schedule: Schedule = "constant"
    warm_up_epochs: int = 5
    decay: float = 0.95
    samples: Samples = "uniform"
    ranking_weight: float = 1.0
    ranking_samples: Samples = "uniform"

    def __post_init__(self) -> None:
        for told in (*self._wrong_with_teaching(), *self._wrong_with_comparing()):
            raise ValueError(told)

    def check_teachers(self, count: int) -> None:
        """Check that the parts go with so many teachers.

        Raises:
            ValueError: none where they teach, or another number than there are weights.
        """
        if self.source == "teachers" and not count:
            raise ValueError("'source: teachers' needs a teacher")
        if self.pool_weights is not None and len(self.pool_weights) != count:
            raise ValueError(f"'pool_weights' has {len(self.pool_weights)} numbers, there are {count} teachers")

    def _wrong_with_teaching(self) -> Iterator[str]:
        source, weights = self.source, self.pool_weights
        if source != "teachers" and self.pool in ("weighted", "learned"):
            yield f"'pool: {self.pool}' weighs teachers, 'source: {source}' has none"
        if source == "own" and self.views == "fused" and self.distance != "nce":
            yield "'source: own' with 'views: fused' compares a matrix with itself: use 'views: experts'"
        if source == "captions" and self.direction != "rows":
            yield "'source: captions' has captions for columns: use 'direction: rows'"
        if self.distance == "nce" and source not in ("momentum", "own"):
            yield (
                f"'distance: nce' needs keys in the student's own spaces, 'source: {source}' has none: "
                "use 'momentum' or 'own'"
            )
        if self.pool == "weighted" and weights is None:
            yield "'pool: weighted' needs 'pool_weights', a number a teacher"
        if self.pool != "weighted" and weights is not None:
            yield f"'pool_weights' are not used by 'pool: {self.pool}'"
        if weights is not None and (min(weights, default=0) < 0 or sum(weights) <= 0):
            yield "'pool_weights' must be 0 or more, and one of them more"

    def _wrong_with_comparing(self) -> Iterator[str]:
        distance, target = self.distance, self.target
        if distance == "kl" and target != "softmax":
            yield f"'distance: kl' compares probabilities: it needs 'target: softmax', not '{target}'"
        if distance in ("margin_mse", "nce") and target != "raw":
            yield f"'distance: {distance}' is of raw scores: it needs 'target: raw', not '{target}'"
        if distance == "nce" and self.standardise != "none":
            yield "'distance: nce' compares no scores of teachers: it needs 'standardise: none'"
        if distance in OF_VALUES and target == "raw" and self.standardise == "rank":
            yield f"'distance: {distance}' cannot bring raw scores to ranks, which have no gradient: use 'target: rank'"
        if distance in OF_LISTS and self.reduction == "mean_pairs":
            yield f"'distance: {distance}' is one number a list: use 'reduction: mean_lists' or 'sum'"
        if self.label_share > 0 and target != "softmax":
            yield f"'label_share' is mixed into probabilities: it needs 'target: softmax', not '{target}'"


def bound(function: Callable[..., Any], parts: Parts) -> Callable[..., Any]:
    """Give a function of a part those of the settings that it names as keyword-only arguments."""
    return partial(function, **{name: getattr(parts, name) for name in settings_of(function)})


def settings_of(function: Callable[..., Any]) -> list[str]:
    """Return the settings that a function of a part depends on."""
    parameters = inspect.signature(function).parameters.values()
    return [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]
