import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

import teachtext

TINY: dict[str, Any] = {
    "name": "tiny",
    "dataset": {"playground": {"videos": 24, "captions_per_video": 3}},
    "experts": ["motion"],
    "teachers": ["wordllama"],
    "student": {"text": "wordllama"},
    "model": {"kind": "ce", "shared_dim": 16},
    "training": {"epochs": 2, "batch_size": 8},
    "seeds": [0, 1],
    "jobs": 1,
    "workers": 2,
    "threads": 1,
}


@dataclass(frozen=True)
class Run:
    """A run that `teachtext.run` made, and some of its videos in a folder; no test changes them."""

    experiment: teachtext.Experiment
    videos: Path

    @property
    def folder(self) -> Path:
        return self.experiment.folder


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    for package in ("av", "cv2", "wordllama", "matplotlib", "jinja2"):
        pytest.importorskip(package)
    folder = tmp_path_factory.mktemp("api")
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(TINY | {"work": str(folder / "run")}))
    experiment = teachtext.run(str(config))
    videos = folder / "clips"
    videos.mkdir()
    for path in sorted((experiment.folder / "playground" / "videos").iterdir())[:4]:
        shutil.copy(path, videos)
    return Run(experiment, videos)
