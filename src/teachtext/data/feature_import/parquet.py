"""Parquet: a column of ids and a column of lists of numbers. A folder of such files is read as one table."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from teachtext.data.feature_import.content import Content, LazyMapping, StoredArray
from teachtext.errors import InputError
from teachtext.packages import load

_ROWS_AT_ONCE = 64


def read_parquet(path: Path, stack: ExitStack) -> Content:
    """Read a parquet file, or the parquet files of a folder, in the order of their names."""
    paths = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    files = [stack.enter_context(load("pyarrow.parquet:ParquetFile", "features", source=part)) for part in paths]
    names = files[0].schema_arrow.names
    for part, file in zip(paths, files, strict=True):
        if file.schema_arrow.names != names:
            raise InputError(f"{part} has other columns than {paths[0]}", "give files with the same columns")
    return LazyMapping(names, lambda name: _column(files, name, path))


def _column(files: Sequence[Any], name: str, path: Path) -> Content:
    """Return a column: numbers and texts as a list, lists of numbers as a sequence that is read on demand."""
    if "list" in str(files[0].schema_arrow.field(name).type):
        return _Lists(files, name, path)
    return [value for file in files for value in file.read([name]).column(0).to_pylist()]


class _Lists(Sequence[Content]):
    """The lists of a column, read one after another; going back begins anew."""

    def __init__(self, files: Sequence[Any], name: str, path: Path) -> None:
        self.files = files
        self.name = name
        self.path = path
        self._rows: Iterator[Content] = iter(())
        self._next = -1

    def __len__(self) -> int:
        return sum(file.metadata.num_rows for file in self.files)

    def __getitem__(self, number: Any) -> Content:
        if not 0 <= number < len(self):
            raise IndexError(number)
        if self._next < 0 or number < self._next:
            self._rows, self._next = self._values(), 0
        while True:
            row, self._next = next(self._rows), self._next + 1
            if self._next > number:
                return _rows(row, f"{self.path}: '{self.name}'")

    def _values(self) -> Iterator[Any]:
        for file in self.files:
            for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE, columns=[self.name]):
                yield from batch.column(0)


def _rows(value: Any, where: str) -> Content:
    """Return a list of numbers, or a list of lists of numbers, as an array."""
    if not value.is_valid:
        return None
    inner = value.values
    if not hasattr(inner, "flatten") or "list" not in str(inner.type):
        return StoredArray.of(inner.to_numpy(zero_copy_only=False), where)
    flat, count = inner.flatten(), len(inner)
    lengths = {len(row) for row in inner}
    if len(lengths) > 1 or "list" in str(flat.type):
        return inner.to_pylist()
    numbers = flat.to_numpy(zero_copy_only=False)
    return StoredArray.of(np.asarray(numbers).reshape(count, -1) if count else np.zeros((0, 0)), where)
