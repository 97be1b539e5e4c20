"""A run as one HTML page that needs nothing else: no network, no script, pictures inside."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import yaml

from teachtext.evaluation.metrics import METRIC_NAMES
from teachtext.evaluation.names import short_names
from teachtext.evaluation.query_ranks import QueryRanks
from teachtext.evaluation.results import Results, Verdict, verdict_of
from teachtext.evaluation.rows import DIRECTIONS, Direction
from teachtext.reports import plots, tables
from teachtext.reports.figures import Plot, looks
from teachtext.reports.page import render_page
from teachtext.reports.plots import Histories, Ranks
from teachtext.reports.results_tables import question_cells, question_heads, questions_plot

_HITS = 5


@dataclass(frozen=True)
class Hit:
    """A video that was found.

    Attributes:
        video_id: its id.
        score: its similarity to the caption.
        right: whether the caption is about it.
        thumbnail: a JPEG picture of it, or nothing.
    """

    video_id: str
    score: float
    right: bool
    thumbnail: bytes | None = None


@dataclass(frozen=True)
class Example:
    """What a model found for a caption.

    Attributes:
        caption: its text.
        caption_id: its id.
        right_video_id: the video that it is about.
        rank: 1-based rank of the right video among all.
        hits: the videos ranked first, best first; the first five are shown.
        right_thumbnail: a JPEG picture of the right video, for when it is not among the five.
    """

    caption: str
    caption_id: str
    right_video_id: str
    rank: float
    hits: Sequence[Hit]
    right_thumbnail: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class ReportContent:
    """What a report is made of.

    Attributes:
        results: the run.
        histories: by row label, for each of the row's seeds in their order, the history as training writes it.
        ranks: by row label, for each of the row's seeds in their order, the ranks on the test split.
        examples: captions and what was found for them.
        examples_of: whose examples they are, e.g. `TeachText student, seed 0`.
    """

    results: Results
    histories: Histories = field(default_factory=dict)
    ranks: Ranks = field(default_factory=dict)
    examples: Sequence[Example] = ()
    examples_of: str = ""

    def __post_init__(self) -> None:
        for row in self.results.rows:
            for name, given in (("histories", self.histories), ("ranks", self.ranks)):
                if row.label in given and len(given[row.label]) != len(row.seeds):
                    raise ValueError(f"{row.label}: {len(given[row.label])} {name} for {len(row.seeds)} seeds")


@dataclass(frozen=True)
class _Fact:
    """A number of the page's head."""

    value: str
    meaning: str
    beside: str
    verdict: Verdict = "undecided"


def render_report(content: ReportContent) -> str:
    """Return the report as one self-contained HTML page.

    Raises:
        InputError: matplotlib or Jinja2 is not installed.
    """
    return render_page("report.html.j2", _values(content))


def pick_examples(ranks: QueryRanks, count: int = 12, seed: int = 0) -> list[int]:
    """Pick captions to show: videos uniformly at random, of each one caption at random; ranks are not looked at.

    The same test split, count and seed give the same captions for whatever model.

    Args:
        ranks: of a model on the test split.
        count: how many captions; fewer come back where fewer videos have one.
        seed: of the choice.

    Returns:
        Rows of the captions, of different videos, in the order drawn.
    """
    generator = np.random.default_rng(seed)
    videos = generator.permutation(np.unique(ranks.video_of))[:count]
    return [int(generator.choice(np.flatnonzero(ranks.video_of == video))) for video in videos]


def _experts(results: Results) -> dict[str, str]:
    """Return the experts of each row, in words."""
    shown = short_names({expert for row in results.rows for expert in row.experts})
    return {row.label: ", ".join(shown[expert] for expert in row.experts) for row in results.rows}


