"""From trained models to results: rows, comparisons, costs."""

import platform
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from teachtext import __version__
from teachtext.data.rivals import rivals_of
from teachtext.encoders.registry import reads_english_alone
from teachtext.errors import InputError, first_of
from teachtext.evaluation.by_direction import results_by_direction
from teachtext.evaluation.by_language import languages_of, results_by_language
from teachtext.evaluation.compare import compare_all, effects_of, interval_of
from teachtext.evaluation.query_ranks import QueryRanks
from teachtext.evaluation.result_rows import Direction, Row, SeedResult, TestedOn
from teachtext.evaluation.results import Choice, DirectionResults, Measured, Missing, Results
from teachtext.evaluation.significance import Difference
from teachtext.experiment.directions import directions_on_test, left_out_on_test
from teachtext.experiment.plan import plans_of
from teachtext.experiment.questions import answered, kinds_of
from teachtext.experiment.ranks_on_test import ranks_on_test, ranks_path
from teachtext.experiment.study.derived import DerivedRanks, compute, sees
from teachtext.experiment.study.rows import Derived, Entry
from teachtext.experiment.study.study import Study
from teachtext.experiment.tested_split import read_in_part
from teachtext.experiment.train import Training
from teachtext.experiment.workspace import Workspace
from teachtext.progress import Progress

Trainings = Mapping[str, Sequence[Training]]
"""By label of a row, one training a seed."""


def collect(study: Study, trainings: Trainings, failed: Mapping[Path, InputError], progress: Progress) -> Results:
    """Test the trained models, compute the derived rows, and compare.

    Args:
        study: a study or a run.
        trainings: by label of a row, one a seed.
        failed: by folder, the error of a training that failed.
        progress: is called with the number of finished rows.

    Raises:
        InputError: no row can be computed.
    """
    config = study.config
    settings: dict[str, Any] = {
        "statistic": config.statistic,
        "level": config.level,
        "resamples": config.resamples,
    }
    missing: dict[str, str] = {}
    ranks: dict[str, Sequence[QueryRanks]] = {}
    rows: list[Row] = []
    choices: list[Choice] = []
    total = len(study.entries) + len(study.derived) + 1

    def add(row: Row, by_seed: Sequence[QueryRanks]) -> None:
        ranks[row.label] = by_seed
        interval, problem = interval_of(by_seed, **settings)
        rows.append(row.model_copy(update={"interval": interval, "problem": problem}))

    for number, entry in enumerate(study.entries):
        progress("test", number, total)
        seeds = trainings[entry.label]
        problems = [f"seed {seed.seed}: {failed[seed.folder].problem}" for seed in seeds if seed.folder in failed]
        if problems:
            missing[entry.label] = problems[0]
        else:
            add(_trained_row(study.folder, entry, seeds), [ranks_on_test(training) for training in seeds])
    if not ranks:
        first = next(iter(missing.values()))
        raise InputError(f"nothing of study '{config.name}' can be computed ({first})", "correct its settings")
    by_label = {row.label: row for row in rows}
    for number, derived in enumerate(study.derived, start=len(study.entries)):
        progress("test", number, total)
        lost = [part.label for part in derived.parts if part.label in missing]
        try:
            if lost:
                raise InputError(f"there is no '{lost[0]}'", "")
            computed = compute(derived, trainings, study.folder)
        except InputError as error:
            missing[derived.label] = error.problem
            continue
        parts = [by_label[part.label] for part in derived.parts]
        add(_derived_row(study.folder, derived, parts, computed), computed.ranks)
        choices += [computed.choice] if computed.choice else []
    comparisons = compare_all(study.pairs, ranks, missing, **settings)
    tested = trainings[study.entries[0].label][0].workspace.dataset
    languages = languages_of(tested.queries_of(tested.protocol.test))
    directions, lacking = _by_direction(study, trainings, missing, settings)
    progress("test", total, total)
    return Results(
        name=config.name,
        question=config.question,
        **settings,
        seeds=config.seeds,
        rows=rows,
        comparisons=comparisons,
        languages=results_by_language(study.pairs, ranks, languages, **settings) if languages else [],
        directions=directions,
        notes=lacking,
        effects=_effects(rows, ranks) if study.run else {},
        missing=[Missing(label=label, problem=problem) for label, problem in missing.items()],
        choices=choices,
        config=study.saved_config,
        versions=versions(),
    )


def with_costs(results: Results, trainings: Trainings) -> Results:
    """Add the cost of the experts of each row, or a note where the cost cannot be measured."""
    rows, notes, measured = [], [], results.measured
    for row in results.rows:
        try:
            workspace = trainings[row.label][0].workspace
            cost = workspace.features.cost_of(row.experts, workspace.listed_dataset)
        except InputError as error:
            notes.append(f"No cost of {', '.join(row.experts)}: {error.problem}.")
            rows.append(row)
            continue
        measured = Measured(videos=cost.videos, seconds=cost.seconds, machine=dict(cost.machine))
        rows.append(row.model_copy(update={"cost": cost.ms_per_second}))
    notes = list(dict.fromkeys([*results.notes, *notes]))
    return results.model_copy(update={"rows": rows, "measured": measured, "notes": notes})


def tested_on(workspace: Workspace) -> TestedOn:
    """Count the data that the models of a run are trained, selected and tested on."""
    dataset = workspace.dataset
    protocol = dataset.protocol
    queries = dataset.queries_of(protocol.test)
    rivals = rivals_of(queries)
    return TestedOn(
        dataset=dataset.name,
        split=protocol.test,
        videos=len(dataset.splits[protocol.test]),
        listed_videos=dataset.listed[protocol.test],
        queries=len(queries),
        train_videos=len(dataset.splits[protocol.train]),
        selection_videos=len(dataset.splits[protocol.select]) if protocol.select else 0,
        generated=workspace.source.generated,
        notes=[
            *dataset.notes,
            *_unreadable(workspace),
            *_cut(workspace),
            *_foreign(workspace),
            *([rivals.sentence] if rivals.sentence else []),
        ],
        questions=kinds_of(dataset.questions),
        rivals=rivals,
        benchmark=workspace.config.dataset.benchmark or "",
    )


