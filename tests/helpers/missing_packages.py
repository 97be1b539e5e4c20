"""Packages that are installed, as if they were not."""

import sys

import pytest


def uninstall(monkeypatch: pytest.MonkeyPatch, *packages: str, importers: tuple[str, ...] = ()) -> None:
    """Let imports of packages fail until the test ends.

    Args:
        monkeypatch: undoes it.
        packages: names of packages.
        importers: modules that import them, which are imported anew. Afterwards they are the same modules as before,
            also as attributes of their packages: other tests hold their functions.
    """
    for package in packages:
        monkeypatch.setitem(sys.modules, package, None)
    for module in importers:
        if module in sys.modules:
            parent, _, name = module.rpartition(".")
            monkeypatch.setattr(sys.modules[parent], name, sys.modules[module])
            monkeypatch.delitem(sys.modules, module)
