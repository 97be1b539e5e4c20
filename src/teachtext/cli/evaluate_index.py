"""`teachtext evaluate-index`: how well an index finds the videos of captions, and their places in films."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from teachtext.cli.evaluate_films import measure_films, print_places
from teachtext.cli.options import (
    AsJson,
    Counts,
    DatasetFolder,
    Device,
    Fuse,
    MovedModel,
    RerankBy,
    Shortlist,
    SlowShare,
    WriterSpec,
)
from teachtext.cli.queries_table import print_by_queries

if TYPE_CHECKING:
    from teachtext.api.video_index import Index
    from teachtext.search.quality import QualityDifference, SearchQuality
    from teachtext.search.reranking import Reranker


def evaluate_index(
    place: Annotated[str, typer.Argument(metavar="INDEX", help="Folder of the index, or milvus://host:port/name.")],
    dataset: DatasetFolder,
    split: Annotated[str, typer.Option(help="Split whose captions are searched.")] = "test",
    against: Annotated[
        str | None, typer.Option(metavar="INDEX", help="Another index, measured and compared too.")
    ] = None,
    model: MovedModel = [],  # noqa: B006
    features: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the features of INDEX, to measure other cuts, and for '--rerank'.",
            show_default="in the index",
        ),
    ] = None,
    rerank: RerankBy = None,
    shortlist: Shortlist = 32,
    slow_share: SlowShare = 0.25,
    writer: WriterSpec = None,
    queries: Counts = [1, 2, 3, 5],  # noqa: B006
    fuse: Fuse = "reciprocal",
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Measure how well an index finds the videos of captions.

    Each caption of the split is ranked among all videos of the index, by the model without words, and hubs are
    corrected as in a search. Ranks are exact. Captions whose video is not in the index are counted.

    Says how often a video that the model was trained on comes first, beside the share of such videos in the index.

    If the dataset is a folder of films ('teachtext data film'), each caption is also ranked among the segments: those
    of the index, windows of 10 s, the true places, and whole videos.

    With --rerank INDEX is also measured with the first videos of each caption ranked anew, and the two are compared.

    With --writer each caption is also written anew, and INDEX is measured by the number of queries that are asked.
    """
    import json

    from teachtext.api.open_index import open_index
    from teachtext.cli.progress import shown
    from teachtext.errors import InputError
    from teachtext.evaluation.results import verdict_of
    from teachtext.rewriting.fusion import check_fusion
    from teachtext.rewriting.quality import check_counts
    from teachtext.rewriting.writers import open_writer
    from teachtext.search.quality import compare_quality, measure_quality, read_split
    from teachtext.search.quality_by_queries import measure_by_queries

    if rerank is not None and against is not None:
        raise InputError("--rerank and --against compare with INDEX, and one comparison is made", "give one of them")
    counts, fusion = check_counts(queries), check_fusion(fuse)
    opened = None if writer is None else open_writer(writer)
    captions = read_split(dataset, split)
    indexes = [open_index(place, model=model or None, device=device)]
    if against is not None:
        indexes.append(open_index(against, device=device))
    with shown() as progress:
        reranker = _reranker(rerank, indexes[0], shortlist, slow_share, features, device)
        measured = [measure_quality(index.searcher, captions, split, progress) for index in indexes]
        if reranker is not None:
            measured.insert(0, measure_quality(indexes[0].searcher, captions, split, progress, reranker=reranker))
        placed = measure_films(indexes, captions, split, dataset, features, progress)
        rewritten = None
        if opened is not None:
            rewritten = measure_by_queries(
                indexes[0].searcher, captions, split, opened, counts=counts, fuse=fusion, progress=progress
            )
    compared = compare_quality(*measured) if len(measured) > 1 else None
    notes = [note for quality in measured for note in quality.notes] + [
        note for films in placed for note in films.notes
    ]
    notes += compared.notes if compared else ()
    notes += rewritten.notes if rewritten else ()
    for note in dict.fromkeys(notes):
        print(f"note: {note}", file=sys.stderr)
    if not as_json:
        _print(captions.name, measured, compared)
        for films in placed:
            print_places(films)
        if rewritten:
            print_by_queries(rewritten)
        return
    content = {"dataset": captions.name, "split": split, **measured[0].as_dict()}
    if placed:
        content |= {"places": placed[0].as_dict()}
    if compared:
        differences = {
            key: {"value": each.value, "low": each.low, "high": each.high, "verdict": verdict_of(each)}
            for key, each in compared.differences.items()
        }
        content |= {
            "against": measured[1].as_dict() | ({"places": placed[1].as_dict()} if len(placed) > 1 else {}),
            "compared_captions": compared.captions,
            "differences": differences,
        }
    if rewritten:
        content |= {"by_queries": rewritten.as_dict()}
    print(json.dumps(content, indent=2, ensure_ascii=False))


def _reranker(
    scorer: Path | None, index: "Index", shortlist: int, share: float, features: Path | None, device: str
) -> "Reranker | None":
    """Return the slow scorer that ranks anew; None without one."""
    if scorer is None:
        return None
    from teachtext.search.reranking import Reranker

    manifest = index.searcher.snapshot().manifest
    return Reranker(scorer, index.place, manifest, shortlist=shortlist, share=share, features=features, device=device)


def _print(dataset: str, measured: "list[SearchQuality]", compared: "QualityDifference | None") -> None:
    from teachtext.cli.progress import console
    from teachtext.evaluation.metrics import METRIC_NAMES
    from teachtext.evaluation.results import verdict_of
    from teachtext.reports.sentences import interval_text
    from teachtext.reports.tables import Table, number, percent, signed

    rows = [
        [
            quality.place,
            number(quality.metrics.r1),
            interval_text(quality.interval("r1")),
            number(quality.metrics.r5),
            number(quality.metrics.r10),
            interval_text(quality.interval("r10")),
            number(quality.metrics.mdr),
        ]
        for quality in measured
    ]
    heads = ["", "R@1", "95 %", "R@5", "R@10", "95 %", "MdR"]
    console.print(Table.of(f"{dataset}, {measured[0].split}: text to video", heads, rows).rich())
    for quality in measured:
        shares = "which videos its model was trained on is not known"
        if quality.learned is not None:
            shares = (
                f"videos that its model was trained on are {percent(quality.learned_first)} of the first places "
                f"and {percent(quality.learned_gallery)} of the index"
            )
        counts = f"{len(quality.captions):,} captions, among {len(quality.contents):,} videos"
        console.print(f"{quality.place}: {counts}; {shares}", markup=False, soft_wrap=True)
        if sentence := quality.metrics.ties and quality.metrics.ties.sentence("t2v", quality.metrics.r1):
            console.print(f"{quality.place}: {sentence}", markup=False, soft_wrap=True)
    if compared and compared.differences:
        lines = [
            [METRIC_NAMES[key], signed(each.value), f"{signed(each.low)} to {signed(each.high)}", verdict_of(each)]
            for key, each in compared.differences.items()
        ]
        title = f"{measured[0].place} minus {measured[1].place}, {compared.captions:,} captions"
        console.print(Table.of(title, ["metric", "difference", "95 %", "verdict"], lines, words=(0, 3)).rich())
