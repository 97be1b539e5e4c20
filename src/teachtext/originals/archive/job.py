"""One import while it is going on."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from teachtext.files import content_hash
from teachtext.originals.archive.find import Found
from teachtext.originals.archive.layouts import Layout
from teachtext.progress import Progress


@dataclass
class Job:
    """What is known of an archive; its words are read first, and all that counts them is held to them.

    Attributes:
        dataset: its name in `LAYOUTS`.
        layout: what it should hold.
        found: what it holds.
        target: the folder that is being written.
        progress: told how far each feature store is.
        captions: the captions by video.
        lists: video ids by split and family.
        notes: what is worth knowing, beside the rows.
    """

    dataset: str
    layout: Layout
    found: Found
    target: Path
    progress: Progress
    captions: dict[str, list[str]] = field(default_factory=dict)
    lists: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def videos(self) -> set[str]:
        """Ids of all videos that have captions or stand in a list."""
        return self.captions.keys() | {video_id for ids in self.lists.values() for video_id in ids}

    @property
    def queries(self) -> set[str]:
        """Ids of all captions; where they are fused, of one query a captioned video."""
        if self.layout.fused:
            return {f"{video_id}#fused" for video_id in self.captions}
        return {f"{video_id}#{k}" for video_id, texts in self.captions.items() for k in range(len(texts))}

    def files(self, paths: Iterable[Path]) -> dict[str, str]:
        """Return the hash of every file by its place, for a row and for a store's provenance."""
        return {path.relative_to(self.found.root).as_posix(): content_hash(path) for path in paths}
