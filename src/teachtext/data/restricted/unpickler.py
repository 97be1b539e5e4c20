"""An unpickler that runs nothing, and whose time and memory stay in proportion to the size of the file.

A pickle of 300 bytes can ask for 2^60 steps, or for gigabytes: by nested tuples as keys, by copies of one long list, by
parts that name one another again and again. So every operation is paid for from a budget. Keys are text or numbers, and
what was read is weighed as a tree: a part that is named twice weighs twice.
"""

import pickle
import struct
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pickle import UnpicklingError
from typing import Any, BinaryIO, ClassVar

from teachtext.data.restricted.standins import ByteRange, check_keys

# bytes that a pickle may take in memory: some at once, and so many for each byte of the file. A list of short words
# takes twenty.
_FREE_BYTES = 64_000_000
_BYTES_A_BYTE = 40
_DEPTH = 100
_NUMBER_BYTES = 255
# values that wait for their container: pickles write lists, dicts and sets a thousand items at a time
_STACK = 500_000

# bytes in memory that an operation takes at most, beyond those that the file holds
_SLOT, _NUMBER, _ENTRY, _OBJECT, _SET = 8, 32, 100, 64, 216
_COSTS: dict[int, int] = {
    **{operation[0]: _NUMBER for operation in (pickle.INT, pickle.LONG, pickle.FLOAT, pickle.BINFLOAT, pickle.LONG1)},
    **{operation[0]: _ENTRY for operation in (pickle.PUT, pickle.BINPUT, pickle.LONG_BINPUT, pickle.MEMOIZE)},
    **{
        operation[0]: _OBJECT
        for operation in (
            pickle.MARK, pickle.EMPTY_LIST, pickle.EMPTY_DICT, pickle.LIST, pickle.DICT, pickle.TUPLE, pickle.TUPLE1,
            pickle.TUPLE2, pickle.TUPLE3, pickle.UNICODE, pickle.SHORT_BINUNICODE, pickle.BINUNICODE,
            pickle.BINUNICODE8, pickle.STRING, pickle.SHORT_BINSTRING, pickle.BINSTRING, pickle.SHORT_BINBYTES,
            pickle.BINBYTES, pickle.BINBYTES8, pickle.BYTEARRAY8,
        )
    },
    **{
        operation[0]: _SET
        for operation in (
            pickle.EMPTY_SET, pickle.FROZENSET, pickle.REDUCE, pickle.NEWOBJ, pickle.NEWOBJ_EX, pickle.INST, pickle.OBJ,
            pickle.BUILD, pickle.PERSID, pickle.BINPERSID,
        )
    },
}  # fmt: skip
_TOO_LARGE = "it would take far more memory than its size"

CONTAINERS = (list, tuple, set, frozenset, dict, OrderedDict, defaultdict)
"""The classes that a pickle may call with what they then hold."""


