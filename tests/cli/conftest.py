import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from clips import ODD_NAMES, write_clip, write_model
from processes import PATIENCE_S

from teachtext.cli.main import main

COMMAND = str(Path(sys.executable).parent / "teachtext")
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "80", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
Command = Callable[..., subprocess.CompletedProcess[str]]

TINY: dict[str, Any] = {
    "name": "tiny",
    "dataset": {"playground": {"videos": 24, "captions_per_video": 3}},
    "experts": ["motion"],
    "teachers": ["wordllama"],
    "student": {"text": "wordllama"},
    "model": {"shared_dim": 16},
    "training": {"epochs": 2, "batch_size": 8},
    "seeds": [0],
    "workers": 2,
    "jobs": 1,
    "threads": 1,
}


@dataclass(frozen=True)
class Ready:
    """A whole run, made by the command itself; nothing in it is changed by a test."""

    folder: Path
    config: Path
    said: subprocess.CompletedProcess[str]

    @property
    def playground(self) -> Path:
        return self.folder / "playground"

    @property
    def features(self) -> Path:
        return self.folder / "features"

    @property
    def model(self) -> Path:
        return next((self.folder / "models").glob("wordllama-taught-*"))


@pytest.fixture(scope="session")
def teachtext() -> Command:
    def run(*arguments: object, cwd: Path | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [COMMAND, *map(str, arguments)]
        return subprocess.run(
            command,
            cwd=cwd,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
            **options,
        )

    return run


@pytest.fixture
def teachtext_here(monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command in the process of the test, which costs no start; for verbs that start no processes of their own."""

    def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
        at_sigterm = signal.getsignal(signal.SIGTERM)
        with monkeypatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setattr(sys, "argv", [COMMAND, *map(str, arguments)])
            patch.chdir(cwd or Path.cwd())
            for name in ("COLUMNS", "NO_COLOR"):
                patch.setenv(name, ENVIRONMENT[name])
            try:
                main()
                code = 0
            except SystemExit as end:
                code = int(end.code or 0)
            finally:
                signal.signal(signal.SIGTERM, at_sigterm)
        for stream in (out, err):
            stream.seek(0)
        return subprocess.CompletedProcess(sys.argv, code, out.read(), err.read())

    return run


@pytest.fixture(scope="session")
def start() -> Callable[..., subprocess.Popen[str]]:
    def popen(*arguments: object) -> subprocess.Popen[str]:
        """Start the command as a terminal would: in a process group of its own."""
        return subprocess.Popen(
            [COMMAND, *map(str, arguments)],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return popen


@pytest.fixture(scope="session")
def write_config() -> Callable[..., Path]:
    def write(path: Path, **changes: Any) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(TINY | {"work": str(path.parent / "run")} | changes))
        return path

    return write


@pytest.fixture(scope="session")
def ready(tmp_path_factory: pytest.TempPathFactory, teachtext: Command, write_config: Callable[..., Path]) -> Ready:
    for package in ("av", "cv2", "tokenizers", "matplotlib", "jinja2"):
        pytest.importorskip(package)
    folder = tmp_path_factory.mktemp("ready")
    config = write_config(folder / "config.yaml")
    said = teachtext("run", config)
    assert said.returncode == 0, said.stderr
    return Ready(folder / "run", config, said)


@pytest.fixture(scope="session")
def odd_clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three clips with odd names, in a folder whose path has a byte that is not UTF-8."""
    pytest.importorskip("av")
    folder = tmp_path_factory.mktemp("odd") / os.fsdecode(b"dis\xffc") / "clips"
    try:
        for seed, name in enumerate(ODD_NAMES):
            write_clip(folder / name, seed)
    except (OSError, UnicodeError):
        pytest.skip("this file system takes no names that are not UTF-8")
    return folder


@pytest.fixture(scope="session")
def odd_index(teachtext: Command, odd_clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of `odd_clips`, by a model with random weights. A test that changes it makes a copy first."""
    for package in ("cv2", "lancedb", "wordllama"):
        pytest.importorskip(package)
    made = tmp_path_factory.mktemp("index")
    model = write_model(made / "model")
    said = teachtext("index", odd_clips, "--index", made / "index", "--model", model, "--tag", "toy")
    assert said.returncode == 0, said.stderr
    return made / "index"
