"""Compare the teachers of a run on the split that selects; the test split is not read."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from teachtext.errors import InputError
from teachtext.evaluation.teacher_agreement import compare_teachers as compare
from teachtext.experiment.plan import ExternalTeacher, external_teachers, plans_of
from teachtext.experiment.teachers import features_of
from teachtext.experiment.train import Training, training_of
from teachtext.experiment.workspace import Workspace
from teachtext.files import write_json, write_text
from teachtext.learning.checkpoint import load_model, load_spec
from teachtext.learning.inference import score
from teachtext.learning.teachers import CachedTeacher
from teachtext.reports.agreement_report import AgreementContent, render_agreement

Scores = NDArray[np.float32]


def check_roster(workspace: Workspace) -> None:
    """Raise InputError where the run has no teachers, or no split to compare them on."""
    if not workspace.config.teachers:
        raise InputError("the config names no teachers", "name some under 'teachers'")
    if all(teacher.shortlist for teacher in workspace.config.teachers):
        raise InputError(
            "all teachers of the config are slow ones, which score short lists alone",
            "name teachers that score all pairs",
        )
    if workspace.dataset.protocol.select is None:
        raise InputError(
            "'dataset.select' is null, and teachers are compared on the split that selects",
            "name a split, for the test split is touched once, at the end",
        )


def teachers_by_seed(workspace: Workspace) -> list[list[Training]]:
    """Return for each seed the trainings of the teachers."""
    plans = [plan for plan in plans_of(workspace.config) if plan.role == "teacher"]
    return [[training_of(workspace, plan, seed) for plan in plans] for seed in workspace.config.seeds]


def compare_roster(workspace: Workspace) -> AgreementContent:
    """Compare the trained teachers, and write `teachers.json` and `teachers.html` into the folder of the run.

    Raises:
        InputError: see `check_roster`; no teacher can score the split.
    """
    check_roster(workspace)
    config, dataset = workspace.config, workspace.dataset
    split = dataset.protocol.select or ""
    videos, queries = dataset.splits[split], dataset.queries_of(split)
    external, left_out = external_scores(workspace, split)
    notes = [f"{label} is left out: {reason}." for label, reason in left_out]
    if not external and all(teacher.path for teacher in config.teachers):
        raise InputError("; ".join(notes), "name teachers that are trained here, or that know the split")
    column = {video_id: number for number, video_id in enumerate(videos)}
    video_of = np.array([column[query.video_id] for query in queries])
    rosters = []
    by_seed = teachers_by_seed(workspace)
    for done, trainings in enumerate(by_seed):
        workspace.progress("compare teachers", done, len(by_seed))
        trained = {training.plan.label: training.score_selection(training.load()).similarity for training in trainings}
        rosters.append(compare({**trained, **external}, video_of))
    workspace.progress("compare teachers", len(by_seed), len(by_seed))
    report = AgreementContent(
        name=config.name,
        measured_on=f"{dataset.name}, {split} split: {len(videos):,} videos, {len(queries):,} captions",
        generated=workspace.source.generated,
        seeds=config.seeds,
        by_seed=rosters,
        notes=notes,
    )
    write_json(config.folder / "teachers.json", report.as_dict())
    write_text(config.folder / "teachers.html", render_agreement(report))
    return report


def external_scores(workspace: Workspace, split: str) -> tuple[Mapping[str, Scores], Sequence[tuple[str, str]]]:
    """Return by label the scores (C, B) of the external teachers on a split, and label and reason of those without."""
    by_label: dict[str, Scores] = {}
    left_out = []
    for teacher in external_teachers(workspace.config):
        scores = _scores_of(workspace, teacher, split)
        if isinstance(scores, str):
            left_out.append((teacher.label, scores))
        else:
            by_label[teacher.label if teacher.label not in by_label else f"teacher {teacher.path}"] = scores
    return by_label, left_out


def _scores_of(workspace: Workspace, teacher: ExternalTeacher, split: str) -> Scores | str:
    """Return the scores (C, B) of a teacher on a split, or the reason why it has none."""
    dataset = workspace.dataset
    queries, videos = dataset.queries_of(split), list(dataset.splits[split])
    if teacher.is_model:
        trained_on = {*(load_spec(teacher.path).trained_on or ())} & {*videos}
        if trained_on:
            return f"it was trained on {len(trained_on):,} videos of split '{split}'"
        model, _ = load_model(teacher.path)
        return score(model, features_of(workspace, teacher.path), queries, videos).similarity
    if teacher.path.suffix == ".jsonl":
        return "it knows some pairs only"
    cached, ids = CachedTeacher.load(teacher.path), [query.id for query in queries]
    if not cached.knows(ids, videos):
        return f"its file does not know all of split '{split}'"
    return cached.table(ids, videos).numpy()
