"""What a run found, as it is kept in `results.json` and shown in tables and in the report."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from teachtext.errors import InputError
from teachtext.evaluation.metrics import METRIC_NAMES, Metrics, mean_and_std
from teachtext.evaluation.significance import Difference, compare
from teachtext.files import read_json, write_bytes, write_json

Direction = Literal["t2v", "v2t"]
Role = Literal["teacher", "student", "teachtext"]
DIRECTIONS: dict[Direction, str] = {"t2v": "text to video", "v2t": "video to text"}


class Record(BaseModel):
    """A part of what is kept in `results.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Spread(Record):
    """A metric over seeds: mean, sample standard deviation (None for one seed), and the values themselves."""

    mean: float
    std: float | None
    values: list[float]

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        """Summarise one value a seed."""
        mean, std = mean_and_std(values)
        return cls(mean=mean, std=std, values=values)


class SeedResult(Record):
    """One trained model on the test split. `model` is its folder, relative to the run's.

    `questions` is the share, in percent, that it answers right of each kind of question, where the dataset has any.
    """

    seed: int
    model: str
    best_epoch: int
    t2v: dict[str, float]
    v2t: dict[str, float]
    questions: dict[str, float] | None = None

    def metrics(self, direction: Direction) -> dict[str, float]:
        """Return the metrics of a direction by name."""
        return self.t2v if direction == "t2v" else self.v2t


class Row(Record):
    """One line of the results table: the same model over the seeds."""

    label: str
    role: Role
    text_encoder: str
    experts: list[str]
    parameters: int
    seeds: list[SeedResult]

    def spread(self, direction: Direction, metric: str) -> Spread:
        """Summarise a metric over the seeds."""
        return Spread.of([seed.metrics(direction)[metric] for seed in self.seeds])

    def answered(self, kind: str) -> Spread:
        """Summarise over the seeds the share of a kind of questions that is answered right, in percent."""
        return Spread.of([seed.questions[kind] for seed in self.seeds if seed.questions])


class Asked(Record):
    """A kind of questions: how many there are, and the share in percent that a model which guesses answers right."""

    questions: int
    chance: float


class TestedOn(Record):
    """What was tested on."""

    dataset: str
    split: str
    videos: int
    listed_videos: int
    queries: int
    train_videos: int
    selection_videos: int
    generated: bool
    notes: list[str]
    questions: dict[str, Asked] = {}


class Results(Record):
    """A whole run.

    Attributes:
        rows: teachers first, then the student alone, then the TeachText student.
        effects: by direction and metric, the TeachText student less the student alone, with its interval over videos
            and seeds; nothing where one of them is not there.
        config: the resolved configuration.
        versions: of what made the numbers.
    """

    name: str
    test: TestedOn
    seeds: list[int]
    rows: list[Row]
    effects: dict[Direction, dict[str, Difference]] = Field(default_factory=dict)
    config: dict[str, Any]
    versions: dict[str, str]

    def row(self, role: Role) -> Row | None:
        """Return the first row of a role."""
        return next((row for row in self.rows if row.role == role), None)

    @property
    def main(self) -> Row:
        """The row that the run is about: the TeachText student, or what comes nearest to it."""
        return self.row("teachtext") or self.row("student") or self.rows[0]

    def effect(self, direction: Direction, metric: str) -> Spread | None:
        """Return what TeachText adds to the student alone, seed by seed; None where one of them is not there."""
        alone, taught = self.row("student"), self.row("teachtext")
        if alone is None or taught is None:
            return None
        pairs = zip(taught.spread(direction, metric).values, alone.spread(direction, metric).values, strict=True)
        return Spread.of([with_teachers - without for with_teachers, without in pairs])

    def interval(self, direction: Direction, metric: str) -> Difference | None:
        """Return what TeachText adds to the student alone with its interval; None where it is not known."""
        return self.effects.get(direction, {}).get(metric)

    def save(self, path: Path) -> None:
        """Write `results.json`, with means, spreads and effects beside the values of every seed."""
        told = self.model_dump(mode="json")
        told["summary"] = {
            row.label: {d: {m: row.spread(d, m).model_dump() for m in METRIC_NAMES} for d in DIRECTIONS}
            for row in self.rows
        }
        for row in self.rows if self.test.questions else ():
            told["summary"][row.label]["questions"] = {k: row.answered(k).model_dump() for k in self.test.questions}
        if self.effect("t2v", "r1"):
            told["effect_of_teachtext"] = {
                d: {m: effect.model_dump() for m in METRIC_NAMES if (effect := self.effect(d, m))} for d in DIRECTIONS
            }
        write_json(path, told)

    @classmethod
    def load(cls, path: Path) -> "Results":
        """Read `results.json`.

        Raises:
            InputError: it is missing or not of this form.
        """
        told = read_json(path)
        if isinstance(told, dict):
            told.pop("summary", None)
            told.pop("effect_of_teachtext", None)
        try:
            return cls.model_validate(told)
        except ValidationError as error:
            raise InputError(f"{path} is not a results file", "make it with 'teachtext run'") from error


@dataclass(frozen=True, kw_only=True)
class QueryRanks:
    """What the test split gave one model, query by query; kept beside its weights.

    Attributes:
        t2v: (C,) 0-based ranks of the right video of each caption.
        v2t: (B,) 0-based ranks of the best own caption of each video.
        top: (C, k) columns of the videos ranked first, best first.
        top_scores: (C, k) their similarities.
        weights: (C, M) mixture weights of the captions.
        video_of: (C,) column of each caption's own video.
        caption_ids, video_ids, experts: what rows and columns are.
    """

    t2v: NDArray[np.float64]
    v2t: NDArray[np.float64]
    top: NDArray[np.int64]
    top_scores: NDArray[np.float32]
    weights: NDArray[np.float32]
    video_of: NDArray[np.int64]
    caption_ids: Sequence[str]
    video_ids: Sequence[str]
    experts: Sequence[str]

    def save(self, path: Path) -> None:
        """Write an .npz file."""
        buffer = io.BytesIO()
        values: dict[str, Any] = {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}
        np.savez_compressed(buffer, **values)
        write_bytes(path, buffer.getbuffer())

    @classmethod
    def load(cls, path: Path) -> "QueryRanks":
        """Read an .npz file.

        Raises:
            InputError: it is missing, truncated or not of this form.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                values = {field.name: file[field.name] for field in fields(cls)}
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise InputError(f"{path} is not a whole ranks file", "delete it and evaluate again") from error
        return cls(**values | {name: values[name].tolist() for name in ("caption_ids", "video_ids", "experts")})


def as_seed_result(
    seed: int,
    model: str,
    best_epoch: int,
    metrics: dict[str, Metrics],
    questions: dict[str, float] | None = None,
) -> SeedResult:
    """Join the metrics of both directions, and what was answered of the questions if any, to a record."""
    return SeedResult(
        seed=seed,
        model=model,
        best_epoch=best_epoch,
        t2v=metrics["t2v"].as_dict(),
        v2t=metrics["v2t"].as_dict(),
        questions=questions,
    )


def effects_of(taught: Sequence[QueryRanks], alone: Sequence[QueryRanks]) -> dict[Direction, dict[str, Difference]]:
    """Compare a student with teachers and the same student alone on every metric, paired by query and seed.

    Args:
        taught: for each seed, the ranks of the student with teachers.
        alone: the same of the student alone, same seeds.

    Raises:
        InputError: they were not tested on the same captions and videos, or on fewer than two videos.
    """
    first = alone[0]
    for other in (*taught, *alone):
        if (other.caption_ids, other.video_ids) != (first.caption_ids, first.video_ids):
            raise InputError("two models were not tested on the same captions and videos", "evaluate them again")
    queries = {"t2v": first.video_of, "v2t": np.arange(len(first.video_ids))}
    return {
        direction: {
            metric: compare(
                [getattr(ranks, direction) for ranks in taught],
                [getattr(ranks, direction) for ranks in alone],
                queries[direction],
                statistic=metric,
            )
            for metric in METRIC_NAMES
        }
        for direction in DIRECTIONS
    }
