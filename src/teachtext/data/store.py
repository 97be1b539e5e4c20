"""The feature store: one folder an encoder, in it shards (see `teachtext.data.shard`).

An item with no rows is *missing*: presence is derived, never stored twice, never NaN.
Videos, sequences and caption tokens all use this one layout. Shards are only ever added, whole; where an
id stands in several, the last one counts. So a stopped extraction goes on where it was.
"""

import hashlib
import json
import math
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from teachtext.data.passages import Passage, read_passages, write_passages
from teachtext.data.shard import Shard, Values, write_shard
from teachtext.errors import InputError
from teachtext.files import move


class FeatureWriter:
    """Collect items, write them as shards.

    Args:
        folder: the encoder's folder; shards are added to those already there.
        provenance: encoder, version, settings: what must be known to make the same values again.
        dim: D, the width of every item.
        dtype: how values are kept.
        shard_items: write a shard each time so many items have come together.
        shard_s: write one, too, when an item comes so many seconds after the first one that is not written.

    Raises:
        InputError: an item with the wrong shape or with NaN or infinite values; a full disk.
    """

    def __init__(
        self,
        folder: Path,
        *,
        provenance: Mapping[str, Any],
        dim: int,
        dtype: Literal["float16", "float32"] = "float16",
        shard_items: int = 1024,
        shard_s: float = math.inf,
    ) -> None:
        self.folder = folder
        self.provenance = dict(provenance)
        self.dim = dim
        self.dtype = np.dtype(dtype)
        self.shard_items = shard_items
        self.shard_s = shard_s
        self._since = 0.0
        self._pending: list[tuple[str, str, Values, NDArray[np.float32] | None]] = []
        self._passages: list[tuple[str, Passage]] | None = None

    def add(
        self,
        item_id: str,
        values: NDArray[Any] | None,
        *,
        source: str = "",
        times: NDArray[np.floating] | None = None,
        passages: Sequence[Passage] | None = None,
    ) -> None:
        """Add one item.

        Args:
            item_id: id of the video or caption.
            values: (rows, D); None or no rows mean that the item is missing.
            source: hash of what the values were made from.
            times: (rows, 2) seconds at which each row begins and ends; of all items with rows, or of none.
            passages: the words behind the rows; see `FeatureFile.passages`.
        """
        kept = np.zeros((0, self.dim), self.dtype) if values is None else np.asarray(values)
        if kept.ndim != 2 or kept.shape[1] != self.dim:
            raise InputError(
                f"{self.folder}: item '{item_id}' has shape {kept.shape}, not (rows, {self.dim})",
                "give every item the width of its encoder",
            )
        limit = float(np.finfo(self.dtype).max)
        if not np.isfinite(kept).all() or (kept.size and np.abs(kept).max() > limit):
            raise InputError(
                f"{self.folder}: item '{item_id}' holds NaN or values beyond {self.dtype}",
                "leave a missing item without rows, and keep large values in float32",
            )
        if times is not None and (times.shape != (len(kept), 2) or not np.isfinite(times).all()):
            raise InputError(
                f"{self.folder}: item '{item_id}' has times {times.shape}, not ({len(kept)}, 2), or not finite",
                "give every row the seconds at which it begins and ends",
            )
        told = None if times is None else times.astype(np.float32)
        if not self._pending:
            self._since = time.monotonic()
        self._pending.append((item_id, source, kept.astype(self.dtype), told))
        if passages is not None:
            self._passages = [*(self._passages or []), *((item_id, passage) for passage in passages)]
        if len(self._pending) >= self.shard_items or time.monotonic() - self._since >= self.shard_s:
            self.flush()

    def flush(self) -> None:
        """Write what is pending as one more shard."""
        if not self._pending:
            return
        ids, sources, items, times = zip(*self._pending, strict=True)
        path = _next_shard(self.folder)
        if self._passages is not None:
            write_passages(path.with_suffix(".jsonl"), self._passages)
        write_shard(path, ids=ids, sources=sources, items=items, provenance=self.provenance, times=_whole(times, items))
        self._pending.clear()
        self._passages = None

    def __enter__(self) -> "FeatureWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # a stop by hand keeps what is done; after an error of the data or the disk nothing more is written
        if kind is None or issubclass(kind, KeyboardInterrupt):
            self.flush()


