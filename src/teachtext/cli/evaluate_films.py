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
    from teachtext.search.place_quality import RULES

    in_film = [
        [
            cut.name,
            f"{cut.segments:,}",
            f"{cut.mean_s:.1f}",
            *(number(METRICS[key].of(cut.in_film)) for key in ("r1", "r5", "r10")),
            interval_text(quality.interval(cut.in_film, "r5")),
        ]
        for cut in quality.cuts
    ]
    among_all = [
        [
            cut.name,
            *(number(METRICS["r5"].of(cut.ranks[rule])) for rule in RULES),
            number(METRICS["mdr"].of(cut.film)),
        ]
        for cut in quality.cuts
    ]
    heads = ["", "pieces", "seconds", "R@1", "R@5", "R@10", "R@5, 95 %"]
    console.print(Table.of("places in their film, by overlap", heads, in_film).rich())
    heads = ["R@5 by", *RULES, "MdR of the film"]
    console.print(Table.of("places among all segments of the index", heads, among_all).rich())
    console.print(
        f"{quality.place}: places of {len(quality.captions):,} captions in {len(set(quality.clips.tolist())):,} clips",
        markup=False,
        soft_wrap=True,
    )
    joins = ", ".join(f"{100 * share:.0f} % of the joins by {join}" for join, share in quality.boundaries.items())
    precision = "" if quality.precision is None else f"; {100 * quality.precision:.0f} % of the cuts are at a join"
    if joins:
        console.print(f"Within 1 s of a cut: {joins}{precision}", markup=False, soft_wrap=True)
