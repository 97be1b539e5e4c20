"""One command: extract, embed, train teachers and students, test, report; only what is not there already."""

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

import torch

from teachtext import __version__
from teachtext.devices import torch_threads
from teachtext.errors import InputError
from teachtext.evaluation.compare import effects_of
from teachtext.evaluation.results import Results
from teachtext.evaluation.rows import Direction, Row, SeedResult, TestedOn
from teachtext.evaluation.significance import Difference
from teachtext.experiment.config import RunConfig, show_config
from teachtext.experiment.denoise import find_noise
from teachtext.experiment.evaluate import metrics_of, ranks_on_test
from teachtext.experiment.plan import Member, members_of
from teachtext.experiment.questions import answered, asked
from teachtext.experiment.report import write_report
from teachtext.experiment.teacher_agreement import check_roster, compare_roster
from teachtext.experiment.train import Training
from teachtext.experiment.workspace import Workspace
from teachtext.files import locked, write_text
from teachtext.progress import Progress, silent
from teachtext.reports.agreement_report import RosterFound
from teachtext.reports.noise_report import NoiseFound


def run(config: RunConfig, *, progress: Progress = silent) -> tuple[Results, list[str]]:
    """Do a whole run; return its results and one line for each video that was set aside.

    Raises:
        InputError: anything the user gave that cannot be used.
    """
    workspace = Workspace(config, progress)
    with locked(config.folder):
        set_aside = prepare(workspace)
        train(workspace, progress)
        results = evaluate(workspace, progress)
        write_report(workspace, results, progress=progress)
    return results, set_aside


def prepare(workspace: Workspace) -> list[str]:
    """Make the dataset and all features, and verify them once; return one line for each video set aside."""
    config = workspace.config
    check_device(config)
    workspace.check_names()
    write_text(config.folder / "config.yaml", show_config(config))
    set_aside = workspace.extract()
    workspace.embed()
    workspace.verify()
    return set_aside


def denoise(workspace: Workspace, progress: Progress = silent) -> NoiseFound:
    """Find noisy training captions; see `teachtext.experiment.denoise`."""
    with torch_settings(workspace.config):
        return find_noise(workspace, progress)


def train(workspace: Workspace, progress: Progress = silent) -> list[Training]:
    """Train every member of the run with every seed, without noisy captions where the config asks for that."""
    if workspace.config.denoising:
        denoise(workspace, progress)
    with torch_settings(workspace.config):
        trainings = list(_trainings(workspace))
        # before all else: a file that does not fit is better told now than after the trainings
        trainings[-1].check_teachers(progress)
        for training in trainings:
            training.check()
        for training in trainings:
            training.train(progress)
    return trainings


def compare_teachers(workspace: Workspace, progress: Progress = silent) -> RosterFound:
    """Train the teachers of the run with every seed, and compare them on the split that selects."""
    if workspace.config.denoising:
        denoise(workspace, progress)
    with torch_settings(workspace.config):
        check_roster(workspace)
        for training in _trainings(workspace):
            if training.member.role == "teacher":
                training.train(progress)
        return compare_roster(workspace, progress)


def evaluate(workspace: Workspace, progress: Progress = silent) -> Results:
    """Evaluate every trained member on the test split, and write `results.json`.

    Raises:
        InputError: a member has not been trained.
    """
    config = workspace.config
    members = members_of(config)
    with torch_settings(config):
        rows = []
        for number, member in enumerate(members):
            progress("test", number, len(members))
            rows.append(_row(workspace, member))
        progress("test", len(members), len(members))
    results = Results(
        name=config.name,
        seeds=config.seeds,
        rows=rows,
        effects=_effects(workspace),
        config=config.model_dump(mode="json"),
        versions=versions(),
    )
    results.save(workspace.results_path)
    return results


def _trainings(workspace: Workspace) -> Iterator[Training]:
    for seed in workspace.config.seeds:
        for member in members_of(workspace.config):
            yield Training(workspace, member, seed)


def _row(workspace: Workspace, member: Member) -> Row:
    seeds = []
    parameters = 0
    for seed in workspace.config.seeds:
        training = Training(workspace, member, seed)
        if not training.done:
            raise InputError(f"{member.label}, seed {seed}, is not trained", "run 'teachtext train' with this config")
        told = training.metrics()
        parameters = told["parameters"]
        folder = training.folder.relative_to(workspace.config.folder).as_posix()
        metrics = metrics_of(ranks_on_test(training))
        seeds.append(SeedResult.of(seed, folder, told["best_epoch"], metrics, answered(training)))
    return Row(
        label=member.label,
        role=member.role,
        text_encoder=member.text,
        experts=list(member.experts),
        parameters=parameters,
        seeds=seeds,
        teachers=[one.text if isinstance(one, Member) else one.path.name for one in member.teachers],
        tested=tested_on(workspace),
    )


def _effects(workspace: Workspace) -> dict[Direction, dict[str, Difference]]:
    """Compare the TeachText student with the student alone; nothing where one is missing, or nothing can vary."""
    dataset = workspace.dataset
    if len(dataset.splits[dataset.protocol.test]) < 2:
        return {}
    ranks = {
        member.role: [ranks_on_test(Training(workspace, member, seed)) for seed in workspace.config.seeds]
        for member in members_of(workspace.config)
        if member.role != "teacher"
    }
    return effects_of(ranks["taught"], ranks["student"]) if len(ranks) == 2 else {}


def tested_on(workspace: Workspace) -> TestedOn:
    """Say what is tested on."""
    dataset = workspace.dataset
    protocol = dataset.protocol
    return TestedOn(
        dataset=dataset.name,
        split=protocol.test,
        videos=len(dataset.splits[protocol.test]),
        listed_videos=dataset.listed[protocol.test],
        queries=len(dataset.queries_of(protocol.test)),
        train_videos=len(dataset.splits[protocol.train]),
        selection_videos=len(dataset.splits[protocol.select]) if protocol.select else 0,
        generated=workspace.config.dataset.playground is not None,
        notes=[*dataset.notes, *_unreadable(workspace)],
        questions=asked(dataset.questions),
    )


def _unreadable(workspace: Workspace) -> Iterator[str]:
    """Yield a note for each member that cannot read all videos."""
    dataset = workspace.dataset
    for member in members_of(workspace.config):
        splits = dataset.protocol.train, dataset.protocol.test
        (learned, train), (found, test) = (
            (len(workspace.readable(split, member.experts)), len(dataset.splits[split])) for split in splits
        )
        if learned < train or found < test:
            yield (
                f"{member.label}: learned from the {learned:,} of {train:,} training videos that its experts describe; "
                f"of the {test:,} test videos the {test - found:,} others share its last rank"
            )


def check_device(config: RunConfig) -> None:
    """Raise InputError for a device that is not there."""
    if config.device == "cuda" and not torch.cuda.is_available():
        raise InputError("'device' is 'cuda' but no such device is there", "set 'device: cpu'")


def versions() -> dict[str, str]:
    """Return the versions of what makes the numbers."""
    return {
        "teachtext": __version__,
        "python": platform.python_version(),
        "torch": version("torch"),
        "numpy": version("numpy"),
    }


@contextmanager
def torch_settings(config: RunConfig) -> Iterator[None]:
    """Threads on purpose, and algorithms that give the same numbers twice; put back afterwards."""
    deterministic = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        with torch_threads(config.threads):
            yield
    finally:
        torch.use_deterministic_algorithms(deterministic)