def _values(content: ReportContent) -> dict[str, Any]:
    results = content.results
    told = results.model_dump(mode="json")
    return {
        "results": results,
        "tested_on": tables.tested_on(results),
        "seeds_told": tables.seeds_told(results),
        "sentence": tables.effect_sentence(results),
        "main": results.main,
        "names": {row.label: tables.row_name(row) for row in results.rows},
        "experts": _experts(results),
        "facts": _facts(results),
        "effect_label": tables.EFFECT_LABEL,
        "looks": looks(results.rows),
        "metric_names": METRIC_NAMES,
        "seed_metric_names": [METRIC_NAMES[metric] for metric in tables.SEED_METRICS],
        "directions": [_direction(results, direction) for direction in DIRECTIONS],
        "chance": tables.number(tables.chance_recall(results, 10)),
        "notes": _notes(results),
        "question_heads": question_heads(results),
        "question_lines": list(zip(results.rows, question_cells(results), strict=True))
        if results.test.questions
        else [],
        "question_plots": [questions_plot(results)] if results.test.questions else [],
        "score_plots": [plots.scores_plot(results.rows)] if len(results.rows) > 1 else [],
        "rank_plots": _rank_plots(content),
        "history_plots": _history_plots(content),
        "weight_plots": [plots.weights_plot(results.rows, content.ranks)] if _any(content.ranks, results) else [],
        "examples": content.examples,
        "examples_of": content.examples_of,
        "hits": _HITS,
        "config": yaml.safe_dump(told["config"], sort_keys=False, allow_unicode=True),
    }


def _facts(results: Results) -> list[_Fact]:
    """Choose the numbers of the head: what the main model finds, and what TeachText did."""
    r1, r10, mdr = (results.main.spread("t2v", metric).mean for metric in ("r1", "r10", "mdr"))
    chance = [tables.number(tables.chance_recall(results, k)) for k in (1, 10)]
    facts = [
        _Fact(f"{tables.number(r1)} %", "of captions find their video first", f"chance {chance[0]} %"),
        _Fact(f"{tables.number(r10)} %", "find it among the first ten", f"chance {chance[1]} %"),
        _Fact(tables.number(mdr), "median rank of the right video", f"of {results.test.videos:,} videos"),
    ]
    effect = results.effect("t2v", "geometric_mean")
    if effect is not None:
        std = "" if effect.std is None else f" ({tables.number(effect.std)})"
        found = results.interval("t2v", "geometric_mean")
        beside = f"{tables.interval_words(found)}: {tables.verdict_words(found)}" if found else "no interval known"
        meaning = "effect of TeachText on the geometric mean"
        facts.append(_Fact(f"{tables.signed(effect.mean)}{std}", meaning, beside, verdict_of(found)))
    return facts


def _direction(results: Results, direction: Direction) -> dict[str, Any]:
    lines = list(zip(results.rows, tables.result_cells(results, direction), strict=True))
    teachers = [line for line in lines if line[0].role == "teacher"]
    students = [line for line in lines if line[0].role != "teacher"]
    found = results.interval(direction, "geometric_mean")
    return {
        "key": direction,
        "name": DIRECTIONS[direction],
        "groups": [lines for lines in (teachers, students) if lines],
        "effects": tables.effect_cells(results, direction),
        "scope": found.scope if found else "",
        "seeds": list(zip(results.rows, tables.seed_cells(results.rows, direction), strict=True)),
    }


def _notes(results: Results) -> list[str]:
    test = results.test
    notes = [f"Trained on {test.train_videos:,} videos; epochs were selected on {test.selection_videos:,} others."]
    if test.videos != test.listed_videos:
        notes.append(f"{test.videos:,} of {test.listed_videos:,} listed test videos could be used.")
    return notes + test.notes


def _any(given: Histories | Ranks, results: Results) -> bool:
    return any(given.get(row.label) for row in results.rows)


def _rank_plots(content: ReportContent) -> list[Plot]:
    rows = content.results.rows
    if not _any(content.ranks, content.results):
        return []
    return [plots.recall_plot(rows, content.ranks), plots.rank_plot(rows, content.ranks)]


def _history_plots(content: ReportContent) -> list[Plot]:
    rows = content.results.rows
    if not _any(content.histories, content.results):
        return []
    validated = all(
        entry["validation"] for seeds in content.histories.values() for history in seeds for entry in history
    )
    selection = [plots.validation_plot(rows, content.histories)] if validated else []
    return [*selection, *plots.loss_plots(rows, content.histories)]
