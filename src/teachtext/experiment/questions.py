"""The questions of a dataset: every trained model answers them, and its marks are kept beside its weights."""

from collections.abc import Mapping, Sequence

import numpy as np

from teachtext.data.types import Question
from teachtext.evaluation.questions import marks
from teachtext.evaluation.result_rows import QuestionKind
from teachtext.experiment.artifacts import artifact_path, json_artifact
from teachtext.experiment.train import Training
from teachtext.learning.inference import score


def kinds_of(questions: Sequence[Question]) -> dict[str, QuestionKind]:
    """Return by kind how many questions there are, and the share of right answers by chance."""
    return {
        kind: QuestionKind(
            questions=len(group), chance=100 * float(np.mean([1 / len(question.among) for question in group]))
        )
        for kind, group in _by_kind(questions).items()
    }


def answered(training: Training) -> dict[str, float] | None:
    """Return by kind the share of right answers of a trained model, in percent; None for a dataset without questions.

    Raises:
        InputError: the file of marks is damaged.
    """
    questions = training.workspace.dataset.questions
    if not questions:
        return None
    key = [[question.caption.id, list(question.among)] for question in questions]
    ids = {question.caption.id for question in questions}
    by_caption = json_artifact(
        artifact_path(training.folder, "questions", key, ".json"),
        lambda: _marks(training, questions),
        lambda value: isinstance(value, dict) and value.keys() == ids,
        "marks",
    ).get()
    return {
        kind: 100 * float(np.mean([by_caption[question.caption.id] for question in group]))
        for kind, group in _by_kind(questions).items()
    }


def _marks(training: Training, questions: Sequence[Question]) -> Mapping[str, float]:
    """Return the mark of every question, in [0, 1], by the id of its caption."""
    videos = list(dict.fromkeys(video_id for question in questions for video_id in question.among))
    column = {video_id: number for number, video_id in enumerate(videos)}
    scores = score(training.load(), training.features, [question.caption for question in questions], videos)
    among = [[column[video_id] for video_id in question.among] for question in questions]
    values = marks(scores.similarity, scores.video_of.tolist(), among)
    return dict(zip(scores.caption_ids, values.tolist(), strict=True))


def _by_kind(questions: Sequence[Question]) -> dict[str, list[Question]]:
    groups: dict[str, list[Question]] = {}
    for question in questions:
        groups.setdefault(question.kind, []).append(question)
    return groups
