"""What of a list of cases the quick half of the tests leaves out."""

from collections.abc import Iterable
from typing import Any

import pytest


def slow(cases: Iterable[Any]) -> list[Any]:
    """Mark cases of `pytest.mark.parametrize` as slow: `[*first, *slow(others)]`."""
    return [pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.slow) for case in cases]
