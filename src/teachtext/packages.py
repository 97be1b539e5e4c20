"""Optional packages: imported when they are needed, and named with the extra that installs them."""

import importlib
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from teachtext.errors import InputError


def installed(package: str) -> str | None:
    """Return the version of a package, None if it is not installed, without importing it."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def load(target: str, extra: str, **arguments: Any) -> Any:
    """Import `module:name`; with arguments, call it.

    Raises:
        InputError: a package is not installed; names the extra that brings it.
    """
    module, name = target.split(":")
    try:
        value = getattr(importlib.import_module(module), name)
        return value(**arguments) if arguments else value
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("teachtext"):
            raise
        raise InputError(f"the package '{error.name}' is not installed", f"pip install 'teachtext[{extra}]'") from error