def versions() -> dict[str, str]:
    """Return the versions of the packages that compute the numbers."""
    return {
        "teachtext": __version__,
        "python": platform.python_version(),
        "torch": version("torch"),
        "numpy": version("numpy"),
    }


def _trained_row(folder: Path, entry: Entry, trainings: Sequence[Training]) -> Row:
    workspace = trainings[0].workspace
    return Row(
        label=entry.label,
        role=entry.plan.role,
        text_encoder=entry.plan.text,
        experts=list(entry.plan.experts),
        parameters=trainings[0].metrics["parameters"],
        seeds=[
            SeedResult.of(
                training.seed,
                training.folder.relative_to(folder).as_posix(),
                training.metrics["best_epoch"],
                ranks_on_test(training).metrics,
                answered(training),
            )
            for training in trainings
        ],
        changes=dict(entry.variant.changes),
        teachers=[teacher.name for teacher in entry.plan.teachers],
        tested=workspace.once("tested", lambda: tested_on(workspace)),
        ranks=[ranks_path(training).relative_to(folder).as_posix() for training in trainings],
    )


def _derived_row(folder: Path, row: Derived, parts: Sequence[Row], computed: DerivedRanks) -> Row:
    first = parts[0]
    return first.model_copy(
        update={
            "label": row.label,
            "text_encoder": " + ".join(dict.fromkeys(part.text_encoder for part in parts)),
            "experts": sorted({expert for part in parts for expert in part.experts}),
            "parameters": sum(part.parameters for part in parts),
            "changes": first.changes if len(parts) == 1 else {},
            "seeds": [
                _joined(same_seed, ranks)
                for *same_seed, ranks in zip(*(part.seeds for part in parts), computed.ranks, strict=True)
            ],
            "ranks": [path.relative_to(folder).as_posix() for path in computed.paths],
            "sees": sees(row),
        }
    )


def _by_direction(
    study: Study, trainings: Trainings, missing: Mapping[str, str], settings: Mapping[str, Any]
) -> tuple[list[DirectionResults], list[str]]:
    """Return the results by direction of the rows of kind `omni`, and what their directions leave out."""
    labels = [entry.label for entry in study.entries if entry.plan.model.kind == "omni" and entry.label not in missing]
    ranks = {label: [directions_on_test(seed, ranks_path(seed)) for seed in trainings[label]] for label in labels}
    lacking = [sentence for label in labels for sentence in left_out_on_test(trainings[label][0])]
    return results_by_direction(study.pairs, ranks, **settings) if ranks else [], list(dict.fromkeys(lacking))


def _joined(parts: Sequence[SeedResult], ranks: QueryRanks) -> SeedResult:
    """Return the result of several models with one seed."""
    first = parts[0]
    return SeedResult.of(first.seed, " + ".join(part.model for part in parts), first.best_epoch, ranks.metrics)


def _effects(rows: Sequence[Row], ranks: Mapping[str, Sequence[QueryRanks]]) -> dict[Direction, dict[str, Difference]]:
    """Compare the taught student with the student alone; empty where one is missing, or for a single test video."""
    students = {row.role: row for row in rows if row.role != "teacher"}
    if len(students) < 2 or rows[0].tested.videos < 2:
        return {}
    return effects_of(ranks[students["taught"].label], ranks[students["student"].label])


def _cut(workspace: Workspace) -> Iterator[str]:
    """Yield a note for the queries that the protocol cuts, and for each model that reads queries in part."""
    dataset = workspace.dataset
    for split in dataset.protocol.splits:
        if cut := dataset.cut_queries(split):
            most = dataset.protocol.max_words
            yield f"{len(cut):,} queries of '{split}' were cut to their first {most} words: {first_of(cut)}"
    queries = dataset.queries_of(dataset.protocol.test)
    for plan in plans_of(workspace.config):
        for note in read_in_part(queries, workspace.features.text(plan.text), plan.model.max_text_tokens):
            yield f"{plan.label}: {note}"


def _foreign(workspace: Workspace) -> Iterator[str]:
    """Yield a note for each model that reads English alone and is tested on other languages too."""
    dataset = workspace.dataset
    languages = languages_of(dataset.queries_of(dataset.protocol.test))
    others = sum(len(ids) for language, ids in languages.items() if language != "en")
    for plan in plans_of(workspace.config):
        if others and reads_english_alone(plan.text):
            yield (
                f"{plan.label}: its text encoder '{plan.text}' reads English alone; {others:,} of the "
                f"{sum(map(len, languages.values())):,} test captions are in other languages"
            )


def _unreadable(workspace: Workspace) -> Iterator[str]:
    """Yield a note for each model that cannot read all videos."""
    dataset = workspace.dataset
    train, test = (dataset.splits[split] for split in (dataset.protocol.train, dataset.protocol.test))
    for plan in plans_of(workspace.config):
        learned, tested = (workspace.readable(videos, plan.experts) for videos in (train, test))
        if len(learned) < len(train) or len(tested) < len(test):
            read = {*learned, *tested}
            unread = [video_id for video_id in (*train, *test) if video_id not in read]
            yield (
                f"{plan.label}: learned from the {len(learned):,} of {len(train):,} training videos that its experts "
                f"describe; of the {len(test):,} test videos the {len(test) - len(tested):,} others share its last "
                f"rank (not described: {first_of(unread)})"
            )