class RestrictedUnpickler(pickle._Unpickler):
    """Reads plain data. A subclass says in `find_class`, `call`, `new` and `build` what else there is.

    Args:
        file: the open pickle.
        size: bytes of the file.
        large: contents of at least this many bytes stay in the file (see `ByteRange`); None to read everything.
    """

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = {}
    # attributes of the base class
    stack: list[Any]
    read: Callable[[int], bytes]
    readline: Callable[[], bytes]
    pop_mark: Callable[[], list[Any]]

    def __init__(self, file: BinaryIO, size: int, *, large: int | None = None) -> None:
        super().__init__(file, encoding="latin-1")
        self._file = file
        self._size = size
        self._large = large
        self._budget = self._left = _FREE_BYTES + _BYTES_A_BYTE * size

    def read_whole(self) -> Any:
        """Read the pickle, and weigh it as a tree, in which a part that is named twice weighs twice.

        Raises:
            UnpicklingError: the content is not plain data, is nested too deeply, holds itself, or is too large. A
                damaged pickle may raise anything.
        """
        content = self.load()
        _weigh(content, self._budget)
        return content

    def spend(self, count: int) -> None:
        """Pay for some bytes of memory.

        Raises:
            UnpicklingError: the budget is used up.
        """
        self._left -= count
        if self._left < 0:
            raise UnpicklingError(_TOO_LARGE)

    def call(self, function: Any, arguments: tuple[Any, ...]) -> Any:
        """Return the result of a call."""
        if function in CONTAINERS:
            return self._container(function, arguments)
        raise UnpicklingError(f"a call of {_name_of(function)}")

    def new(self, kind: Any, arguments: tuple[Any, ...]) -> Any:
        """Return a new object of a class."""
        raise UnpicklingError(f"an object of {_name_of(kind)}")

    def build(self, target: Any, state: Any) -> None:
        """Give an object its state."""
        raise UnpicklingError(f"a state for a {type(target).__name__}")

    def _container(self, kind: Any, arguments: tuple[Any, ...]) -> Any:
        if kind is defaultdict and arguments:
            factory, *rest = arguments
            if factory is not None and factory not in CONTAINERS:
                raise UnpicklingError("a defaultdict of a foreign kind")
            return defaultdict(factory, self._container(dict, tuple(rest)))
        if not arguments:
            return kind()
        (items,) = arguments
        if not isinstance(items, list | tuple | set | frozenset | dict):
            raise UnpicklingError(f"a {kind.__name__} of a {type(items).__name__}")
        self.spend(_ENTRY * len(items))
        if kind in (set, frozenset):
            check_keys(items)
        elif issubclass(kind, dict) and not isinstance(items, dict):
            if not all(isinstance(item, list | tuple) and len(item) == 2 for item in items):
                raise UnpicklingError(f"a {kind.__name__} of no pairs")
            check_keys(item[0] for item in items)
        return kind(items)

    def _content(self, form: str, encoding: str | None) -> None:
        """Push a text or bytes; for large contents, push their range in the file."""
        (length,) = struct.unpack(form, self.read(struct.calcsize(form)))
        start = self._file.tell()
        if not 0 <= length <= self._size - start:
            raise UnpicklingError("it ends too early")
        if self._large is not None and length >= self._large:
            self._file.seek(length, 1)
            self.stack.append(ByteRange(self._file, start, length, recoded=encoding == "utf-8"))
            return
        data = self.read(length)
        self.stack.append(data if encoding is None else data.decode(encoding, "surrogatepass"))

    def _frame(self) -> None:
        """Skip the length of a frame, because contents are addressed by their offset in the file."""
        self.read(8)

    def _long4(self) -> None:
        (length,) = struct.unpack("<i", self.read(4))
        if not 0 <= length <= _NUMBER_BYTES:
            raise UnpicklingError(f"a number of {length} bytes")
        self.stack.append(int.from_bytes(self.read(length), "little", signed=True))

    def _reduce(self) -> None:
        arguments = self.stack.pop()
        if not isinstance(arguments, tuple):
            raise UnpicklingError("a call without arguments")
        self.stack[-1] = self.call(self.stack[-1], arguments)

    def _newobj(self) -> None:
        arguments = self.stack.pop()
        self.stack[-1] = self.new(self.stack[-1], tuple(arguments))

    def _newobj_ex(self) -> None:
        keywords = self.stack.pop()
        if keywords != {}:
            raise UnpicklingError("an object with named arguments")
        self._newobj()

    def _inst(self) -> None:
        module, name = (self.readline()[:-1].decode("ascii") for _ in range(2))
        self.stack.append(self.new(self.find_class(module, name), tuple(self.pop_mark())))

    def _obj(self) -> None:
        kind, *arguments = self.pop_mark()
        self.stack.append(self.new(kind, tuple(arguments)))

    def _build(self) -> None:
        state = self.stack.pop()
        self.build(self.stack[-1], state)

    def _setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._set([key], [value])

    def _setitems(self) -> None:
        items = self.pop_mark()
        self._set(items[::2], items[1::2])

    def _dict(self) -> None:
        items = self.pop_mark()
        self.stack.append({})
        self._set(items[::2], items[1::2])

    def _set(self, keys: list[Any], values: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict):
            raise UnpicklingError(f"keys of a {type(target).__name__}")
        self.spend(_ENTRY * len(keys))
        check_keys(keys)
        target.update(zip(keys, values, strict=True))

    def _additems(self) -> None:
        items, target = self.pop_mark(), self.stack[-1]
        if not isinstance(target, set):
            raise UnpicklingError(f"items of a {type(target).__name__}")
        self.spend(_ENTRY * len(items))
        check_keys(items)
        target.update(items)

    def _frozenset(self) -> None:
        items = self.pop_mark()
        self.spend(_ENTRY * len(items))
        check_keys(items)
        self.stack.append(frozenset(items))

    def _extend(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, list):
            raise UnpicklingError(f"items of a {type(target).__name__}")
        target.extend(items)

    def _append(self) -> None:
        item = self.stack.pop()
        self._extend([item])

    def _appends(self) -> None:
        items = self.pop_mark()
        self._extend(items)


