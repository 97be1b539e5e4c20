"""Reads the tensors and plain values of checkpoints of other programs, without running any of their code."""

import pickletools
import zipfile
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import shorten
from typing import IO, Any

import torch
from torch import Tensor
from torch.serialization import safe_globals

from teachtext.errors import InputError

_CALLABLE_VALUES = {
    *(f"pathlib.{kind}{system}Path" for kind in ("", "Pure") for system in ("", "Posix", "Windows")),
    *(f"numpy.{core}.multiarray.{call}" for core in ("core", "_core") for call in ("scalar", "_reconstruct")),
    "numpy.dtype",
    "numpy.ndarray",
}
"""Names that a pickle may call, because paths and numbers are pickled as calls. Only a stand-in is called."""

_SYSTEM = ("os", "posix", "nt", "sys")
_LEGACY_PICKLES = 4


class _Refused(Exception):
    """A checkpoint names or calls an object that no checkpoint needs."""


class _StandInType(type):
    """The type of stand-ins: calls are refused, except for calls that build a plain value."""

    stands_for: str

    def __call__(cls, *values: Any) -> Any:
        if cls.stands_for not in _CALLABLE_VALUES:
            raise _Refused(f"it asks to run {cls.stands_for}")
        return super().__call__(*values)


class Inert(metaclass=_StandInType):
    """A stand-in for an object whose class is not imported.

    Attributes:
        values: arguments of the call that built it.
        state: the pickled state, commonly the attributes by name; None without a state.
    """

    stands_for = "nothing"
    values: tuple[Any, ...]
    state: Any

    def __new__(cls, *values: Any) -> "Inert":
        """Build a stand-in from any arguments."""
        made: Inert = object.__new__(cls)
        made.values, made.state = values, None
        return made

    def __setstate__(self, state: Any) -> None:
        self.state = state


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a checkpoint of PyTorch, `{"state_dict": {name: tensor}, ...}`, in the zip format or the format before 1.6.

    The restricted unpickler of torch reads tensors and containers. Every other class in the file is replaced by an
    `Inert` stand-in: the class is never imported, and its objects become their saved state. Calls of functions and
    classes are refused, except for paths and numpy scalars, which become stand-ins too.

    Returns:
        The tensors, and everything else by name.

    Raises:
        InputError: the file is truncated or of another kind, calls a function, or has no state dict of finite tensors.
    """
    try:
        named = sorted(_names_in_checkpoint(path))
        stand_ins: list[Any] = [
            (_StandInType(name.rpartition(".")[2], (Inert,), {"stands_for": name}), name) for name in named
        ]
        with safe_globals(stand_ins):
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except _Refused as error:
        raise InputError(f"{path} is refused, {error}", "get the checkpoint from its authors again") from error
    # a damaged file may make the unpickler fail in any way
    except Exception as error:
        reason = shorten(str(error).rpartition("WeightsUnpickler error:")[2], 150, placeholder=" ...")
        reason = reason or type(error).__name__
        raise InputError(
            f"{path} is not a whole PyTorch checkpoint ({reason})", "give a .pth file, copied whole"
        ) from error
    if not isinstance(loaded, dict) or not isinstance(loaded.get("state_dict"), dict):
        raise InputError(f"{path} has no 'state_dict'", "give a checkpoint of the authors' trainer")
    state = loaded.pop("state_dict")
    _check_tensors(state, path)
    return dict(state), loaded


def _check_tensors(state: Mapping[Any, Any], path: Path) -> None:
    for name, tensor in state.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise InputError(f"{path}: '{name}' of the state dict is not a tensor", "give a state dict of tensors")
        plain = tensor.layout == torch.strided and tensor.device.type == "cpu" and not tensor.is_quantized
        # a view with a size beyond its storage could fill the memory
        if not plain or tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise InputError(f"{path}: '{name}' of the state dict is not a plain tensor", "save it dense, on the CPU")
        if not tensor.isfinite().all():
            raise InputError(f"{path}: '{name}' of the state dict is not finite", "give weights without NaN")


def _names_in_checkpoint(path: Path) -> set[str]:
    """Return the names of all classes and functions in the pickles of a checkpoint, without running the pickles."""
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            file.seek(0)
            return {name for _ in range(_LEGACY_PICKLES) for name in _names_in_pickle(file)}
        with zipfile.ZipFile(file) as archive:
            members = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            return {name for member in members for name in _names_in_pickle(archive.open(member))}


def _names_in_pickle(file: IO[bytes]) -> Iterator[str]:
    for operation, argument, _ in pickletools.genops(file):
        if operation.name == "GLOBAL":
            # pickles of protocol 2 may have names of Python 2; torch maps some of them
            module, _, name = str(argument).partition(" ")
            for path in {(module, name), NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))}:
                if path[0] in _SYSTEM:
                    raise _Refused(f"it asks for {'.'.join(path)}")
                yield ".".join(path)
