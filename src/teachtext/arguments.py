"""Checks of the arguments that a Python caller passes; each mistake is one `InputError`."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any, TypeVar

from teachtext.errors import InputError, unknown

Value = TypeVar("Value")


def check_count(name: str, value: Any) -> int:
    """Return a whole number of at least 1.

    Raises:
        InputError: the value is below 1, or is no whole number.

    >>> check_count("workers", 2)
    2
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise InputError(f"{name} is {_shown(value)}", "give a whole number of at least 1")
    return int(value)


def check_choice(name: str, value: Any, choices: Sequence[str]) -> str:
    """Return a value that is one of the choices.

    Raises:
        InputError: the value is none of them.

    >>> check_choice("engine", "ray", ["local", "ray"])
    'ray'
    """
    if not isinstance(value, str):
        raise InputError(f"{name} is {_shown(value)}", f"choose from {', '.join(choices)}")
    if value not in choices:
        raise unknown(name, value, choices)
    return value


def check_string(name: str, value: Any) -> str:
    """Return a string.

    Raises:
        InputError: the value is of another type.
    """
    if not isinstance(value, str):
        raise InputError(f"{name} is {_shown(value)}", "give a string")
    return value


def check_place(name: str, value: Any) -> str | Path:
    """Return a path or a URL as the caller wrote it. An empty string would mean the current folder.

    Raises:
        InputError: the value is empty, or is neither a string nor a path.
    """
    if isinstance(value, str) and not value.strip():
        raise InputError(f"{name} is an empty string", "give a path, or '.' for the current folder")
    if isinstance(value, (str, Path)):
        return value
    if isinstance(value, os.PathLike) and isinstance(path := os.fspath(value), str):
        return Path(path)
    raise InputError(f"{name} is {_shown(value)}", "give a path")


def check_list(name: str, value: Any) -> list[Any]:
    """Return a list; a single string or path becomes a list of one.

    Raises:
        InputError: the value is no sequence.
    """
    if isinstance(value, (str, os.PathLike)):
        return [value]
    if isinstance(value, (bytes, Mapping)) or not isinstance(value, Iterable):
        raise InputError(f"{name} is {_shown(value)}", "give a string or a list")
    return list(value)


def check_items(name: str, values: Any, check: Callable[[str, Any], Value]) -> list[Value]:
    """Return a list whose items pass a check; see `check_list`. Messages count the items from 1.

    >>> check_items("text", "a dog", check_string)
    ['a dog']
    """
    return [check(f"{name} {number}", value) for number, value in enumerate(check_list(f"{name}s", values), start=1)]


def _shown(value: Any) -> str:
    """Return a value for a message, cut where it is long."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."
