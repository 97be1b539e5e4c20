"""Small versions of `benchmarks/kills.py` and `benchmarks/mixed_load.py`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from processes import PATIENCE_S

pytestmark = [pytest.mark.slow, pytest.mark.server]
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def run(script: str, *arguments: str) -> str:
    command = [sys.executable, str(BENCHMARKS / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3 * PATIENCE_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("what", ["extract", "train", "run", "index", "upload"])
def test_killed_with_a_disk_that_fills_the_results_are_those_of_an_unbroken_run(what: str):
    said = run("kills.py", "--what", what, "--kills", "2", "--videos", "16")
    assert said.startswith(f"{what}: equal"), said


def test_under_mixed_load_nothing_fails_and_nothing_is_lost():
    pytest.importorskip("httpx2")
    outcome = json.loads(run("mixed_load.py", "--minutes", "0.5", "--growth", "2"))
    assert outcome["wrong"] == [] and outcome["uploads"] >= 2 and outcome["requests"] > 50
