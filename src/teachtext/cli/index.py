"""`teachtext index`: index a folder of videos, or bring its index up to date."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from teachtext.cli.options import INDEX, Device, IndexPlace, Workers
from teachtext.errors import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from teachtext.cli.watch import View, Watcher
    from teachtext.search.indexing import Indexed

# seconds that `index` waits for another writer, such as a service that takes in uploads
_WAIT_S = 600.0


def index(
    folder: Annotated[Path, typer.Argument(help="Folder of videos. Its subfolders are indexed too.")],
    model: Annotated[
        list[str],
        typer.Option(
            help="Folder of a run or of a trained model, hf:ID or folder of a model such as CLIP, or 'zero-shot'. "
            "Can be repeated: an index of several models adds their standardised scores.",
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
    detail: Annotated[
        str | None,
        typer.Option(
            help="How closely videos of more than 12 s are looked at: low, normal or high.",
            show_default="as the index was made; a new one normal",
        ),
    ] = None,
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
    reread: Annotated[
        bool, typer.Option("--reread", help="Read every file again, also those whose size and times are unchanged.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on, and index again whenever files have changed. Ctrl-C stops.")
    ] = False,
    workers: Workers = None,
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

    Extracts only new and changed videos; a renamed file is not extracted again. Resumes where it was stopped. Files
    that cannot be used are set aside and listed; the exit code is 3 then.

    With '--watch' files that are being written are left until they have been still for ten seconds.

    Without a model, a search compares queries with the names of things that an image network recognises, and with words
    that were heard or read.
    """
    from functools import partial

    from teachtext.api.load import embedder_of
    from teachtext.cli.exit_codes import end_with
    from teachtext.cli.watch import View, Watcher
    from teachtext.errors import InputError
    from teachtext.machine import default_workers
    from teachtext.search.index_model import CLASS_NAMES, load_embedder
    from teachtext.search.indexing import check_new, index_folder, own_folders
    from teachtext.search.manifest import read_manifest
    from teachtext.search.stores import is_url, open_store

    store = open_store(place)
    check_new(folder, store)
    chosen = embedder_of(model or None, device)
    if chosen is None:
        chosen = load_embedder(CLASS_NAMES if store.manifest() is None else read_manifest(store).model, device=device)
    kept = features or Path(f"{INDEX}-features" if is_url(place) else place) / "features"
    watcher = Watcher(folder, own_folders(store, kept))
    view = watcher.look() if watch else View({}, ())
    run = partial(
        index_folder,
        folder,
        store,
        chosen,
        kept,
        words=words,
        detail=detail,
        tags=tag,
        query_bank=query_bank,
        hub_correction=hub_correction,
        remove_missing=remove_missing,
        reread=reread,
        workers=workers or default_workers(),
        device=device,
        time_limit=time_limit,
        memory_limit=memory_limit,
    )
    done = _index(run, view.growing)
    _report(done, f"{counted(store.count(), 'video')} in {place}", remove_missing=remove_missing)
    if watch:
        _watch(
            run, watcher, view, lambda: f"{counted(store.count(), 'video')} in {place}", remove_missing=remove_missing
        )
    used = done.added + done.updated + done.renamed + done.unchanged
    if not (used or done.failed or done.gone or remove_missing):
        raise InputError(f"{folder} holds no videos", "give a folder with videos in it")
    end_with(len(done.failed), used)


def _index(run: "Callable[..., Indexed]", growing: "Sequence[str]") -> "Indexed":
    """Index a folder; wait for another writer."""
    from teachtext.cli.progress import console, shown
    from teachtext.errors import Busy

    with shown() as progress:
        try:
            return run(growing=growing, progress=progress)
        except Busy as error:
            console.print(f"{error.problem}: waiting up to {_WAIT_S / 60:.0f} minutes", markup=False, soft_wrap=True)
            return run(growing=growing, progress=progress, wait_s=_WAIT_S)


def _watch(
    run: "Callable[..., Indexed]", watcher: "Watcher", view: "View", total: "Callable[[], str]", *, remove_missing: bool
) -> NoReturn:
    """Index again whenever files have changed, until the user stops the command."""
    import time

    from teachtext.cli.progress import console
    from teachtext.cli.watch import LOOK_S

    indexed = view.still
    console.print("watching the folder (stop with Ctrl-C)")
    while True:
        time.sleep(LOOK_S)
        view = watcher.look()
        # a drive that is not there is not a folder whose videos were deleted
        if not (view.still or view.growing) or not view.differs(indexed):
            continue
        _report(_index(run, view.growing), total(), remove_missing=remove_missing)
        indexed = {**{name: state for name, state in indexed.items() if name in view.growing}, **view.still}


def _report(done: "Indexed", total: str, *, remove_missing: bool) -> None:
    from teachtext.cli.progress import console

    for note in done.notes:
        console.print(f"note: {note}", markup=False, soft_wrap=True)
    for failure in done.failed:
        console.print(f"set aside: {failure}", markup=False, soft_wrap=True)
    counts = f"{done.added} added, {done.updated} updated, {done.renamed} renamed, {done.unchanged} unchanged"
    console.print(f"{counts}; {total}", markup=False, soft_wrap=True)
    if done.gone and remove_missing:
        console.print(f"{len(done.gone)} removed, whose files are gone", soft_wrap=True)
    elif done.gone:
        message = f"{len(done.gone)} files are gone (first: {done.gone[0]}); remove them with --remove-missing"
        console.print(message, markup=False, soft_wrap=True)
