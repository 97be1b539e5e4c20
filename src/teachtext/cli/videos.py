"""`teachtext list`, `info`, `tag` and `remove`: the videos of an index. None of them loads the model."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from teachtext.cli.options import INDEX, AsJson, IndexPlace, Null, Paths, Where
from teachtext.errors import counted

if TYPE_CHECKING:
    from teachtext.search.manifest import Manifest
    from teachtext.search.stores.base import Store
    from teachtext.search.types import Item

_VIDEO_HELP = "Id of a video of the index, or path of its file."
# seconds to wait for another writer
_WAIT_S = 60.0
Videos = Annotated[list[str], typer.Argument(metavar="VIDEO...", help=_VIDEO_HELP)]


def list_videos(
    place: IndexPlace = INDEX,
    where: Where = [],  # noqa: B006
    as_json: AsJson = False,
    paths: Paths = False,
    null: Null = False,
) -> None:
    """List the videos of an index, sorted by id: length, day of their coming, tags."""
    import json

    from teachtext.cli.paths import check_output, print_paths
    from teachtext.cli.progress import console
    from teachtext.cli.tables import print_rows
    from teachtext.search.filters import parse_filters
    from teachtext.search.manifest import read_manifest
    from teachtext.search.upkeep import list_items

    check_output(as_json=as_json, paths=paths, null=null)
    conditions, store = parse_filters(where), _open(place)
    manifest = read_manifest(store)
    items = list_items(store, conditions, words=as_json)
    if as_json:
        print(json.dumps([_facts(item, manifest) for item in items], indent=2, ensure_ascii=False))
    elif paths or null:
        print_paths([manifest.path_of(item.id) for item in items], null=null)
    else:
        rows = [
            [
                item.id if manifest.path_of(item.id).exists() else f"{item.id} (gone)",
                _length(item.duration_s),
                _day(item.added_s),
                ", ".join(item.tags),
            ]
            for item in items
        ]
        if rows:
            print_rows(["video", "length", "added", "tags"], rows)
        console.print(f"{len(items):,} of {counted(store.count(), 'video')}")


def info(
    video: Annotated[str | None, typer.Argument(help=_VIDEO_HELP, show_default="the index itself")] = None,
    place: IndexPlace = INDEX,
    as_json: AsJson = False,
) -> None:
    """Show what an index holds, or all facts and words of a video."""
    import json

    from teachtext.search.manifest import read_manifest

    store = _open(place)
    facts = _index_facts(store, read_manifest(store)) if video is None else _video_facts(store, video)
    if as_json:
        print(json.dumps(facts, indent=2, ensure_ascii=False))
    elif video is None:
        _print_index(facts)
    else:
        _print_video(facts)


def tag(
    videos: Videos,
    add: Annotated[list[str], typer.Option(help="Tag to add. Can be repeated.", show_default=False)] = [],  # noqa: B006
    remove: Annotated[list[str], typer.Option(help="Tag to remove. Can be repeated.", show_default=False)] = [],  # noqa: B006
    place: IndexPlace = INDEX,
) -> None:
    """Add tags to videos of an index, and remove tags."""
    from teachtext.cli.progress import console
    from teachtext.errors import InputError
    from teachtext.search.indexing import check_tags
    from teachtext.search.upkeep import change_tags, find_ids

    if not add and not remove:
        raise InputError("no tag is given", "give --add TAG, --remove TAG, or both")
    check_tags([*add, *remove])
    if both := sorted({*add} & {*remove}):
        raise InputError(f"the tag '{both[0]}' is to be added and removed", "give it once")
    store = _open(place)
    ids = find_ids(store, videos)
    changed = change_tags(store, ids, add=add, remove=remove, wait_s=_WAIT_S)
    console.print(f"tags changed of {changed:,} of {counted(len(ids), 'video')}", soft_wrap=True)


def remove(
    videos: Videos,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    place: IndexPlace = INDEX,
) -> None:
    """Remove videos from an index, with their words, pictures and features. The files of the videos stay.

    The next 'teachtext index' of the folder indexes files again that are still there.
    """
    import sys

    from teachtext.cli.progress import console
    from teachtext.errors import InputError, first_of
    from teachtext.search.fulltext import FullTextIndex
    from teachtext.search.manifest import read_manifest
    from teachtext.search.stores import is_url
    from teachtext.search.upkeep import find_ids, remove_videos
    from teachtext.service.picture_cache import PictureCache

    store = _open(place)
    ids = find_ids(store, videos)
    if not yes:
        if not sys.stdin.isatty():
            raise InputError(
                "nobody can be asked, for the input is no terminal", "give --yes to remove without a question"
            )
        typer.confirm(f"Remove {first_of(ids)} from {place}? Their files stay.", abort=True, err=True)
    folder = Path(f"{INDEX}-files" if is_url(place) else place)

    def remove_pictures(contents: Collection[str]) -> None:
        pictures = PictureCache(folder / "thumbnails")
        for content in contents:
            pictures.remove(content)

    features = Path(f"{INDEX}-features" if is_url(place) else place) / "features"
    remove_videos(store, ids, features, before=remove_pictures, wait_s=_WAIT_S)
    FullTextIndex(store, None if is_url(place) else folder / "words.sqlite").forget_removed()
    console.print(f"{len(ids):,} removed; {counted(store.count(), 'video')} in {place}", markup=False, soft_wrap=True)
    if there := sum(path.exists() for path in map(read_manifest(store).path_of, ids)):
        note = f"the files stay where they are ({there:,}); the next 'teachtext index' of their folder adds them again"
        console.print(note, markup=False, soft_wrap=True)


def _open(place: str) -> "Store":
    from teachtext.cli.quick_start import import_lancedb
    from teachtext.search.stores import open_store

    import_lancedb(place)
    return open_store(place)


def _facts(item: "Item", manifest: "Manifest") -> dict[str, Any]:
    from teachtext.service.schemas import VideoJson

    path = manifest.path_of(item.id)
    facts = VideoJson.model_validate(item).model_dump()
    return {"id": facts.pop("id"), "path": str(path), **facts, "there": path.exists()}


def _video_facts(store: "Store", video: str) -> dict[str, Any]:
    from teachtext.search.manifest import read_manifest
    from teachtext.search.upkeep import find_ids
    from teachtext.service.schemas import MomentJson

    entry = store.get(find_ids(store, [video])[:1]).popitem()[1]
    return {
        **_facts(entry.item, read_manifest(store)),
        "about": dict(entry.item.about),
        "spaces": list(entry.spaces),
        "moments": [MomentJson.model_validate(moment).model_dump() for moment in entry.item.moments],
    }


def _index_facts(store: "Store", manifest: "Manifest") -> dict[str, Any]:
    from collections import Counter

    from teachtext.search.stores import is_url

    items = list(store.catalog())
    counts = Counter(item.id.partition("/")[0] for item in items)
    bank = manifest.bank
    folder = None if is_url(store.place) else Path(store.place)
    files = [path for path in folder.rglob("*") if path.is_file()] if folder else []
    return {
        "place": store.place,
        "model": manifest.model["name"],
        "model_folder": manifest.model.get("folder"),
        "experts": list(manifest.experts),
        "spaces": dict(manifest.spaces),
        "videos": len(items),
        "seconds": sum(item.duration_s or 0.0 for item in items),
        "folders": [
            {"name": name, "path": path, "there": Path(path).is_dir(), "videos": counts[name]}
            for name, path in sorted(manifest.roots.items())
        ],
        "tags": dict(sorted(Counter(tag for item in items for tag in item.tags).items())),
        "bytes": sum(path.stat().st_size for path in files) if folder else None,
        "hub_correction": None if bank is None else {"captions": bank.file, "hubs": len(bank.hubs)},
    }


def _print_index(facts: dict[str, Any]) -> None:
    from teachtext.cli.tables import print_rows

    bank, size = facts["hub_correction"], facts["bytes"]
    folder = facts["model_folder"]
    rows = [
        ["place", facts["place"]],
        ["model", facts["model"] + (f" ({folder})" if folder else "")],
        ["experts", ", ".join(facts["experts"])],
        ["videos", f"{facts['videos']:,}, {_length(facts['seconds'])} together"],
        *(
            [
                f"folder {each['name']}",
                f"{each['path']}{'' if each['there'] else ' (gone)'}: {counted(each['videos'], 'video')}",
            ]
            for each in facts["folders"]
        ),
        *([f"tag {name}", counted(count, "video")] for name, count in facts["tags"].items()),
        ["size", "" if size is None else _megabytes(size)],
        ["hubs", "not corrected" if bank is None else f"corrected; {bank['hubs']:,} of the videos are hubs"],
    ]
    print_rows(["", ""], [row for row in rows if row[1]])


def _print_video(facts: dict[str, Any]) -> None:
    from teachtext.cli.tables import print_rows
    from teachtext.search.types import clock

    rows = [
        ["video", facts["id"]],
        ["path", facts["path"] + ("" if facts["there"] else " (gone)")],
        ["length", _length(facts["duration_s"])],
        ["size", _megabytes(facts["size"])],
        ["added", _day(facts["added_s"])],
        ["tags", ", ".join(facts["tags"])],
        ["vectors", ", ".join(facts["spaces"])],
        *([name, text] for name, text in facts["about"].items()),
        *([f"{moment['expert']} {clock(moment['start_s'])}", moment["text"]] for moment in facts["moments"]),
    ]
    print_rows(["", ""], rows)


def _length(seconds: float | None) -> str:
    from teachtext.search.types import clock

    return "" if seconds is None else clock(seconds)


def _day(seconds: float) -> str:
    from datetime import datetime

    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d")


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
