"""Stores of an index: LanceDB in a folder, or a Milvus server."""

from pathlib import Path

from teachtext.errors import InputError
from teachtext.packages import load
from teachtext.search.stores.base import Store

MILVUS = "milvus://"


def is_url(place: str | Path) -> bool:
    """Return whether a place is a URL, not a folder.

    >>> is_url("milvus://localhost/videos"), is_url("my-index")
    (True, False)
    """
    return isinstance(place, str) and "://" in place


def open_store(place: str | Path) -> Store:
    """Return the store at a place. `Store.manifest` returns None where the place holds no index yet.

    Args:
        place: a folder, or `milvus://host[:port]/collection`.

    Raises:
        InputError: a URL of another kind, a file, a package that is not installed, a server that is down.
    """
    if isinstance(place, str) and place.startswith(MILVUS):
        milvus: Store = load("teachtext.search.stores.milvus:MilvusStore", "milvus", url=place)
        return milvus
    if is_url(place):
        raise InputError(f"'{place}' is no index", f"give a folder, or a URL such as {MILVUS}localhost:19530/videos")
    folder = Path(place)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file", "give the folder of an index")
    embedded: Store = load("teachtext.search.stores.lance:LanceStore", "index", folder=folder)
    return embedded
