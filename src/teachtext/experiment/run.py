"""One command for a run or a study: extract, embed, train, test, report; finished work is not repeated.

A run is a study of one variant. Its folder is held by one process at a time, whatever the command.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from teachtext.arguments import check_count
from teachtext.errors import InputError
from teachtext.evaluation.results import Choice, Denoised, Results
from teachtext.experiment.collect_results import Trainings, collect, with_costs
from teachtext.experiment.config import RunConfig
from teachtext.experiment.denoise import find_noise, judges_by_fold
from teachtext.experiment.floor_and_ceiling import floor_and_ceiling
from teachtext.experiment.main_student import Candidate, candidates_of, validation_of, write_best
from teachtext.experiment.report import write_report
from teachtext.experiment.study.choose import choose
from teachtext.experiment.study.parallel import jobs_of, train_all
from teachtext.experiment.study.study import Study, study_of, study_of_run
from teachtext.experiment.teacher_agreement import check_roster, compare_roster, teachers_by_seed
from teachtext.experiment.train import Training
from teachtext.experiment.workspace import Workspace
from teachtext.experiment.workspaces import Workspaces
from teachtext.files import locked
from teachtext.learning.ranks import ALONE, Ranks
from teachtext.learning.ranks.start import processes_started
from teachtext.progress import Progress, silent
from teachtext.reports.agreement_report import AgreementContent
from teachtext.reports.noise_report import NoiseContent
from teachtext.reports.report import ReportContent
from teachtext.reports.report import write_report as write_page

# ids of dropped captions that results list
_LISTED = 30


def run(config: RunConfig, *, jobs: int | None = None, progress: Progress = silent) -> tuple[Results, list[str]]:
    """Do a whole run: see `run_study`."""
    return run_study(study_of_run(config), jobs=jobs, progress=progress)


def run_study(
    study: Study, *, jobs: int | None = None, progress: Progress = silent, ranks: Ranks = ALONE
) -> tuple[Results, list[str]]:
    """Do a whole study or run.

    Finished work is not repeated: after a stop, a second call ends in the numbers of an unbroken one.

    Args:
        study: a study, or a run as `study_of_run` returns it.
        jobs: models trained at once; by default as the study says, or as many as there are cores.
        progress: is called with the state of each step.
        ranks: the processes that train each model together (see `teachtext.experiment.study.ranks.lead`).

    Returns:
        The results, and one line for each video that was set aside.

    Raises:
        InputError: something in the config cannot be used, or no row can be computed. In a run: a model cannot be
            trained.
    """
    with _session(study, jobs, progress, ranks) as session:
        denoised = session.denoise()
        choices = session.choose()
        trainings = session.trainings()
        results = session.results(trainings, session.train_rows(trainings, test=True))
        results = results.model_copy(
            update={
                "choices": [*choices, *results.choices],
                "denoised": denoised,
                "notes": [*session.spaces.notes, *results.notes],
                "floor_and_ceiling": floor_and_ceiling(session.workspace) if study.run else None,
            }
        )
        results.save(study.results_path)
        write_best(candidates_of(results, study.folder), study.folder)
        if study.run:
            write_report(session.workspace, results)
        else:
            write_page(ReportContent(results=results), study.folder / "report.html")
    return results, session.spaces.set_aside


def train(
    config: RunConfig, *, jobs: int | None = None, progress: Progress = silent, ranks: Ranks = ALONE
) -> tuple[list[Training], list[str]]:
    """Train every model of a run with every seed, and leave the test split alone.

    Returns:
        The trainings, seed by seed, and one line for each video that was set aside.

    Raises:
        InputError: something in the config cannot be used, or a model cannot be trained.
    """
    with _session(study_of_run(config), jobs, progress, ranks) as session:
        session.denoise()
        trainings = session.trainings()
        session.train_rows(trainings, test=False)
        flat = [training for seed in zip(*trainings.values(), strict=True) for training in seed]
        students = [training for training in flat if training.plan.role != "teacher"]
        write_best([_candidate(training) for training in students], config.folder)
    return flat, session.spaces.set_aside


def denoise(
    config: RunConfig, *, jobs: int | None = None, progress: Progress = silent, ranks: Ranks = ALONE
) -> tuple[NoiseContent, Workspace, list[str]]:
    """Find noisy training captions; see `teachtext.experiment.denoise`.

    Returns:
        The report, the workspace with the lists, and one line for each video that was set aside.
    """
    with _session(study_of_run(config), jobs, progress, ranks) as session:
        return session.find_noise(session.workspace), session.workspace, session.spaces.set_aside


def compare_teachers(
    config: RunConfig, *, jobs: int | None = None, progress: Progress = silent, ranks: Ranks = ALONE
) -> tuple[AgreementContent, list[str]]:
    """Train the teachers of a run with every seed, and compare them on the split that selects.

    Returns:
        The comparison, and one line for each video that was set aside.
    """
    with _session(study_of_run(config), jobs, progress, ranks) as session:
        session.denoise()
        check_roster(session.workspace)
        session.train([training for seed in teachers_by_seed(session.workspace) for training in seed])
        return compare_roster(session.workspace), session.spaces.set_aside


def rewrite_report(config: RunConfig, *, progress: Progress = silent) -> Path:
    """Write the report of a finished run again; return its path.

    Raises:
        InputError: the results or a file that they name is missing.
    """
    with locked(config.folder):
        workspace = Workspace(config, progress)
        return write_report(workspace, Results.load(workspace.results_path))


@contextmanager
def _session(study: Study, jobs: int | None, progress: Progress, ranks: Ranks) -> "Iterator[_Session]":
    """Hold the folder of a study, with its features made."""
    if jobs is not None:
        check_count("jobs", jobs)
    if ranks is ALONE and (count := processes_started()) > 1:
        raise InputError(
            f"torchrun has started {count} processes, and each of them asks for the whole run",
            "start 'torchrun -m teachtext run CONFIG', or this without torchrun",
        )
    if ranks.count > 1 and (jobs or 1) > 1:
        raise InputError(f"{ranks.count} processes train each model together, and 'jobs' is {jobs}", "leave 'jobs' out")
    spaces = Workspaces(study, progress)
    spaces.check()
    with locked(study.folder):
        spaces.prepare(study)
        count = jobs or study.config.jobs or jobs_of(variant.config for variant in study.variants)
        count = 1 if ranks.count > 1 else count
        yield _Session(study, spaces, count, progress, ranks)


class _Session:
    """The work on one study whose folder is held."""

    def __init__(self, study: Study, spaces: Workspaces, jobs: int, progress: Progress, ranks: Ranks) -> None:
        self.study = study
        self.spaces = spaces
        self._train_all = partial(train_all, jobs=jobs, progress=progress, ranks=ranks)
        self._progress = progress

    @property
    def workspace(self) -> Workspace:
        """The workspace of a run."""
        return self.spaces.of(self.study.variants[0])

    def train(self, trainings: Sequence[Training], *, test: bool = False) -> None:
        """Train models; raise the error of the first that fails."""
        for error in self._train_all(trainings, test=test).values():
            raise error

    def find_noise(self, workspace: Workspace) -> NoiseContent:
        """Train the judges of captions, and find noisy captions."""
        self.train([training for row in judges_by_fold(workspace).values() for training in row])
        return find_noise(workspace)

    def denoise(self) -> list[Denoised]:
        """Find noisy captions for each variant that drops them, each list once."""
        labels: dict[Path, list[str]] = {}
        workspaces: dict[Path, Workspace] = {}
        for variant in self.study.variants:
            for candidate in variant.candidates.values() or [variant]:
                if candidate.config.denoising:
                    workspace = self.spaces.of(candidate)
                    workspaces.setdefault(workspace.denoising_folder, workspace)
                    labels.setdefault(workspace.denoising_folder, []).append(variant.label)
        # the judges of all lists at once, on all cores
        folds = [row for workspace in workspaces.values() for row in judges_by_fold(workspace).values()]
        self.train([training for row in folds for training in row])
        return [
            _denoised(find_noise(workspace), list(dict.fromkeys(labels[folder])))
            for folder, workspace in workspaces.items()
        ]

    def choose(self) -> Sequence[Choice]:
        """Choose on validation what variants leave open."""
        if not self.study.chooses:
            return []
        config = self.study.config
        seeds = config.choosing_seeds or config.seeds
        chosen = choose(
            self.study.variants, partial(self.spaces.trainings, seeds), partial(self._train_all, test=False)
        )
        self.study = study_of(config, self.study.path, self.study.folder, chosen.variants)
        return chosen.choices

    def trainings(self) -> Trainings:
        """Return by label of a row its trainings, one a seed."""
        seeds = self.study.config.seeds
        return {entry.label: self.spaces.trainings(seeds, entry.variant, entry.plan) for entry in self.study.entries}

    def train_rows(self, trainings: Trainings, *, test: bool) -> dict[Path, InputError]:
        """Train the models of all rows; return by folder the error of a model of a study that failed."""
        flat = [training for seed in zip(*trainings.values(), strict=True) for training in seed]
        if not self.study.run:
            return self._train_all(flat, test=test)
        # before all else: an error is better reported now than after the trainings
        for training in flat[: len(trainings)]:
            training.sources.check(self._progress)
        for training in flat[: len(trainings)]:
            training.data.check()
        self.train(flat, test=test)
        return {}

    def results(self, trainings: Trainings, failed: dict[Path, InputError]) -> Results:
        """Test, compare, and measure costs where the study asks for them."""
        results = collect(self.study, trainings, failed, self._progress)
        return with_costs(results, trainings) if self.study.config.modalities else results


def _candidate(training: Training) -> Candidate:
    model = training.folder.relative_to(training.workspace.config.folder).as_posix()
    return Candidate(training.plan.label, training.plan.role, training.seed, model, validation_of(training.folder))


def _denoised(report: NoiseContent, labels: list[str]) -> Denoised:
    order = [row for row in np.argsort(-report.noise, kind="stable") if report.dropped[row]]
    detection = report.detection
    return Denoised(
        variants=labels,
        captions=len(report.captions),
        dropped=int(report.dropped.sum()),
        spared=int(report.cut.spared.sum()),
        wrong=detection and detection.wrong,
        precision=detection and detection.precision,
        recall=detection and detection.recall,
        average_precision=detection and detection.average_precision,
        above_chance=report.above_chance,
        noisiest=[report.captions[row].id for row in order[:_LISTED]],
    )
