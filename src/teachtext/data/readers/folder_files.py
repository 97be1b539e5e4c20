"""The files of a folder that may hold captions or lists, and which of them are the captions."""

from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

from teachtext.data.readers.annotations import some
from teachtext.data.readers.foreign_files import PACKED_ENDINGS
from teachtext.data.readers.format import Format
from teachtext.data.readers.registry import FORMATS, formats_of, not_understood
from teachtext.data.readers.source import SourceFile
from teachtext.data.readers.split_lists import split_and_family
from teachtext.data.readers.split_names import words_of
from teachtext.data.video_files import is_video_name
from teachtext.errors import InputError

CAPTION_FILES = ("captions.jsonl", "captions.csv", "captions.json")
"""The files that a dataset folder written for TeachText has; one of them goes before all others."""

_ENDINGS = frozenset(
    {".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".lst", ".list", ".pkl", ".pickle", ".parquet", ""}
)
_SHARDS = (".tar", ".tar.gz", ".tgz")
RECORD = "import.json"
"""The file of an import in the dataset folder that it wrote."""

_OWN = ("splits*.json", "chosen*.json", "questions.json", "wrong-captions.json", RECORD, "config.json", "*.md")
_OWN_FOLDERS = frozenset({"features", "denoising", "teachers", "runs", "models", "index"})
_MOST_FILES = 300


def caption_files(folder: Path, wanted: Format | None) -> list[Path]:
    """Return the caption files of a folder.

    Raises:
        InputError: there is none, or there are several of different formats.
    """
    native = [folder / file for file in CAPTION_FILES if (folder / file).is_file()]
    if len(native) > 1:
        names = ", ".join(path.name for path in native)
        raise InputError(f"{folder} has several captions files: {names}", f"keep exactly one of {names}")
    if native:
        return native
    files = list(candidates(folder))
    forms = {path: _formats(SourceFile(path), wanted) for path in files}
    captioned = [path for path in files if forms[path]]
    if not captioned:
        raise _nothing(folder, files, wanted)
    certain = [path for path in captioned if not any(form.is_general for form in forms[path])]
    captioned = certain or captioned
    kinds = Counter(form.name for path in captioned for form in forms[path])
    if len(kinds) > 1 and certain:
        names = ", ".join(f"{name_in(path, folder)} ({forms[path][0].name})" for path in captioned)
        raise InputError(f"{folder} has captions in several formats: {names}", "choose with --format, or give a file")
    unsplit = [path for path in captioned if split_and_family(name_in(path, folder)) is None]
    if len(unsplit) > 1 and not certain:
        names = some([name_in(path, folder) for path in unsplit])
        raise InputError(f"{folder} has {len(unsplit)} files of captions: {names}", "give the one that you mean")
    return captioned


def candidates(folder: Path, depth: int = 2) -> Iterator[Path]:
    """Yield the files of a folder that may hold captions or lists, sorted; at most 300 of a folder."""
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    texts = [path for path in entries if path.suffix.lower() in _ENDINGS and path.is_file() and not _is_own(path)]
    yield from texts[:_MOST_FILES]
    yield from (
        path for path in entries if path.name.lower().endswith(_SHARDS) and path.is_file() and not _is_own(path)
    )
    for path in entries:
        # a folder that an import wrote is a data set of its own
        if depth == 0 or path.name.startswith(".") or path.name in _OWN_FOLDERS or is_video_name(path.name):
            continue
        if path.is_dir() and not (path / RECORD).is_file():
            # captions often lie among the videos, but not one folder further
            yield from candidates(path, depth - 1 if path.name != "videos" else 0)


def neighbours(file: Path) -> Iterator[Path]:
    """Yield the files that may be lists for a file of captions: those of its folder, and of folders of splits there.

    Other folders beside the file may be other data sets.
    """
    yield from candidates(file.parent, depth=0)
    for path in sorted(file.parent.iterdir()):
        if path.is_dir() and {"split", "splits", "list", "lists"} & set(words_of(path.name)):
            yield from candidates(path, depth=0)


def name_in(path: Path, folder: Path) -> str:
    """Return the path of a file in a folder, with slashes."""
    return path.relative_to(folder).as_posix()


def _formats(source: SourceFile, wanted: Format | None) -> list[Format]:
    try:
        forms = formats_of(source) if wanted is None else [wanted]
        return [form for form in forms if form.recognises(source)]
    except InputError:
        return []  # too large or damaged: not a file of captions


def _is_own(path: Path) -> bool:
    return path.name.startswith(".") or any(path.match(pattern) for pattern in _OWN)


def _nothing(folder: Path, candidates: Collection[Path], wanted: Format | None) -> InputError:
    """Return the error for a folder without captions: what is there, and what the largest file holds."""
    if not candidates:
        # an archive or workbook is not looked into
        candidates = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in PACKED_ENDINGS]
    names = some([name_in(path, folder) for path in candidates]) if candidates else "no text, csv or json file"
    problem = f"{folder} has no captions file{f' that is {wanted.title}' if wanted else ''}: there is {names}"
    if wanted is not None or not candidates:
        return InputError(problem, f"write for example captions.jsonl, with lines such as {FORMATS['records'].shows}")
    error = not_understood(SourceFile(max(candidates, key=lambda path: path.stat().st_size)))
    return InputError(f"{problem}; {error.problem}", error.mend)
