"""A folder of videos to an index: what is new or has changed is extracted, embedded and stored, the rest left alone."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from teachtext.arguments import check_choice
from teachtext.data.video_files import list_video_files
from teachtext.devices import AUTO
from teachtext.encoders.embedder import Embedder
from teachtext.encoders.query import check_text
from teachtext.encoders.registry import word_experts
from teachtext.errors import InputError
from teachtext.extraction.extract import Failure, check_packages
from teachtext.progress import Progress, silent
from teachtext.search.file_contents import FileContents
from teachtext.search.hubness import choose_bank
from teachtext.search.index_model import check_same, missing_senses, unused_experts
from teachtext.search.indexing_run import IndexingRun, joined
from teachtext.search.manifest import Manifest, read_manifest
from teachtext.search.moved_models import follow_models
from teachtext.search.moves import look_elsewhere
from teachtext.search.scan import Scan, scan
from teachtext.search.segments import with_cutter
from teachtext.search.stores import is_url
from teachtext.search.stores.base import Store, entries_in_groups
from teachtext.search.text_sides import keep_text_sides
from teachtext.video.sampling import DETAILS, NORMAL

# files of a run or a model, whose folder also has features
_NO_INDEX = ("results.json", "config.yaml", "model.safetensors")


@dataclass(frozen=True, kw_only=True)
class Indexed:
    """What became of a folder's videos.

    Attributes:
        added: new in the index.
        updated: their files have changed.
        renamed: their content was in the index under an id whose file is gone.
        unchanged: left alone.
        gone: ids whose files are not there any more, sorted; still in the index unless they were to be removed.
        failed: files that cannot be used.
        notes: files and folders that were left out, sound and subtitles that had to be left out, and what the device
            cannot do.
    """

    added: int
    updated: int
    renamed: int
    unchanged: int
    gone: Sequence[str]
    failed: Sequence[Failure]
    notes: Sequence[str] = ()


def index_folder(
    folder: Path,
    store: Store,
    model: Embedder,
    features: Path,
    *,
    words: bool = False,
    detail: str | None = None,
    tags: Collection[str] = (),
    query_bank: Path | None = None,
    hub_correction: bool | None = None,
    remove_missing: bool = False,
    growing: Collection[str] = (),
    reread: bool = False,
    workers: int = 1,
    device: str = AUTO,
    time_limit: float | None = None,
    memory_limit: float | None = None,
    wait_s: float = 0.0,
    progress: Progress = silent,
) -> Indexed:
    """Bring an index up to date with a folder; make it if it is not there.

    Files are told apart by their content, so that one that was renamed, or moved here from another folder of the index,
    keeps its tags and the date of its coming, and is not extracted again. Stopped or killed, it goes on where it was:
    what is stored is whole, and can be found.

    Args:
        folder: videos, in folders in it too. With `remove_missing` it may be an indexed folder that is gone.
        store: of the index.
        model: what the index was made by, or is to be.
        features: folder in which features are kept.
        words: also hear and read the videos, so that their words can be searched; once asked for it stays so.
            Subtitles are always read.
        detail: how closely videos of more than about 12 s are looked at: `low`, `normal` or `high`. By default an index
            stays as it is, and a new index is `normal`.
        tags: added to all videos of the folder.
        query_bank: file of captions with which hubs are corrected, instead of those that the model keeps of its
            training (see `read_captions`); once given it stays so.
        hub_correction: whether hubs are corrected. By default an index stays as it is, and a new index corrects hubs
            if its model keeps captions.
        remove_missing: remove videos of this folder whose files are gone.
        growing: paths in the folder of files that are being written, which are left alone.
        reread: read every file, also one whose size and times have not changed since it was read.
        workers: processes that extract.
        device: where video experts compute (see `teachtext.devices`).
        time_limit: seconds that one video may take (see `extract`).
        memory_limit: megabytes that one video may take (see `extract`).
        wait_s: seconds to wait for another writer.
        progress: told how far each step is.

    Raises:
        InputError: no folder, another model, a store that is down, experts that are not installed.
        Busy: another writer is at work.
    """
    is_gone = remove_missing and not folder.exists()
    if not folder.is_dir() and not (is_gone and _is_indexed(store, folder)):
        raise _no_folder(folder)
    check_tags(tags)
    if detail is not None:
        check_choice("detail", detail, list(DETAILS))
    bank_of = partial(choose_bank, model=model, file=query_bank, correct=hub_correction)
    if store.manifest() is None:
        # errors are to come before a folder is made
        check_packages({*model.experts, *(word_experts() if words else ())})
        bank_of(None)
    else:
        # a writer reads the rows, which an earlier version has written otherwise
        read_manifest(store)
    with store.writing(wait_s):
        is_new = store.manifest() is None
        manifest, root = _begin(store, model, features, words, detail).with_root(folder)
        bank, bank_notes = bank_of(None if is_new else manifest)
        run = IndexingRun(store, model, features, replace(manifest, bank=bank), progress)
        scanned = (
            Scan()
            if is_gone
            else scan(
                folder,
                root,
                FileContents(features / "file-contents.json", reread=reread),
                apart=own_folders(store, features),
                growing=growing,
                progress=progress,
            )
        )
        files = scanned.files
        items = {item.id: item for item in store.catalog() if item.id.partition("/")[0] == root}
        new = {files[name].content for name in files.keys() - items.keys()}
        others = look_elsewhere(store.catalog(), manifest, root, new, items.values())
        gone = scanned.without_files(items)
        # a file whose content is still there, under another name, was renamed, or was one of several copies
        contents = {file.content for file in files.values()}
        renamed = {items[name].content: items[name] for name in gone if items[name].content in contents}
        renamed = {**others.moved, **renamed}
        lost = [name for name in gone if items[name].content not in contents]
        changed = {name: file for name, file in files.items() if not run.is_current(items.get(name), file)}
        before = {name: items.get(name) or renamed.get(file.content) for name, file in changed.items()}
        extraction = run.update(
            changed,
            before,
            tags,
            workers=workers,
            device=device,
            time_limit=time_limit,
            memory_limit=memory_limit,
            progress=progress,
        )
        bad = {failure.id for failure in extraction.failed}
        store.remove([name for name in items if name in bad or (name in gone and name not in lost)])
        stored = {file.content for name, file in files.items() if name not in bad}
        store.remove([*others.taken, *(item.id for content, item in others.moved.items() if content in stored)])
        if remove_missing:
            store.remove(lost)
        add_tags(store, [name for name in files.keys() & items.keys() if name not in bad], tags)
        run.finish()
        side_notes = keep_text_sides(store.place, model)
    done = [name for name in changed if name not in bad]
    return Indexed(
        added=sum(before[name] is None for name in done),
        updated=sum(name in items for name in done),
        renamed=sum(before[name] is not None and name not in items for name in done),
        unchanged=len(files) - len(changed),
        gone=lost,
        failed=[*scanned.failed, *extraction.failed],
        notes=[
            *map(str, scanned.left_out),
            *others.notes(),
            *extraction.notes,
            *bank_notes,
            *run.notes,
            *side_notes,
            *unused_experts(model.identity),
            *missing_senses(model.identity),
        ],
    )


def check_new(folder: Path, store: Store) -> None:
    """Check, before anything is written, that a new index has videos and a folder that holds nothing else.

    Raises:
        InputError: the folder holds no videos, or the place of the index holds a run or a model.
    """
    is_new = store.manifest() is None
    # a folder that is gone may be removed from its index
    if not folder.is_dir() and (is_new or folder.exists()):
        raise _no_folder(folder)
    if not is_new:
        return
    place = Path(store.place)
    names = [] if is_url(store.place) else [name for name in _NO_INDEX if (place / name).exists()]
    if names:
        raise InputError(
            f"{place} holds a run or a model ({names[0]})",
            "give another folder for the index: place=... in Python, --index on the command line",
        )
    listed = list_video_files(folder, apart=own_folders(store))
    if not listed.files:
        problem = "; ".join([f"{folder} holds no videos", *map(str, listed.left_out)])
        raise InputError(problem, "give a folder with videos in it")


def add_tags(store: Store, ids: Collection[str], tags: Collection[str]) -> None:
    """Add tags to videos that lack them. Only inside `Store.writing`."""
    for entries in entries_in_groups(store, list(ids) if tags else []):
        lacking = [entry for entry in entries if not set(tags) <= set(entry.item.tags)]
        store.put([replace(entry, item=replace(entry.item, tags=joined(entry.item.tags, tags))) for entry in lacking])


def check_tags(tags: Collection[str]) -> None:
    """Raise InputError for a tag that is empty, or that is no whole text."""
    for tag in tags:
        check_text(tag, "a tag")


def _no_folder(folder: Path) -> InputError:
    return InputError(f"{folder} is not a folder", "give a folder with videos in it")


def own_folders(store: Store, *folders: Path) -> list[Path]:
    """Return the folders of an index, which may lie among the videos."""
    return [*folders, *([] if is_url(store.place) else [Path(store.place)])]


def _is_indexed(store: Store, folder: Path) -> bool:
    return store.manifest() is not None and str(folder.resolve()) in read_manifest(store).roots.values()


def _begin(store: Store, model: Embedder, features: Path, words: bool, detail: str | None) -> Manifest:
    """Return what the index is, or is to be."""
    if store.manifest() is None:
        experts = with_cutter(model.experts)
        manifest = Manifest(model=model.identity, spaces=model.spaces, experts=experts, detail=detail or NORMAL)
    else:
        manifest = read_manifest(store)
        check_same(manifest.model, model)
        if detail not in (None, manifest.detail):
            raise InputError(
                f"the index {store.place} was made with detail '{manifest.detail}', not '{detail}'",
                "leave the detail out, or index into another folder with --index",
            )
        manifest = follow_models(manifest, model, features)
    return replace(manifest, experts=sorted({*manifest.experts, *(word_experts() if words else ())}))
