"""The folder of the feature store for one output of an encoder: what it holds already, and what is added."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

from teachtext.data.feature_writer import FeatureWriter, adopt
from teachtext.data.passages import Passage
from teachtext.data.provenance import without_names
from teachtext.data.store import FeatureFile, shards_of
from teachtext.encoders.base import Rows
from teachtext.errors import InputError
from teachtext.unfinished import remove_leftovers

# a kill costs no more than these
_SHARD_ITEMS, _SHARD_S = 64, 30.0
_INCOMING = ".incoming"


@dataclass(frozen=True)
class Place:
    """A folder of the store, and the properties that all its shards share.

    Other processes than the owner of the folder write below `.incoming`, each part to a folder of its own.
    """

    folder: Path
    dim: int
    provenance: Mapping[str, Any]

    def writer(self, part: str | None = None) -> FeatureWriter:
        """Return the writer for the process that owns the folder, or the writer of a part for any other process."""
        folder = self.folder if part is None else self.folder / _INCOMING / part
        return FeatureWriter(
            folder, provenance=self.provenance, dim=self.dim, shard_items=_SHARD_ITEMS, shard_s=_SHARD_S
        )

    def adopt(self, part: str) -> None:
        """Make a part belong to the folder: its files are renamed."""
        adopt(self.folder, self.folder / _INCOMING / part)

    def adopt_leftovers(self) -> None:
        """Adopt the whole parts of a run that was killed, and remove the rest."""
        for part in sorted((self.folder / _INCOMING).glob("*")):
            self.adopt(part.name)
        self.clear()
        remove_leftovers(self.folder)

    def clear(self) -> None:
        """Remove the parts that were not adopted."""
        shutil.rmtree(self.folder / _INCOMING, ignore_errors=True)


class Output:
    """The features of one output in the store, and those that are added; use it in `with`.

    Raises:
        InputError: the folder holds features with another provenance, or is damaged.
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
        """Return whether the store has features of this content; copied if they belong to another id."""
        if self.file is None or source not in self._by_source:
            return False
        if self.file.sources.get(video_id) != source:
            self._take_over(self.file, self._by_source[source], video_id, source)
        return True

    def keep(self, video_id: str, source: str, rows: Rows) -> None:
        """Add the features of a video."""
        self._writer.add(video_id, rows.values, source=source, times=rows.times, passages=rows.passages)

    def flush(self) -> FeatureFile:
        """Write what was added; return all features of the folder, of which there must be some."""
        self._writer.flush()
        if self.file is None:
            self.file = FeatureFile(self.place.folder)
        else:
            self.file.refresh()
        return self.file

    def forget(self, video_id: str) -> None:
        """Mark a video as missing, because its stored features are of an earlier content of its file."""
        if self.file is not None and self.file.rows_of(video_id):
            self._writer.add(video_id, None)

    def _take_over(self, file: FeatureFile, old_id: str, video_id: str, source: str) -> None:
        if self._passages is None:
            self._passages = file.passages()
        self._writer.add(
            video_id, file.read(old_id), source=source, times=file.times(old_id), passages=self._passages.get(old_id)
        )

    def __enter__(self) -> "Output":
        return self

    def __exit__(self, *error: Any) -> None:
        self._writer.__exit__(*error)


def stored(folder: Path, provenance: Mapping[str, Any]) -> FeatureFile | None:
    """Open the features of a folder in order to add to them; None if the folder holds none.

    Raises:
        InputError: their provenance differs from `provenance`, or the folder is damaged.
    """
    if not shards_of(folder):
        return None
    file = FeatureFile(folder)
    before, expected = without_names(file.provenance), json.loads(json.dumps(without_names(provenance)))
    if before != expected:
        raise InputError(
            f"{folder} holds features made otherwise ({_difference(before, expected)})",
            "delete that folder to make them again, or give another store",
        )
    return file


def _difference(before: Any, now: Any, key: str = "") -> str:
    """Return the first difference of two mappings, as deep as both are mappings."""
    if not (isinstance(before, dict) and isinstance(now, dict)):
        return f"{key} was {shorten(str(before), 80)}, now {shorten(str(now), 80)}"
    differing = next(name for name in sorted({*before, *now}) if before.get(name) != now.get(name))
    return _difference(before.get(differing), now.get(differing), f"{key}.{differing}" if key else differing)
