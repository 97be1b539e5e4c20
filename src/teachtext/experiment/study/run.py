"""A whole study: features once, models in parallel, intervals and tests, one report."""

import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from teachtext.errors import InputError
from teachtext.evaluation.compare import compare_all, interval_of
from teachtext.evaluation.query_ranks import QueryRanks
from teachtext.evaluation.results import Choice, Denoised, Measured, Missing, Results
from teachtext.evaluation.rows import Row, SeedResult
from teachtext.experiment.config import RunConfig
from teachtext.experiment.config_model import TeacherConfig
from teachtext.experiment.denoise import judges_by_fold
from teachtext.experiment.evaluate import metrics_of, ranks_on_test, ranks_path
from teachtext.experiment.plan import Member
from teachtext.experiment.run import check_device, denoise, tested_on, versions
from teachtext.experiment.study.choose import choose
from teachtext.experiment.study.derived import Behind, compute
from teachtext.experiment.study.parallel import jobs_of, train_all
from teachtext.experiment.study.rows import Derived, Entry, members_in
from teachtext.experiment.study.study import Study, show_study, study_of
from teachtext.experiment.study.variants import Variant
from teachtext.experiment.train import Training
from teachtext.experiment.workspace import Workspace
from teachtext.files import atomic_folder, locked, write_text
from teachtext.progress import Progress, silent
from teachtext.reports.noise_report import NoiseFound
from teachtext.reports.study_report import write_study_report

# ids of dropped captions that the results name
_LISTED = 30


def run_study(study: Study, *, jobs: int | None = None, progress: Progress = silent) -> tuple[Results, list[str]]:
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
        spaces, set_aside = _prepare(study, progress)
        count = jobs or study.config.jobs or jobs_of(variant.config for variant in study.variants)
        train = partial(train_all, jobs=count, progress=progress)
        denoised = _denoise(study, spaces, train, progress)
        choices: list[Choice] = []
        if study.chooses:
            seeds = study.config.choosing_seeds or study.config.seeds
            chosen = choose(study.variants, partial(_seeds, spaces, seeds), partial(train, test=False))
            study = study_of(study.config, study.path, study.folder, chosen.variants)
            choices += chosen.choices
        trainings = {
            entry.label: _seeds(spaces, study.config.seeds, entry.variant, entry.member) for entry in study.entries
        }
        failed = train([training for seeds in trainings.values() for training in seeds])
        results = _results(study, trainings, failed, progress)
        results = results.model_copy(update={"choices": [*choices, *results.choices], "denoised": denoised})
        if study.config.modalities:
            results = _with_costs(results, trainings)
        results.save(study.results_path)
        write_study_report(results, study.folder)
    return results, set_aside


class _Workspaces:
    """The workspaces of variants; those with the same dataset share what is read."""

    def __init__(self, together: Mapping[Path, Workspace]) -> None:
        self._together = together
        self._own: dict[str, Workspace] = {}

    def of(self, variant: Variant) -> Workspace:
        """Return that of a variant."""
        key = variant.config.model_dump_json()
        if key not in self._own:
            self._own[key] = self._together[variant.config.folder].sharing(variant.config)
        return self._own[key]


def _prepare(study: Study, progress: Progress) -> tuple[_Workspaces, list[str]]:
    """Make every dataset and its features once; return the workspaces of the variants, and what was set aside."""
    together: dict[Path, Workspace] = {}
    for variant in study.variants:
        folder = variant.config.folder
        if folder not in together:
            same = [other for other in _tried(study) if other.config.folder == folder]
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
    return _Workspaces(together), list(dict.fromkeys(set_aside))


def _denoise(
    study: Study, spaces: _Workspaces, train: Callable[..., Mapping[Path, str]], progress: Progress
) -> list[Denoised]:
    """Judge captions where a variant asks for it, each list once."""
    lists: dict[Path, tuple[Workspace, list[str]]] = {}
    for variant in study.variants:
        for one in variant.candidates.values() or [variant]:
            if one.config.denoising:
                workspace = spaces.of(one)
                lists.setdefault(workspace.denoising_folder, (workspace, []))[1].append(variant.label)
    train(
        [one for workspace, _ in lists.values() for row in judges_by_fold(workspace).values() for one in row],
        test=False,
    )
    return [
        _denoised(denoise(workspace, progress), list(dict.fromkeys(labels))) for workspace, labels in lists.values()
    ]


def _denoised(found: NoiseFound, labels: list[str]) -> Denoised:
    order = [row for row in np.argsort(-found.noise, kind="stable") if found.dropped[row]]
    known = found.detection
    return Denoised(
        variants=labels,
        captions=len(found.captions),
        dropped=int(found.dropped.sum()),
        spared=int(found.cut.spared.sum()),
        wrong=known and known.wrong,
        precision=known and known.precision,
        recall=known and known.recall,
        average_precision=known and known.average_precision,
        noisiest=[found.captions[row].id for row in order[:_LISTED]],
    )


