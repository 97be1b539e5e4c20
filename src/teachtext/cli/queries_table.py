"""The table of retrieval by the number of queries that `evaluate` and `evaluate-index` print."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from teachtext.rewriting.quality import QualityByQueries


def print_by_queries(measured: "QualityByQueries") -> None:
    """Print metrics, the gain over one query and the time of a search, a row for each number of queries."""
    from teachtext.cli.progress import console
    from teachtext.evaluation.results import verdict_of
    from teachtext.reports.sentences import interval_text
    from teachtext.reports.tables import Table, number, signed

    rows = []
    for count in measured.ranked:
        metrics, gain = measured.metrics(count), measured.gain(count)
        values = [number(metrics.r1), interval_text(measured.interval(count)), *map(number, (metrics.r5, metrics.r10))]
        gained = [signed(gain.value), f"{signed(gain.low)} to {signed(gain.high)}", verdict_of(gain)] if gain else []
        time = f"{measured.search_ms[count]:.1f}"
        rows.append([str(count), *values, number(metrics.mdr), *(gained or [""] * 3), time])
    heads = ["queries", "R@1", "95 %", "R@5", "R@10", "MdR", "R@1 gained", "95 %", "verdict", "ms"]
    title = f"{len(measured.captions):,} captions by number of queries, fused by '{measured.fuse}'"
    console.print(Table.of(title, heads, rows, words=(0, 8)).rich())
    console.print(
        f"ms is the median of a search without the writer, which takes {measured.writer_ms:.1f} ms a query",
        markup=False,
        soft_wrap=True,
    )
