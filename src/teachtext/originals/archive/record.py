"""What an import found, and what was missing."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from teachtext.files import write_json


@dataclass(frozen=True, kw_only=True)
class Row:
    """One thing that an archive should hold, or holds besides.

    Attributes:
        kind: what sort of thing.
        name: which one.
        files: by place below the feature root, a hash of the contents (see `content_hash`); none where it is missing.
        dim: D of features.
        dtype: how features are kept.
        items: how many videos, captions or ids it holds.
        missing: how many of the dataset's videos or captions it says nothing of.
        note: what is worth knowing.
    """

    kind: str
    name: str
    files: Mapping[str, str] = field(default_factory=dict)
    dim: int | None = None
    dtype: str = ""
    items: int | None = None
    missing: int | None = None
    note: str = ""

    @property
    def found(self) -> bool:
        """Whether the archive holds it."""
        return bool(self.files)


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What came out of an archive.

    Attributes:
        dataset: its name.
        archive: name of the file or folder.
        sha1: of a packed archive; nothing for a folder.
        published: which of the published archives has this SHA-1; nothing if none has.
        rows: every expected thing, found or missing.
        notes: what is worth knowing besides.
    """

    dataset: str
    archive: str
    sha1: str
    published: str
    rows: Sequence[Row]
    notes: Sequence[str]

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        missing = [f"{row.kind} {row.name}" for row in self.rows if not row.found]
        write_json(path, asdict(self) | {"missing": missing})


class TeacherWriter(Protocol):
    """Turns a published teacher into a teacher cache."""

    def __call__(
        self, path: Path, target: Path, *, captions: Mapping[str, Sequence[str]], fused: bool
    ) -> Collection[str]:
        """Read `path`, write `target`; return the ids of its captions."""
        ...