def _seeds(spaces: _Workspaces, seeds: list[int], variant: Variant, member: Member) -> list[Training]:
    return [Training(spaces.of(variant), member, seed) for seed in seeds]


def _tried(study: Study) -> list[Variant]:
    return [one for variant in study.variants for one in (variant, *variant.candidates.values())]


def _all_of(variants: list[Variant]) -> RunConfig:
    """Return a config that has the experts and text encoders of all members of these and of their teachers."""
    configs = [variant.config for variant in variants]
    experts = {expert.name: expert for config in configs for expert in config.experts}
    own = [member for variant in variants for member in members_in(variant)]
    members = [one for member in own for one in (member, *member.teachers) if isinstance(one, Member)]
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
) -> Results:
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
    choices = []
    for computed in study.derived:
        progress("compute", len(rows), len(study.entries) + len(study.derived))
        lost = [part.label for part in computed.parts if part.label in missing]
        try:
            if lost:
                raise InputError(f"there is no '{lost[0]}'", "")
            behind = compute(computed, trainings, study.folder)
        except InputError as error:
            missing[computed.label] = error.problem
            continue
        ranks[computed.label] = list(behind.ranks)
        interval, problem = interval_of(behind.ranks, **settings)
        made = _derived_row(study, computed, trainings, behind)
        rows.append(made.model_copy(update={"interval": interval, "problem": problem}))
        choices += [behind.choice] if behind.choice else []
    comparisons = compare_all(study.pairs, ranks, missing, **settings)
    progress("compare", len(study.entries) + 1, len(study.entries) + 1)
    return Results(
        name=config.name,
        question=config.question,
        **settings,
        seeds=config.seeds,
        rows=rows,
        comparisons=comparisons,
        missing=[Missing(label=label, problem=problem) for label, problem in missing.items()],
        choices=choices,
        config=config.model_dump(mode="json", exclude={"work", "jobs"}),
        versions=versions(),
    )


def _row(study: Study, entry: Entry, trainings: list[Training], ranks: list[QueryRanks]) -> Row:
    folders = [training.folder.relative_to(study.folder).as_posix() for training in trainings]
    told = [training.metrics() for training in trainings]
    return Row(
        label=entry.label,
        role=entry.member.role,
        text_encoder=entry.member.text,
        experts=list(entry.member.experts),
        parameters=told[0]["parameters"],
        seeds=[
            SeedResult.of(training.seed, folder, metrics["best_epoch"], metrics_of(found))
            for training, folder, metrics, found in zip(trainings, folders, told, ranks, strict=True)
        ],
        changes=dict(entry.variant.changes),
        teachers=[one.text if isinstance(one, Member) else one.path.name for one in entry.member.teachers],
        tested=tested_on(trainings[0].workspace),
        ranks=[ranks_path(training).relative_to(study.folder).as_posix() for training in trainings],
    )


def _derived_row(study: Study, row: Derived, trainings: Mapping[str, list[Training]], behind: Behind) -> Row:
    parts = [
        _row(study, part, trainings[part.label], [ranks_on_test(one) for one in trainings[part.label]])
        for part in row.parts
    ]
    first = parts[0]
    return first.model_copy(
        update={
            "label": row.label,
            "text_encoder": " + ".join(dict.fromkeys(part.text_encoder for part in parts)),
            "experts": sorted({expert for part in parts for expert in part.experts}),
            "parameters": sum(part.parameters for part in parts),
            "changes": first.changes if len(parts) == 1 else {},
            "seeds": [
                SeedResult.of(
                    seeds[0].seed, " + ".join(one.model for one in seeds), seeds[0].best_epoch, metrics_of(found)
                )
                for *seeds, found in zip(*(part.seeds for part in parts), behind.ranks, strict=True)
            ],
            "ranks": [path.relative_to(study.folder).as_posix() for path in behind.paths],
            "sees": behind.sees(row),
        }
    )


def _with_costs(results: Results, trainings: Mapping[str, list[Training]]) -> Results:
    """Tell what the experts of each row cost; where that cannot be measured, why."""
    rows, told, measured = [], [], results.measured
    for row in results.rows:
        try:
            cost = trainings[row.label][0].workspace.cost_of(row.experts)
        except InputError as error:
            told.append(f"No cost of {', '.join(row.experts)}: {error.problem}.")
            rows.append(row)
            continue
        measured = Measured(videos=cost.videos, seconds=cost.seconds, machine=dict(cost.machine))
        rows.append(row.model_copy(update={"cost": cost.ms_per_second}))
    return results.model_copy(update={"rows": rows, "measured": measured, "notes": list(dict.fromkeys(told))})
