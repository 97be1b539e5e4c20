"""Captions whose places in long videos are known: `places.json` of a folder of films (see `teachtext.data.films`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from teachtext.errors import InputError
from teachtext.files import read_json

PLACES = "places.json"
"""The file of the places: settings, films and captions."""


class Place(NamedTuple):
    """The place of a caption: from `start_s` to `end_s` seconds of a film, where the caption's clip stands."""

    film: str
    start_s: float
    end_s: float
    clip: str


class Boundary(NamedTuple):
    """Where one clip of a film ends and the next begins: seconds, and `cut` or a kind of fade."""

    at_s: float
    join: str


@dataclass(frozen=True)
class Places:
    """The content of a file of places.

    Attributes:
        captions: the place of each caption, by the id of the caption.
        boundaries: the boundaries of each film, in order, by the id of the film.
    """

    captions: Mapping[str, Place]
    boundaries: Mapping[str, Sequence[Boundary]]


def read_places(folder: Path) -> Places:
    """Read the places of a folder of films.

    Raises:
        InputError: the folder has no file of places, or a damaged one.
    """
    content = read_json(folder / PLACES)
    try:
        return Places(
            captions={
                name: Place(str(entry["film"]), float(entry["start_s"]), float(entry["end_s"]), str(entry["clip"]))
                for name, entry in content["captions"].items()
            },
            boundaries={
                name: [Boundary(float(part["start_s"]), str(part["join"])) for part in film["stretches"][1:]]
                for name, film in content["films"].items()
            },
        )
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise InputError(
            f"{folder / PLACES} is not a file of places ({error})", "make the films anew with 'teachtext data film'"
        ) from error
