"""A whole study: features once, models in parallel, intervals and tests, one report."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from teachtext.errors import InputError
from teachtext.evaluation.results import QueryRanks, as_seed_result
from teachtext.evaluation.study.compare import compare_all, interval_of
from teachtext.evaluation.study.report import write_study_report
from teachtext.evaluation.study.results import Missing, StudyResults, StudyRow
from teachtext.experiment.config import RunConfig
from teachtext.experiment.config_model import TeacherConfig
from teachtext.experiment.evaluate import metrics_of, ranks_on_test, ranks_path
from teachtext.experiment.members import Member
from teachtext.experiment.run import check_device, denoise, tested_on, versions
from teachtext.experiment.study.entries import Entry
from teachtext.experiment.study.parallel import jobs_of, train_all
from teachtext.experiment.study.study import Study, show_study
from teachtext.experiment.train import Training
from teachtext.experiment.workspace import Workspace
from teachtext.files import atomic_folder, locked, write_text
from teachtext.progress import Progress, silent


def run_study(study: Study, *, jobs: int | None = None, progress: Progress = silent) -> tuple[StudyResults, list[str]]:
    """Do a whole study; return its results and one line for each video that was set aside.

    What is there already is not made again: stopped at any time, a second call ends in the numbers of an unbroken one.
    It trains in other processes, so a script that calls it needs the usual `if __name__ == "__main__":`.

    Args:
        study: the study.
        jobs: models trained at once; by default as the study says.
        progress: told how far each step is.

    Raises:
        InputError: anything the user gave that cannot be used, or nothing could be trained.
    """
    with locked(study.folder):
        workspaces, set_aside = _prepare(study, progress)
        trainings = {
            entry.label: [Training(workspaces[entry.variant.label], entry.member, seed) for seed in study.config.seeds]
            for entry in study.entries
        }
        failed = train_all(
            [training for seeds in trainings.values() for training in seeds],
            jobs=jobs or study.config.jobs or jobs_of(variant.config for variant in study.variants),
            progress=progress,
        )
        results = _results(study, trainings, failed, progress)
        results.save(study.results_path)
        write_study_report(results, study.folder)
    return results, set_aside


def _prepare(study: Study, progress: Progress) -> tuple[dict[str, Workspace], list[str]]:
    """Make every dataset and its features once; return the workspaces of the variants, and what was set aside."""
    together: dict[Path, Workspace] = {}
    for entry in study.entries:
        folder = entry.variant.config.folder
        if folder not in together:
            same = [other for other in study.entries if other.variant.config.folder == folder]
            together[folder] = Workspace(_all_of(same), progress)
    for workspace in together.values():
        check_device(workspace.config)
        workspace.check_names()
    write_text(study.folder / "study.yaml", show_study(study))
    set_aside: list[str] = []
    for number, workspace in enumerate(together.values()):
        _take_over(list(together.values())[:number], workspace)
        set_aside += workspace.extract()
        workspace.embed()
        workspace.verify()
    sharing = {
        entry.variant.label: together[entry.variant.config.folder].sharing(entry.variant.config)
        for entry in study.entries
    }
    noisy = {one.denoising_folder: one for one in sharing.values() if one.config.denoising}
    for workspace in noisy.values():
        denoise(workspace, progress)
    return sharing, list(dict.fromkeys(set_aside))


def _all_of(entries: list[Entry]) -> RunConfig:
    """Return a config that has the experts and text encoders of all these rows and of their teachers."""
    configs = [entry.variant.config for entry in entries]
    experts = {expert.name: expert for config in configs for expert in config.experts}
    members = [one for entry in entries for one in (entry.member, *entry.member.teachers) if isinstance(one, Member)]
    return configs[0].model_copy(
        update={
            "experts": list(experts.values()),
            "teachers": [TeacherConfig(text=text) for text in dict.fromkeys(member.text for member in members)],
        }
    )


def _take_over(others: list[Workspace], workspace: Workspace) -> None:
    """Copy the video features of a playground that differs in its captions alone: extraction finds equal files."""
    playground = workspace.config.dataset.playground
    target = workspace.features_folder / "video"
    for other in others:
        theirs = other.config.dataset.playground
        same = playground and theirs and (playground.videos, playground.seed) == (theirs.videos, theirs.seed)
        source = other.features_folder / "video"
        if same and source.exists() and not target.exists():
            with atomic_folder(target) as temporary:
                shutil.copytree(source, temporary, dirs_exist_ok=True)


def _results(
    study: Study, trainings: Mapping[str, list[Training]], failed: Mapping[Path, str], progress: Progress
) -> StudyResults:
    config = study.config
    missing: dict[str, str] = {}
    ranks: dict[str, list[QueryRanks]] = {}
    for label, seeds in trainings.items():
        problems = [f"seed {each.seed}: {failed[each.folder]}" for each in seeds if each.folder in failed]
        if problems:
            missing[label] = problems[0]
        else:
            ranks[label] = [ranks_on_test(training) for training in seeds]
    if not ranks:
        first = next(iter(missing.values()))
        raise InputError(f"nothing of study '{config.name}' can be computed ({first})", "correct its settings")
    settings = {"statistic": config.statistic, "level": config.level, "resamples": config.resamples}
    rows = []
    for number, entry in enumerate(study.entries):
        progress("compare", number, len(study.entries) + 1)
        if entry.label in ranks:
            interval, problem = interval_of(ranks[entry.label], **settings)
            row = _row(study, entry, trainings[entry.label], ranks[entry.label])
            rows.append(row.model_copy(update={"interval": interval, "problem": problem}))
    comparisons = compare_all(study.pairs, ranks, missing, **settings)
    progress("compare", len(study.entries) + 1, len(study.entries) + 1)
    return StudyResults(
        name=config.name,
        question=config.question,
        **settings,
        seeds=config.seeds,
        rows=rows,
        comparisons=comparisons,
        missing=[Missing(label=label, problem=problem) for label, problem in missing.items()],
        config=config.model_dump(mode="json", exclude={"work", "jobs"}),
        versions=versions(),
    )


def _row(study: Study, entry: Entry, trainings: list[Training], ranks: list[QueryRanks]) -> StudyRow:
    folders = [training.folder.relative_to(study.folder).as_posix() for training in trainings]
    told = [training.metrics() for training in trainings]
    return StudyRow(
        label=entry.label,
        role=entry.member.role,
        text_encoder=entry.member.text,
        experts=list(entry.member.experts),
        parameters=told[0]["parameters"],
        seeds=[
            as_seed_result(training.seed, folder, metrics["best_epoch"], metrics_of(found))
            for training, folder, metrics, found in zip(trainings, folders, told, ranks, strict=True)
        ],
        changes=dict(entry.variant.changes),
        teachers=[one.text if isinstance(one, Member) else one.path.name for one in entry.member.teachers],
        tested=tested_on(trainings[0].workspace),
        ranks=[ranks_path(training).relative_to(study.folder).as_posix() for training in trainings],
    )
