"""The feature store: one folder an encoder, in it safetensors shards, memory-mapped.

A shard holds `values (rows, D)` in float16 or float32 and `offsets (items + 1,)` in int64: item `i` owns rows
`offsets[i]:offsets[i + 1]`. Its header holds the items' ids, the hash of what each was made from, the
provenance, and a checksum. An item with no rows is *missing*: presence is derived, never stored twice, never NaN.
Videos, sequences and caption tokens all use this one layout. Shards are only ever added, whole; where an
id stands in several, the last one counts. So a stopped extraction goes on where it was.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from teachtext.errors import InputError
from teachtext.files import write_bytes

FORMAT = "teachtext-features-1"
_DTYPES = ("F16", "F32")
Values = NDArray[np.float16] | NDArray[np.float32]
_REDO = "delete that file and extract its features again"


class FeatureWriter:
    """Collect items, write them as shards.

    Args:
        folder: the encoder's folder; shards are added to those already there.
        provenance: encoder, version, settings: what must be known to make the same values again.
        dim: D, the width of every item.
        dtype: how values are kept.
        shard_items: write a shard each time so many items have come together.

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
    ) -> None:
        self.folder = folder
        self.provenance = dict(provenance)
        self.dim = dim
        self.dtype = np.dtype(dtype)
        self.shard_items = shard_items
        self._pending: list[tuple[str, str, Values]] = []

    def add(self, item_id: str, values: NDArray[Any] | None, *, source: str = "") -> None:
        """Add one item.

        Args:
            item_id: id of the video or caption.
            values: (rows, D); None or no rows mean that the item is missing.
            source: hash of what the values were made from.
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
        self._pending.append((item_id, source, kept.astype(self.dtype)))
        if len(self._pending) >= self.shard_items:
            self.flush()

    def flush(self) -> None:
        """Write what is pending as one more shard."""
        if not self._pending:
            return
        ids, sources, arrays = zip(*self._pending, strict=True)
        values = np.concatenate(arrays)
        offsets = np.concatenate([[0], np.cumsum([len(array) for array in arrays])]).astype(np.int64)
        header = {
            "format": FORMAT,
            "provenance": json.dumps(self.provenance, sort_keys=True),
            "ids": json.dumps(ids),
            "sources": json.dumps(sources),
            "checksum": _checksum(ids, values, offsets),
        }
        number = 1 + max((int(path.stem.split("-")[1]) for path in shards_of(self.folder)), default=-1)
        shard = save({"values": values, "offsets": offsets}, metadata=header)
        write_bytes(self.folder / f"part-{number:05d}.safetensors", shard)
        self._pending.clear()

    def __enter__(self) -> "FeatureWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # a stop by hand keeps what is done; after an error of the data or the disk nothing more is written
        if kind is None or issubclass(kind, KeyboardInterrupt):
            self.flush()


class FeatureFile:
    """One encoder's features, memory-mapped.

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
        self._shards: list[tuple[Any, NDArray[np.int64]]] = []
        self._where: dict[str, tuple[int, int]] = {}
        paths = shards_of(folder)
        if not paths:
            raise InputError(f"{folder} holds no features", "extract or embed them first, or correct the name")
        for path in paths:
            self._open(path, verify)

    def _open(self, path: Path, verify: bool) -> None:
        try:
            handle = safe_open(path, framework="numpy")
            header = handle.metadata() or {}
            values_slice = handle.get_slice("values")
            shape = values_slice.get_shape()
            offsets = handle.get_tensor("offsets")
            if header.get("format") != FORMAT:
                raise KeyError("format")
            ids, sources = json.loads(header["ids"]), json.loads(header["sources"])
            provenance = json.loads(header["provenance"])
            sound = (
                len(shape) == 2
                and values_slice.get_dtype() in _DTYPES
                and all(isinstance(part, list) and all(isinstance(i, str) for i in part) for part in (ids, sources))
                and isinstance(provenance, dict)
                and offsets.dtype == np.int64
                and offsets.shape == (len(ids) + 1,)
                and len(sources) == len(ids)
                and offsets[0] == 0
                and offsets[-1] == shape[0]
                and bool(np.all(np.diff(offsets) >= 0))
            )
        except (SafetensorError, KeyError, ValueError, TypeError, RecursionError, OSError) as error:
            raise InputError(f"{path} is not a whole feature file ({error})", _REDO) from error
        if not sound:
            raise InputError(f"{path} has ids or offsets that do not fit its values", _REDO)
        if self._shards and (shape[1] != self.dim or provenance != self.provenance):
            raise InputError(
                f"{path} was made with other settings than the shards before it (width {shape[1]} against {self.dim})",
                f"delete {self.folder} and extract its features again",
            )
        if verify:
            values = handle.get_tensor("values")
            if _checksum(ids, values, offsets) != header.get("checksum"):
                raise InputError(f"{path} does not match its checksum", _REDO)
            if not np.isfinite(values).all():
                raise InputError(f"{path} holds NaN or infinite values", _REDO)
        self.dim, self.provenance = int(shape[1]), provenance
        number = len(self._shards)
        self._shards.append((handle, offsets))
        for row, (item_id, source) in enumerate(zip(ids, sources, strict=True)):
            self._where[item_id] = (number, row)
            self.sources[item_id] = source

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
        offsets = self._shards[shard][1]
        return int(offsets[item + 1] - offsets[item])

    def read(self, item_id: str, *, max_rows: int | None = None) -> Values:
        """Return the values of one item.

        Args:
            item_id: a video or caption id; an unknown one reads as missing.
            max_rows: keep at most the first so many rows.

        Returns:
            (rows, D), in the dtype of the file; no rows where the item is missing.
        """
        rows = self.rows_of(item_id)
        if rows == 0:
            return np.zeros((0, self.dim), np.float32)
        shard, item = self._where[item_id]
        handle, offsets = self._shards[shard]
        start = int(offsets[item])
        kept = rows if max_rows is None else min(rows, max_rows)
        values: Values = handle.get_slice("values")[start : start + kept]
        return values

    def checksum(self) -> str:
        """Return 16 hex digits that stand for the settings and for what every item was made from."""
        told = json.dumps([self.provenance, self.dim, sorted(self.sources.items())], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:16]


def shards_of(folder: Path) -> list[Path]:
    """Return the shards of an encoder's folder, oldest first."""
    return sorted(folder.glob("part-*.safetensors"))


def _checksum(ids: Sequence[str], values: NDArray[Any], offsets: NDArray[np.int64]) -> str:
    digest = hashlib.sha256(json.dumps(list(ids)).encode())
    digest.update(np.ascontiguousarray(values).data)
    digest.update(np.ascontiguousarray(offsets).data)
    return digest.hexdigest()
