import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from teachtext.data.feature_writer import FeatureWriter
from teachtext.experiment.study.study import Study, load_study

DIM = 6
SPLITS = {"train": 16, "val": 5, "test": 8}
PER_VIDEO = 3

PLAIN: dict[str, Any] = {
    "name": "tiny",
    "base": {
        "experts": ["clip"],
        "teachers": ["words", "phrases"],
        "student": {"text": "words"},
        "model": {"shared_dim": 8, "text_clusters": 2},
        "training": {"epochs": 20, "batch_size": 8},
        "logging": "none",
    },
    "variants": {"light": {"distillation.weight": 1}, "heavy": {"distillation": {"weight": 50}}},
    "members": ["student", "taught"],
    "seeds": [0, 1],
    "resamples": 200,
}


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset folder without videos, with features to match captions and videos by; 'frame' lacks a test video."""
    folder = tmp_path_factory.mktemp("features-only")
    rng = np.random.default_rng(0)
    splits = {split: [f"{split}{number:02}" for number in range(count)] for split, count in SPLITS.items()}
    (folder / "splits.json").write_text(json.dumps(splits))
    meaning = {video: rng.standard_normal(DIM) for videos in splits.values() for video in videos}
    captions = [
        {"id": f"{video}#{number}", "video": video, "text": f"caption {number} of {video}"}
        for video in meaning
        for number in range(PER_VIDEO)
    ]
    (folder / "captions.jsonl").write_text("\n".join(map(json.dumps, captions)) + "\n")
    for name, noise in (("clip", 0.3), ("frame", 0.6)):
        with FeatureWriter(folder / "features" / "video" / name, provenance={"expert": name}, dim=DIM) as writer:
            for video, vector in meaning.items():
                if (name, video) != ("frame", "test07"):
                    writer.add(video, (vector + noise * rng.standard_normal(DIM))[None], source=video)
    for name, noise in (("words", 1.0), ("phrases", 0.5)):
        with FeatureWriter(folder / "features" / "text" / name, provenance={"encoder": name}, dim=DIM) as writer:
            for caption in captions:
                vector = meaning[caption["video"]] + noise * rng.standard_normal(DIM)
                writer.add(caption["id"], vector[None], source=caption["text"])
    return folder


@pytest.fixture(scope="session")
def write_study(store: Path) -> Callable[..., Path]:
    def write(folder: Path, base: dict[str, Any] | None = None, **changes: Any) -> Path:
        """Write the file of a tiny study that works in `folder / 'study'`, with changes; None takes a key out."""
        folder.mkdir(parents=True, exist_ok=True)
        dataset = {"path": str(store), "features": str(store / "features"), "missing_videos": "keep"}
        values = PLAIN | {"base": {"dataset": dataset, **PLAIN["base"], **(base or {})}}
        values |= {"work": str(folder / "study")} | changes
        path = folder / "study.yaml"
        kept = {key: value for key, value in values.items() if value is not None}
        path.write_text(yaml.safe_dump(kept, sort_keys=False))
        return path

    return write


@pytest.fixture
def tiny(tmp_path: Path, write_study: Callable[..., Path]) -> Callable[..., Study]:
    def study(**changes: Any) -> Study:
        return load_study(write_study(tmp_path, **changes))

    return study
