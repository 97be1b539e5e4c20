"""Writes the items of a container as a feature store, item by item."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from teachtext.data.feature_import.content import Content, StoredArray, float_rows
from teachtext.data.feature_import.layouts import Record
from teachtext.data.feature_import.matching import some
from teachtext.data.feature_import.sources import OpenSource, reading
from teachtext.data.feature_writer import FeatureWriter
from teachtext.data.store import shards_of
from teachtext.errors import InputError
from teachtext.progress import Progress, silent

_SHARD_BYTES = 32 << 20
# half precision rounds to one part in 2048; more than this is lost where values are very large or very small
_HALF_IS_ENOUGH = 2.0**-10
# compressed files, and files that leave out what was never written, may claim far more than they hold
_FREE_BYTES, _BYTES_A_BYTE = 256 << 20, 100
_NAN_MEND = "correct them, or choose 'nan: missing', which leaves out rows with NaN or infinite values"


def write_features(source: OpenSource, folder: Path, progress: Progress = silent) -> list[str]:
    """Write the items of an open container into an empty folder; return sentences on what was left out or is odd.

    Raises:
        InputError: a damaged container, items of several widths, values that are no floats, or NaN.
    """
    return _Import(source, progress).write(folder)


class _NeedsFloat32(Exception):
    """Half precision would lose too much of a value."""


@dataclass
class _Import:
    """The writing of one store."""

    source: OpenSource
    progress: Progress
    without_rows: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    zeros: list[str] = field(default_factory=list)
    padded: list[str] = field(default_factory=list)
    rows_left_out: int = 0

    def write(self, folder: Path) -> list[str]:
        """Write the store; return sentences on what was left out or is odd."""
        try:
            self._write(folder, "float16")
        except _NeedsFloat32:
            for shard in shards_of(folder):
                shard.unlink()
            fresh = _Import(self.source, self.progress)
            fresh._write(folder, "float32")
            return [*fresh._notes(), "stored in float32: half precision would lose some of the values"]
        return self._notes()

    def _write(self, folder: Path, dtype: Literal["float16", "float32"]) -> None:
        source, ids = self.source, self.source.match.ids
        total, first, writer, pending, written = len(ids), "", None, 0, 0
        timed: dict[bool, str] = {}
        absent: list[str] = []
        for done, (name, item_id) in enumerate(ids.items(), start=1):
            rows, times = self._rows(name)
            if rows is None:
                absent.append(item_id)
            elif writer is None:
                first = name
                writer = FeatureWriter(
                    folder, provenance=source.provenance, dim=rows.shape[1], dtype=dtype, shard_items=total + 1
                )
                for missing in absent:
                    writer.add(missing, None, source=source.hash)
            if writer is None:
                continue
            if rows is not None:
                self._check_like(name, rows, first, writer.dim)
                timed.setdefault(times is not None, name)
                if len(timed) == 2:
                    raise InputError(
                        f"{source.request.path}: item '{timed[True]}' has times, item '{timed[False]}' has none",
                        "give all items times, or none",
                    )
                if dtype == "float16":
                    _check_half(rows)
                with np.errstate(over="ignore"):
                    rows = rows.astype(dtype, copy=False)
            writer.add(item_id, rows, source=source.hash, times=times)
            pending += 0 if rows is None else rows.nbytes
            written += 0 if rows is None else rows.nbytes
            self._check_size(written)
            if pending >= _SHARD_BYTES or done == total:
                writer.flush()
                pending = 0
                self.progress(f"import {source.request.path.name}", done, total)
        if writer is None:
            raise InputError(f"{source.request.path} has no rows of any of its {total:,} items", "give features")

    def _check_size(self, written: int) -> None:
        size = self.source.size
        if size is not None and written > _FREE_BYTES + _BYTES_A_BYTE * size:
            raise InputError(
                f"{self.source.request.path} has {size:,} bytes, and its features would take more than {written:,}",
                "save it uncompressed, or copy it again",
            )

    def _check_like(self, name: str, rows: NDArray[Any], first: str, dim: int) -> None:
        if rows.shape[1] != dim:
            raise InputError(
                f"{self.source.request.path}: item '{first}' has {dim:,} columns, item '{name}' has {rows.shape[1]:,}",
                "give each expert a file of its own",
            )

    def _rows(self, name: str) -> tuple[NDArray[Any] | None, NDArray[Any] | None]:
        """Return the rows of an item, (rows, D), and their times; None for a missing item."""
        source, where = self.source, f"{self.source.request.path}: item '{name}'"
        with reading(source.request.path, source.container, name):
            record = source.items.read(name)
            rows = float_rows(record.values, where)
            times = None if rows is None or source.request.pool else _times(record.times, len(rows), where)
        if rows is None:
            self.without_rows.append(name)
            return None, None
        rows, times = _without_padding(record, rows, times, where)
        finite = np.isfinite(rows).all(axis=1)
        if not finite.all():
            if source.request.nan == "refuse":
                raise InputError(f"{where} holds NaN or infinite values", _NAN_MEND)
            self.cut.append(name)
            self.rows_left_out += int((~finite).sum())
            rows, times = rows[finite], None if times is None else times[finite]
        if not len(rows):
            self.without_rows.append(name)
            return None, None
        if not rows[-1].any():
            (self.padded if rows.any() else self.zeros).append(name)
        if source.request.pool and len(rows) > 1:
            # halves of large numbers: their sum is beyond float16, their mean is not
            rows = rows.astype(np.float32).mean(axis=0, keepdims=True)
        return rows, times

    def _notes(self) -> list[str]:
        name = self.source.request.path.name
        counts: Mapping[str, list[str]] = {
            f"items without rows: {len(self.without_rows):,}": self.without_rows,
            f"rows with NaN or infinite values left out: {self.rows_left_out:,}, of {len(self.cut):,} items": self.cut,
            f"items that hold only zeros: {len(self.zeros):,}": self.zeros,
            f"items that end in rows of zeros, which count as rows unless 'lengths' are given: {len(self.padded):,}": (
                self.padded
            ),
        }
        return [f"{name}: {what} ({some(names)})" for what, names in counts.items() if names]


def _check_half(rows: NDArray[Any]) -> None:
    if rows.dtype.itemsize <= 2:
        return
    with np.errstate(over="ignore", invalid="ignore"):
        lost = np.abs(rows.astype(np.float16).astype(rows.dtype) - rows).max()
    if not lost <= _HALF_IS_ENOUGH * np.abs(rows).max():
        raise _NeedsFloat32


def _without_padding(
    record: Record, rows: NDArray[Any], times: NDArray[Any] | None, where: str
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    if record.length is None:
        return rows, times
    if not 0 <= record.length <= len(rows):
        raise InputError(f"{where} has {len(rows)} rows and a length of {record.length}", "correct its length")
    return rows[: record.length], None if times is None else times[: record.length]


def _times(content: Content, rows: int, where: str) -> NDArray[np.float64] | None:
    """Return the seconds at which rows begin and end, (rows, 2); a row without an end lasts until the next."""
    if content is None:
        return None
    values = np.asarray(content.read() if isinstance(content, StoredArray) else content)
    if values.dtype.kind not in "fiu" or values.shape not in ((rows,), (rows, 1), (rows, 2)):
        raise InputError(
            f"{where} has times of shape {values.shape} for {rows} rows", "give (rows,) or (rows, 2) seconds"
        )
    seconds = values.astype(np.float64).reshape(rows, -1)
    if seconds.shape[1] == 1:
        step = np.diff(seconds[:, 0])
        seconds = np.column_stack([seconds, seconds + np.append(step, step[-1:] if rows > 1 else [0.0])[:, None]])
    if not np.isfinite(seconds).all() or (seconds[:, 1] < seconds[:, 0]).any():
        raise InputError(f"{where} has times that are not finite, or that end before they begin", "correct them")
    return seconds
