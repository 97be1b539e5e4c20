"""Kinds of a part, by the first word of a spec such as `file:PATH`."""

from collections.abc import Mapping
from typing import Generic, NamedTuple, TypeVar

from teachtext.errors import InputError, unknown

Build = TypeVar("Build")


class Kind(NamedTuple, Generic[Build]):
    """A kind of a part.

    Attributes:
        form: how its spec is written; with a colon where an argument follows.
        about: what it is, in a few words.
        build: makes the part.
    """

    form: str
    about: str
    build: Build


def split_spec(what: str, spec: str, kinds: Mapping[str, Kind[Build]]) -> tuple[str, str]:
    """Return the first word of a spec, and the argument after its colon; empty where the kind has none.

    Args:
        what: the part, in messages.
        spec: such as `file:rewritings.json`.
        kinds: by first word.

    Raises:
        InputError: there is no such kind, or the argument is missing or one too many.

    >>> split_spec("writer", "file:a:b.json", {"file": Kind("file:PATH", "a file", open)})
    ('file', 'a:b.json')
    """
    word, colon, argument = spec.partition(":")
    if word not in kinds:
        raise unknown(what, word[:60], [kind.form for kind in kinds.values()])
    form = kinds[word].form
    if bool(argument) != (":" in form):
        raise InputError(f"'{word}{colon}' is not the whole name of a {what}", f"write {form}")
    return word, argument
