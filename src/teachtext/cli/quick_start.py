"""Imports LanceDB without what a search in a folder never uses, so that a verb answers soon.

`import lancedb` builds hundreds of pydantic classes of a client for remote servers, and imports pandas. Both together
cost more than everything else that a search does. The verbs that end after one answer go without. The service and the
Python API import LanceDB as it is.
"""

import importlib
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

from teachtext.search.stores import is_url

if TYPE_CHECKING:
    from teachtext.search.searcher import Searcher

_CLIENT = "lance_namespace_urllib3_client"
_WITHOUT = "pandas"
_LANCE = ("lancedb", "lance_namespace")


def import_lancedb(place: str) -> None:
    """Import LanceDB quickly, for an index in a folder.

    Nothing happens where LanceDB is imported already, is not installed, or is not used. An import that fails because of
    what is left out is made again, with everything.

    Args:
        place: folder or URL of the index.
    """
    if "lancedb" in sys.modules or is_url(place):
        return
    finder = _Without()
    sys.meta_path.insert(0, finder)
    try:
        importlib.import_module("lancedb")
    except Exception:  # whatever another release of LanceDB needs
        for name in [name for name in sys.modules if name.partition(".")[0] in _LANCE]:
            # compiled modules cannot be imported twice
            if name != "lancedb._lancedb":
                del sys.modules[name]
        with suppress(ModuleNotFoundError):
            sys.meta_path.remove(finder)
            _forget_client()
            importlib.import_module("lancedb")
    finally:
        with suppress(ValueError):
            sys.meta_path.remove(finder)
        _forget_client()


def open_searcher(place: str, models: Sequence[str], device: str, exact: bool | None) -> "Searcher":
    """Open an index for one search: by the text sides that it keeps, if no model and no device is asked for.

    Args:
        place: folder or URL of the index.
        models: where the models are, if they were moved.
        device: of the models.
        exact: whether the search compares with every video; None for the default.

    Raises:
        InputError: there is no index, its model is gone or another one, or the store is down.
    """
    from teachtext.api.open_index import open_index
    from teachtext.devices import AUTO, CPU
    from teachtext.search.searcher import Searcher
    from teachtext.search.text_sides import load_text_sides

    import_lancedb(place)
    sides = load_text_sides(place) if not models and device in (AUTO, CPU) else None
    if sides is not None:
        return Searcher(place, model=sides, exact=exact)
    return open_index(place, model=list(models) or None, device=device, exact=exact).searcher


def _forget_client() -> None:
    """Let the real client be imported by whoever asks for it now."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == _CLIENT and isinstance(module, _Placeholder):
            del sys.modules[name]


class _Without(MetaPathFinder, Loader):
    """Finds a placeholder for the client, and no pandas."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> Any:
        name = fullname.partition(".")[0]
        if name == _WITHOUT:
            raise ModuleNotFoundError(f"No module named '{fullname}'", name=fullname)
        return ModuleSpec(fullname, self, is_package=True) if name == _CLIENT else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Placeholder(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing to run."""


class _Placeholder(ModuleType):
    """A module in which every name is an empty class."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})
