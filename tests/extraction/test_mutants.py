import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

pytest.importorskip("av")
pytest.importorskip("cv2")
pytest.importorskip("aisfx", reason="sound needs the package 'aisfx': pip install 'teachtext[sound]'")

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "mutants.py"


def test_three_hundred_mutated_videos_are_extracted_or_listed_and_whole_ones_among_them_extracted(tmp_path: Path):
    """The benchmark itself asserts that nothing crashes, hangs or is lost; here with two experts, to be quick."""
    arguments = ["--count", "300", "--expert", "motion", "--expert", "audio", "--out", str(tmp_path / "mutants.json")]
    said = subprocess.run(
        [sys.executable, str(BENCHMARK), *arguments], capture_output=True, text=True, timeout=600, check=False
    )
    assert said.returncode == 0, said.stderr
    result = json.loads((tmp_path / "mutants.json").read_text())
    assert (result["mutants"], result["whole"]) == (300, 8)
    # so that it would be noticed if mutants became harmless, or everything was refused
    assert 100 < result["mutants extracted"] < 250 and sum(result["set aside"].values()) > 50
