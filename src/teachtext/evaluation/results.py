"""The results of a run or a study, as `results.json` keeps them and tables and reports show them.

A run is a study of one variant, so both have one form. Files of earlier versions are read too.
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from teachtext.errors import InputError
from teachtext.evaluation.floor_and_ceiling import FloorAndCeiling
from teachtext.evaluation.metrics import LOWER_IS_BETTER, METRIC_NAMES, NAMES
from teachtext.evaluation.result_rows import DIRECTIONS, Direction, Record, Role, Row, Spread, TestedOn
from teachtext.evaluation.significance import Difference, Interval
from teachtext.files import read_json, write_json

Verdict = Literal["gain", "loss", "undecided", "not computed"]

# written for other readers of the file, and computed again from the rows
_DERIVED = ("summary", "effect_of_teachtext")


class Comparison(Record):
    """One row against another.

    Attributes:
        ours, theirs: labels.
        claim: the statement that is true if ours is better; empty where nothing is claimed.
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
        return verdict_of(self.difference if self.p_holm is not None else None, self.p_holm)


class Missing(Record):
    """A row without results, and the reason."""

    label: str
    problem: str


class Choice(Record):
    """A choice on validation.

    Attributes:
        label: of the variant or row.
        tried: by candidate, the t2v geometric mean on validation, averaged over the seeds.
        chosen: a candidate; or the choice of each seed.
        failed: by candidate that could not be trained, the problem.
    """

    label: str
    tried: dict[str, float]
    chosen: str
    failed: dict[str, str] = Field(default_factory=dict)


class Measured(Record):
    """Where and on what the cost of experts was measured."""

    videos: int
    seconds: float
    machine: dict[str, Any]


