"""A file of a feature store: safetensors, written whole, rows read by position.

A shard holds `values (rows, D)` in float16 or float32 and `offsets (items + 1,)` in int64: the rows of item `i` are
`offsets[i]:offsets[i + 1]`. Where rows have times, `times (rows, 2)` in float32 holds the seconds at which each row
begins and ends. The header holds the ids of the items, a hash of each item's source, the provenance, and a checksum.

No file is memory-mapped. The pages of a mapped file count as memory of the process once they are read, and the
captions of a benchmark take several gigabytes. No file is kept open. Opening a file takes microseconds, a store may
have hundreds of shards, and any thread or worker process can read.
"""

import hashlib
import json
import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from teachtext.data.tensor_header import sort_metadata
from teachtext.errors import InputError
from teachtext.files import atomic, parse_json, version_of

FORMAT = "teachtext-features-1"
Values = NDArray[np.float16] | NDArray[np.float32]
_DTYPES: Mapping[str, np.dtype[Any]] = {"F16": np.dtype("<f2"), "F32": np.dtype("<f4")}
_BLOCK_BYTES = 16 * 2**20
_TIME_BYTES = 8
_REDO = "delete that file and extract its features again"


@dataclass(frozen=True, kw_only=True)
class Shard:
    """A shard, as its header describes it.

    Attributes:
        path: the file.
        ids: ids of its items.
        sources: a hash of each item's source.
        provenance: encoder, version, settings.
        offsets: (items + 1,) int64, the first row of each item, and the end.
        dim: D.
        dtype: dtype of the values.
        checksum: checksum of ids, values, offsets and times; None where the header has none.
        begin: the byte where the values begin.
        times_begin: the byte where the times begin; None where rows have no times.
        version: version of the file (see `version_of`).
    """

    path: Path
    ids: Sequence[str]
    sources: Sequence[str]
    provenance: dict[str, Any]
    offsets: NDArray[np.int64]
    dim: int
    dtype: np.dtype[Any]
    checksum: str | None
    begin: int
    times_begin: int | None
    version: tuple[int, ...]

    @classmethod
    def open(cls, path: Path) -> "Shard":
        """Read and check the header.

        Raises:
            InputError: the file is missing, truncated or no shard.
        """
        try:
            version = version_of(path.stat())
            with safe_open(path, framework="numpy") as file:
                header = file.metadata() or {}
                values = file.get_slice("values")
                shape, kind = values.get_shape(), values.get_dtype()
                offsets = file.get_tensor("offsets")
                times = file.get_slice("times") if "times" in file.keys() else None  # noqa: SIM118
            if header.get("format") != FORMAT:
                raise KeyError("format")
            ids, sources = parse_json(header["ids"]), parse_json(header["sources"])
            provenance = parse_json(header["provenance"])
            sound = (
                len(shape) == 2
                and kind in _DTYPES
                and all(isinstance(part, list) and all(isinstance(i, str) for i in part) for part in (ids, sources))
                and isinstance(provenance, dict)
                and offsets.dtype == np.int64
                and offsets.shape == (len(ids) + 1,)
                and len(sources) == len(ids)
                and offsets[0] == 0
                and offsets[-1] == shape[0]
                and bool(np.all(np.diff(offsets) >= 0))
                and (times is None or (times.get_shape() == [shape[0], 2] and times.get_dtype() == "F32"))
            )
            begin = _begin_of("values", path)
            times_begin = None if times is None else _begin_of("times", path)
        except (SafetensorError, KeyError, ValueError, TypeError, OSError) as error:
            raise InputError(f"{path} is not a whole feature file ({error})", _REDO) from error
        if not sound:
            raise InputError(f"{path} has ids or offsets that do not fit its values", _REDO)
        return cls(
            path=path,
            ids=ids,
            sources=sources,
            provenance=provenance,
            offsets=offsets,
            dim=int(shape[1]),
            dtype=_DTYPES[kind],
            checksum=header.get("checksum"),
            begin=begin,
            times_begin=times_begin,
            version=version,
        )

    def rows(self, start: int, end: int) -> Values:
        """Read rows `start:end`: (end - start, D), in the dtype of the file.

        Raises:
            InputError: the file has changed since it was opened.
        """
        values: Values = np.empty((end - start, self.dim), self.dtype)
        self._fill(values, self.begin + start * self.dim * self.dtype.itemsize)
        return values

    def times(self, start: int, end: int) -> NDArray[np.float32] | None:
        """Read the times of rows `start:end`: (end - start, 2), seconds; None where rows have no times.

        Raises:
            InputError: the file has changed since it was opened.
        """
        if self.times_begin is None:
            return None
        times: NDArray[np.float32] = np.empty((end - start, 2), "<f4")
        self._fill(times, self.times_begin + start * _TIME_BYTES)
        return times

    def _fill(self, array: NDArray[Any], position: int) -> None:
        """Fill an array with the bytes of the file from a position on."""
        try:
            file = os.open(self.path, os.O_RDONLY)
            try:
                whole = version_of(os.fstat(file)) == self.version
                whole = whole and os.preadv(file, [array.data], position) == array.nbytes
            finally:
                os.close(file)
        except OSError as error:
            raise InputError(f"{self.path} can no longer be read ({error.strerror})", "run again") from error
        if not whole:
            raise InputError(f"{self.path} was changed while it was in use", "run again")

    def verify(self) -> None:
        """Read all values, block by block, and compare them with the checksum.

        Raises:
            InputError: the checksum does not match, or a value is not finite.
        """
        digest, finite = hashlib.sha256(json.dumps(list(self.ids)).encode()), True
        rows, step = int(self.offsets[-1]), max(1, _BLOCK_BYTES // max(1, self.dim * self.dtype.itemsize))
        for start in range(0, rows, step):
            block = self.rows(start, min(start + step, rows))
            digest.update(block.data)
            finite = finite and bool(np.isfinite(block).all())
        digest.update(self.offsets.data)
        times = self.times(0, rows)
        if times is not None:
            digest.update(times.data)
            finite = finite and bool(np.isfinite(times).all())
        if digest.hexdigest() != self.checksum:
            raise InputError(f"{self.path} does not match its checksum", _REDO)
        if not finite:
            raise InputError(f"{self.path} holds NaN or infinite values", _REDO)


def write_shard(
    path: Path,
    *,
    ids: Sequence[str],
    sources: Sequence[str],
    items: Sequence[Values],
    provenance: Mapping[str, Any],
    times: Sequence[NDArray[np.float32]] | None = None,
) -> None:
    """Write a shard, whole or not at all.

    Args:
        path: the file.
        ids: ids of the items.
        sources: a hash of each item's source.
        items: the values of each item, (rows, D), all of the same dtype, float16 or float32.
        provenance: encoder, version, settings.
        times: the times of each item, (rows, 2), in seconds; None where rows have no times.

    Raises:
        InputError: the disk is full.
    """
    # columns may come first in memory, as other programs write arrays
    values = np.ascontiguousarray(np.concatenate(items))
    offsets = np.concatenate([[0], np.cumsum([len(item) for item in items])]).astype(np.int64)
    digest = hashlib.sha256(json.dumps(list(ids)).encode())
    digest.update(values.data)
    digest.update(offsets.data)
    tensors = {"values": values, "offsets": offsets}
    if times is not None:
        tensors["times"] = np.ascontiguousarray(np.concatenate(times))
        digest.update(tensors["times"].data)
    header = {
        "format": FORMAT,
        "provenance": json.dumps(dict(provenance), sort_keys=True),
        "ids": json.dumps(list(ids)),
        "sources": json.dumps(list(sources)),
        "checksum": digest.hexdigest(),
    }
    with atomic(path) as temporary:
        temporary.write_bytes(save(tensors, metadata=header))
        sort_metadata(temporary)


def _begin_of(name: str, path: Path) -> int:
    """Return the byte at which a tensor of a safetensors file begins.

    The file is 8 bytes with the length of the header, a JSON header, and the tensors.
    """
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = parse_json(file.read(length))
    return 8 + int(length) + int(header[name]["data_offsets"][0])
