"""What a container of features holds: arrays that are read when they are needed, in mappings and in lists.

Every container is read as one of these, whatever its format: a `StoredArray`, a mapping from names, a list, a number,
a text, or None. A mapping or a list may itself be read on demand.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from teachtext.errors import InputError

Content: TypeAlias = Any

MOST_BYTES = 1 << 30
"""The most bytes of the values of one item; what claims more is refused before it is read."""

BFLOAT16: np.dtype[Any] = np.dtype("V2")
"""numpy has no bfloat16; an array of that type is written as two bytes without a meaning."""


@dataclass(frozen=True)
class StoredArray:
    """An array in a file.

    Attributes:
        shape: lengths of the axes.
        dtype: type of the values; `BFLOAT16` stands for bfloat16.
        read_part: reads everything (None), or the part with that number along the first axis.
        where: the array, for messages.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read_part: Callable[[int | None], NDArray[Any]]
    where: str

    @classmethod
    def of(cls, values: NDArray[Any], where: str) -> "StoredArray":
        """Return an array that is in memory already."""
        return cls(values.shape, values.dtype, lambda part: values if part is None else values[part], where)

    def read(self) -> NDArray[Any]:
        """Read all values.

        Raises:
            InputError: the array claims more than `MOST_BYTES`.
        """
        self._check_size(self.shape)
        return self.read_part(None)

    def parts(self) -> "Parts":
        """Return the array as a sequence along its first axis; each part is read when it is needed."""
        return Parts(self)

    def _check_size(self, shape: Sequence[int]) -> None:
        size = prod(shape) * self.dtype.itemsize
        if size > MOST_BYTES:
            raise InputError(
                f"{self.where} has shape {self.shape} and type {self.dtype}, {size / 2**30:,.1f} GiB for one item",
                f"give each item at most {MOST_BYTES / 2**30:g} GiB",
            )


class Parts(Sequence[StoredArray]):
    """The parts of an array along its first axis.

    Args:
        array: of at least one axis.
    """

    def __init__(self, array: StoredArray) -> None:
        self.array = array

    def __len__(self) -> int:
        return self.array.shape[0]

    def __getitem__(self, number: Any) -> Any:
        array = self.array
        if not 0 <= number < len(self):
            raise IndexError(number)

        def read_part(part: int | None) -> NDArray[Any]:
            values = array.read_part(number)
            return values if part is None else values[part]

        return StoredArray(array.shape[1:], array.dtype, read_part, array.where)


class LazyMapping(Mapping[str, Content]):
    """A mapping whose values are read when they are asked for.

    Args:
        names: of the values.
        read: reads the value of a name.
        items: whether each name is that of an item. Otherwise a value may be a further mapping of items.
        notes: sentences on what was left out.
    """

    def __init__(
        self,
        names: Sequence[str],
        read: Callable[[str], Content],
        *,
        items: bool = False,
        notes: Sequence[str] = (),
    ) -> None:
        self.names = dict.fromkeys(names)
        self.read = read
        self.items_only = items
        self.notes = notes

    def __getitem__(self, name: str) -> Content:
        if name not in self.names:
            raise KeyError(name)
        return self.read(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.names


def float_rows(content: Content, where: str) -> NDArray[Any] | None:
    """Read the rows of one item.

    Args:
        content: an array, a list of numbers, or a list of lists or arrays.
        where: the item, for messages.

    Returns:
        (rows, D) floats; None where nothing is there: None, or an array without values. A single NaN in place of an
        array becomes (1, 1).

    Raises:
        InputError: the content is no array of floats with at most two axes (further axes of length 1 may lead).
    """
    values = _array(content, where)
    if values is None or values.size == 0:
        return None
    if values.dtype == BFLOAT16:
        values = (values.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    if values.dtype.kind != "f":
        raise InputError(
            f"{where} holds {values.dtype.name}, not floats", "save it as float32 if its numbers are features"
        )
    while values.ndim > 2 and values.shape[0] == 1:
        values = values[0]
    if values.ndim > 2:
        raise InputError(f"{where} has shape {values.shape}, not (rows, D)", "save one row a moment, (rows, D) or (D,)")
    return np.atleast_2d(values)


def _array(content: Content, where: str) -> NDArray[Any] | None:
    if content is None:
        return None
    if isinstance(content, StoredArray):
        return content.read()
    if isinstance(content, float | int | np.generic | np.ndarray):
        return np.asarray(content)
    if isinstance(content, Sequence) and not isinstance(content, str | bytes):
        try:
            return np.asarray([value if isinstance(value, float | int) else _array(value, where) for value in content])
        except (ValueError, TypeError, OverflowError) as error:
            raise InputError(f"{where} is a list of parts that differ in shape", "give all rows one width") from error
    raise InputError(f"{where} is a {kind_of(content)}, not an array of floats", "save it as (rows, D) floats")


def kind_of(content: Content) -> str:
    """Name the kind of a content, for messages.

    >>> kind_of({}), kind_of("a"), kind_of([1.5])
    ('mapping', 'text', 'list')
    """
    if isinstance(content, StoredArray):
        return f"single array of {content.dtype} {content.shape}"
    kinds = {Mapping: "mapping", str: "text", bytes: "run of bytes", Sequence: "list"}
    return next((name for kind, name in kinds.items() if isinstance(content, kind)), type(content).__name__)
