"""Which store a place means: the folder of an embedded one, or the URL of a server."""

from pathlib import Path

from teachtext.errors import InputError
from teachtext.packages import load
from teachtext.search.stores.base import Store

MILVUS = "milvus://"


def is_url(place: str) -> bool:
    """Say whether a place is a URL, and no folder."""
    return "://" in place


def store_at(place: str) -> Store:
    """Return the store of a place; whether there is an index, its `info` tells.

    Args:
        place: a folder, or `milvus://host[:port]/collection`.

    Raises:
        InputError: a URL of another kind, a file, a package that is not installed, a server that is down.
    """
    if place.startswith(MILVUS):
        made: Store = load("teachtext.search.stores.milvus:MilvusStore", "milvus", url=place)
        return made
    if is_url(place):
        raise InputError(f"'{place}' is no index", f"give a folder, or a URL such as {MILVUS}localhost:19530/videos")
    folder = Path(place)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file", "give the folder of an index")
    embedded: Store = load("teachtext.search.stores.lance:LanceStore", "index", folder=folder)
    return embedded
