"""Features of texts and videos in one space, or not."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from teachtext.data.feature_writer import FeatureWriter
from teachtext.data.store import FeatureFile
from teachtext.encoders.shared_space.provenance import check_one_space
from teachtext.errors import InputError

CLIP = {"model": "a/clip", "files": "1234", "space": "clip"}


def features(folder: Path, **provenance: Any) -> FeatureFile:
    with FeatureWriter(folder, provenance=provenance, dim=2) as writer:
        writer.add("a", np.ones((1, 2), np.float32))
    return FeatureFile(folder)


def made(folder: Path, encoder: str, **settings: Any) -> FeatureFile:
    return features(folder, encoder=encoder, settings=settings)


def test_both_sides_of_one_model_lie_in_one_space(tmp_path: Path):
    text = made(tmp_path / "text", "hf", **CLIP, output="shared")
    check_one_space(text, {"hf:a/clip": made(tmp_path / "video", "hf:a/clip", **CLIP)}, name="hf:a/clip#shared")


def test_features_from_elsewhere_are_taken_as_aligned(tmp_path: Path):
    text, video = features(tmp_path / "text", file="texts.npz"), features(tmp_path / "video", file="videos.npz")
    check_one_space(text, {"clip": video}, name="clip")


@pytest.mark.parametrize(
    ("text", "video", "mend"),
    [
        (CLIP | {"files": "9999"}, CLIP, "give text 'hf:a/b#shared'"),
        ({"model": "a/clip", "files": "1234", "output": "pooled"}, CLIP, "give text 'hf:a/b#shared'"),
        ({"model": "a/bert", "files": "5678"}, {"model": "a/dino", "files": "4321"}, "give text 'hf:ID#shared'"),
        (CLIP, {"model": "a/dino", "files": "1234"}, "give text 'hf:ID#shared'"),
    ],
)
def test_sides_of_different_models_are_refused(tmp_path: Path, text: dict[str, Any], video: dict[str, Any], mend: str):
    files = {"hf:a/b": made(tmp_path / "video", "hf:a/b", **video)}
    with pytest.raises(InputError, match=f"'hf:a/b' are not of one shared-space model: {mend}"):
        check_one_space(made(tmp_path / "text", "hf", **text), files, name="hf:a/t")


def test_one_side_from_elsewhere_and_one_from_here_is_refused(tmp_path: Path):
    files = {"clip": features(tmp_path / "video", file="videos.npz")}
    with pytest.raises(InputError, match="not of one shared-space model"):
        check_one_space(made(tmp_path / "text", "hf", **CLIP), files, name="hf:a/clip#shared")
