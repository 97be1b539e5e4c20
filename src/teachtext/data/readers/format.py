"""What a format is: the contract of every entry of the registry."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from teachtext.data.readers.annotations import Annotations
from teachtext.data.readers.source import SourceFile

Unpack = Callable[[Path, Path, Collection[str]], int]


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format of caption files. `teachtext.data.readers` says how to add one.

    Attributes:
        name: name for `--format`, in small letters with hyphens.
        title: name in sentences and tables.
        shows: a right line or object of the format, which messages and the documentation show.
        recognises: whether a file has the format, by its content alone: the name of the file says nothing. Never
            raises but where the file is too large or nested too deeply, and is false for a file of another format.
        read: reads a file that the format recognises. Captions go through `CaptionList`. What is mended or left out
            becomes a `Remark` with a mend. What cannot be read raises an InputError that names file and line.
        write_example: writes a small file of the format into an existing folder, and returns its path. The contract
            test reads the file, writes a dataset folder, and reads that folder again.
        unpack: unpacks the videos of a file that holds them too, into a folder. Takes the file, the folder, and the
            ids of the videos; returns the number of videos. None for files without videos.
        is_general: whether a format of a certain dataset goes before this one where both recognise a file.
    """

    name: str
    title: str
    shows: str
    recognises: Callable[[SourceFile], bool]
    read: Callable[[SourceFile], Annotations]
    write_example: Callable[[Path], Path]
    unpack: Unpack | None = None
    is_general: bool = False


def text_example(name: str, text: str, *, encoding: str = "utf-8") -> Callable[[Path], Path]:
    """Return a `write_example` that writes a text file."""

    def write(folder: Path) -> Path:
        path = folder / name
        path.write_text(text, encoding=encoding)
        return path

    return write
