"""What the teachers of a run know that the others don't, on the split that selects; the test split is not read."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from teachtext.errors import InputError
from teachtext.evaluation.teacher_agreement import compare_roster as compare
from teachtext.experiment.plan import Given, given_teachers, members_of
from teachtext.experiment.teachers import features_of
from teachtext.experiment.train import Training
from teachtext.experiment.workspace import Workspace
from teachtext.files import write_json, write_text
from teachtext.learning.checkpoint import load_model, load_spec
from teachtext.learning.inference import score
from teachtext.learning.teachers import CachedTeacher
from teachtext.progress import Progress, silent
from teachtext.reports.agreement_report import RosterFound, render_roster

Scores = NDArray[np.float32]


def check_roster(workspace: Workspace) -> None:
    """Raise InputError where there is nothing to compare, or nothing to compare it on."""
    if not workspace.config.teachers:
        raise InputError("the config names no teachers", "name some under 'teachers'")
    if workspace.dataset.protocol.select is None:
        raise InputError(
            "'dataset.select' is null, and teachers are compared on the split that selects",
            "name a split, for the test split is touched once, at the end",
        )


def compare_roster(workspace: Workspace, progress: Progress = silent) -> RosterFound:
    """Compare the teachers, and write `teachers.json` and `teachers.html` into the run's folder.

    Args:
        workspace: its teachers must be trained.
        progress: told how many are scored.

    Raises:
        InputError: see `check_roster`; no teacher knows the split.
    """
    check_roster(workspace)
    config, dataset = workspace.config, workspace.dataset
    split = dataset.protocol.select or ""
    videos, queries = dataset.splits[split], dataset.queries_of(split)
    given, notes = _given(workspace)
    trained = [member for member in members_of(config) if member.role == "teacher"]
    rosters = []
    for done, seed in enumerate(config.seeds):
        own: dict[str, Scores] = {}
        for number, member in enumerate(trained):
            progress("compare teachers", done * len(trained) + number, len(config.seeds) * len(trained))
            training = Training(workspace, member, seed)
            model, _ = load_model(training.folder)
            own[member.label] = training.score_selection(model).similarity
        column = {video_id: place for place, video_id in enumerate(videos)}
        rosters.append(compare({**own, **given}, np.array([column[query.video_id] for query in queries])))
    progress("compare teachers", len(config.seeds) * len(trained), len(config.seeds) * len(trained))
    found = RosterFound(
        name=config.name,
        measured_on=f"{dataset.name}, {split} split: {len(videos):,} videos, {len(queries):,} captions",
        generated=config.dataset.playground is not None,
        seeds=config.seeds,
        rosters=rosters,
        notes=notes,
    )
    write_json(config.folder / "teachers.json", found.as_dict())
    write_text(config.folder / "teachers.html", render_roster(found))
    return found


def _given(workspace: Workspace) -> tuple[Mapping[str, Scores], Sequence[str]]:
    """Return the scores of the teachers made elsewhere, and for those that have none the reason."""
    found, notes = {}, []
    for given in given_teachers(workspace.config):
        scores = _scores_of(workspace, given)
        if isinstance(scores, str):
            notes.append(f"{given.label} is left out: {scores}.")
        else:
            found[given.label if given.label not in found else f"teacher {given.path}"] = scores
    if not found and all(teacher.path for teacher in workspace.config.teachers):
        raise InputError("; ".join(notes), "name teachers that are trained here, or that know the split")
    return found, notes


def _scores_of(workspace: Workspace, given: Given) -> Scores | str:
    dataset = workspace.dataset
    split = dataset.protocol.select or ""
    queries, videos = dataset.queries_of(split), list(dataset.splits[split])
    if given.is_model:
        seen = {*(load_spec(given.path).trained_on or ())} & {*videos}
        if seen:
            return f"it was trained on {len(seen):,} videos of split '{split}'"
        model, _ = load_model(given.path)
        return score(model, features_of(workspace, given.path), queries, videos).similarity
    if given.path.suffix == ".jsonl":
        return "it knows some pairs only"
    teacher, ids = CachedTeacher.load(given.path), [query.id for query in queries]
    if not teacher.knows(ids, videos):
        return f"its file does not know all of split '{split}'"
    return teacher.table(ids, videos).numpy()
