"""The state of an import in progress."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from teachtext.files import content_hash
from teachtext.originals.archive.archive_files import ArchiveFiles
from teachtext.originals.archive.layouts import Layout
from teachtext.progress import Progress


@dataclass
class ImportState:
    """An archive, the dataset folder that it becomes, and the captions and lists that were read so far.

    Captions are read first, because features, masks and teachers must have one entry a caption.

    Attributes:
        dataset: a name of `LAYOUTS`.
        layout: the expected files.
        archive: the recognised files.
        target: the dataset folder.
        progress: is called with the number of written items of a feature store.
        captions: the captions by video.
        lists: video ids by split and family.
        notes: remarks that belong to no entry of the report.
    """

    dataset: str
    layout: Layout
    archive: ArchiveFiles
    target: Path
    progress: Progress
    captions: dict[str, list[str]] = field(default_factory=dict)
    lists: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def videos(self) -> set[str]:
        """Ids of all videos with captions, and of all videos in the lists."""
        return self.captions.keys() | {video_id for ids in self.lists.values() for video_id in ids}

    @property
    def queries(self) -> set[str]:
        """Ids of all text queries: of all captions, or of one fused query a captioned video."""
        if self.layout.fused:
            return {f"{video_id}#fused" for video_id in self.captions}
        return {f"{video_id}#{k}" for video_id, texts in self.captions.items() for k in range(len(texts))}

    def files(self, paths: Iterable[Path]) -> dict[str, str]:
        """Return the hash of every file by its path below the feature root."""
        return {path.relative_to(self.archive.root).as_posix(): content_hash(path) for path in paths}
