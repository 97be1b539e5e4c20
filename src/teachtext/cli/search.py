"""`teachtext index` and `teachtext search`: index a folder of videos, and find videos with words."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from teachtext.cli.options import Device
from teachtext.search import RankBy

if TYPE_CHECKING:
    from teachtext.search.answer import Answer, SearchResult

INDEX = "teachtext-index"
# seconds that `index` waits for another writer, such as a service that takes in uploads
_WAIT_S = 600.0
IndexPlace = Annotated[
    str, typer.Option("--index", envvar="TEACHTEXT_INDEX", help="Folder of the index, or milvus://host:port/name.")
]
MovedModel = Annotated[
    list[str],
    typer.Option(
        "--model",
        help="Folder of the model or of its run, or an id of the hub, if the model was moved. Can be repeated.",
        show_default=False,
    ),
]
Exact = Annotated[
    bool | None,
    typer.Option(
        "--exact/--approximate", help="Compare with every video, or not.", show_default="exact up to 50,000 videos"
    ),
]


def index(
    folder: Annotated[Path, typer.Argument(help="Folder of videos. Its subfolders are indexed too.")],
    model: Annotated[
        list[str],
        typer.Option(
            help="Folder of a run or of a trained model, an id of the hub, or 'zero-shot'. Can be repeated: an index "
            "of several models adds their standardised scores.",
            show_default="that of the index; of a new one 'zero-shot'",
        ),
    ] = [],  # noqa: B006
    place: IndexPlace = INDEX,
    features: Annotated[
        Path | None,
        typer.Option(help="Folder for features.", show_default="in the index; in the working folder for a URL"),
    ] = None,
    words: Annotated[
        bool, typer.Option("--words", help="Recognise speech and text, so that these words can be searched.")
    ] = False,
    tag: Annotated[list[str], typer.Option(help="Tag for all these videos; can be repeated.")] = [],  # noqa: B006
    query_bank: Annotated[
        Path | None,
        typer.Option(
            help="File of captions, one a line, that corrects hubs: videos near every query.",
            show_default="captions of the model's training",
        ),
    ] = None,
    hub_correction: Annotated[
        bool | None,
        typer.Option(
            "--hub-correction/--no-hub-correction",
            help="Correct hubs, or not.",
            show_default="as the index was made; a new one if its model keeps captions",
        ),
    ] = None,
    remove_missing: Annotated[
        bool, typer.Option("--remove-missing", help="Remove videos whose files are gone.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="Processes, of one thread each.")] = 2,
    time_limit: Annotated[
        float | None,
        typer.Option(help="Seconds for one video.", show_default="ten times its length, at least a minute"),
    ] = None,
    memory_limit: Annotated[
        float | None, typer.Option(help="Megabytes for one video, beyond the experts.", show_default="4,000")
    ] = None,
    device: Device = "auto",
) -> None:
    """Index a folder of videos, or bring its index up to date.

    Extracts only new and changed videos; a renamed file is not extracted again. Resumes where it was stopped.

    Without a model, a search compares queries with the names of things that an image network recognises, and with words
    that were heard or read.
    """
    from functools import partial

    from teachtext.api.load import embedder_of
    from teachtext.cli.progress import console, shown
    from teachtext.errors import Busy
    from teachtext.search.index_model import CLASS_NAMES, load_embedder
    from teachtext.search.indexing import check_new, index_folder
    from teachtext.search.manifest import read_manifest
    from teachtext.search.stores import is_url, open_store

    store = open_store(place)
    check_new(folder, store)
    chosen = embedder_of(model or None, device)
    if chosen is None:
        chosen = load_embedder(CLASS_NAMES if store.manifest() is None else read_manifest(store).model, device=device)
    with shown() as progress:
        run = partial(
            index_folder,
            folder,
            store,
            chosen,
            features or Path(f"{INDEX}-features" if is_url(place) else place) / "features",
            words=words,
            tags=tag,
            query_bank=query_bank,
            hub_correction=hub_correction,
            remove_missing=remove_missing,
            workers=workers,
            device=device,
            time_limit=time_limit,
            memory_limit=memory_limit,
            progress=progress,
        )
        try:
            done = run()
        except Busy as error:
            console.print(f"{error.problem}: waiting up to {_WAIT_S / 60:.0f} minutes", markup=False, soft_wrap=True)
            done = run(wait_s=_WAIT_S)
    for note in done.notes:
        console.print(f"note: {note}", markup=False, soft_wrap=True)
    for failure in done.failed:
        console.print(f"set aside: {failure}", markup=False, soft_wrap=True)
    counts = f"{done.added} added, {done.updated} updated, {done.renamed} renamed, {done.unchanged} unchanged"
    console.print(f"{counts}; {store.count()} videos in {place}", markup=False, soft_wrap=True)
    if done.gone and remove_missing:
        console.print(f"{len(done.gone)} removed, whose files are gone", soft_wrap=True)
    elif done.gone:
        message = f"{len(done.gone)} files are gone (first: {done.gone[0]}); remove them with --remove-missing"
        console.print(message, markup=False, soft_wrap=True)


def search(
    query: Annotated[str, typer.Argument(help="What to look for.")],
    place: IndexPlace = INDEX,
    model: MovedModel = [],  # noqa: B006
    k: Annotated[int, typer.Option("-k", help="Number of videos, at most.")] = 10,
    filters: Annotated[
        list[str],
        typer.Option(
            "--filter",
            help="duration<=30, added>=2026-01-31, tag=<tag>, speech=yes or id=<id>; all must hold.",
        ),
    ] = [],  # noqa: B006
    by: Annotated[
        RankBy,
        typer.Option(help="Rank by the model's similarity, by words (heard, read, or in file names), or by both."),
    ] = "both",
    exact: Exact = None,
    device: Device = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Find videos with words.

    Prints the videos and the reasons: the part of each expert in the score, and the words that were heard or read, or
    that stand in file names.
    """
    from teachtext.api.video_index import open_index
    from teachtext.search.filters import parse_filters
    from teachtext.search.searcher import check_query

    where = parse_filters(filters)
    check_query(query, k)
    searcher = open_index(place, model=model or None, device=device, exact=exact).searcher
    answer = searcher.search(query, k=k, where=where, by=by)
    if as_json:
        _print_json(answer)
    else:
        _print_table(answer)


