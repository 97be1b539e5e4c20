"""The worst files that are known (see `benchmarks/worst_cases.py`) are refused in bounded time and memory."""

import importlib.util
from pathlib import Path

import pytest
from fuzz_readers import read_one
from processes import needs_proc

from teachtext.processes import BoundedCalls

PLACE = Path(__file__).resolve().parents[2] / "benchmarks" / "worst_cases.py"
SPEC = importlib.util.spec_from_file_location("worst_cases", PLACE)
assert SPEC is not None and SPEC.loader is not None
worst_cases = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(worst_cases)

# idle machines need at most three seconds and 250 MB; one with ten other jobs needs many times as long
LIMIT_S, LIMIT_MB = 120.0, 400.0


@needs_proc
@pytest.mark.slow
@pytest.mark.parametrize("kind", worst_cases.CASES)
def test_the_worst_files_are_refused_in_bounded_time_and_memory(kind: str, tmp_path: Path):
    if kind == "video":
        pytest.importorskip("av")
        pytest.importorskip("cv2")
    outcomes = {}
    with BoundedCalls[tuple[str, Path], str](read_one, seconds=LIMIT_S, memory_mb=LIMIT_MB) as read:
        for number, (name, content) in enumerate(worst_cases.CASES[kind]().items()):
            folder = tmp_path / str(number)
            folder.mkdir()
            try:
                outcomes[name] = read((kind, worst_cases.write_case(folder, kind, name, content)))
            except Exception as error:
                outcomes[name] = f"FAILED: {type(error).__name__}: {error}"
    failed = {name: outcome for name, outcome in outcomes.items() if outcome.startswith("FAILED")}
    assert not failed
    assert {name for name, outcome in outcomes.items() if outcome == "read"} <= worst_cases.HARMLESS
