"""Results in sentences: what was tested, what a claim's answer is, and what a reader has to know."""

import re

from teachtext.evaluation.display_names import short_name
from teachtext.evaluation.floor_and_ceiling import chance_metrics
from teachtext.evaluation.metrics import METRIC_NAMES
from teachtext.evaluation.result_rows import DIRECTIONS, Row
from teachtext.evaluation.results import Choice, Comparison, Denoised, Results, Verdict, verdict_of
from teachtext.evaluation.significance import Difference, Estimate, Interval
from teachtext.reports.tables import NOTHING, number, p_text, signed

_NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?")
_ANSWERS: dict[Verdict, str] = {
    "gain": "yes",
    "loss": "no, the other way round",
    "undecided": "not decided",
    "not computed": "not computed",
}


def is_run(results: Results) -> bool:
    """Return whether the results are those of a run: a study of one variant, without a question."""
    return not results.question and not any(row.changes for row in results.rows)


def row_name(row: Row) -> str:
    """Name a row and its text encoder."""
    short = short_name(row.text_encoder)
    # a label with the whole spec distinguishes encoders whose short names are equal
    named = short in row.label or row.text_encoder in row.label
    return row.label if named else f"{row.label} ({short})"


def tested_on(results: Results) -> str:
    """Name the test sets and their sizes."""
    names = [
        f"{test.dataset}{' (generated)' if test.generated else ''}{f' ({test.benchmark})' if test.benchmark else ''}, "
        f"{test.split} split: {test.videos:,} videos, "
        f"{test.queries:,} captions"
        for test in (row.tested for row in results.rows)
    ]
    return "; ".join(dict.fromkeys(names))


def seeds_text(results: Results) -> str:
    """Name the seeds."""
    return f"{'seed' if len(results.seeds) == 1 else 'seeds'} {', '.join(map(str, results.seeds))}"


def trained_text(results: Results) -> str:
    """Name the pairs of videos and captions that the rows have learned from."""
    labels: dict[str, list[str]] = {}
    for row in results.rows:
        labels.setdefault(row.trained_on, []).append(row.label)
    shown = [name if len(labels) == 1 else f"{name} ({', '.join(rows)})" for name, rows in labels.items()]
    return f"trained on: {'; '.join(shown)}"


def ties_sentences(results: Results) -> list[str]:
    """State for each direction how many queries are tied, and what that costs at most."""
    sentences = []
    for direction, name in DIRECTIONS.items():
        tied = [
            (ties, ties.best["r1"] - seed.metrics(direction)["r1"], row.label)
            for row in results.rows
            for seed in row.seeds
            if (ties := (seed.ties or {}).get(direction)) is not None and ties.tied
        ]
        if tied:
            most, _, label = max(tied, key=lambda entry: entry[0].tied)
            gain = max(entry[1] for entry in tied)
            sentences.append(
                f"Ties, {name}: of up to {most.tied:,} of {most.queries:,} queries the right answer has exactly the "
                f"score of others ({label}). Ranks average over ties; with every tie decided for the right answer, R@1 "
                f"would be up to {gain:.1f} higher"
            )
    return sentences


def chance_recall(results: Results, k: int) -> float:
    """Return the text-to-video R@k, in percent, of a model that guesses."""
    return chance_metrics(results.test.videos)[f"r{k}"]


def effect_sentence(results: Results) -> str | None:
    """State the effect of the objective on the student, its interval and its verdict.

    Returns:
        None unless the run has both a student alone and a taught student.
    """
    effect = results.effect("t2v", "geometric_mean")
    if effect is None:
        return None
    start = f"{objective_name(results)} changes the student's t2v geometric mean by {signed(effect.mean)}"
    difference = results.interval("t2v", "geometric_mean")
    if difference is None:
        return f"{start}; its interval is not known."
    return f"{start} ({interval_words(difference)} {difference.scope}): {verdict_words(difference)}."


def objective_name(results: Results) -> str:
    """Name what the student differs by from the student alone: its objective, after its preset, or its method."""
    if results.config.get("any_to_any"):
        return "The objective 'omni'"
    if results.config.get("captioning"):
        return "GQE and its teachers" if results.config.get("distillation") and results.main.teachers else "GQE"
    preset = (results.config.get("distillation") or {}).get("preset", "teachtext")
    return "TeachText" if preset == "teachtext" else f"The objective '{preset}'"


def interval_words(difference: Estimate) -> str:
    """Name the bounds of an interval."""
    return f"{100 * difference.level:g} % interval {signed(difference.low)} to {signed(difference.high)}"


def verdict_words(difference: Difference) -> str:
    """Name the verdict on a difference, with the restriction to this seed where there is one seed only."""
    words = {"gain": "a gain", "loss": "a loss"}.get(verdict_of(difference), "not decided")
    return words if difference.seeds > 1 or not difference.decided else f"{words} with this seed"


def interval_name(results: Results) -> str:
    """Name the column of intervals, `95 %`."""
    return f"{100 * results.level:g} %"


def interval_text(interval: Interval | None) -> str:
    """Print an interval."""
    return NOTHING if interval is None else f"{number(interval.low)}–{number(interval.high)}"


def comparison_cells(comparison: Comparison) -> tuple[str, str, str]:
    """Return the difference, its interval and its corrected p value, as printed."""
    difference = comparison.difference
    if difference is None or comparison.p_holm is None:
        return NOTHING, NOTHING, NOTHING
    bounds = f"{signed(difference.low)} to {signed(difference.high)}"
    return signed(difference.value), bounds, p_text(comparison.p_holm)


