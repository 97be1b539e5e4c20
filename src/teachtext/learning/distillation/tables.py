"""The choices of every part, by the name of its setting: the one place where a choice is added."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from teachtext.learning.distillation.distance import DISTANCES
from teachtext.learning.distillation.parts import Parts, bound, settings_of
from teachtext.learning.distillation.pool import POOLS
from teachtext.learning.distillation.reduction import DIRECTIONS, REDUCTIONS
from teachtext.learning.distillation.samples import SAMPLES
from teachtext.learning.distillation.schedule import SCHEDULES
from teachtext.learning.distillation.select import SELECTIONS
from teachtext.learning.distillation.source import SOURCES
from teachtext.learning.distillation.standardise import STANDARDS
from teachtext.learning.distillation.target import TARGETS
from teachtext.learning.distillation.views import VIEWS

TABLES: Mapping[str, Mapping[str, Callable[..., Any]]] = {
    "source": SOURCES,
    "views": VIEWS,
    "standardise": STANDARDS,
    "pool": POOLS,
    "select": SELECTIONS,
    "target": TARGETS,
    "distance": DISTANCES,
    "direction": DIRECTIONS,
    "reduction": REDUCTIONS,
    "schedule": SCHEDULES,
    "samples": SAMPLES,
}


def chosen(name: str, parts: Parts) -> Callable[..., Any]:
    """Return the chosen function of a part, with its settings."""
    return bound(TABLES[name][getattr(parts, name)], parts)


Described = dict[str, dict[str, tuple[str, list[str]]]]


def described() -> Described:
    """Return by part and choice what it does, and the settings that it has."""
    known = {setting.name for setting in fields(Parts)}
    return {
        part: {
            choice: (_first_sentence(function), [name for name in settings_of(function) if name in known])
            for choice, function in table.items()
        }
        for part, table in TABLES.items()
    }


def settings_in(parts: Parts) -> dict[str, Any]:
    """Return what matters of an objective: what is not as by default, and what the chosen functions depend on."""
    used = {name for part, table in TABLES.items() for name in settings_of(table[getattr(parts, part)])}
    values = {one.name: (getattr(parts, one.name), one.default) for one in fields(Parts)}
    return {name: value for name, (value, default) in values.items() if value != default or name in used}


def _first_sentence(function: Callable[..., Any]) -> str:
    return (inspect.getdoc(function) or "").partition("\n\n")[0].replace("\n", " ")
