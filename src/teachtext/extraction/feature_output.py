"""Where one named output of the video experts goes: its folder of the store, and what that holds already."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from teachtext.data.passages import Passage
from teachtext.data.store import FeatureFile, FeatureWriter, adopt
from teachtext.encoders.base import Rows
from teachtext.extraction.stored import stored
from teachtext.files import remove_leftovers

# a kill costs no more than these
_SHARD_ITEMS, _SHARD_S = 64, 30.0
_INCOMING = ".incoming"


@dataclass(frozen=True)
class Place:
    """A folder of the store and what every shard in it has in common.

    Other processes than the one that owns the folder write below `.incoming`, each part to a folder of its own.
    """

    folder: Path
    dim: int
    provenance: Mapping[str, Any]

    def writer(self, part: str | None = None) -> FeatureWriter:
        """Return the writer of the one process that owns the folder; or one of a part, for any process anywhere."""
        folder = self.folder if part is None else self.folder / _INCOMING / part
        return FeatureWriter(
            folder, provenance=self.provenance, dim=self.dim, shard_items=_SHARD_ITEMS, shard_s=_SHARD_S
        )

    def adopt(self, part: str) -> None:
        """Make a part belong to the folder: its files are renamed."""
        adopt(self.folder, self.folder / _INCOMING / part)

    def adopt_leftovers(self) -> None:
        """Take what a run that was killed left behind: whole parts are adopted, the rest is removed."""
        for part in sorted((self.folder / _INCOMING).glob("*")):
            self.adopt(part.name)
        self.clear()
        remove_leftovers(self.folder)

    def clear(self) -> None:
        """Remove the parts that were not adopted."""
        shutil.rmtree(self.folder / _INCOMING, ignore_errors=True)


class Output:
    """What the store holds of one output, and what is added to it; use it in `with`.

    Raises:
        InputError: the folder holds features that were made otherwise, or is damaged.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        place.adopt_leftovers()
        self.file: FeatureFile | None = stored(place.folder, place.provenance)
        sources = {} if self.file is None else self.file.sources
        self._by_source = {source: item_id for item_id, source in sources.items() if source}
        self._passages: Mapping[str, list[Passage]] | None = None
        self._writer = place.writer()

    def has(self, video_id: str, source: str) -> bool:
        """Return whether a video is there, made from a file with this content; taken over if it is under another id."""
        if self.file is None or source not in self._by_source:
            return False
        if self.file.sources.get(video_id) != source:
            self._take_over(self.file, self._by_source[source], video_id, source)
        return True

    def keep(self, video_id: str, source: str, rows: Rows) -> None:
        """Add the features of a video."""
        self._writer.add(video_id, rows.values, source=source, times=rows.times, passages=rows.passages)

    def forget(self, video_id: str) -> None:
        """Let features of what a file was before it went bad not pass for those of what it is."""
        if self.file is not None and self.file.rows_of(video_id):
            self._writer.add(video_id, None)

    def _take_over(self, file: FeatureFile, known: str, video_id: str, source: str) -> None:
        if self._passages is None:
            self._passages = file.passages()
        self._writer.add(
            video_id, file.read(known), source=source, times=file.times(known), passages=self._passages.get(known)
        )

    def __enter__(self) -> "Output":
        return self

    def __exit__(self, *error: Any) -> None:
        self._writer.__exit__(*error)
