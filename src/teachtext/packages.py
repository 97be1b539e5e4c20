"""Optional packages: imported when they are needed, and named with the extra that installs them."""

import importlib
import re
from collections import Counter
from importlib.metadata import PackageNotFoundError, requires, version
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
        raise not_installed(error, extra) from error


def not_installed(error: ModuleNotFoundError, extra: str | None = None) -> InputError:
    """Return the error for a package that is not installed, with the extra that brings it.

    Args:
        error: of the import.
        extra: the extra; by default the first extra of TeachText that lists a package of the module's name.
    """
    module = (error.name or "").partition(".")[0]
    extra = extra or _extra_of(module)
    mend = f"pip install 'teachtext[{extra}]'" if extra else f"pip install the package that brings '{module}'"
    return InputError(f"the package '{error.name}' is not installed", mend)


def _extra_of(module: str) -> str | None:
    """Return the smallest extra that lists a package of a module's name."""
    name = module.replace("_", "-").lower()
    sizes: Counter[str] = Counter()
    bringing: set[str] = set()
    for requirement in requires("teachtext") or []:
        if extra := re.search(r"extra == ['\"]([\w-]+)['\"]", requirement):
            sizes[extra[1]] += 1
            if re.split(r"[^\w.-]", requirement.lower())[0].replace("_", "-") == name:
                bringing.add(extra[1])
    return min(bringing, key=lambda extra: sizes[extra], default=None)