def _weigh(content: Any, most: int) -> None:
    """Raise UnpicklingError for content that is nested too deeply, holds itself, or is too large as a tree."""
    weights: dict[int, int] = {}
    sums = [0]
    path: list[tuple[Any, Iterator[Any]]] = [(None, iter((content,)))]
    open_ids: set[int] = set()
    while path:
        container, parts = path[-1]
        for part in parts:
            weight = weights.get(id(part))
            if weight is None:
                inner = _parts_of(part)
                if inner is not None:
                    if id(part) in open_ids:
                        raise UnpicklingError("it holds itself")
                    if len(path) > _DEPTH:
                        raise UnpicklingError("it is nested too deeply")
                    open_ids.add(id(part))
                    path.append((part, inner))
                    sums.append(_OBJECT)
                    break
                weight = _leaf_weight(part)
            sums[-1] += weight
        else:
            path.pop()
            total = sums.pop()
            if total > most:
                raise UnpicklingError(_TOO_LARGE)
            if container is not None:
                open_ids.discard(id(container))
                weights[id(container)] = total
                sums[-1] += total


def _parts_of(value: Any) -> Iterator[Any] | None:
    """Return the parts of a container; None for anything else."""
    if isinstance(value, list | tuple | set | frozenset):
        return iter(value)
    if isinstance(value, dict):
        return iter(value.values())
    parts = value.parts() if hasattr(value, "parts") else None
    return None if parts is None else iter(parts)


def _leaf_weight(value: Any) -> int:
    if isinstance(value, str | bytes | bytearray):
        return _SLOT + len(value)
    return _SLOT + getattr(value, "weight", 0)


def _name_of(kind: Any) -> str:
    return str(getattr(kind, "__name__", kind))[:80]


_OWN: dict[bytes, Callable[[Any], None]] = {
    pickle.FRAME: RestrictedUnpickler._frame,
    pickle.LONG4: RestrictedUnpickler._long4,
    pickle.REDUCE: RestrictedUnpickler._reduce,
    pickle.NEWOBJ: RestrictedUnpickler._newobj,
    pickle.NEWOBJ_EX: RestrictedUnpickler._newobj_ex,
    pickle.INST: RestrictedUnpickler._inst,
    pickle.OBJ: RestrictedUnpickler._obj,
    pickle.BUILD: RestrictedUnpickler._build,
    pickle.SETITEM: RestrictedUnpickler._setitem,
    pickle.SETITEMS: RestrictedUnpickler._setitems,
    pickle.DICT: RestrictedUnpickler._dict,
    pickle.ADDITEMS: RestrictedUnpickler._additems,
    pickle.FROZENSET: RestrictedUnpickler._frozenset,
    pickle.APPEND: RestrictedUnpickler._append,
    pickle.APPENDS: RestrictedUnpickler._appends,
    **{
        operation: partial(RestrictedUnpickler._content, form=form, encoding=encoding)
        for operation, form, encoding in (
            (pickle.BINSTRING, "<i", "latin-1"),
            (pickle.BINBYTES, "<I", None),
            (pickle.BINBYTES8, "<Q", None),
            (pickle.BYTEARRAY8, "<Q", None),
            (pickle.BINUNICODE, "<I", "utf-8"),
            (pickle.BINUNICODE8, "<Q", "utf-8"),
        )
    },
}


def _paid(operation: Callable[[Any], None], cost: int) -> Callable[[RestrictedUnpickler], None]:
    def pay_and_run(unpickler: RestrictedUnpickler) -> None:
        unpickler.spend(cost)
        if len(unpickler.stack) > _STACK:
            raise UnpicklingError("it puts too much on its stack")
        operation(unpickler)

    return pay_and_run


for _code, _operation in pickle._Unpickler.dispatch.items():
    _chosen = _OWN.get(bytes([_code]), _operation)
    RestrictedUnpickler.dispatch[_code] = _paid(_chosen, _COSTS.get(_code, _SLOT))
