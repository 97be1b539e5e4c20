"""Checkpoints of other programs: tensors and plain values are read, and nothing of theirs is ever executed."""

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

_VALUES = {
    *(f"pathlib.{kind}{system}Path" for kind in ("", "Pure") for system in ("", "Posix", "Windows")),
    *(f"numpy.{core}.multiarray.{call}" for core in ("core", "_core") for call in ("scalar", "_reconstruct")),
    "numpy.dtype",
    "numpy.ndarray",
}
"""What a pickle may call, because that is how it writes a path or a number; here too, only a stand-in is called."""

_SYSTEM = ("os", "posix", "nt", "sys")
_LEGACY_PICKLES = 4


class _Refused(Exception):
    """A checkpoint asks for what no checkpoint needs."""


class _Kind(type):
    """The type of stand-ins: calling one is refused, unless it only makes a value."""

    stands_for: str

    def __call__(cls, *values: Any) -> Any:
        if cls.stands_for not in _VALUES:
            raise _Refused(f"it asks to run {cls.stands_for}")
        return super().__call__(*values)


class Inert(metaclass=_Kind):
    """Stands in for an object of a class that is not imported.

    Attributes:
        values: what it was made of.
        state: what it was filled with, commonly its attributes by name; None if nothing.
    """

    stands_for = "nothing"
    values: tuple[Any, ...]
    state: Any

    def __new__(cls, *values: Any) -> "Inert":
        """Make one, whatever the class took."""
        made: Inert = object.__new__(cls)
        made.values, made.state = values, None
        return made

    def __setstate__(self, state: Any) -> None:
        self.state = state


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what PyTorch saved as `{"state_dict": {name: tensor}, ...}`, in its zip form or the one before 1.6.

    Torch's restricted unpickler does it, which knows tensors and containers only. For every other class that the file
    names an `Inert` stand-in is given to it: the class is never imported, and its objects become the plain state that
    was saved. Objects that are built from their class alone, as pickle does with ordinary ones, pass; a file that
    calls anything, be it a function or a class, is refused, but for paths and numpy scalars (stand-ins too).

    Returns:
        The tensors, and everything else by name.

    Raises:
        InputError: the file is not whole, of another kind, calls something, has no state dict of tensors, or NaN in it.
    """
    try:
        named = sorted(_named_in(path))
        stand_ins: list[Any] = [
            (_Kind(name.rpartition(".")[2], (Inert,), {"stands_for": name}), name) for name in named
        ]
        with safe_globals(stand_ins):
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except _Refused as error:
        raise InputError(f"{path} is refused, {error}", "get the checkpoint from its authors again") from error
    # a file that somebody spoiled may make the unpickler fail in any way
    except Exception as error:
        told = shorten(str(error).rpartition("WeightsUnpickler error:")[2], 150, placeholder=" ...")
        told = told or type(error).__name__
        raise InputError(
            f"{path} is not a whole PyTorch checkpoint ({told})", "give a .pth file, copied whole"
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
        # views that say they are larger than what is stored could fill any memory
        if not plain or tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise InputError(f"{path}: '{name}' of the state dict is not a plain tensor", "save it dense, on the CPU")
        if not tensor.isfinite().all():
            raise InputError(f"{path}: '{name}' of the state dict is not finite", "give weights without NaN")


def _named_in(path: Path) -> set[str]:
    """Return every class and function that the pickles of a checkpoint name, without running them."""
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            file.seek(0)
            return {name for _ in range(_LEGACY_PICKLES) for name in _named_in_pickle(file)}
        with zipfile.ZipFile(file) as archive:
            members = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            return {name for member in members for name in _named_in_pickle(archive.open(member))}


def _named_in_pickle(file: IO[bytes]) -> Iterator[str]:
    for operation, argument, _ in pickletools.genops(file):
        if operation.name == "GLOBAL":
            # pickles of protocol 2 may have the names of Python 2, of which torch maps some
            module, _, name = str(argument).partition(" ")
            for place in {(module, name), NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))}:
                if place[0] in _SYSTEM:
                    raise _Refused(f"it asks for {'.'.join(place)}")
                yield ".".join(place)
