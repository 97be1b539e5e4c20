import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from teachtext.data.feature_writer import FeatureWriter
from teachtext.evaluation.results import Results
from teachtext.experiment.config import RunConfig
from teachtext.experiment.config_file import load_config

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
    "jobs": 1,
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
    results, set_aside = run(config, jobs=2)
    assert set_aside == []
    return config, results


@dataclass(frozen=True)
class Sketch:
    """A dataset of features alone: a few numbers stand behind every video, and experts and captions tell of them."""

    folder: Path
    wrong: Sequence[str]

    @property
    def captions(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in (self.folder / "captions.jsonl").read_text().splitlines()]

    @property
    def splits(self) -> dict[str, list[str]]:
        splits: dict[str, list[str]] = json.loads((self.folder / "splits.json").read_text())
        return splits

    def config(self, work: Path, **changes: Any) -> RunConfig:
        work.mkdir(parents=True, exist_ok=True)
        dataset = {"path": str(self.folder), "features": str(self.folder / "features"), "missing_videos": "keep"}
        path = work / "config.yaml"
        settings = SKETCHED | {"work": str(work / "run")} | changes
        path.write_text(yaml.safe_dump(settings | {"dataset": dataset | changes.get("dataset", {})}))
        return load_config(path)


SKETCHED: dict[str, Any] = {
    "name": "sketch",
    # few epochs at a high learning rate belong to the authors' loss
    "defaults": "authors",
    "experts": ["sight", "sound"],
    "teachers": ["plain", "rich"],
    "student": {"text": "plain"},
    "model": {"kind": "pooled", "shared_dim": 16, "dropout": 0.0},
    "training": {"epochs": 3, "batch_size": 8, "lr": 0.01},
    "seeds": [0],
    "jobs": 1,
}


@pytest.fixture(scope="session")
def sketch() -> Callable[..., Sketch]:
    def make(folder: Path, *, videos: int = 72, per_video: int = 4, wrong: float = 0.0, changed: str = "") -> Sketch:
        """Make one; `changed` is the id of a caption or video whose features are others than usual."""
        random = np.random.default_rng(0)
        # clips of one source come in pairs
        ids = [f"source{number // 2:02d}_{5 * (number % 2)}_{5 * (number % 2) + 5}" for number in range(videos)]
        behind = {video_id: random.standard_normal(3) for video_id in ids}
        splits = {"train": ids[: videos * 2 // 3], "val": ids[videos * 2 // 3 : videos * 5 // 6]}
        splits["test"] = [video_id for video_id in ids if video_id not in [*splits["train"], *splits["val"]]]
        captions = [(f"{video_id}#{k}", video_id) for video_id in ids for k in range(per_video)]
        training = [caption_id for caption_id, video_id in captions if video_id in splits["train"]]
        bad = sorted(random.permutation(training)[: round(wrong * len(training))].tolist())
        about = dict(captions)
        for caption_id in bad:
            own = splits["train"].index(about[caption_id])
            about[caption_id] = splits["train"][(own + len(splits["train"]) // 2) % len(splits["train"])]

        def write(place: Path, dim: int, of: Mapping[str, np.ndarray], noise: float) -> None:
            projection = random.standard_normal((3, dim))
            with FeatureWriter(place, provenance={"name": place.name}, dim=dim, dtype="float32") as writer:
                for item, value in of.items():
                    seen = value @ projection + noise * random.standard_normal(dim)
                    other = item == changed
                    writer.add(item, (-seen if other else seen)[None], source=f"{item} {'other' if other else ''}")

        told = {caption_id: behind[video_id] for caption_id, video_id in about.items()}
        write(folder / "features" / "video" / "sight", 8, behind, 0.1)
        write(folder / "features" / "video" / "sound", 6, behind, 1.0)
        write(folder / "features" / "text" / "plain", 10, told, 1.0)
        write(folder / "features" / "text" / "rich", 12, told, 0.3)
        lines = [json.dumps({"id": c, "video": v, "text": f"about {about[c]}"}) for c, v in captions]
        (folder / "captions.jsonl").write_text("\n".join(lines) + "\n")
        (folder / "splits.json").write_text(json.dumps(splits))
        (folder / "wrong-captions.json").write_text(json.dumps(bad))
        return Sketch(folder, bad)

    return make
