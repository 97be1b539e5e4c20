from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from teachtext.evaluation.results import Results
from teachtext.experiment.config import RunConfig, load_config

PLAIN: dict[str, Any] = {
    "name": "tiny",
    "dataset": {"playground": {"videos": 24, "captions_per_video": 3}},
    "experts": ["motion"],
    "teachers": ["glove", "wordllama"],
    "student": {"text": "wordllama"},
    "model": {"shared_dim": 16, "text_clusters": 2},
    "training": {"epochs": 2, "batch_size": 8},
    "seeds": [0, 1],
    "workers": 1,
    "threads": 1,
}


@pytest.fixture(scope="session")
def write_config() -> Callable[..., Path]:
    def write(folder: Path, **changes: Any) -> Path:
        """Write the config of a tiny run in `folder / 'run'`, with settings changed."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "config.yaml"
        path.write_text(yaml.safe_dump(PLAIN | {"work": str(folder / "run")} | changes))
        return path

    return write


@pytest.fixture(scope="session")
def tiny(write_config: Callable[..., Path]) -> Callable[..., RunConfig]:
    def config(folder: Path, **changes: Any) -> RunConfig:
        return load_config(write_config(folder, **changes))

    return config


@pytest.fixture(scope="session")
def done(tmp_path_factory: pytest.TempPathFactory, tiny: Callable[..., RunConfig]) -> tuple[RunConfig, Results]:
    """One whole run, which no test changes."""
    from teachtext.experiment.run import run

    config = tiny(tmp_path_factory.mktemp("done"))
    results, set_aside = run(config)
    assert set_aside == []
    return config, results