def rule(results: Results) -> str:
    """State when a difference is called a gain or a loss."""
    start = f"A gain or a loss only where the {interval_name(results)} interval excludes zero and p"
    count = sum(comparison.difference is not None for comparison in results.comparisons)
    family = f", corrected over all {count} comparisons (Holm)," if count > 1 else ""
    return f"{start}{family} is at most {1 - results.level:.2g}."


def claim_sentence(comparison: Comparison) -> str:
    """Answer a claim with the verdict, the difference and its interval."""
    answer = _ANSWERS[comparison.verdict]
    difference, bounds, p = comparison_cells(comparison)
    why = comparison.problem or f"{comparison.ours} against {comparison.theirs}: {difference}, {bounds}, p {p}"
    return f"{comparison.claim}: {answer} ({why})."


def choice_sentence(choice: Choice) -> str:
    """State a choice on validation and its candidates."""
    tried = ", ".join(f"{name} {number(score)}" for name, score in choice.tried.items())
    of_all = tried or "nothing that could be trained"
    sentences = [f"Chosen on validation, {choice.label}: {choice.chosen} (of {of_all})."]
    if choice.failed:
        failed = "; ".join(f"{name} ({problem})" for name, problem in choice.failed.items())
        sentences.append(f"Left out, for they could not be trained: {failed}.")
    if ends := at_an_end(choice):
        sentences.append(f"Nothing was tried beyond {', '.join(ends)}: a better value may lie there.")
    return " ".join(sentences)


def at_an_end(choice: Choice) -> list[str]:
    """Return the settings whose chosen value is the least or the largest of three or more candidates."""
    tried: dict[str, set[float]] = {}
    for name, value in (setting for label in choice.tried for setting in _values(label)):
        tried.setdefault(name, set()).add(value)
    return [
        f"{name} {value:g}"
        for name, value in (_values(choice.chosen) if choice.chosen in choice.tried else [])
        if len(tried[name]) > 2 and value in (min(tried[name]), max(tried[name]))
    ]


def _values(label: str) -> list[tuple[str, float]]:
    """Return the numbers of a label as `weight 10, huber 0.05`."""
    parts = [part.rpartition(" ") for part in label.split(", ")]
    return [(name, float(value)) for name, _, value in parts if name and _NUMBER.fullmatch(value)]


def denoised_sentence(denoised: Denoised) -> str:
    """State how many captions denoising dropped, and how many of them are wrong where that is known."""
    variants = "; ".join(denoised.variants)
    start = f"Denoising, {variants}: {denoised.dropped:,} of {denoised.captions:,} training captions dropped"
    if denoised.wrong is None:
        return f"{start}; which are wrong is not known. The noisiest: {', '.join(denoised.noisiest)}."
    names = ("precision", "recall", "average precision")
    shares = (denoised.precision, denoised.recall, denoised.average_precision)
    words = [
        f"{name} {NOTHING if share is None else number(100 * share) + ' %'}"
        for name, share in zip(names, shares, strict=True)
    ]
    above = denoised.above_chance
    beyond = f"; the precision is {signed(above.value)} above chance ({interval_words(above)})" if above else ""
    return f"{start}, {denoised.wrong:,} are known to be wrong: {', '.join(words)}{beyond}."


def notes(results: Results) -> list[str]:
    """Return what a reader of the numbers has to know: what is missing, and what the intervals cover."""
    sentences = [f"Not computed, {missing.label}: {missing.problem}." for missing in results.missing]
    sentences += [f"No interval of {row.label}: {row.problem}." for row in results.rows if row.problem]
    sentences += [
        f"Not compared, {comparison.ours} against {comparison.theirs}: {comparison.problem}."
        for comparison in results.comparisons
        if comparison.problem
    ]
    sentences += _interval_notes(results)
    for sees in dict.fromkeys(row.sees for row in results.rows if row.sees):
        sentences.append(f"Sees {sees}: {'; '.join(row.label for row in results.rows if row.sees == sees)}.")
    if results.measured:
        machine = ", ".join(f"{name} {value}" for name, value in results.measured.machine.items())
        sentences.append(
            f"ms / s is the CPU time that a row's experts take for a second of video, decoding included; measured on "
            f"{results.measured.videos} videos of {results.measured.seconds:.0f} s ({machine})."
        )
    if results.choices:
        some = results.config.get("choosing_seeds")
        seeds = f"seed{'s' * (len(some) > 1)} {', '.join(map(str, some))}" if some else "the seeds"
        sentences.append(f"What is chosen is chosen by the t2v geometric mean on validation, mean over {seeds}.")
    sentences += map(choice_sentence, results.choices)
    sentences += map(denoised_sentence, results.denoised)
    sentences += [f"{sentence}." for sentence in ties_sentences(results)]
    sentences += results.notes
    tests = {row.tested.model_dump_json(): row.tested for row in results.rows}
    sentences += [f"{test.dataset}: {note.removesuffix('.')}." for test in tests.values() for note in test.notes]
    return list(dict.fromkeys(sentences))


def _interval_notes(results: Results) -> list[str]:
    if len(results.seeds) == 1:
        sentences = [
            "One seed: no spread over seeds is known. Intervals are over videos alone and speak of these very models, "
            "not of models that are trained anew."
        ]
    else:
        sentences = [
            f"Intervals are of {METRIC_NAMES[results.statistic]}, over videos and {len(results.seeds)} seeds "
            f"({results.resamples:,} resamples of whole videos); the standard deviation is that of seeds."
        ]
    if results.comparisons:
        sentences.append(
            "The p value is that of the interval. The permutation test, which swaps answers of these trained models "
            "video by video and says nothing of models trained anew, stands beside it in the report."
        )
    return sentences
