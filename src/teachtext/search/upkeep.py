"""Changes to single videos of an index: their tags, and their removal. Neither needs the model of the index."""

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from teachtext.data.removal import remove_items
from teachtext.data.video_files import printable
from teachtext.errors import InputError, NotFound, Unavailable, first_of
from teachtext.files import locked
from teachtext.search.filters import EVERYTHING, Filter
from teachtext.search.manifest import Manifest, read_manifest
from teachtext.search.stores.base import Store, entries_in_groups
from teachtext.search.types import Item

# videos that are read or written at once


def find_ids(store: Store, names: Sequence[str]) -> list[str]:
    """Return the ids of videos that a user names by their ids, or by the paths of their files.

    A file that stands in the index under several ids, because one indexed folder lies in another, gives all of them.

    Args:
        store: of the index.
        names: ids, or paths; a relative path starts in the working folder.

    Raises:
        NotFound: the index does not hold a video.
    """
    manifest = read_manifest(store)
    candidates = {name: [name, *_ids_of_path(manifest, name)] for name in names}
    every = {video_id for ids in candidates.values() for video_id in ids if _is_text(video_id)}
    held = store.items(every).keys()
    chosen = {
        name: [name] if name in held else [each for each in ids if each in held] for name, ids in candidates.items()
    }
    missing = [printable(name) for name, ids in chosen.items() if not ids]
    if missing:
        raise NotFound(
            f"the index holds no video {first_of(missing)}",
            "give the id of a video, as 'teachtext list' prints it, or the path of its file",
        )
    return list(dict.fromkeys(video_id for ids in chosen.values() for video_id in ids))


def _ids_of_path(manifest: Manifest, name: str) -> Iterator[str]:
    """Yield the ids that a file with this path may have, as the path is written and without its links."""
    for path in dict.fromkeys([Path(name).absolute(), Path(os.path.realpath(name))]):
        for root, folder in manifest.roots.items():
            if path.is_relative_to(folder):
                yield f"{root}/{path.relative_to(folder).as_posix()}"


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def list_items(store: Store, where: Filter = EVERYTHING, *, words: bool = False) -> list[Item]:
    """Return the videos of an index that a filter admits, sorted by id.

    Args:
        store: of the index.
        where: the filter.
        words: whether the items hold the words that were heard and read, which takes longer.
    """
    items = list(store.catalog())
    if words or where.has_speech is not None:
        items = list(store.items([item.id for item in items]).values())
    return sorted(filter(where.admits, items), key=lambda item: item.id)


def change_tags(
    store: Store, ids: Sequence[str], *, add: Collection[str] = (), remove: Collection[str] = (), wait_s: float = 0.0
) -> int:
    """Add tags to videos, and remove tags; return how many videos have changed.

    Args:
        store: of the index.
        ids: of the videos.
        add: tags that the videos are to have.
        remove: tags that the videos are not to have.
        wait_s: seconds to wait for another writer.

    Raises:
        Busy: another writer is at work.
    """
    changed = 0
    with store.writing(wait_s):
        for entries in entries_in_groups(store, ids):
            new = []
            for entry in entries:
                tags = tuple(tag for tag in dict.fromkeys([*entry.item.tags, *add]) if tag not in remove)
                if tags != tuple(entry.item.tags):
                    new.append(replace(entry, item=replace(entry.item, tags=tags)))
            store.put(new)
            changed += len(new)
    return changed


def remove_videos(
    store: Store,
    ids: Collection[str],
    features: Path,
    *,
    before: Callable[[Collection[str]], None] = lambda contents: None,
    wait_s: float = 0.0,
) -> None:
    """Remove videos from an index, with their features. What another video of the same content needs is kept.

    A removal that failed can be repeated: the entries are removed last.

    Args:
        store: of the index.
        ids: of the videos; ids that the index does not hold are passed over.
        features: folder of the index's features.
        before: called first, with the contents that no other video of the index has.
        wait_s: seconds to wait for another writer.

    Raises:
        Busy: another writer is at work.
        Unavailable: the features cannot be removed.
    """
    with store.writing(wait_s):
        leaving = set(ids)
        contents: set[str] = set()
        others: set[str] = set()
        for item in store.catalog():
            (contents if item.id in leaving else others).add(item.content)
        before(contents - others)
        for folder in sorted(features.glob("video-*")):
            _remove_features(folder, leaving, contents - others, wait_s)
        store.remove(list(ids))
        manifest = read_manifest(store)
        if any(manifest.copies_of(name) for name in leaving):
            kept = [[name for name in group if name not in leaving] for group in manifest.copies or ()]
            replace(manifest, copies=[group for group in kept if len(group) > 1]).write(store)


def _remove_features(folder: Path, ids: Collection[str], contents: Collection[str], wait_s: float) -> None:
    with locked(folder, wait_s=wait_s):
        for expert in filter(Path.is_dir, folder.iterdir()):
            try:
                remove_items(expert, ids=ids, sources=contents)
            except InputError as error:
                raise Unavailable(f"the features cannot be removed ({error.problem})", error.mend) from error
