"""The feature store: a folder for each encoder, with shards in the folder (see `teachtext.data.shard`).

An item without rows is *missing*. Presence follows from the rows: no flag and no NaN marks a missing item.
Videos, sequences and caption tokens use the same layout. Shards are only added, and only whole. Where several shards
have the same id, the last shard counts. A stopped extraction resumes by adding shards. `teachtext.data.feature_writer`
writes them.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.data.held_rows import HeldRows
from teachtext.data.passages import Passage, read_passages
from teachtext.data.provenance import without_names
from teachtext.data.shard import Shard, Values
from teachtext.data.types import FeatureRows
from teachtext.errors import InputError


class FeatureFile:
    """The features of an encoder. Opening reads the headers; values are read on demand.

    Threads may share a feature file, and it can be pickled for worker processes.

    Args:
        folder: the encoder's folder.
        verify: also read all values, compare checksums and look for NaN.

    Raises:
        InputError: the folder has no shards, a shard is truncated or of another kind, or shards do not belong
            together. With `verify`: a checksum does not match, or a value is not finite.
    """

    def __init__(self, folder: Path, *, verify: bool = False) -> None:
        self.folder = folder
        self.dim = 0
        self.provenance: dict[str, Any] = {}
        self.sources: dict[str, str] = {}
        self._shards: list[Shard] = []
        self._where: dict[str, tuple[int, int]] = {}
        self._checksum = ""
        self._held: HeldRows | None = None
        paths = shards_of(folder)
        if not paths:
            raise InputError(f"{folder} holds no features", "extract or embed them first, or correct the name")
        for path in paths:
            self._open(path, verify)

    def _open(self, path: Path, verify: bool) -> None:
        shard = Shard.open(path)
        if self._shards and (
            shard.dim != self.dim or without_names(shard.provenance) != without_names(self.provenance)
        ):
            raise InputError(
                f"{path} was made with other settings than the shards before it (width {shard.dim} against {self.dim})",
                f"delete {self.folder} and extract its features again",
            )
        if verify:
            shard.verify()
        number = len(self._shards)
        if not number:
            self.dim, self.provenance = shard.dim, shard.provenance
        self._shards.append(shard)
        for item, (item_id, source) in enumerate(zip(shard.ids, shard.sources, strict=True)):
            self._where[item_id] = (number, item)
            self.sources[item_id] = source

    def refresh(self) -> None:
        """Open the shards that were added since the folder was opened.

        Raises:
            InputError: see the class.
        """
        for path in shards_of(self.folder)[len(self._shards) :]:
            self._open(path, verify=False)
        self._checksum = ""

    def joined_with(self, folder: Path) -> "FeatureFile":
        """Return a file that also has the items of another folder; it is read and not refreshed.

        Raises:
            InputError: the other folder has features that were made otherwise.
        """
        other = FeatureFile(folder)
        if other.dim != self.dim or without_names(other.provenance) != without_names(self.provenance):
            raise InputError(
                f"{folder} was made with other settings than {self.folder} (width {other.dim} against {self.dim})",
                f"delete {folder} and run again",
            )
        joined = FeatureFile(self.folder)
        for path in shards_of(folder):
            joined._open(path, verify=False)
        return joined

    @property
    def value_bytes(self) -> int:
        """The size of all values."""
        return sum(int(shard.offsets[-1]) * shard.dim * shard.dtype.itemsize for shard in self._shards)

    def hold(self) -> None:
        """Keep the values of all items in memory from now on: a training reads every item many times.

        Held values are those of now, also if the files change later.

        Raises:
            InputError: a file was changed or removed since it was opened.
        """
        if self._held is None or not self._held.holds(len(self._shards) - 1):
            self._held = HeldRows.of(self._shards, self._held)

    def __getstate__(self) -> dict[str, Any]:
        # another process reads the files itself
        return {**self.__dict__, "_held": None}

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._where

    def __len__(self) -> int:
        return len(self._where)

    @property
    def ids(self) -> list[str]:
        """Ids of all items, missing items included."""
        return list(self._where)

    def rows_of(self, item_id: str) -> int:
        """Return the number of rows of an item; 0 for a missing or unknown item."""
        if item_id not in self._where:
            return 0
        shard, item = self._where[item_id]
        offsets = self._shards[shard].offsets
        return int(offsets[item + 1] - offsets[item])

    def read(self, item_id: str, *, max_rows: int | None = None) -> Values:
        """Return the values of an item.

        Args:
            item_id: a video or caption id; an unknown id reads as missing.
            max_rows: the most rows; None reads all rows.

        Returns:
            (rows, D), in the dtype of the file; no rows where the item is missing.

        Raises:
            InputError: the file was changed or removed since it was opened.
        """
        rows = self.rows_of(item_id)
        if rows == 0:
            return np.zeros((0, self.dim), np.float32)
        shard, item = self._where[item_id]
        if self._held is not None and self._held.holds(shard):
            return self._held.read([(shard, item)], max_rows)[0]
        start = int(self._shards[shard].offsets[item])
        return self._shards[shard].rows(start, start + (rows if max_rows is None else min(rows, max_rows)))

    def read_many(self, item_ids: Sequence[str], *, max_rows: int | None = None) -> tuple[Values, NDArray[np.int64]]:
        """Return the values of several items, one after the other, and the number of rows of each.

        Args:
            item_ids: ids of N videos or captions; an unknown id reads as missing.
            max_rows: the most rows of an item; None reads all rows.

        Returns:
            (all rows, D), in the dtype of the file, and (N,).

        Raises:
            InputError: the file was changed or removed since it was opened.
        """
        held, places = self._held, [self._where[item_id] for item_id in item_ids if item_id in self._where]
        if held is None or len(places) < len(item_ids) or not all(held.holds(shard) for shard, _ in places):
            return joined_rows(self, item_ids, max_rows)
        return held.read(places, max_rows)

    def times(self, item_id: str) -> NDArray[np.float32] | None:
        """Return the seconds at which the rows of an item begin and end: (rows, 2); None where no times are stored.

        Raises:
            InputError: the file was changed or removed since it was opened.
        """
        if self.rows_of(item_id) == 0:
            return None
        shard, item = self._where[item_id]
        offsets = self._shards[shard].offsets
        return self._shards[shard].times(int(offsets[item]), int(offsets[item + 1]))

    def passages(self, item_ids: Iterable[str] | None = None) -> dict[str, list[Passage]]:
        """Return the words that are heard or read in each item, in order of time. Items without words have no entry.

        Args:
            item_ids: ids of the items; by default all items.

        Raises:
            InputError: a file of passages is damaged.
        """
        selected = {item_id for item_id in (self.ids if item_ids is None else item_ids) if self.rows_of(item_id)}
        return {
            item_id: passages
            for number in sorted({self._where[item_id][0] for item_id in selected})
            for item_id, passages in read_passages(self._shards[number].path.with_suffix(".jsonl")).items()
            if item_id in selected and self._where[item_id][0] == number
        }

    def checksum(self) -> str:
        """Return 16 hex digits: a hash of the provenance and of the source of every item."""
        if not self._checksum:
            content = json.dumps([self.provenance, self.dim, sorted(self.sources.items())], sort_keys=True)
            self._checksum = hashlib.sha256(content.encode()).hexdigest()[:16]
        return self._checksum


def joined_rows(
    file: FeatureRows, item_ids: Sequence[str], max_rows: int | None
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return what `FeatureFile.read_many` returns, read item by item."""
    items = [file.read(item_id, max_rows=max_rows) for item_id in item_ids]
    counts = np.array([len(item) for item in items], np.int64)
    return np.concatenate(items) if items else np.zeros((0, file.dim), np.float32), counts


def shards_of(folder: Path) -> list[Path]:
    """Return the shards of an encoder's folder, oldest first."""
    return sorted(folder.glob("part-*.safetensors"))
