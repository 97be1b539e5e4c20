"""Finds the feature root of an unpacked archive, and recognises its files."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from teachtext.errors import InputError
from teachtext.originals.archive.layouts import LAYOUTS, ROOTS, FileKind, FileRole, is_folder_of, role_of

_TEXT_KINDS: frozenset[FileKind] = frozenset({"captions", "list"})
_INSIDE = re.compile(rf"(?:.*/)?(?P<dataset>(?!high-quality/)[^/]+)/(?:{'|'.join(ROOTS)})/(?P<path>.+)")


@dataclass(frozen=True)
class ArchiveFiles:
    """The recognised files of a feature root.

    Attributes:
        root: the feature root, or the common parent if lists and captions are in another root than features.
        files: role and path; of files with the same role, the preferred file comes first.
    """

    root: Path
    files: Sequence[tuple[FileRole, Path]]

    def all_of(self, kind: FileKind) -> list[tuple[FileRole, Path]]:
        """Return the files of a kind, the preferred file first."""
        return [(role, path) for role, path in self.files if role.kind == kind]

    def first_of(self, kind: FileKind) -> dict[tuple[str, str], Path]:
        """Return the preferred file of a kind by name and part."""
        preferred: dict[tuple[str, str], Path] = {}
        for role, path in self.all_of(kind):
            preferred.setdefault((role.name, role.part), path)
        return preferred


def is_relevant(member: str, dataset: str) -> bool:
    """Return whether a member of a packed archive is a file of the dataset; its path uses `/`."""
    match = _INSIDE.fullmatch(member)
    return bool(match and is_folder_of(match["dataset"], dataset) and role_of(match["path"], dataset))


def find_files(folder: Path, dataset: str) -> ArchiveFiles:
    """Find the feature root in an unpacked archive and recognise its files.

    Args:
        folder: the root itself or a folder above it, up to the one that holds `data/`.
        dataset: a name of `LAYOUTS`.

    Raises:
        InputError: no file is recognised, or a recognised path is not a file or is a link that leaves `folder`.
    """
    files_of_roots = {root: files for root in _roots(folder, dataset) if (files := _files(root, dataset))}
    if not files_of_roots:
        raise InputError(
            f"{folder} holds no archive of {dataset}",
            f"give the .tar.gz, or the unpacked folder data/{LAYOUTS[dataset].folders[0]}; "
            "'teachtext data import' reads the captions and lists of others",
        )
    (root, files), *others = files_of_roots.items()
    # features of two extractions are never mixed, but LSMDC has its lists and captions in the other root only
    for _, other_files in others:
        kinds = {role.kind for role, _ in files}
        text_files = [(role, path) for role, path in other_files if role.kind in _TEXT_KINDS - kinds]
        root = root if not text_files else Path(os.path.commonpath([root, *(path.parent for _, path in text_files)]))
        files += text_files
    for _, path in files:
        _check(path, folder)
    return ArchiveFiles(root, sorted(files, key=lambda file: file[0].rank))


def _files(root: Path, dataset: str) -> list[tuple[FileRole, Path]]:
    return [
        (role, path)
        for path in sorted([*root.glob("*"), *root.glob("*/*")])
        if (role := role_of(path.relative_to(root).as_posix(), dataset))
    ]


def _roots(folder: Path, dataset: str) -> Iterator[Path]:
    tops = [folder]
    for parent in (folder, folder / "data"):
        tops += [path for path in sorted(parent.glob("*")) if path.is_dir() and is_folder_of(path.name, dataset)]
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
