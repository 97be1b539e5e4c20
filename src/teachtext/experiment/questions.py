"""The questions of a dataset, asked of every trained model; what it answers is kept beside its weights."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from teachtext.data.types import Question
from teachtext.errors import InputError
from teachtext.evaluation.rows import QuestionKind
from teachtext.experiment.train import Training
from teachtext.files import fingerprint, read_json, write_json
from teachtext.learning.checkpoint import load_model
from teachtext.learning.inference import score
from teachtext.reports.questions import marks


def asked(questions: Sequence[Question]) -> dict[str, QuestionKind]:
    """Return by kind how many questions there are, and what chance gives."""
    return {
        kind: QuestionKind(questions=len(group), chance=100 * float(np.mean([1 / len(each.among) for each in group])))
        for kind, group in _by_kind(questions).items()
    }


def answered(training: Training) -> dict[str, float] | None:
    """Return by kind the share, in percent, of the questions that a trained model answers right; None without any."""
    questions = training.workspace.dataset.questions
    if not questions:
        return None
    found = _marks(training, questions)
    return {
        kind: 100 * float(np.mean([found[each.caption.id] for each in group]))
        for kind, group in _by_kind(questions).items()
    }


def _marks(training: Training, questions: Sequence[Question]) -> Mapping[str, float]:
    """Return the mark of every question by its caption's id; given the first time, then read."""
    key = fingerprint([[each.caption.id, list(each.among)] for each in questions])
    path = training.folder / f"questions-{key}.json"
    if not path.exists():
        model, _ = load_model(training.folder)
        videos = list(dict.fromkeys(video_id for each in questions for video_id in each.among))
        place = {video_id: number for number, video_id in enumerate(videos)}
        found = score(model, training.features, [each.caption for each in questions], videos)
        among = [[place[video_id] for video_id in each.among] for each in questions]
        given = marks(found.similarity, found.video_of.tolist(), among)
        write_json(path, dict(zip(found.caption_ids, given.tolist(), strict=True)))
    kept: Any = read_json(path)
    if not isinstance(kept, dict) or kept.keys() != {each.caption.id for each in questions}:
        raise InputError(f"{path} is not a whole file of marks", "delete it and evaluate again")
    return kept


def _by_kind(questions: Sequence[Question]) -> dict[str, list[Question]]:
    found: dict[str, list[Question]] = {}
    for question in questions:
        found.setdefault(question.kind, []).append(question)
    return found
