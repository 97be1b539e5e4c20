"""The settings of the distillation objective, part by part, and which of them make sense together.

`Parts` is the only list of the settings: the config of a run and its reference page are derived from it. `TABLES` is
the only list of the choices: the names that a setting may have are the keys of its table.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import Field

from teachtext.learning.choices import NameIn
from teachtext.learning.distillation.compare import DIRECTIONS, DISTANCES, REDUCTIONS, SAMPLES, SCHEDULES
from teachtext.learning.distillation.student_side import TARGETS, VIEWS
from teachtext.learning.distillation.teacher_side import PAIRS, POOLS, SOURCES, STANDARDS
from teachtext.learning.frames import FrameReduction

TABLES: Mapping[str, Mapping[str, Callable[..., Any]]] = {
    "source": SOURCES,
    "views": VIEWS,
    "standardise": STANDARDS,
    "pool": POOLS,
    "pairs": PAIRS,
    "target": TARGETS,
    "distance": DISTANCES,
    "direction": DIRECTIONS,
    "reduction": REDUCTIONS,
    "schedule": SCHEDULES,
    "samples": SAMPLES,
}

_OF_PAIRS = ("huber", "mse", "l1", "margin_mse")
_OF_LISTS = ("pearson", "cosine", "nce")
# settings by the names that they had in version 0.1.0: fingerprints of trained models are made of those
_FORMER_NAMES = {"pairs": "select"}
# settings that version 0.1.0 did not have, with the value that stands for what it did
_ADDED_LATER = {"weight_unit": "loss", "ranking_pairs": "all", "english_weight": 1.0, "frame_weight": 0.0}
_ADDED_LATER |= {"frame_temperature": 1.0, "frame_reduction": "sum"}


@dataclass(frozen=True, kw_only=True)
class Parts:
    """One objective: L = w_r L_r + lambda(epoch) (w_d mean over teachers and views of D + w_f mean over teachers of F).

    L_r is the ranking loss, D the distance between student and target, F that of frame weights. A matrix (B, B) is read
    as lists of pairs: its rows (the videos that a text may mean), its columns, or both. The description of each setting
    stands beside it.

    Raises:
        ValueError: a name that its table does not have, or parts that make no sense together.

    >>> from dataclasses import replace
    >>> from teachtext.learning.distillation import preset
    >>> replace(preset("teachtext"), pool="max", weight=0.5).pool
    'max'
    """

    pool: Annotated[str, NameIn(POOLS), Field(description="how N teacher matrices become one, or stay apart")]
    pairs: Annotated[str, NameIn(PAIRS), Field(description="which pairs of each list count")]
    target: Annotated[str, NameIn(TARGETS), Field(description="the form in which student and teacher are compared")]
    distance: Annotated[str, NameIn(DISTANCES), Field(description="the distance between student and target")]
    direction: Annotated[
        str,
        NameIn(DIRECTIONS),
        Field(description="which lists of a matrix are compared; both adds two losses, both_halved takes their mean"),
    ]
    reduction: Annotated[
        str,
        NameIn(REDUCTIONS),
        Field(description="how pairs become one loss: mean over pairs, mean over lists of their sums, or the sum"),
    ]
    weight: Annotated[float, Field(ge=0, description="w_d, the weight of the distillation loss")]
    source: Annotated[str, NameIn(SOURCES), Field(description="who teaches")] = "teachers"
    momentum: Annotated[
        float, Field(ge=0, lt=1, description="share of the moving average that a step keeps (source: momentum)")
    ] = 0.995
    views: Annotated[
        str, NameIn(VIEWS), Field(description="which matrices of the student are taught; D is their mean")
    ] = "fused"
    standardise: Annotated[
        str, NameIn(STANDARDS), Field(description="how matrices are brought to one scale before they are pooled")
    ] = "none"
    pool_weights: Annotated[
        Sequence[float] | None, Field(description="weights of the teachers, in their order (pool: weighted)")
    ] = None
    candidates: Annotated[
        int,
        Field(
            ge=1,
            description="number of wrong pairs of a list that count (pairs and ranking_pairs: top, random)",
        ),
    ] = 7
    label_first: Annotated[
        bool, Field(description="give the right pair the highest of the teacher's scores; the others keep their order")
    ] = False
    temperature: Annotated[
        float, Field(gt=0, description="temperature of softmax, of soft ranks, of nce and of the entropies")
    ] = 1.0
    label_share: Annotated[
        float, Field(ge=0, lt=1, description="share of the right pairs in the teacher's softmax (target: softmax)")
    ] = 0.0
    threshold: Annotated[
        float, Field(gt=0, description="difference at which the Huber distance turns linear (distance: huber)")
    ] = 1.0
    schedule: Annotated[
        str, NameIn(SCHEDULES), Field(description="how lambda, a factor on the weight, changes with the epochs")
    ] = "constant"
    warm_up_epochs: Annotated[int, Field(ge=1, description="epochs until lambda is 1 (schedule: warm_up)")] = 5
    decay: Annotated[
        float, Field(gt=0, le=1, description="factor on lambda from one epoch to the next (schedule: exponential)")
    ] = 0.95
    samples: Annotated[
        str, NameIn(SAMPLES), Field(description="how much each list counts in D: more where the teacher is sure")
    ] = "uniform"
    weight_unit: Annotated[
        Literal["loss", "gradient"],
        Field(
            description="what the weight multiplies: the loss, or the loss scaled in each batch to pull as strongly on "
            "the embeddings as the ranking loss does"
        ),
    ] = "loss"
    ranking_weight: Annotated[float, Field(ge=0, description="w_r, the weight of the ranking loss")] = 1.0
    ranking_samples: Annotated[
        str, NameIn(SAMPLES), Field(description="how much each pair counts in L_r: more where the teacher is unsure")
    ] = "uniform"

    ranking_pairs: Annotated[str, NameIn(PAIRS), Field(description="which pairs of each list L_r sees")] = "all"
    english_weight: Annotated[
        float, Field(ge=0, description="weight of L_r for English captions, beside 1 for those in other languages")
    ] = 1.0
    frame_weight: Annotated[
        float,
        Field(ge=0, description="w_f, the weight of the loss F of the student's frame weights (model.frame_weights)"),
    ] = 0.0
    frame_temperature: Annotated[
        float, Field(gt=0, description="temperature of the teacher's softmax over the rows of a video, in F")
    ] = 1.0
    frame_reduction: Annotated[
        FrameReduction, Field(description="how the rows of a video become one loss in F: their sum, or their mean")
    ] = "sum"

    def __post_init__(self) -> None:
        for name, table in {**TABLES, "ranking_samples": SAMPLES, "ranking_pairs": PAIRS}.items():
            if getattr(self, name) not in table:
                raise ValueError(f"'{name}' is '{getattr(self, name)}': choose from {', '.join(table)}")
        for problem in (*self._problems_of_teaching(), *self._problems_of_comparing()):
            raise ValueError(problem)

    def check_teachers(self, count: int) -> None:
        """Check that the parts go with so many teachers.

        Raises:
            ValueError: none where they teach, or another number than there are weights.
        """
        if self.source == "teachers" and not count:
            raise ValueError("'source: teachers' needs a teacher")
        if self.pool_weights is not None and len(self.pool_weights) != count:
            raise ValueError(f"'pool_weights' has {len(self.pool_weights)} numbers, there are {count} teachers")

    def identity(self) -> dict[str, Any]:
        """Return the settings as plain data for fingerprints, under the names of version 0.1.0."""
        named = {_FORMER_NAMES.get(name, name): value for name, value in asdict(self).items()}
        return {name: value for name, value in named.items() if value != _ADDED_LATER.get(name, object)}

    def _problems_of_teaching(self) -> Iterator[str]:
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
        if self.weight_unit == "gradient" and not self.ranking_weight:
            yield "'weight_unit: gradient' measures the ranking loss: it needs a 'ranking_weight' above 0"
        if self.ranking_pairs == "top" and source != "teachers":
            yield f"'ranking_pairs: top' takes the teachers' highest scores, 'source: {source}' has no teachers"
        if self.frame_weight and source != "teachers":
            yield f"'frame_weight' takes the teachers' scores of rows, 'source: {source}' has no teachers"
        if self.pool == "weighted" and weights is None:
            yield "'pool: weighted' needs 'pool_weights', a number a teacher"
        if self.pool != "weighted" and weights is not None:
            yield f"'pool_weights' are not used by 'pool: {self.pool}'"
        if weights is not None and (min(weights, default=0) < 0 or sum(weights) <= 0):
            yield "'pool_weights' must be 0 or more, and one of them more"

    def _problems_of_comparing(self) -> Iterator[str]:
        distance, target = self.distance, self.target
        if distance == "kl" and target != "softmax":
            yield f"'distance: kl' compares probabilities: it needs 'target: softmax', not '{target}'"
        if distance in ("margin_mse", "nce") and target != "raw":
            yield f"'distance: {distance}' is of raw scores: it needs 'target: raw', not '{target}'"
        if distance == "nce" and self.standardise != "none":
            yield "'distance: nce' compares no scores of teachers: it needs 'standardise: none'"
        if distance in _OF_PAIRS and target == "raw" and self.standardise == "rank":
            yield f"'distance: {distance}' cannot bring raw scores to ranks, which have no gradient: use 'target: rank'"
        if distance in _OF_LISTS and self.reduction == "mean_pairs":
            yield f"'distance: {distance}' is one number a list: use 'reduction: mean_lists' or 'sum'"
        if self.label_share > 0 and target != "softmax":
            yield f"'label_share' is mixed into probabilities: it needs 'target: softmax', not '{target}'"


def chosen(part: str, parts: Parts) -> Callable[..., Any]:
    """Return the chosen function of a part, with the settings that it has as keyword-only arguments."""
    function = TABLES[part][getattr(parts, part)]
    return partial(function, **{name: getattr(parts, name) for name in _settings_of(function)})


Described = dict[str, dict[str, tuple[str, list[str]]]]


def described() -> Described:
    """Return by part and choice what the choice does, and the settings that it has."""
    settings = {field.name for field in fields(Parts)}
    return {
        part: {
            choice: (_first_paragraph(function), [name for name in _settings_of(function) if name in settings])
            for choice, function in table.items()
        }
        for part, table in TABLES.items()
    }


def settings_in(parts: Parts) -> dict[str, Any]:
    """Return the settings that matter: those that differ from their default, and those that a chosen function has."""
    used = {name for part, table in TABLES.items() for name in _settings_of(table[getattr(parts, part)])}
    values = {field.name: (getattr(parts, field.name), field.default) for field in fields(Parts)}
    return {name: value for name, (value, default) in values.items() if value != default or name in used}


def _settings_of(function: Callable[..., Any]) -> list[str]:
    parameters = inspect.signature(function).parameters.values()
    return [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]


def _first_paragraph(function: Callable[..., Any]) -> str:
    return (inspect.getdoc(function) or "").partition("\n\n")[0].replace("\n", " ")
