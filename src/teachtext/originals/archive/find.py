"""Which files of an unpacked archive are which."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from teachtext.errors import InputError
from teachtext.originals.archive.layouts import LAYOUTS, ROOTS, Kind, Place, is_folder_of, place_of

_WORDS: frozenset[Kind] = frozenset({"captions", "list"})
_INSIDE = re.compile(rf"(?:.*/)?(?P<dataset>(?!high-quality/)[^/]+)/(?:{'|'.join(ROOTS)})/(?P<path>.+)")


@dataclass(frozen=True)
class Found:
    """The recognised files of a feature root.

    Attributes:
        root: the feature root, or what holds both where words and features stand in two.
        files: what each is, in the order in which one is preferred to the next of the same thing.
    """

    root: Path
    files: Sequence[tuple[Place, Path]]

    def all_of(self, kind: Kind) -> list[tuple[Place, Path]]:
        """Return the files of a kind, the preferred one first."""
        return [(place, path) for place, path in self.files if place.kind == kind]

    def first_of(self, kind: Kind) -> dict[tuple[str, str], Path]:
        """Return the preferred file of a kind by name and part."""
        found: dict[tuple[str, str], Path] = {}
        for place, path in self.all_of(kind):
            found.setdefault((place.name, place.part), path)
        return found


def is_wanted(member: str, dataset: str) -> bool:
    """Say whether a member of a packed archive, named with `/`, is of use."""
    match = _INSIDE.fullmatch(member)
    return bool(match and is_folder_of(match["dataset"], dataset) and place_of(match["path"], dataset))


def find(folder: Path, dataset: str) -> Found:
    """Find the feature root in an unpacked archive and recognise its files.

    Args:
        folder: the root itself or a folder above it, up to the one that holds `data/`.
        dataset: a name of `LAYOUTS`.

    Raises:
        InputError: nothing is recognised; a recognised file is none, or a link that leaves `folder`.
    """
    held = {root: files for root in _roots(folder, dataset) if (files := _files(root, dataset))}
    if not held:
        raise InputError(
            f"{folder} holds no archive of {dataset}",
            f"give the .tar.gz, or the unpacked folder data/{LAYOUTS[dataset].folders[0]}",
        )
    (root, files), *others = held.items()
    # features of two extractions are never mixed, but the lists and captions of LSMDC stand in the other root alone
    for _, more in others:
        kinds = {place.kind for place, _ in files}
        words = [(place, path) for place, path in more if place.kind in _WORDS - kinds]
        root = root if not words else Path(os.path.commonpath([root, *(path.parent for _, path in words)]))
        files += words
    for _, path in files:
        _check(path, folder)
    return Found(root, sorted(files, key=lambda file: file[0].rank))


def _files(root: Path, dataset: str) -> list[tuple[Place, Path]]:
    return [
        (place, path)
        for path in sorted([*root.glob("*"), *root.glob("*/*")])
        if (place := place_of(path.relative_to(root).as_posix(), dataset))
    ]


def _roots(folder: Path, dataset: str) -> Iterator[Path]:
    tops = [folder]
    for above in (folder, folder / "data"):
        tops += [path for path in sorted(above.glob("*")) if path.is_dir() and is_folder_of(path.name, dataset)]
    for top in tops:
        yield from (top / root for root in ROOTS if (top / root).is_dir())
    yield folder


def _check(path: Path, folder: Path) -> None:
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(
            f"{path} is a link to outside {folder}",
            "put the file itself there, or give a folder that holds both",
        )
    if not path.is_file():
        raise InputError(f"{path} is not a file", "put the file itself there, or remove it")
