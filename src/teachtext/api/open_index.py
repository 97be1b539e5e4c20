"""Make the index of a folder of videos, bring it up to date, or open it, in Python."""

import warnings
from collections.abc import Collection
from pathlib import Path

from teachtext.api.load import Models, embedder_of
from teachtext.api.video_index import Index
from teachtext.arguments import check_count, check_list, check_place
from teachtext.devices import resolve_device
from teachtext.machine import default_workers
from teachtext.progress import Progress, silent
from teachtext.search.index_model import CLASS_NAMES, load_embedder
from teachtext.search.indexing import check_new, index_folder
from teachtext.search.manifest import read_manifest
from teachtext.search.searcher import Searcher
from teachtext.search.stores import is_url, open_store

INDEX = "teachtext-index"


def index(
    folder: str | Path,
    *,
    model: Models = None,
    place: str | Path = INDEX,
    features: str | Path | None = None,
    words: bool = False,
    detail: str | None = None,
    tags: str | Collection[str] = (),
    query_bank: str | Path | None = None,
    hub_correction: bool | None = None,
    remove_missing: bool = False,
    reread: bool = False,
    workers: int | None = None,
    time_limit: float | None = None,
    memory_limit: float | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> Index:
    """Index a folder of videos, or bring its index up to date; `teachtext index` does the same.

    Only new and changed videos are extracted. Videos that cannot be used are listed in `Index.indexed.failed`, and a
    warning names the first one.

    Args:
        folder: videos, in its folders too.
        model: a loaded model, or a place that `teachtext.load` accepts. By default the model of the index; a new index
            uses `zero-shot`, the class names of an image network. `hf:ID`, or a folder, is a model with one space for
            texts and videos, such as CLIP. An index of several models, such as `["runs/mine", "zero-shot"]`, adds their
            standardised scores.
        place: folder of the index, or `milvus://host:port/name`.
        features: folder that keeps features; by default inside the index; for a URL, in the working folder.
        words: also recognise speech and written words, so that words can be searched.
        detail: how closely videos of more than about 12 s are looked at: `low`, `normal` or `high`. By default an index
            stays as it is, and a new index is `normal`.
        tags: added to all videos of the folder.
        query_bank: file of captions, one a line, that corrects hubs: videos which are near every query. By default
            the captions that the model keeps of its training.
        hub_correction: whether hubs are corrected. By default an index stays as it is, and a new index corrects hubs
            if its model keeps captions.
        remove_missing: remove videos whose files are gone.
        reread: read every file again, also one whose size and times have not changed since it was read.
        workers: processes that extract; by default one a core and for 1.5 GB of free memory, at most 8.
        time_limit: seconds that one video may take; by default ten times its length, at least a minute.
        memory_limit: megabytes of memory that one video may take, beyond the encoders themselves; by default 4,000.
        device: where video experts compute, and a model that is loaded here.
        progress: called with the number of videos that are done.

    Raises:
        InputError: a wrong argument, another model than the index was made by, a package that is not installed, or a
            store that is down.
    """
    processes = default_workers() if workers is None else check_count("workers", workers)
    check_place("folder", folder)
    check_place("place", place)
    if features is None:
        features = Path(f"{INDEX}-features" if is_url(place) else place) / "features"
    kept = Path(check_place("features", features))
    bank = None if query_bank is None else Path(check_place("query_bank", query_bank))
    store = open_store(place)
    check_new(Path(folder), store)
    embedder = embedder_of(model, device)
    if embedder is None:
        manifest = store.manifest()
        identity = CLASS_NAMES if manifest is None else read_manifest(store).model
        embedder = load_embedder(identity, device=resolve_device(device))
    indexed = index_folder(
        Path(folder),
        store,
        embedder,
        kept,
        words=words,
        detail=detail,
        tags=check_list("tags", tags),
        query_bank=bank,
        hub_correction=hub_correction,
        remove_missing=remove_missing,
        reread=reread,
        workers=processes,
        device=device,
        time_limit=time_limit,
        memory_limit=memory_limit,
        progress=progress,
    )
    if indexed.failed:
        warnings.warn(f"{len(indexed.failed)} videos cannot be used, the first: {indexed.failed[0]}", stacklevel=2)
    return Index(Searcher(place, model=embedder), indexed)


def open_index(
    place: str | Path = INDEX,
    *,
    model: Models = None,
    device: str = "auto",
    exact: bool | None = None,
) -> Index:
    """Open an index that `teachtext.index` or `teachtext index` made.

    Args:
        place: folder of the index, or `milvus://host:port/name`.
        model: a loaded model, or a place that `teachtext.load` accepts, if the model was moved. For an index of
            several models, all of them in their order.
        device: where a model that is loaded here computes.
        exact: whether a search compares every video; by default up to 50,000 segments of videos.

    Raises:
        InputError: no index, its model is gone or is another one, or a store is down.
    """
    check_place("place", place)
    return Index(Searcher(place, model=embedder_of(model, device), device=device, exact=exact))
