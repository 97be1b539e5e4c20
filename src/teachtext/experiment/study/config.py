"""The file of a study: a run, what its variants change, and what is compared."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, field_validator, model_validator

from teachtext.evaluation.metrics import METRIC_NAMES
from teachtext.evaluation.score_normalisation import normalisers_named
from teachtext.experiment.config_base import NAME, Config, ExpertName

Label = Annotated[str, Field(min_length=1)]


def _role(name: Any) -> Any:
    # the word of earlier versions
    return "taught" if name == "teachtext" else name


MemberName = Annotated[Literal["student", "taught"], BeforeValidator(_role)]


class VariantConfig(Config):
    """What a variant changes: any settings of a run, and whose figures are its own."""

    model_config = ConfigDict(extra="allow")

    members: list[MemberName] | None = Field(None, min_length=1, description="by default those of the study")


class CompareConfig(Config):
    """Which rows are tested against which. All comparisons of a study are one family for Holm's correction."""

    taught: bool = Field(True, description="TeachText against the student alone, in every variant that has both")
    normalised: bool = Field(True, description="every row behind a normaliser against the same row without")
    against: Label | None = Field(None, description="label of a row that every other row is compared with")
    pairs: list[tuple[Label, Label]] = Field([], description="labels of rows, [ours, theirs]")


class ModalitiesConfig(Config):
    """A student with one expert, with two, and so on to all of them, alone and taught; its teachers see all.

    Forward selection: the next expert is the one with which the student *alone* has the best validation t2v geometric
    mean, averaged over the seeds. The taught student has the same experts, so that the choice does not favour it.
    """

    experts: list[ExpertName] | None = Field(
        None, min_length=1, description="those that the student chooses from; by default all of the run"
    )

    @model_validator(mode="after")
    def _once(self) -> "ModalitiesConfig":
        if self.experts and len(set(self.experts)) < len(self.experts):
            raise ValueError("'experts' names one twice")
        return self


class StudyConfig(Config):
    """A whole study."""

    name: str = Field(pattern=NAME, description="of the study and its folder")
    question: str = Field("", description="what it asks, for the readers of its report")
    work: Path | None = Field(None, description="folder of the study; by default runs/NAME where the command is run")
    base: dict[str, Any] = Field(description="the settings of a run that all variants share")
    variants: dict[Label, VariantConfig | None] = Field(
        {}, description="by label, settings that differ from the base; keys may be dotted: student.text"
    )
    grid: dict[str, list[Any] | dict[Label, Any]] = Field(
        {}, description="by dotted key, its values, or values by label; all combinations are tried, in every variant"
    )
    choose: dict[str, list[Any] | dict[Label, Any]] = Field(
        {},
        description="like the grid, but of all combinations each variant keeps the one with the best validation t2v "
        "geometric mean, averaged over the seeds that choose; no other is tested",
    )
    modalities: ModalitiesConfig | None = Field(
        None, description="the experts that the student sees, one more at a time, with and without teachers"
    )
    ensembles: dict[Label, Annotated[list[Label], Field(min_length=2)]] = Field(
        {}, description="by label, rows whose similarities are averaged at test time, seed by seed"
    )
    normalise: list[str] = Field(
        [], description="score normalisers behind every row and ensemble; their beta is chosen on validation"
    )
    members: list[MemberName] = Field(
        ["taught"],
        min_length=1,
        description="whose figures are a variant's: the taught student, or the student alone where a variant has no "
        "teachers; or the student alone; or both",
    )
    seeds: list[Annotated[int, Field(ge=0, lt=2**32)]] = Field(
        [0, 1, 2, 3, 4], min_length=1, description="every model is trained once for each"
    )
    choosing_seeds: list[int] | None = Field(
        None, min_length=1, description="of the seeds, those that choose, where all would take too long; by default all"
    )
    compare: CompareConfig = CompareConfig()
    claims: dict[str, tuple[Label, Label]] = Field(
        {}, description="by a sentence, the rows that decide it: it is so if the first is better than the second"
    )
    statistic: str = Field("geometric_mean", description="the text-to-video metric that is compared")
    level: float = Field(0.95, gt=0.5, lt=1, description="of the intervals")
    resamples: int = Field(9999, ge=100, description="of the bootstrap and of the permutation tests")
    jobs: int | None = Field(None, ge=1, description="models trained at once; by default as many as there are cores")

    @field_validator("grid", "choose", mode="before")
    @classmethod
    def _axes(cls, grid: Any) -> Any:
        for key, values in grid.items() if isinstance(grid, dict) else ():
            if not isinstance(values, list | dict) or not values:
                raise ValueError(f"'{key}' has no values, write [first, second] or {{label: value}}")
        return grid

    @model_validator(mode="after")
    def _consistent(self) -> "StudyConfig":
        if not (self.variants or self.grid or self.choose or self.modalities):
            raise ValueError("it has neither 'variants' nor a 'grid': say what is tried")
        if self.choose and self.modalities:
            raise ValueError("'choose' and 'modalities' both choose on validation: make two studies of it")
        strange = [seed for seed in self.choosing_seeds or [] if seed not in self.seeds]
        if strange:
            raise ValueError(f"'choosing_seeds' names {strange[0]}, which is none of 'seeds'")
        if self.statistic not in METRIC_NAMES:
            raise ValueError(f"'statistic' is '{self.statistic}': choose from {', '.join(METRIC_NAMES)}")
        normalisers_named(self.normalise)
        for what, items in (
            ("normalise", self.normalise),
            ("seeds", self.seeds),
            ("choosing_seeds", self.choosing_seeds or []),
            ("members", self.members),
        ):
            twice = [item for number, item in enumerate(items) if item in items[:number]]
            if twice:
                raise ValueError(f"'{what}' names '{twice[0]}' twice")
        return self
