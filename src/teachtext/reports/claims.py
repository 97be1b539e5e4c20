"""Claims in one table and one picture: each with its difference, the interval of the difference, and the verdict."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from teachtext.evaluation.metrics import METRIC_NAMES
from teachtext.evaluation.results import Results, Verdict
from teachtext.evaluation.significance import Estimate
from teachtext.reports.figures import Figure, draw, paint_differences
from teachtext.reports.tables import NOTHING, Cell, Column, Table, number, signed


@dataclass(frozen=True, kw_only=True)
class ClaimLine:
    """A claim, and what was measured of it.

    Attributes:
        claim: the statement that is true if ours is better.
        measure: what is compared.
        ours, theirs: the values that are compared, in percent; None where they could not be computed.
        difference: ours minus theirs, with its interval.
        verdict: on the difference.
        again: whether ours is that of the line before, now compared with something else.
    """

    claim: str
    measure: str
    ours: float | None
    theirs: float | None
    difference: Estimate | None
    verdict: Verdict
    again: bool = False


def claim_lines(results: Results) -> list[ClaimLine]:
    """Return the claims of a study, and the search for wrong captions where it is known which captions are wrong."""
    return [*_of_comparisons(results), *_of_denoising(results)]


def _of_comparisons(results: Results) -> Iterator[ClaimLine]:
    rows = {row.label: row for row in results.rows}
    before = ""
    for comparison in results.comparisons:
        if not comparison.claim:
            continue
        ours, theirs = (
            rows[label].spread("t2v", results.statistic).mean if label in rows else None
            for label in (comparison.ours, comparison.theirs)
        )
        yield ClaimLine(
            claim=comparison.claim,
            measure=METRIC_NAMES[results.statistic],
            ours=ours,
            theirs=theirs,
            difference=comparison.difference,
            verdict=comparison.verdict,
            again=comparison.ours == before,
        )
        before = comparison.ours


def _of_denoising(results: Results) -> Iterator[ClaimLine]:
    for denoised in results.denoised:
        above = denoised.above_chance
        if above is None or denoised.precision is None or denoised.wrong is None:
            continue
        yield ClaimLine(
            claim="Captions that describe another video are found, not dropped by chance",
            measure="precision",
            ours=100 * denoised.precision,
            theirs=100 * denoised.wrong / denoised.captions,
            difference=above,
            verdict="gain" if above.low > 0 else "loss" if above.high < 0 else "undecided",
        )


def claims_table(title: str, lines: Sequence[ClaimLine]) -> Table:
    """Return the table of claims; a line that compares ours with something else has no number of its own."""
    levels = {line.difference.level for line in lines if line.difference}
    bounds_head = f"{100 * levels.pop():g} %" if len(levels) == 1 else "interval"
    heads = ["", "claim", "measure", "ours", "theirs", "diff.", bounds_head, "verdict"]
    words = (1, 2, 7)
    columns = [Column(head, words=place in words, no_wrap=place > 1) for place, head in enumerate(heads)]
    rows, count = [], 0
    for line in lines:
        count += not line.again
        values = [NOTHING if value is None else number(value) for value in (line.ours, line.theirs)]
        bounds, value = NOTHING, NOTHING
        if line.difference:
            value, bounds = signed(line.difference.value), interval_bounds(line.difference)
        texts = ["" if line.again else str(count), line.claim, line.measure, *values, value, bounds]
        rows.append([*map(Cell, texts), Cell(line.verdict, verdict=line.verdict)])
    return Table(title, columns, [rows])


def interval_bounds(estimate: Estimate) -> str:
    """Print the bounds of the interval of a difference."""
    return f"{signed(estimate.low)} to {signed(estimate.high)}"


def claims_figure(lines: Sequence[ClaimLine]) -> Figure:
    """Draw the difference of every claim with its interval against zero."""
    computed = [(line, line.difference) for line in lines if line.difference]

    def paint(axes: object) -> None:
        named = [(f"{line.claim} ({line.measure})", difference, line.verdict) for line, difference in computed]
        paint_differences(axes, named)

    alt = "; ".join(f"{line.claim}, {signed(difference.value)}, {line.verdict}" for line, difference in computed)
    note = "A claim holds where the interval of the difference is right of zero. Green is a gain, red a loss."
    svg = draw(paint, height=0.95 + 0.8 * len(computed))
    return Figure("Claims and their intervals", note, alt, svg, wide=True)
