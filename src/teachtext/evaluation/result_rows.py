"""The rows of a results table: one model each, trained once for each seed."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from teachtext.data.rivals import Rivals
from teachtext.evaluation.metrics import Metrics, mean_and_std
from teachtext.evaluation.significance import Interval
from teachtext.evaluation.ties import Ties

Direction = Literal["t2v", "v2t"]
TrainedOn = Literal["nothing", "train split", "other"]
"""The pairs of videos and captions that a model has learned from: none, those of the training split, or others."""
Role = Literal["teacher", "student", "taught"]
DIRECTIONS: dict[Direction, str] = {"t2v": "text to video", "v2t": "video to text"}


class Record(BaseModel):
    """A part of `results.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Spread(Record):
    """A metric over seeds: mean, sample standard deviation (None for one seed), and the values themselves."""

    mean: float
    std: float | None
    values: list[float]

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        """Summarise one value a seed.

        >>> Spread.of([1.0, 3.0]).mean
        2.0
        """
        mean, std = mean_and_std(values)
        return cls(mean=mean, std=std, values=values)


class SeedResult(Record):
    """One trained model on the test split.

    Attributes:
        seed: of its training.
        model: its folder, relative to that of the results.
        best_epoch: the epoch that validation selected, from 1.
        t2v, v2t: metrics by name.
        questions: by kind of question the share of right answers, in percent; None where the dataset has no questions.
        ties: by direction, the tied queries; None in results of earlier versions.
    """

    seed: int
    model: str
    best_epoch: int
    t2v: dict[str, float]
    v2t: dict[str, float]
    questions: dict[str, float] | None = None
    ties: dict[Direction, Ties] | None = None

    @classmethod
    def of(
        cls,
        seed: int,
        model: str,
        best_epoch: int,
        metrics: dict[str, Metrics],
        questions: dict[str, float] | None = None,
    ) -> "SeedResult":
        """Join the metrics of both directions to a record."""
        by_direction = {direction: metrics[direction].as_dict() for direction in DIRECTIONS}
        ties = {direction: counted for direction in DIRECTIONS if (counted := metrics[direction].ties) is not None}
        return cls(
            seed=seed, model=model, best_epoch=best_epoch, questions=questions, ties=ties or None, **by_direction
        )

    def metrics(self, direction: Direction) -> dict[str, float]:
        """Return the metrics of a direction by name."""
        return self.t2v if direction == "t2v" else self.v2t


class QuestionKind(Record):
    """A kind of question: how many there are, and the share in percent that a guessing model answers right."""

    questions: int
    chance: float


class TestedOn(Record):
    """The data that a row was trained, selected and tested on, counted.

    Attributes:
        dataset: its name.
        split: the name of the test split.
        videos, queries: tested videos and captions.
        listed_videos: videos that the split lists, whether or not they have features.
        train_videos, selection_videos: videos of the other two splits.
        generated: whether a program made the dataset.
        notes: a sentence each.
        questions: by kind.
        rivals: equal texts among the queries; None in results of earlier versions.
        benchmark: name of the benchmark whose protocol was used; empty without one.
    """

    dataset: str
    split: str
    videos: int
    listed_videos: int
    queries: int
    train_videos: int
    selection_videos: int
    generated: bool
    notes: list[str]
    questions: dict[str, QuestionKind] = {}
    rivals: Rivals | None = None
    benchmark: str = ""


class Row(Record):
    """One line of the results table: one model, trained once for each seed.

    Attributes:
        label: unique among the rows.
        role: a teacher, the student alone, or the taught student.
        text_encoder: its name.
        experts: video experts that the model reads.
        parameters: how many are trained.
        seeds: results, one a seed.
        changes: by dotted key, the settings that differ from the base of the study.
        teachers: text encoders or file names of its teachers.
        tested: the data it was tested on.
        ranks: for each seed the file with the rank of every query, relative to the folder of the results.
        interval: of the compared statistic; None where it cannot be computed.
        problem: why there is no interval.
        sees: what the model reads at test time beside the query; empty for a model alone.
        cost: CPU time of its experts in ms for a second of video; None where it was not measured.
        trained_on: the pairs of videos and captions that it has learned from. A run trains all its rows on the training
            split.
    """

    label: str
    role: Role
    text_encoder: str
    experts: list[str]
    parameters: int
    seeds: list[SeedResult]
    changes: dict[str, Any] = Field(default_factory=dict)
    teachers: list[str] = Field(default_factory=list)
    tested: TestedOn
    ranks: list[str] = Field(default_factory=list)
    interval: Interval | None = None
    problem: str = ""
    sees: str = ""
    cost: float | None = None
    trained_on: TrainedOn = "train split"

    def spread(self, direction: Direction, metric: str) -> Spread:
        """Summarise a metric over the seeds."""
        return Spread.of([seed.metrics(direction)[metric] for seed in self.seeds])

    def answered(self, kind: str) -> Spread:
        """Summarise over the seeds the share of right answers to a kind of question, in percent."""
        return Spread.of([seed.questions[kind] for seed in self.seeds if seed.questions])
