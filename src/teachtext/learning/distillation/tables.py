"""The choices of every part, by the name of its setting: the one place where a choice is added."""

from collections.abc import Callable, Mapping
from typing import Any

from teachtext.learning.distillation.distance import DISTANCES
from teachtext.learning.distillation.parts import Parts, bound
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
    "ranking_samples": SAMPLES,
}


def chosen(name: str, parts: Parts) -> Callable[..., Any]:
    """Return the chosen function of a part, with its settings."""
    return bound(TABLES[name][getattr(parts, name)], parts)
