from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from teachtext.data.feature_writer import FeatureWriter
from teachtext.data.features import Features
from teachtext.data.protocol import Caption
from teachtext.data.store import FeatureFile
from teachtext.learning.class_names import fit_class_names
from teachtext.models.build import build_model

VIDEOS, CLASSES, DIM = 30, 40, 16
CAPTIONS = [Caption(f"v{n}#{k}", f"v{n}", "a dog") for n in range(VIDEOS) for k in range(2)]


def written(folder: Path, rows: Mapping[str, NDArray[np.float32]], dim: int) -> FeatureFile:
    with FeatureWriter(folder, provenance={"by": "a test"}, dim=dim, dtype="float32") as writer:
        for name, values in rows.items():
            writer.add(name, values)
    return FeatureFile(folder)


def make_features(folder: Path, names: NDArray[np.float32], likeness: float, missing: int = 0) -> Features:
    """Every video shows its own class; its captions are so much like the name of the class."""
    rng = np.random.default_rng(3)
    scenes = np.abs(rng.normal(0, 0.01, (VIDEOS, 1, CLASSES))).astype(np.float32)
    scenes[np.arange(VIDEOS), 0, np.arange(VIDEOS)] = 1
    texts = {
        caption.id: (likeness * names[[int(caption.video_id[1:])]] + rng.normal(0, 0.5, (1, DIM))).astype(np.float32)
        for caption in CAPTIONS
    }
    shown = {f"v{n}": scenes[n][: 0 if n < missing else 1] for n in range(VIDEOS)}
    return Features(
        text=written(folder / "text", texts, DIM), experts={"scene": written(folder / "scene", shown, CLASSES)}
    )


@pytest.mark.parametrize(
    ("likeness", "missing", "share"),
    [(1.0, 0, 0.6), (1.0, 20, 0.6), (0.0, 0, 0.0), (1.0, VIDEOS, 0.0)],
    ids=["names that find videos", "few videos have a scene", "names that say nothing", "no video has a scene"],
)
def test_names_count_where_they_find_the_training_videos(tmp_path: Path, likeness: float, missing: int, share: float):
    names = np.random.default_rng(4).normal(0, 1, (CLASSES, DIM)).astype(np.float32)
    features = make_features(tmp_path, names, likeness, missing)
    arguments = {"expert_dims": {"scene": CLASSES}, "text_dim": DIM, "class_names": "all"}
    model = build_model("moee", arguments)
    assert fit_class_names(model, names, features, CAPTIONS) == pytest.approx(share)
    assert model.get_buffer("share").item() == pytest.approx(share)
    np.testing.assert_array_equal(model.get_parameter("class_names.names").numpy(), names)


def test_other_models_are_left_alone(tmp_path: Path):
    names = np.ones((CLASSES, DIM), np.float32)
    model = build_model("moee", {"expert_dims": {"scene": CLASSES}, "text_dim": DIM})
    assert fit_class_names(model, names, make_features(tmp_path, names, 1.0), CAPTIONS) == 0