def _print_json(answer: "Answer") -> None:
    import json

    from teachtext.service.schemas import AnswerJson, ResultJson

    results = [
        {"id": result.item.id, "path": str(result.path), **ResultJson.of(result).model_dump()}
        for result in answer.results
    ]
    fields = AnswerJson.of(answer).model_dump(exclude={"query", "results"})
    print(json.dumps({**fields, "results": results}, indent=2, ensure_ascii=False))


def _print_table(answer: "Answer") -> None:
    from rich.table import Table
    from rich.text import Text

    from teachtext.cli.progress import console
    from teachtext.search.types import clock

    if not answer.results:
        console.print("Nothing was found." if answer.total else "The index holds no videos yet.")
        return
    table = Table("", "video", "score", "why", "at", "words")
    for number, result in enumerate(answer.results, start=1):
        name = Text(result.item.id if result.has_file else f"{result.item.id} (gone)", overflow="fold")
        at = clock(result.moments[0].start_s) if result.moments else ""
        words = Text(", ".join(result.words))
        table.add_row(str(number), name, f"{result.score:.3f}", _why(result), at, words)
    console.print(table)
    how = "exact" if answer.exact else "approximate"
    for note in answer.notes:
        console.print(f"note: {note}", markup=False, soft_wrap=True)
    corrected = ", hubs corrected" if answer.corrected else ""
    console.print(f"{answer.total:,} videos, {how}{corrected}, {1000 * answer.seconds:.0f} ms")


def _why(result: "SearchResult") -> str:
    parts = sorted(result.why.items(), key=lambda part: -part[1])
    return " + ".join(f"{name} {part:.3f}" for name, part in parts)
