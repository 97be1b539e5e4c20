"""The main student of a run or study: chosen on validation, never on the test split."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from teachtext.errors import InputError
from teachtext.evaluation.result_rows import Role
from teachtext.evaluation.results import Results
from teachtext.files import read_json, write_json
from teachtext.learning.model_files import METRICS

BEST = "best.json"


@dataclass(frozen=True)
class Candidate:
    """A trained student.

    Attributes:
        label: of its row.
        role: student (alone) or taught.
        seed: of its training.
        model: its folder, relative to that of the run.
        validation: t2v geometric mean on the split that selects; None without such a split.
    """

    label: str
    role: Role
    seed: int
    model: str
    validation: float | None


def candidates_of(results: Results, folder: Path) -> list[Candidate]:
    """Return the trained students of a run or study among which the main student is: the taught ones, if there are any.

    Raises:
        InputError: a model is missing, or its metrics cannot be read.
    """
    students = [row for row in results.rows if row.role != "teacher" and not row.sees]
    taught = [row for row in students if row.role == "taught"]
    return [
        Candidate(row.label, row.role, seed.seed, seed.model, validation_of(_present(folder / seed.model)))
        for row in taught or students
        for seed in row.seeds
    ]


def validation_of(model: Path) -> float | None:
    """Return the t2v geometric mean of a trained model on the split that selected its epoch."""
    metrics: Any = read_json(model / METRICS)
    validation = metrics["history"][metrics["best_epoch"] - 1]["validation"]
    return float(validation["t2v"]["geometric_mean"]) if validation else None


def write_best(candidates: Sequence[Candidate], folder: Path) -> None:
    """Write `best.json`, which names the main student of a run or study.

    The row is a taught student, if there is one, with the best mean over seeds. The model is the best seed of the row.
    """
    if candidates:
        write_json(folder / BEST, asdict(_best(candidates)))


def main_student(folder: Path) -> Path:
    """Return the model folder of the main student of a run or study.

    Args:
        folder: of the run or study; one without `best.json`, of an earlier version, is read too.

    Raises:
        InputError: the folder is no finished run, or the model is missing.
    """
    if (folder / BEST).exists():
        record = read_json(folder / BEST)
        name = record.get("model") if isinstance(record, dict) else None
        if not isinstance(name, str):
            raise InputError(f"{folder / BEST} names no model", "delete it and run the same command again")
        model = folder / name
    elif (folder / "results.json").exists():
        candidates = candidates_of(Results.load(folder / "results.json"), folder)
        if not candidates:
            raise InputError(f"{folder} has no student", "give the folder of a model")
        model = folder / _best(candidates).model
    else:
        raise InputError(f"{folder} is no finished run", "run 'teachtext run' with its config, which goes on")
    return _present(model)


def _present(model: Path) -> Path:
    if not (model / METRICS).exists():
        raise InputError(f"{model}, the student of the run, is missing", "run 'teachtext run' with its config again")
    return model


def _best(candidates: Sequence[Candidate]) -> Candidate:
    taught = [candidate for candidate in candidates if candidate.role == "taught"] or list(candidates)
    rows: dict[str, list[Candidate]] = {}
    for candidate in taught:
        rows.setdefault(candidate.label, []).append(candidate)
    best = max(rows.values(), key=lambda row: mean(_score(candidate) for candidate in row))
    return max(best, key=_score)


def _score(candidate: Candidate) -> float:
    return float("-inf") if candidate.validation is None else candidate.validation
