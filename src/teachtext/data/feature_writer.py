"""Writing to the feature store (see `teachtext.data.store`)."""

import math
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from teachtext.data.passages import Passage, write_passages
from teachtext.data.shard import Values, write_shard
from teachtext.data.store import shards_of
from teachtext.errors import InputError
from teachtext.files import move


class FeatureWriter:
    """Collects items and writes them as shards.

    Args:
        folder: the encoder's folder. New shards follow the existing shards.
        provenance: encoder, version and settings: all that is needed to make the same values again.
        dim: D, the width of every item.
        dtype: dtype of the stored values.
        shard_items: number of items after which a shard is written.
        shard_s: seconds after which the next item completes a shard.

    Raises:
        InputError: an item has the wrong shape, or NaN or infinite values; or the disk is full.

    Example:
        >>> import numpy as np
        >>> from pathlib import Path
        >>> from teachtext.data.store import FeatureFile
        >>> with FeatureWriter(Path("motion"), provenance={"encoder": "motion"}, dim=2) as writer:
        ...     writer.add("a", np.array([[0.5, 1.0]]))
        ...     writer.add("b", None)
        >>> file = FeatureFile(Path("motion"))
        >>> file.ids, file.rows_of("b"), file.read("a")
        (['a', 'b'], 0, array([[0.5, 1. ]], dtype=float16))
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
        """Add an item.

        Args:
            item_id: id of the video or caption.
            values: (rows, D); None or no rows mean that the item is missing.
            source: hash of the item's source.
            times: (rows, 2), seconds at which each row begins and ends. Either all items with rows have times, or none.
            passages: the words that the rows describe (see `FeatureFile.passages`).
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
        kept_times = None if times is None else times.astype(np.float32)
        if not self._pending:
            self._since = time.monotonic()
        self._pending.append((item_id, source, kept.astype(self.dtype), kept_times))
        if passages is not None:
            self._passages = [*(self._passages or []), *((item_id, passage) for passage in passages)]
        if len(self._pending) >= self.shard_items or time.monotonic() - self._since >= self.shard_s:
            self.flush()

    def flush(self) -> None:
        """Write the pending items as a shard."""
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
        # Ctrl-C keeps the pending items; after an error of the data or the disk nothing more is written
        if kind is None or issubclass(kind, KeyboardInterrupt):
            self.flush()


def adopt(folder: Path, other: Path) -> None:
    """Move the shards of another folder of the same encoder to the end of `folder`, by renaming.

    Both folders must lie on the same disk; `other` is removed. A call that was stopped can be repeated.

    Raises:
        InputError: a file cannot be moved.
    """
    for shard in shards_of(other):
        path = _next_shard(folder)
        for suffix in (".jsonl", ".safetensors"):
            if shard.with_suffix(suffix).exists():
                move(shard.with_suffix(suffix), path.with_suffix(suffix))
    shutil.rmtree(other, ignore_errors=True)


def _whole(times: Sequence[NDArray[np.float32] | None], items: Sequence[Values]) -> list[NDArray[np.float32]] | None:
    """Return the times of all items; None where no item has times."""
    if all(item_times is None for item_times in times):
        return None
    if any(item_times is None and len(item) for item_times, item in zip(times, items, strict=True)):
        raise ValueError("some items with rows have times and some have none")
    return [np.zeros((0, 2), np.float32) if item_times is None else item_times for item_times in times]


def _next_shard(folder: Path) -> Path:
    number = 1 + max((int(path.stem.split("-")[1]) for path in shards_of(folder)), default=-1)
    return folder / f"part-{number:05d}.safetensors"
