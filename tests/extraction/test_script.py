"""Extraction from a plain script, and from code without a file, as in a notebook: workers import neither."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("av")
pytest.importorskip("cv2")
from clips import write_clip

from teachtext.data.store import FeatureFile

SCRIPT = """
import sys, teachtext
print("the script runs", flush=True)
extraction = teachtext.extract(sys.argv[1], sys.argv[2], experts=["motion"], workers=2)
print(extraction.done, extraction.failed)
"""


@pytest.mark.parametrize("has_file", [True, False])
@pytest.mark.slow
def test_a_script_needs_no_guard(has_file: bool, tmp_path: Path):
    for number in range(3):
        write_clip(tmp_path / "videos" / f"v{number}.mp4", number)
    (tmp_path / "script.py").write_text(SCRIPT)
    program = [str(tmp_path / "script.py")] if has_file else ["-c", SCRIPT]
    done = subprocess.run(
        [sys.executable, *program, str(tmp_path / "videos"), str(tmp_path / "features")],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert done.stdout == "the script runs\n3 ()\n"
    assert sorted(FeatureFile(tmp_path / "features" / "video" / "motion").ids) == ["v0", "v1", "v2"]
