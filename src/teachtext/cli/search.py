"""`teachtext index` and `search`: a folder of videos, and the search box over it."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from teachtext.search.searcher import Answer, SearchResult

INDEX = "teachtext-index"
Place = Annotated[
    str, typer.Option("--index", envvar="TEACHTEXT_INDEX", help="Folder of the index, or milvus://host:port/name.")
]


class By(StrEnum):
    """What a search goes by (see `teachtext.search.searcher.By`)."""

    BOTH = "both"
    MODEL = "model"
    WORDS = "words"


def index(
    folder: Annotated[Path, typer.Argument(help="Folder of videos, in folders in it too.")],
    model: Annotated[
        Path | None,
        typer.Option(help="Folder of a trained model.", show_default="that of the index; of a new one 'classnames'"),
    ] = None,
    place: Place = INDEX,
    features: Annotated[
        Path | None, typer.Option(help="Where features are kept.", show_default="in the index, or beside you for a URL")
    ] = None,
    words: Annotated[
        bool, typer.Option("--words", help="Also hear and read the videos, so that their words can be searched.")
    ] = False,
    tag: Annotated[list[str], typer.Option(help="Tag all these videos; may be given several times.")] = [],  # noqa: B006
    query_bank: Annotated[
        Path | None, typer.Option(help="Captions, one a line, with which videos near every query are corrected.")
    ] = None,
    remove_missing: Annotated[
        bool, typer.Option("--remove-missing", help="Remove videos whose files are gone.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="Processes, of one thread each.")] = 2,
    time_limit: Annotated[
        float | None,
        typer.Option(help="Seconds for one video.", show_default="ten times its length, a minute at least"),
    ] = None,
) -> None:
    """Index a folder of videos, or bring its index up to date.

    Only what is new or has changed is extracted; a renamed file is not. Resumes where it was stopped. Without a model
    the index goes by the names of the things that an image network sees, and by the words that are heard and read.
    """
    from teachtext.cli.progress import console, shown
    from teachtext.encoders.embedder import Embedder
    from teachtext.learning.trained_model import TrainedModel
    from teachtext.search.encoders import CLASS_NAMES, load_embedder
    from teachtext.search.indexing import index_folder
    from teachtext.search.manifest import read_manifest
    from teachtext.search.stores import is_url, open_store

    store = open_store(place)
    if model is not None:
        chosen: Embedder = TrainedModel(model)
    else:
        chosen = load_embedder(CLASS_NAMES if store.manifest() is None else read_manifest(store).model)
    with shown() as progress:
        done = index_folder(
            folder,
            store,
            chosen,
            features or Path(f"{INDEX}-features" if is_url(place) else place) / "features",
            words=words,
            tags=tag,
            query_bank=query_bank,
            remove_missing=remove_missing,
            workers=workers,
            time_limit=time_limit,
            progress=progress,
        )
    for failure in done.failed:
        console.print(f"set aside: {failure}", markup=False, soft_wrap=True)
    counts = f"{done.added} added, {done.updated} updated, {done.renamed} renamed, {done.unchanged} unchanged"
    console.print(f"{counts}; {store.count()} videos in {place}", markup=False, soft_wrap=True)
    if done.gone and remove_missing:
        console.print(f"{len(done.gone)} removed, whose files are gone", soft_wrap=True)
    elif done.gone:
        told = f"{len(done.gone)} files are gone (first: {done.gone[0]}); remove them with --remove-missing"
        console.print(told, markup=False, soft_wrap=True)


def search(
    query: Annotated[str, typer.Argument(help="What to look for.")],
    place: Place = INDEX,
    model: Annotated[Path | None, typer.Option(help="Folder of the model, if it was moved.")] = None,
    k: Annotated[int, typer.Option("-k", help="How many videos, at most.")] = 10,
    filters: Annotated[
        list[str],
        typer.Option(
            "--filter", help="duration<=30, added>=2026-01-31, tag=<tag>, speech=yes or id=<id>; several must all hold."
        ),
    ] = [],  # noqa: B006
    by: Annotated[By, typer.Option(help="Go by what the model sees, by words heard and read, or by both.")] = By.BOTH,
    exact: Annotated[
        bool | None,
        typer.Option("--exact/--approximate", help="Look at every video, or not.", show_default="up to 50,000 of them"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Find videos with words.

    Prints what was found, and why: what each expert added to the score, and the words that were heard or read.
    """
    from teachtext.search.filters import parse_filters
    from teachtext.search.searcher import Searcher

    where = parse_filters(filters)
    answer = Searcher(place, model=model, exact=exact).search(query, k=k, where=where, by=by.value)
    if as_json:
        _print_json(answer)
    else:
        _print_table(answer)


def _print_json(answer: "Answer") -> None:
    import json

    results = [{"id": one.item.id, "path": str(one.path), **one.as_json()} for one in answer.results]
    told = {"videos": answer.total, "exact": answer.exact, "corrected": answer.corrected, "seconds": answer.seconds}
    print(json.dumps({**told, "results": results}, indent=2, ensure_ascii=False))


def _print_table(answer: "Answer") -> None:
    from rich.table import Table
    from rich.text import Text

    from teachtext.cli.progress import console
    from teachtext.search.types import clock

    if not answer.results:
        console.print("Nothing was found." if answer.total else "The index holds no videos yet.")
        return
    table = Table("", "video", "score", "why", "at", "words")
    for number, one in enumerate(answer.results, start=1):
        name = Text(one.item.id if one.has_file else f"{one.item.id} (gone)", overflow="fold")
        at = clock(one.moments[0].start_s) if one.moments else ""
        table.add_row(str(number), name, f"{one.score:.3f}", _why(one), at, Text(", ".join(one.words)))
    console.print(table)
    how = "exact" if answer.exact else "approximate"
    corrected = ", hubs corrected" if answer.corrected else ""
    console.print(f"{answer.total:,} videos, {how}{corrected}, {1000 * answer.seconds:.0f} ms")


def _why(result: "SearchResult") -> str:
    parts = sorted(result.why.items(), key=lambda part: -part[1])
    return " + ".join(f"{name} {part:.3f}" for name, part in parts)
