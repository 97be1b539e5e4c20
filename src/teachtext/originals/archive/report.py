"""The report of an import: which files of the archive were imported, and which are missing."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from teachtext.files import write_json


@dataclass(frozen=True, kw_only=True)
class ArchiveEntry:
    """One feature file, list, mask or teacher that an archive holds or should hold.

    Attributes:
        kind: such as `expert`, `text` or `mask`.
        name: of the expert, text encoder, mask or teacher.
        files: hash of the contents (see `content_hash`) by path below the feature root; empty if missing.
        dim: D of features.
        dtype: number type of the stored features.
        items: number of videos, captions or ids in it.
        missing: number of videos or captions of the dataset that are not in it.
        note: a remark for the table.
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
    def is_present(self) -> bool:
        """Whether the archive holds the entry."""
        return bool(self.files)


@dataclass(frozen=True, kw_only=True)
class ImportReport:
    """What was imported from an archive.

    Attributes:
        dataset: name of the dataset.
        archive: name of the file or folder.
        sha1: of a packed archive; empty for a folder.
        published: title of the published archive with this SHA-1; empty if there is none.
        rows: every expected entry, present or missing.
        notes: remarks that belong to no entry.
    """

    dataset: str
    archive: str
    sha1: str
    published: str
    rows: Sequence[ArchiveEntry]
    notes: Sequence[str]

    def write(self, path: Path) -> None:
        """Write the report as JSON."""
        missing = [f"{row.kind} {row.name}" for row in self.rows if not row.is_present]
        write_json(path, asdict(self) | {"missing": missing})


class TeacherWriter(Protocol):
    """Turns a published teacher into a teacher cache."""

    def __call__(
        self, path: Path, target: Path, *, captions: Mapping[str, Sequence[str]], fused: bool
    ) -> Collection[str]:
        """Read `path`, write `target`, and return the ids of the teacher's captions."""
        ...