class Denoised(Record):
    """Training captions that denoising dropped.

    Attributes:
        variants: labels of the variants that were trained without these captions.
        captions, dropped, spared: counts: judged, dropped, and kept as the least noisy captions of their video.
        wrong: how many are wrong by construction; None where nobody can say.
        precision, recall, average_precision: of dropping the wrong captions.
        above_chance: by how much the precision is above that of dropping at random, in percent (see
            `teachtext.evaluation.noise.above_chance`); None in results of earlier versions.
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
    above_chance: Interval | None = None
    noisiest: list[str]


class PartResults(Record):
    """The results of all rows for a part of the queries.

    Attributes:
        rows: by label, the metrics of each seed by name; empty where the part has no queries.
        comparisons: as those of the results; corrected over all parts of the kind (Holm).
    """

    rows: dict[str, list[dict[str, float]]]
    comparisons: list[Comparison] = Field(default_factory=list)

    def spread(self, label: str, metric: str) -> Spread:
        """Summarise a metric of a row over the seeds."""
        return Spread.of([seed[metric] for seed in self.rows[label]])


class LanguageResults(PartResults):
    """The results of all rows for the captions in one language, text to video.

    Attributes:
        language: such as `en`.
        captions: how many test captions are in it.
    """

    language: str
    captions: int


class DirectionResults(PartResults):
    """The results of rows with one space for all modalities, from one form to another.

    Attributes:
        direction: such as `text to audio`; see `teachtext.evaluation.by_direction`.
        queries: how many are asked.
        answers: how many items are ranked.
    """

    direction: str
    queries: int
    answers: int


class Results(Record):
    """The results of a study, or of a run, which is a study of one variant.

    Attributes:
        name: of the run or study.
        question: of the study, in words.
        statistic: the text-to-video metric of intervals and comparisons.
        level: of the intervals.
        resamples: of the bootstrap and the permutation tests.
        seeds: of the trainings.
        rows: in the order of the study file; in a run teachers, the student alone, the taught student.
        comparisons: all of them are one family for Holm's correction.
        effects: by direction and metric, the taught student minus the student alone; only in a run that has both.
        languages: results by language; empty where the test captions are in one language.
        directions: results by direction; empty where no row has one space for all modalities.
        missing: rows that could not be trained or tested.
        choices: choices on validation.
        denoised: the lists of dropped captions.
        measured: where the cost of experts was measured; None where it was not.
        notes: further remarks for readers, a sentence each.
        floor_and_ceiling: of a run; None in studies and in results of earlier versions.
        config: the file with every default.
        versions: of the packages that computed the numbers.
    """

    name: str
    question: str = ""
    statistic: str = "geometric_mean"
    level: float = 0.95
    resamples: int = 9999
    seeds: list[int]
    rows: list[Row]
    comparisons: list[Comparison] = Field(default_factory=list)
    effects: dict[Direction, dict[str, Difference]] = Field(default_factory=dict)
    languages: list[LanguageResults] = Field(default_factory=list)
    directions: list[DirectionResults] = Field(default_factory=list)
    missing: list[Missing] = Field(default_factory=list)
    choices: list[Choice] = Field(default_factory=list)
    denoised: list[Denoised] = Field(default_factory=list)
    measured: Measured | None = None
    notes: list[str] = Field(default_factory=list)
    floor_and_ceiling: FloorAndCeiling | None = None
    config: dict[str, Any]
    versions: dict[str, str]

    @property
    def test(self) -> TestedOn:
        """The data of the first row; all rows of a run have the same."""
        return self.rows[0].tested

    def row(self, role: Role) -> Row | None:
        """Return the first row of a role."""
        return next((row for row in self.rows if row.role == role), None)

    @property
    def main(self) -> Row:
        """The row that a run is about: the taught student, else the student alone, else the first row."""
        return self.row("taught") or self.row("student") or self.rows[0]

    @property
    def metric_names(self) -> dict[str, str]:
        """The names of the metrics by key: those of the field, and nDCG@10 where every row has it."""
        have = [seed.t2v.keys() & seed.v2t.keys() for row in self.rows for seed in row.seeds]
        return {
            key: name
            for key, name in NAMES.items()
            if key in METRIC_NAMES or (have and all(key in keys for keys in have))
        }

    def effect(self, direction: Direction, metric: str) -> Spread | None:
        """Return the taught student minus the student alone, seed by seed; None where one of them is missing."""
        alone, taught = self.row("student"), self.row("taught")
        if alone is None or taught is None:
            return None
        pairs = zip(taught.spread(direction, metric).values, alone.spread(direction, metric).values, strict=True)
        return Spread.of([ours - theirs for ours, theirs in pairs])

    def interval(self, direction: Direction, metric: str) -> Difference | None:
        """Return the taught student minus the student alone with its interval; None where it was not computed."""
        return self.effects.get(direction, {}).get(metric)

    def save(self, path: Path) -> None:
        """Write `results.json`, with means and spreads beside the values of every seed."""
        values = self.model_dump(mode="json")
        values["summary"] = {
            row.label: {d: {m: row.spread(d, m).model_dump() for m in self.metric_names} for d in DIRECTIONS}
            for row in self.rows
        }
        for row in self.rows:
            if row.tested.questions:
                values["summary"][row.label]["questions"] = {
                    kind: row.answered(kind).model_dump() for kind in row.tested.questions
                }
        if self.effects and self.effect("t2v", "r1"):
            values["effect_of_teachtext"] = {
                d: {m: effect.model_dump() for m in METRIC_NAMES if (effect := self.effect(d, m))} for d in DIRECTIONS
            }
        write_json(path, values)

    @classmethod
    def load(cls, path: Path) -> "Results":
        """Read `results.json`, of a run or a study, of this version or an earlier one.

        Raises:
            InputError: it is missing or not of this form.
        """
        values = read_json(path)
        try:
            return cls.model_validate(_upgraded(values) if isinstance(values, dict) else values)
        except (ValidationError, AttributeError, KeyError, TypeError) as error:
            raise InputError(
                f"{path} is not a results file", "make it with 'teachtext run' or 'teachtext study'"
            ) from error


def verdict_of(difference: Difference | None, p: float | None = None) -> Verdict:
    """Judge a difference: a gain or a loss only where its interval excludes zero.

    Args:
        difference: ours minus theirs.
        p: of the difference, corrected over several comparisons; it must then agree with the interval.
    """
    if difference is None:
        return "not computed"
    # rounding apart, p <= 1 - level is what the interval says of this one comparison
    if not difference.decided or (p is not None and p > 1 - difference.level):
        return "undecided"
    return "gain" if (difference.value > 0) != (difference.statistic in LOWER_IS_BETTER) else "loss"


def _upgraded(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a file in today's form."""
    values = {key: value for key, value in values.items() if key not in _DERIVED}
    if "told" in values:
        values["notes"] = values.pop("told")
    tested = values.pop("test", None)
    for row in values["rows"]:
        row["role"] = "taught" if row["role"] == "teachtext" else row["role"]
        row.setdefault("tested", tested)
    # a run of an earlier version has effects alone
    taught, alone = (next((r for r in values["rows"] if r["role"] == role), None) for role in ("taught", "student"))
    effect = values.get("effects", {}).get("t2v", {}).get("geometric_mean")
    if effect and taught and alone and "comparisons" not in values:
        compared = {"ours": taught["label"], "theirs": alone["label"]}
        values["comparisons"] = [compared | {"difference": effect, "p_holm": effect["p_interval"]}]
    return values