class FeatureFile:
    """One encoder's features; headers are read when it is opened, values when they are asked for.

    It can be read by many threads, and by worker processes that it is handed to.

    Args:
        folder: the encoder's folder.
        verify: also read everything once, and compare checksums and look for NaN.

    Raises:
        InputError: no shards, a truncated or foreign file, shards that do not belong together, and with `verify`
            a checksum that does not match, or NaN.
    """

    def __init__(self, folder: Path, *, verify: bool = False) -> None:
        self.folder = folder
        self.dim = 0
        self.provenance: dict[str, Any] = {}
        self.sources: dict[str, str] = {}
        self._shards: list[Shard] = []
        self._where: dict[str, tuple[int, int]] = {}
        self._checksum = ""
        paths = shards_of(folder)
        if not paths:
            raise InputError(f"{folder} holds no features", "extract or embed them first, or correct the name")
        for path in paths:
            self._open(path, verify)

    def _open(self, path: Path, verify: bool) -> None:
        shard = Shard.open(path)
        if self._shards and (shard.dim != self.dim or shard.provenance != self.provenance):
            raise InputError(
                f"{path} was made with other settings than the shards before it (width {shard.dim} against {self.dim})",
                f"delete {self.folder} and extract its features again",
            )
        if verify:
            shard.verify()
        self.dim, self.provenance = shard.dim, shard.provenance
        number = len(self._shards)
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

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._where

    def __len__(self) -> int:
        return len(self._where)

    @property
    def ids(self) -> list[str]:
        """Ids of all items, missing ones too."""
        return list(self._where)

    def rows_of(self, item_id: str) -> int:
        """Return how many rows an item has; 0 for a missing or unknown one."""
        if item_id not in self._where:
            return 0
        shard, item = self._where[item_id]
        offsets = self._shards[shard].offsets
        return int(offsets[item + 1] - offsets[item])

    def read(self, item_id: str, *, max_rows: int | None = None) -> Values:
        """Return the values of one item.

        Args:
            item_id: a video or caption id; an unknown one reads as missing.
            max_rows: keep at most the first so many rows.

        Returns:
            (rows, D), in the dtype of the file; no rows where the item is missing.

        Raises:
            InputError: the file was changed or removed since it was opened.
        """
        rows = self.rows_of(item_id)
        if rows == 0:
            return np.zeros((0, self.dim), np.float32)
        shard, item = self._where[item_id]
        start = int(self._shards[shard].offsets[item])
        return self._shards[shard].rows(start, start + (rows if max_rows is None else min(rows, max_rows)))

    def times(self, item_id: str) -> NDArray[np.float32] | None:
        """Return the seconds at which the rows of an item begin and end: (rows, 2); None where they were not kept.

        Raises:
            InputError: the file was changed or removed since it was opened.
        """
        if self.rows_of(item_id) == 0:
            return None
        shard, item = self._where[item_id]
        offsets = self._shards[shard].offsets
        return self._shards[shard].times(int(offsets[item]), int(offsets[item + 1]))

    def passages(self, item_ids: Iterable[str] | None = None) -> dict[str, list[Passage]]:
        """Return the words that were heard or read in each item, in order of time; items without any are not there.

        Args:
            item_ids: which items; all of them by default.

        Raises:
            InputError: a file of passages is damaged.
        """
        wanted = {item_id for item_id in (self.ids if item_ids is None else item_ids) if self.rows_of(item_id)}
        return {
            item_id: passages
            for number in sorted({self._where[item_id][0] for item_id in wanted})
            for item_id, passages in read_passages(self._shards[number].path.with_suffix(".jsonl")).items()
            if item_id in wanted and self._where[item_id][0] == number
        }

    def checksum(self) -> str:
        """Return 16 hex digits that stand for the settings and for what every item was made from."""
        if not self._checksum:
            told = json.dumps([self.provenance, self.dim, sorted(self.sources.items())], sort_keys=True)
            self._checksum = hashlib.sha256(told.encode()).hexdigest()[:16]
        return self._checksum


def _whole(times: Sequence[NDArray[np.float32] | None], items: Sequence[Values]) -> list[NDArray[np.float32]] | None:
    """Return the times of all items; None where no item has any."""
    if all(told is None for told in times):
        return None
    if any(told is None and len(item) for told, item in zip(times, items, strict=True)):
        raise ValueError("some items with rows have times and some have none")
    return [np.zeros((0, 2), np.float32) if told is None else told for told in times]


def adopt(folder: Path, other: Path) -> None:
    """Move the shards of another folder of the same encoder to the end of `folder`, by renaming them.

    Both must lie on the same disk; `other` is gone afterwards. Stopped between two files, it can be done again.

    Raises:
        InputError: a file cannot be moved.
    """
    for shard in shards_of(other):
        path = _next_shard(folder)
        for suffix in (".jsonl", ".safetensors"):
            if shard.with_suffix(suffix).exists():
                move(shard.with_suffix(suffix), path.with_suffix(suffix))
    shutil.rmtree(other, ignore_errors=True)


def _next_shard(folder: Path) -> Path:
    number = 1 + max((int(path.stem.split("-")[1]) for path in shards_of(folder)), default=-1)
    return folder / f"part-{number:05d}.safetensors"


def shards_of(folder: Path) -> list[Path]:
    """Return the shards of an encoder's folder, oldest first."""
    return sorted(folder.glob("part-*.safetensors"))
