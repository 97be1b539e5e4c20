"""What a study found, as it is kept in `results.json`: enough for its tables and pictures without the models."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from teachtext.errors import InputError
from teachtext.evaluation.metrics import LOWER_IS_BETTER
from teachtext.evaluation.results import Record, Row, TestedOn
from teachtext.evaluation.significance import Difference, Interval
from teachtext.files import read_json, write_json

Verdict = Literal["gain", "loss", "undecided", "not computed"]


class StudyRow(Row):
    """One model of a study over the seeds.

    Attributes:
        changes: by dotted key, what its variant sets otherwise than the base.
        teachers: text encoders of those it learned from.
        tested: what it was tested on.
        ranks: for each seed, the file with its rank for every query, relative to the study's folder.
        interval: of the study's statistic; None where it cannot be computed.
        problem: why it cannot.
        sees: what it may see at test time beside the query; empty for a model alone.
        cost: CPU time in ms that its experts take for a second of video; None where it was not measured.
    """

    changes: dict[str, Any]
    teachers: list[str]
    tested: TestedOn
    ranks: list[str]
    interval: Interval | None = None
    problem: str = ""
    sees: str = ""
    cost: float | None = None


class Comparison(Record):
    """One row of a study against another.

    Attributes:
        ours, theirs: labels.
        claim: what it would show if ours were better; empty where nothing is claimed.
        difference: ours minus theirs; None where it cannot be computed.
        p_holm: p value of the interval, corrected over all comparisons of the study (Holm).
        problem: why there is no difference.
    """

    ours: str
    theirs: str
    claim: str = ""
    difference: Difference | None = None
    p_holm: float | None = None
    problem: str = ""

    @property
    def verdict(self) -> Verdict:
        """A gain or a loss only where the interval excludes zero and the corrected p value agrees."""
        found = self.difference
        if found is None or self.p_holm is None:
            return "not computed"
        # rounding apart, p <= 1 - level is what the interval says of this one comparison
        if not found.decided or self.p_holm > 1 - found.level:
            return "undecided"
        return "gain" if (found.value > 0) != (found.statistic in LOWER_IS_BETTER) else "loss"


class Missing(Record):
    """A row that there is not, and why."""

    label: str
    problem: str


class Choice(Record):
    """What was chosen on validation.

    Attributes:
        label: of the variant or row.
        tried: t2v geometric mean on validation, the mean over the seeds, by what was tried.
        chosen: one of them; or what was chosen for each seed.
    """

    label: str
    tried: dict[str, float]
    chosen: str


class Measured(Record):
    """Where and on what the cost of experts was measured."""

    videos: int
    seconds: float
    machine: dict[str, Any]


class Denoised(Record):
    """What denoising dropped of the training captions.

    Attributes:
        variants: labels of those that were trained without them.
        captions, dropped, spared: how many there were, are dropped, and are kept as the least noisy of their video.
        wrong: how many are known to be wrong; None where that is not known.
        precision, recall, average_precision: of dropping those.
        noisiest: ids of dropped captions, the noisiest first.
    """

    variants: list[str]
    captions: int
    dropped: int
    spared: int
    wrong: int | None = None
    precision: float | None = None
    recall: float | None = None
    average_precision: float | None = None
    noisiest: list[str]


class StudyResults(Record):
    """A whole study.

    Attributes:
        question: what it asks, in words.
        statistic: the text-to-video metric that intervals and comparisons are of.
        level: of the intervals.
        resamples: of the bootstrap and the permutation tests.
        rows: in the order of the study file.
        comparisons: all of them are one family for Holm's correction.
        missing: rows that could not be trained or tested.
        choices: what was chosen on validation.
        denoised: what denoising dropped, each list once.
        measured: where the cost of experts was measured; None where it was not.
        told: what else a reader should know, a sentence each.
        config: the study file with every default.
        versions: of what made the numbers.
    """

    name: str
    question: str
    statistic: str
    level: float
    resamples: int
    seeds: list[int]
    rows: list[StudyRow]
    comparisons: list[Comparison]
    missing: list[Missing]
    choices: list[Choice] = Field(default_factory=list)
    denoised: list[Denoised] = Field(default_factory=list)
    measured: Measured | None = None
    told: list[str] = Field(default_factory=list)
    config: dict[str, Any]
    versions: dict[str, str]

    def save(self, path: Path) -> None:
        """Write `results.json`."""
        write_json(path, self.model_dump(mode="json"))

    @classmethod
    def load(cls, path: Path) -> "StudyResults":
        """Read `results.json`.

        Raises:
            InputError: it is missing or not of this form.
        """
        try:
            return cls.model_validate(read_json(path))
        except ValidationError as error:
            raise InputError(f"{path} is not the results of a study", "make it with 'teachtext study'") from error
