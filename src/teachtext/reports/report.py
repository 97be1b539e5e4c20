"""The report of a run or a study: the same page, with the sections whose data is available."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import yaml

from teachtext.evaluation.query_ranks import QueryRanks
from teachtext.evaluation.result_rows import DIRECTIONS
from teachtext.evaluation.results import Results, verdict_of
from teachtext.files import write_text
from teachtext.reports import results_figures, results_tables, training_figures
from teachtext.reports.direction_tables import direction_differences_table, directions_table
from teachtext.reports.figures import Figure, looks
from teachtext.reports.language_tables import language_differences_table, languages_table
from teachtext.reports.reference_tables import reference_notes, reference_table
from teachtext.reports.results_figures import Ranks
from teachtext.reports.sections import Example, Fact, Report, Section
from teachtext.reports.sentences import (
    chance_recall,
    claim_sentence,
    effect_sentence,
    interval_words,
    is_run,
    notes,
    row_name,
    seeds_text,
    tested_on,
    trained_text,
    verdict_words,
)
from teachtext.reports.setting_figures import curve_figures, modality_figures
from teachtext.reports.tables import number, signed
from teachtext.reports.training_figures import Histories

_QUESTIONS = (
    "A caption is asked among a few videos that differ in the one thing it describes. Videos that share the highest "
    "score share the point."
)


@dataclass(frozen=True, kw_only=True)
class ReportContent:
    """The data of a report. Sections without data are left out.

    Attributes:
        results: of the run or study.
        histories: by row label, for each seed of the row in its order, the history as training writes it.
        ranks: by row label, for each seed of the row in its order, the ranks on the test split.
        examples: captions and their hits.
        worst: the captions whose videos the same model ranks lowest.
        examples_of: the model of the examples, e.g. `TeachText student, seed 0`.
    """

    results: Results
    histories: Histories = field(default_factory=dict)
    ranks: Ranks = field(default_factory=dict)
    examples: Sequence[Example] = ()
    worst: Sequence[Example] = ()
    examples_of: str = ""

    def __post_init__(self) -> None:
        for row in self.results.rows:
            for name, values in (("histories", self.histories), ("ranks", self.ranks)):
                if row.label in values and len(values[row.label]) != len(row.seeds):
                    raise ValueError(f"{row.label}: {len(values[row.label])} {name} for {len(row.seeds)} seeds")


def write_report(content: ReportContent, path: Path) -> Path:
    """Write the report of a run or study; return its path.

    Raises:
        InputError: matplotlib or Jinja2 is not installed.
    """
    write_text(path, render_report(content))
    return path


def render_report(content: ReportContent) -> str:
    """Return the report as one self-contained HTML page.

    Raises:
        InputError: matplotlib or Jinja2 is not installed.
    """
    results = content.results
    models = f"{len(results.rows)} {'model' if len(results.rows) == 1 else 'models'}"
    tested = f"Tested on {tested_on(results)}; {seeds_text(results)}; {trained_text(results)}"
    lead = f"Text-video retrieval, {models}. {tested}."
    return Report(
        title=results.name,
        leads=[results.question, lead] if results.question else [lead],
        generated=any(row.tested.generated for row in results.rows),
        sections=[
            _results(results),
            _differences(results),
            _floor_and_ceiling(results),
            _questions(results),
            _languages(results),
            _directions(results),
            _ranks(content),
            _examples(content),
            _worst(content),
            Section("training", "Training", figures=_history_figures(content)),
            Section("experts", "Experts", figures=_weight_figures(content)),
            _made(results),
        ],
    ).html()


def pick_examples(ranks: QueryRanks, count: int = 12, seed: int = 0) -> list[int]:
    """Pick captions to show: videos uniformly at random, one caption of each at random, regardless of their ranks.

    The same test split, count and seed give the same captions for every model.

    Args:
        ranks: of a model on the test split.
        count: number of captions; fewer where fewer videos have one.
        seed: of the choice.

    Returns:
        Rows of the captions, of different videos, in the order drawn.
    """
    generator = np.random.default_rng(seed)
    videos = generator.permutation(np.unique(ranks.video_of))[:count]
    return [int(generator.choice(np.flatnonzero(ranks.video_of == video))) for video in videos]


def pick_worst(ranks: QueryRanks, count: int = 6) -> list[int]:
    """Pick the captions whose videos are ranked lowest, one caption a video; a caption that comes first is none.

    Args:
        ranks: of a model on the test split.
        count: the most captions.

    Returns:
        Rows of the captions, the lowest rank of a video first.
    """
    by_video: dict[int, int] = {}
    for row in np.argsort(-ranks.t2v, kind="stable").tolist():
        if ranks.t2v[row] > 0:
            by_video.setdefault(int(ranks.video_of[row]), row)
    return list(by_video.values())[:count]


def _colors(results: Results) -> dict[str, str]:
    return {label: look.color for label, look in looks(results.rows).items()}


def _results(results: Results) -> Section:
    run, rows, colors = is_run(results), results.rows, _colors(results)
    tables = []
    for direction in DIRECTIONS if rows else ():
        tables.append(results_tables.html_table(results, direction, colors))
        tables.append(results_tables.seeds_table(results, direction, colors))
    sentences = [claim_sentence(comparison) for comparison in results.comparisons if comparison.claim]
    figures: list[Figure] = []
    if len(rows) > 1 or any(row.interval for row in rows):
        figures = [results_figures.rows_figure(results), *modality_figures(results), *curve_figures(results)]
    note = ""
    if run and rows:
        sentences = [effect_sentence(results) or "", *sentences] if effect_sentence(results) else sentences
        mean = f", mean over {len(results.main.seeds)} seeds" if len(results.main.seeds) > 1 else ""
        note = f"{row_name(results.main)}, text to video{mean}:"
    facts = _run_facts(results) if run and rows else _verdict_facts(results)
    remarks = [*(_data_notes(results) if run and rows else []), *_effect_notes(results), *notes(results)]
    return Section(
        "results",
        "Results",
        note,
        facts=facts,
        sentences=sentences,
        figures=figures,
        tables=tables,
        remarks=list(dict.fromkeys(remarks)),
    )


def _run_facts(results: Results) -> list[Fact]:
    """Return the numbers of the head: metrics of the main model, and the effect of the method."""
    r1, r10, mdr = (results.main.spread("t2v", metric).mean for metric in ("r1", "r10", "mdr"))
    chance = [number(chance_recall(results, k)) for k in (1, 10)]
    facts = [
        Fact(f"{number(r1)} %", "of captions find their video first", f"chance {chance[0]} %"),
        Fact(f"{number(r10)} %", "find it among the first ten", f"chance {chance[1]} %"),
        Fact(number(mdr), "median rank of the right video", f"of {results.test.videos:,} videos"),
    ]
    effect = results.effect("t2v", "geometric_mean")
    if effect is not None:
        std = "" if effect.std is None else f" ({number(effect.std)})"
        difference = results.interval("t2v", "geometric_mean")
        beside = f"{interval_words(difference)}: {verdict_words(difference)}" if difference else "no interval known"
        meaning = f"{results_tables.effect_label(results)} on the geometric mean"
        facts.append(Fact(f"{signed(effect.mean)}{std}", meaning, beside, verdict_of(difference)))
    return facts


def _verdict_facts(results: Results) -> list[Fact]:
    """Return how many comparisons have each verdict."""
    verdicts = [comparison.verdict for comparison in results.comparisons]
    words = {"gain": "a gain", "loss": "a loss", "undecided": "undecided", "not computed": "not computed"}
    return [
        Fact(str(verdicts.count(verdict)), "comparison" + "s" * (verdicts.count(verdict) > 1), words[verdict], verdict)
        for verdict in dict.fromkeys(("gain", "loss", "undecided", "not computed"))
        if verdict in verdicts
    ]


def _data_notes(results: Results) -> list[str]:
    test = results.test
    sentences = [f"Trained on {test.train_videos:,} videos; epochs were selected on {test.selection_videos:,} others."]
    if test.videos != test.listed_videos:
        sentences.append(f"{test.videos:,} of {test.listed_videos:,} listed test videos could be used.")
    return sentences


def _effect_notes(results: Results) -> list[str]:
    difference = results.interval("t2v", "geometric_mean")
    if not results.rows or not is_run(results) or results.effect("t2v", "geometric_mean") is None:
        return []
    scope = f"{difference.scope} " if difference else ""
    return [
        f"Effect: taught student minus student alone, seed by seed. An effect has a colour only where the interval "
        f"{scope}excludes zero. Each metric is judged by itself."
    ]


def _differences(results: Results) -> Section:
    figure = results_figures.differences_figure(results)
    table = [results_tables.comparisons_table(results, full=True)] if results.comparisons else []
    return Section("differences", "Differences", figures=[figure] if figure else [], tables=table)


def _floor_and_ceiling(results: Results) -> Section:
    table = reference_table(results)
    if table is None:
        return Section("floor", "Floor and ceiling")
    note = "Between which numbers the students stand, text to video. All rows rank the same captions and videos."
    return Section("floor", "Floor and ceiling", note, tables=[table], remarks=reference_notes(results))


def _questions(results: Results) -> Section:
    table = results_tables.questions_table(results)
    if table is None:
        return Section("questions", "Questions")
    figures = [results_figures.questions_figure(results)]
    return Section("questions", "Questions among a few videos", _QUESTIONS, figures=figures, tables=[table])


def _languages(results: Results) -> Section:
    tables = [table for table in (languages_table(results), language_differences_table(results)) if table]
    note = "The captions in each language among all videos. Comparisons are corrected over all languages (Holm)."
    return Section("languages", "Languages", note if tables else "", tables=tables)


def _directions(results: Results) -> Section:
    tables = [*(directions_table(results, row.label) for row in results.rows), direction_differences_table(results)]
    note = "Each direction has the videos with all its modalities. Comparisons are corrected over all (Holm)."
    shown = [table for table in tables if table]
    return Section("directions", "From any to any", note if shown else "", tables=shown)


def _ranks(content: ReportContent) -> Section:
    rows = content.results.rows
    figures = []
    if any(content.ranks.get(row.label) for row in rows):
        recall = results_figures.recall_figure(rows, content.ranks)
        figures = [recall, results_figures.rank_figure(rows, content.ranks)]
    return Section("ranks", "How far down the right video is", figures=figures)


def _examples(content: ReportContent) -> Section:
    model = f"{content.examples_of}. " if content.examples_of else ""
    note = f"{model}The captions are drawn uniformly at random over videos, regardless of their ranks."
    count = len(content.examples)
    title = f"First hits for {count} {'caption' if count == 1 else 'captions'}"
    gallery = content.results.test.videos if content.examples else 0
    return Section("examples", title, note, examples=content.examples, gallery=gallery)


def _worst(content: ReportContent) -> Section:
    model = f"{content.examples_of}. " if content.examples_of else ""
    note = f"{model}The captions whose videos are ranked lowest, at most one caption a video."
    gallery = content.results.test.videos if content.worst else 0
    return Section("worst", "Worst queries", note, examples=content.worst, gallery=gallery)


def _history_figures(content: ReportContent) -> list[Figure]:
    rows, histories = content.results.rows, content.histories
    if not any(histories.get(row.label) for row in rows):
        return []
    validated = all(entry["validation"] for seeds in histories.values() for history in seeds for entry in history)
    selection = [training_figures.validation_figure(rows, histories)] if validated else []
    return [*selection, *training_figures.loss_figures(rows, histories)]


def _weight_figures(content: ReportContent) -> list[Figure]:
    rows = content.results.rows
    if not any(content.ranks.get(row.label) for row in rows):
        return []
    return [results_figures.weights_figure(rows, content.ranks)]


def _made(results: Results) -> Section:
    config = yaml.safe_dump(results.model_dump(mode="json")["config"], sort_keys=False, allow_unicode=True)
    return Section(
        "made",
        "How it was made",
        tables=[results_tables.models_table(results, _colors(results))] if results.rows else [],
        files={"Configuration, all of it": config},
        values={"Versions": results.versions},
    )
