"""Places in films, for `teachtext evaluate-index`: measured and printed."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from teachtext.api.video_index import Index
    from teachtext.data.types import Dataset
    from teachtext.progress import Progress
    from teachtext.search.place_quality import PlaceQuality


def measure_films(
    indexes: "Sequence[Index]",
    captions: "Dataset",
    split: str,
    folder: Path,
    features: Path | None,
    progress: "Progress",
) -> "list[PlaceQuality]":
    """Return how well each index finds places, of a folder of films; of any other dataset an empty list.

    Args:
        indexes: the opened indexes.
        captions: of the dataset.
        split: of the dataset.
        folder: of the dataset.
        features: of the first index; by default in the index.
        progress: told how many captions are ranked.
    """
    from teachtext.data.places import PLACES, read_places
    from teachtext.search.place_quality import measure_places

    if not (folder / PLACES).exists():
        return []
    places = read_places(folder)
    kept = [features, None] if features else [None, None]
    return [
        measure_places(
            index.searcher, captions, split, places, features=given or Path(index.place) / "features", progress=progress
        )
        for index, given in zip(indexes, kept, strict=False)
    ]


def print_places(quality: "PlaceQuality") -> None:
    """Print recalls at places for each cut, and how many boundaries the cut of the index finds."""
    from teachtext.cli.progress import console
    from teachtext.evaluation.metrics import METRICS
    from teachtext.reports.sentences import interval_text
    from teachtext.reports.tables import Table, number

    heads = ["", "number", "R@1", "R@5", "95 %", "R@10", "all: R@5", "start", "centre", "film: MdR"]
    rows = [
        [
            f"{cut.name} ({cut.mean_s:.1f} s)",
            f"{cut.segments:,}",
            number(METRICS["r1"].of(cut.in_film)),
            number(METRICS["r5"].of(cut.in_film)),
            interval_text(quality.interval(cut.in_film, "r5")),
            number(METRICS["r10"].of(cut.in_film)),
            *(number(METRICS["r5"].of(cut.ranks[rule])) for rule in ("overlap", "start", "centre")),
            number(METRICS["mdr"].of(cut.film)),
        ]
        for cut in quality.cuts
    ]
    console.print(Table.of("places in their film; among all segments", heads, rows).rich())
    console.print(
        f"{quality.place}: places of {len(quality.captions):,} captions in {len(set(quality.clips.tolist())):,} clips",
        markup=False,
        soft_wrap=True,
    )
    joins = ", ".join(f"{100 * share:.0f} % of the joins by {join}" for join, share in quality.boundaries.items())
    precision = "" if quality.precision is None else f"; {100 * quality.precision:.0f} % of the cuts are at a join"
    if joins:
        console.print(f"Within 1 s of a cut: {joins}{precision}", markup=False, soft_wrap=True)
