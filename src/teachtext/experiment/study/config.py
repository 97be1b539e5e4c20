"""The config of a study: a run, the settings that its variants change, and the comparisons."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, field_validator, model_validator

from teachtext.evaluation.metrics import METRIC_NAMES
from teachtext.evaluation.score_normalisation import normalisers_named
from teachtext.experiment.config import once
from teachtext.experiment.config_data import NAME, Config, ExpertName

Label = Annotated[str, Field(min_length=1)]


def _no_former_role(name: Any) -> Any:
    if name == "teachtext":
        raise ValueError("'teachtext' is now called 'taught'")
    return name


MemberName = Annotated[Literal["student", "taught"], BeforeValidator(_no_former_role)]


class VariantConfig(Config):
    """A variant: settings of a run that differ from the base, and the models whose metrics it reports."""

    model_config = ConfigDict(extra="allow")

    members: list[MemberName] | None = Field(
        None,
        description="models whose metrics the variant reports; by default those of the study; none ([]) where noisy "
        "captions are found and nothing is trained without them",
    )


class CompareConfig(Config):
    """Which rows are compared. All comparisons of a study are one family for Holm's correction."""

    taught: bool = Field(
        True, description="compare the taught student with the student alone, in every variant that has both"
    )
    normalised: bool = Field(True, description="compare every row with a score normaliser with the same row without")
    against: Label | None = Field(None, description="label of a row with which every other row is compared")
    pairs: list[tuple[Label, Label]] = Field([], description="pairs of rows to compare, each as labels [ours, theirs]")


class ModalitiesConfig(Config):
    """A student with one expert, with two, and so on to all of them, alone and taught; its teachers see all.

    Forward selection: the next expert is the one with which the student *alone* has the best validation t2v geometric
    mean, averaged over the seeds. The taught student has the same experts, so that the choice does not favour it.
    """

    experts: list[ExpertName] | None = Field(
        None, min_length=1, description="experts that the student chooses from; by default all of the run"
    )

    @model_validator(mode="after")
    def _once(self) -> "ModalitiesConfig":
        if self.experts and len(set(self.experts)) < len(self.experts):
            raise ValueError("'experts' names one twice")
        return self


class StudyConfig(Config):
    """A whole study."""

    name: str = Field(pattern=NAME, description="name of the study and of its folder")
    question: str = Field("", description="the question of the study, for the readers of its report")
    work: Path | None = Field(
        None, description="folder of the study; by default runs/NAME, relative to the current folder"
    )
    base: dict[str, Any] = Field(description="settings of a run that all variants share")
    variants: dict[Label, VariantConfig | None] = Field(
        {},
        description="variants by label, each with the settings that differ from the base; keys may be "
        "dotted: student.text",
    )
    grid: dict[str, list[Any] | dict[Label, Any]] = Field(
        {}, description="by dotted key, a list of values, or values by label; every variant has all combinations"
    )
    choose: dict[str, list[Any] | dict[Label, Any]] = Field(
        {},
        description="like the grid, but each variant keeps the combination with the best validation t2v "
        "geometric mean, "
        "averaged over the seeds that choose; the others are not tested",
    )
    modalities: ModalitiesConfig | None = Field(
        None, description="add experts to the student one at a time, with and without teachers"
    )
    ensembles: dict[Label, Annotated[list[Label], Field(min_length=2)]] = Field(
        {}, description="ensembles by label: rows whose similarity matrices are averaged at test time, seed by seed"
    )
    normalise: list[str] = Field(
        [], description="score normalisers applied to every row and ensemble; validation chooses their beta"
    )
    members: list[MemberName] = Field(
        ["taught"],
        min_length=1,
        description="models whose metrics a variant reports: the taught student (without teachers the student alone), "
        "the student alone, or both",
    )
    seeds: list[Annotated[int, Field(ge=0, lt=2**32)]] = Field(
        [0, 1, 2, 3, 4], min_length=1, description="seeds; every model is trained once for each"
    )
    choosing_seeds: list[int] | None = Field(
        None, min_length=1, description="seeds that choose on validation, where all would take too long; by default all"
    )
    compare: CompareConfig = CompareConfig()
    claims: dict[str, tuple[Label, Label]] = Field(
        {}, description="claims by sentence, each with two rows: the claim holds if the first is better than the second"
    )
    statistic: str = Field("geometric_mean", description="text-to-video metric that is compared")
    level: float = Field(0.95, gt=0.5, lt=1, description="confidence level of the intervals")
    resamples: int = Field(
        9999, ge=100, description="number of resamples of the bootstrap and of the permutation tests"
    )
    jobs: int | None = Field(None, ge=1, description="number of models trained at once; by default the number of cores")

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
        once("normalise", self.normalise)
        once("seeds", self.seeds)
        once("choosing_seeds", self.choosing_seeds or [])
        once("members", self.members)
        return self
