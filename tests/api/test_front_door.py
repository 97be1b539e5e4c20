"""`import teachtext` as a user writes it: fast, lazy, and with every public name."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

import teachtext


def python(code: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_importing_needs_no_other_package_and_little_time():
    loaded, names, seconds = python(
        "import json, sys, time\n"
        "begin = time.process_time()\n"
        "import teachtext\n"
        "seconds = time.process_time() - begin\n"
        "names = dir(teachtext)\n"
        "heavy = {'torch', 'numpy', 'pydantic', 'rich', 'typer'} & sys.modules.keys()\n"
        "print(json.dumps([sorted(heavy), names, seconds]))"
    )
    assert loaded == [] and set(teachtext.__all__) <= set(names)
    assert seconds < 0.15


def test_every_public_name_is_there_and_described():
    for name in teachtext.__all__:
        value = getattr(teachtext, name)
        assert name == "__version__" or (value.__name__ == name and value.__doc__)
    with pytest.raises(AttributeError, match="no attribute 'Modle'"):
        _ = teachtext.Modle


@pytest.mark.slow
def test_every_public_name_is_there_without_the_optional_packages():
    script = """
import sys


class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"av", "cv2", "onnxruntime", "jinja2", "matplotlib", "lancedb", "pyarrow", "fastapi"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Missing())
import teachtext

for name in teachtext.__all__:
    getattr(teachtext, name)
print(teachtext.metrics([[0.9, 0.1], [0.2, 0.8]])["t2v"].r1)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == "100.0\n", done.stderr
