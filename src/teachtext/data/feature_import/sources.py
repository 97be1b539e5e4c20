"""Opens a container of features, finds its items, and gives them their ids."""

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from teachtext.data.feature_import.containers import Container, container_of
from teachtext.data.feature_import.content import LazyMapping
from teachtext.data.feature_import.layouts import Choice, Items, items_of
from teachtext.data.feature_import.matching import NameMatch, match_names, names_as_ids, some
from teachtext.errors import InputError
from teachtext.files import content_hash, fingerprint

Nan = Literal["refuse", "missing"]


@dataclass(frozen=True, kw_only=True)
class Request:
    """Which features are wanted, and what becomes of them.

    Attributes:
        path: a folder with one file a video, or one file with all videos; see `CONTAINERS`.
        key: name of the array, or of the group of items, where there are several.
        expert: the name that is looked for where no `key` is given; it need not be there.
        pool: replace the rows of an item by their mean.
        nan: whether NaN and infinite values are refused, or the rows that hold them are left out.
        ids: of a dataset; names that are not equal to one are matched to one (see `match_names`). None where there is
            no dataset.
        dataset: what the dataset is called in messages.
        what: what the ids name in messages.
    """

    path: Path
    key: str | None = None
    expert: str | None = None
    pool: bool = False
    nan: Nan = "refuse"
    ids: Collection[str] | None = None
    dataset: str = "the dataset"
    what: str = "videos"


@dataclass(frozen=True, kw_only=True)
class OpenSource:
    """An open container, with an id for each of its items.

    Attributes:
        request: what was asked for.
        container: its format.
        items: what it holds.
        match: for which ids the names of the items stand.
        hash: of the content.
        size: bytes of the container; None of arrays in memory.
        notes: sentences on what was left out, on items of other videos, and on videos without an item.
    """

    request: Request
    container: Container
    items: Items
    match: NameMatch
    hash: str
    size: int | None
    notes: list[str]

    @property
    def provenance(self) -> dict[str, Any]:
        """All that a store of these features depends on."""
        # stores of .npz files with ids have always had this form
        is_former = self.container.name == ".npz" and self.items.columns
        renamed = {name: item_id for name, item_id in self.match.ids.items() if name != item_id}
        return {
            "npz" if is_former else "file": self.request.path.name,
            "key": self.items.key,
            "pool": self.request.pool,
            "hash": self.hash,
            **({} if is_former else {"container": self.container.name}),
            **({} if self.request.nan == "refuse" else {"nan": self.request.nan}),
            **({"ids": fingerprint(renamed)} if renamed else {}),
        }


@contextmanager
def opened(request: Request) -> Iterator[OpenSource]:
    """Open the container of a request.

    Raises:
        InputError: no such file, another kind of file, a damaged file, no array of that name, or no item of the
            dataset.
    """
    path = request.path
    container = container_of(path)
    with ExitStack() as stack:
        with reading(path, container):
            content = container.read(path, stack)
            items = items_of(content, Choice(path, request.key, request.expert))
            digest, size = _hash(path), sum(file.stat().st_size for file in _files(path))
        match, notes = _matched(items, request)
        notes = [*(content.notes if isinstance(content, LazyMapping) else ()), *notes]
        yield OpenSource(
            request=request, container=container, items=items, match=match, hash=digest, size=size, notes=notes
        )


def _matched(items: Items, request: Request) -> tuple[NameMatch, list[str]]:
    path, ids, dataset, what = request.path, request.ids, request.dataset, request.what
    if ids is None:
        return NameMatch(names_as_ids(items.names, str(path)), 0, [], []), []
    match = match_names(items.names, ids, where=str(path))
    if not match.matched:
        raise InputError(
            f"{path} describes none of the {len(ids):,} {what} of {dataset} "
            f"(it names {some(items.names)}; the {what} are {some(sorted(ids))})",
            f"give the features of these {what}, or correct the names",
        )
    sentences = {
        f"no features of {len(match.missing):,} of {len(ids):,} {what}": match.missing,
        f"{len(match.others):,} items describe no {what.removesuffix('s')} of {dataset}": match.others,
    }
    return match, [f"{path.name}: {sentence} ({some(names)})" for sentence, names in sentences.items() if names]


def _hash(path: Path) -> str:
    if path.is_file():
        return content_hash(path)
    return fingerprint([[file.relative_to(path).as_posix(), content_hash(file)] for file in _files(path)])


def _files(path: Path) -> list[Path]:
    # a lock beside a database changes whenever it is read
    inside = (file for file in path.rglob("*") if file.is_file() and file.name != "lock.mdb")
    return [path] if path.is_file() else sorted(inside)


@contextmanager
def reading(path: Path, container: Container, item: str = "") -> Iterator[None]:
    """Turn whatever a damaged container makes a reader raise into one sentence."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        inside = f"{path}: '{item}' is not a whole file"
        what = inside if item and path.is_dir() else f"{path} is not a whole {container.name} file"
        reason = " ".join(str(error).split())[:150] or type(error).__name__
        raise InputError(f"{what} ({reason})", "copy or make it again") from error
