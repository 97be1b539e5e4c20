"""Gather the files of a run for its HTML report."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from teachtext.data.protocol import Caption
from teachtext.errors import InputError
from teachtext.evaluation.query_ranks import QueryRanks
from teachtext.evaluation.results import Results
from teachtext.experiment.plan import plans_of
from teachtext.experiment.ranks_on_test import ranks_on_test
from teachtext.experiment.train import training_of
from teachtext.experiment.workspace import Workspace
from teachtext.reports.report import ReportContent, pick_examples, pick_worst
from teachtext.reports.report import write_report as write_page
from teachtext.reports.sections import Example, Hit

EXAMPLES, WORST = 12, 6


def write_report(workspace: Workspace, results: Results) -> Path:
    """Write the report of a run; return its path.

    Raises:
        InputError: a file that the results name is missing.
    """
    histories: dict[str, list[list[dict[str, Any]]]] = {}
    ranks: dict[str, list[QueryRanks]] = {}
    for plan in plans_of(workspace.config):
        trainings = [training_of(workspace, plan, seed) for seed in results.seeds]
        histories[plan.label] = [training.metrics["history"] for training in trainings]
        ranks[plan.label] = [ranks_on_test(training) for training in trainings]
    main = ranks[results.main.label][0]
    drawn, worst = pick_examples(main, EXAMPLES), pick_worst(main, WORST)
    examples = _examples(workspace, main, [*drawn, *worst])
    content = ReportContent(
        results=results,
        histories=histories,
        ranks=ranks,
        examples=examples[: len(drawn)],
        worst=examples[len(drawn) :],
        examples_of=f"{results.main.label}, seed {results.seeds[0]}",
    )
    return write_page(content, workspace.report_path)


def _examples(workspace: Workspace, ranks: QueryRanks, rows: Sequence[int]) -> Sequence[Example]:
    dataset = workspace.dataset
    queries = {caption.id: caption for caption in dataset.queries_of(dataset.protocol.test)}
    examples = []
    for number, row in enumerate(rows):
        workspace.progress("draw the report", number, len(rows))
        examples.append(_example(workspace, ranks, row, queries[ranks.caption_ids[row]]))
    workspace.progress("draw the report", len(rows), len(rows))
    return examples


def _example(workspace: Workspace, ranks: QueryRanks, row: int, query: Caption) -> Example:
    hits = []
    for column, score in zip(ranks.top[row], ranks.top_scores[row], strict=True):
        video_id = ranks.video_ids[column]
        hits.append(Hit(video_id, float(score), video_id == query.video_id, _picture(workspace, video_id)))
    right = None if any(hit.right for hit in hits) else _picture(workspace, query.video_id)
    return Example(query.text, query.id, query.video_id, float(ranks.t2v[row]) + 1, hits, right)


def _picture(workspace: Workspace, video_id: str) -> bytes | None:
    path = workspace.dataset.videos[video_id].path
    if path is None:
        return None
    try:
        # only a report with pictures needs the video extra
        from teachtext.video.frames import thumbnail

        return thumbnail(path, width=192)
    except InputError:
        # a missing picture does not stop a report
        return None
