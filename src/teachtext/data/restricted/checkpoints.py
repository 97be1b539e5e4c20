"""Reads the tensors and plain values of checkpoints of other programs, without running any of their code."""

from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from textwrap import shorten
from typing import Any

import numpy as np
import torch
from torch import Tensor

from teachtext.data.restricted.tensors import LazyTensor, TensorReader, read_saved, read_tensors
from teachtext.errors import InputError

_CALLABLE_VALUES = {
    *(f"pathlib.{kind}{system}Path" for kind in ("", "Pure") for system in ("", "Posix", "Windows")),
    "collections.Counter",
    "torch.Size",
    "torch.device",
    "torch.serialization._get_layout",
}
"""Names that a pickle may call, because paths and counters are pickled as calls. Only a stand-in is made."""

# tensors that are sparse, on another device or of few bits
_OTHER_TENSORS = "torch._utils._rebuild_"
_SYSTEM = ("os", "posix", "nt", "sys")


class _Refused(Exception):
    """A checkpoint names or calls an object that no checkpoint needs."""


@dataclass(frozen=True)
class _Name:
    """A class or function that is not imported."""

    name: str


@dataclass
class Inert:
    """A stand-in for an object whose class is not imported.

    Attributes:
        stands_for: name of its class.
        values: arguments of the call that built it.
        state: the pickled state, commonly the attributes by name; None without a state.
    """

    stands_for: str
    values: tuple[Any, ...] = ()
    state: Any = None

    def parts(self) -> Sequence[Any]:
        """Return its arguments and its state."""
        return (self.values, self.state)


@dataclass(frozen=True)
class _OtherTensor:
    """A tensor that is no plain one."""


class _CheckpointReader(TensorReader):
    """Reads a pickle of torch, with an `Inert` stand-in for each object of another class."""

    def find_class(self, module: str, name: str) -> Any:
        # pickles of protocol 2 may have names of Python 2
        modern = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
        for place in ((module, name), modern):
            if place[0] in _SYSTEM:
                raise _Refused(f"it asks for {'.'.join(place)[:80]}")
        try:
            return super().find_class(module, name)
        except InputError:
            return _Name(".".join(modern)[:200])

    def call(self, function: Any, arguments: tuple[Any, ...]) -> Any:
        if isinstance(function, _Name):
            if function.name.startswith(_OTHER_TENSORS):
                return _OtherTensor()
            if function.name not in _CALLABLE_VALUES:
                raise _Refused(f"it asks to run {function.name[:80]}")
            return Inert(function.name, arguments)
        return super().call(function, arguments)

    def new(self, kind: Any, arguments: tuple[Any, ...]) -> Any:
        if isinstance(kind, _Name):
            return Inert(kind.name, arguments)
        return super().new(kind, arguments)

    def build(self, target: Any, state: Any) -> None:
        if isinstance(target, Inert):
            target.state = state
        elif not isinstance(target, LazyTensor | _OtherTensor):
            super().build(target, state)

    def persistent_load(self, pid: Any) -> Any:
        if isinstance(pid, tuple) and len(pid) == 4 and pid[0] == "module":
            # before torch 1.6 a whole model names its class like this
            return pid[1]
        if isinstance(pid, tuple) and len(pid) > 1 and isinstance(pid[1], _Name):
            return _OtherTensor()
        return super().persistent_load(pid)

    def _tensor(self, storage: Any, offset: Any, shape: Any, strides: Any, *rest: object) -> Any:
        try:
            return super()._tensor(storage, offset, shape, strides, *rest)
        except UnpicklingError:
            # a view with a size beyond its storage, or no storage
            return _OtherTensor()


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a checkpoint of PyTorch, `{"state_dict": {name: tensor}, ...}`, in the zip format or the format before 1.6.

    Tensors, containers and numbers are read (see `RestrictedUnpickler`). Every other class in the file is replaced by
    an `Inert` stand-in: the class is never imported, and its objects become their saved state. Calls of functions and
    classes are refused, except for paths and counters, which become stand-ins too.

    Returns:
        The tensors, and everything else by name.

    Raises:
        InputError: the file is truncated or of another kind, calls a function, takes far more memory than its size, or
            has no state dict of finite tensors.
    """
    try:
        with path.open("rb") as file:
            content = read_saved(file, partial(_CheckpointReader, file, path))
            if not isinstance(content, dict) or not isinstance(content.get("state_dict"), dict):
                raise InputError(f"{path} has no 'state_dict'", "give a checkpoint of the authors' trainer")
            state = {name: _tensor_of(name, value, path) for name, value in content.pop("state_dict").items()}
    except _Refused as error:
        raise InputError(f"{path} is refused, {error}", "get the checkpoint from its authors again") from error
    except InputError:
        raise
    # a damaged file may make the unpickler fail in any way
    except Exception as error:
        reason = shorten(str(error), 150, placeholder=" ...") or type(error).__name__
        raise InputError(
            f"{path} is not a whole PyTorch checkpoint ({reason})", "give a .pth file, copied whole"
        ) from error
    return state, content


def read_state(path: Path) -> Any:
    """Read a file of `torch.save` that this package wrote: tensors, containers and numbers.

    Raises:
        InputError: the file is truncated or of another kind, or holds something else.
    """
    with path.open("rb") as file:
        return _with_tensors(read_tensors(file, path))


def _with_tensors(value: Any) -> Any:
    if isinstance(value, LazyTensor):
        return _torch_tensor(value)
    if isinstance(value, dict):
        return {name: _with_tensors(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_with_tensors(part) for part in value)
    return value


def _torch_tensor(value: LazyTensor) -> Tensor:
    values = value.read_part(None)
    if value.dtype.kind == "V":
        return torch.from_numpy(values.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(values)


def _tensor_of(name: Any, value: Any, path: Path) -> Tensor:
    """Read a tensor of a state dict."""
    if not isinstance(name, str) or not isinstance(value, LazyTensor | _OtherTensor):
        shown = name if isinstance(name, str | int | float) else type(name).__name__
        raise InputError(f"{path}: '{shown}' of the state dict is not a tensor", "give a state dict of tensors")
    if isinstance(value, _OtherTensor):
        raise InputError(f"{path}: '{name}' of the state dict is not a plain tensor", "save it dense, on the CPU")
    tensor = _torch_tensor(value)
    if not tensor.isfinite().all():
        raise InputError(f"{path}: '{name}' of the state dict is not finite", "give weights without NaN")
    return tensor
