"""The text sides of models that an index keeps."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("lancedb")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("wordllama")
from clips import write_model

from teachtext.encoders.text_side_files import DESCRIPTION
from teachtext.errors import InputError
from teachtext.learning.trained_model import TrainedModel
from teachtext.search import text_sides
from teachtext.search.blend import Blend
from teachtext.search.manifest import Manifest
from teachtext.search.stores import open_store
from teachtext.search.text_sides import FOLDER, keep_text_sides, load_text_sides

pytestmark = pytest.mark.slow


def index_of(place: Path, model: Any) -> str:
    manifest = Manifest(model=model.identity, spaces=model.spaces, experts=list(model.experts))
    manifest.write(open_store(place))
    return str(place)


def test_two_models_answer_by_their_text_sides(tmp_path: Path):
    models = [TrainedModel(write_model(tmp_path / "models" / name, seed=seed)) for seed, name in enumerate("ab")]
    blend = Blend(models)
    place = index_of(tmp_path / "index", blend)
    assert load_text_sides(place) is None
    assert keep_text_sides(place, blend) == [] == keep_text_sides(place, blend)
    sides = load_text_sides(place)
    assert sides is not None and sides.identity == blend.identity
    for side, whole in zip(
        sides.embed_queries(["a dog", "two cats"]), blend.embed_queries(["a dog", "two cats"]), strict=True
    ):
        assert side.vectors.keys() == whole.vectors.keys()
        assert np.allclose(side.weights, whole.weights, atol=1e-4)
        assert all(np.allclose(side.vectors[name], whole.vectors[name], atol=1e-4) for name in whole.vectors)
    assert sides.spaces == blend.spaces and sides.experts == blend.experts


def test_a_side_with_other_spaces_than_the_index_is_refused(tmp_path: Path):
    model = TrainedModel(write_model(tmp_path / "model"))
    place = index_of(tmp_path / "index", model)
    keep_text_sides(place, model)
    path = Path(place) / FOLDER / model.identity["fingerprint"] / DESCRIPTION
    path.write_text(path.read_text().replace('"motion"', '"scene"'))
    with pytest.raises(InputError, match=r"the text sides in .* have other spaces \(scene 16\): .* once it is deleted"):
        load_text_sides(place)


def test_a_side_that_cannot_be_exported_is_said_and_the_index_stays_usable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    model = TrainedModel(write_model(tmp_path / "model"))

    def refuse(*_: object, **__: object) -> None:
        raise InputError("package 'onnx' is not installed", "pip install onnx")

    monkeypatch.setattr(text_sides, "load", refuse)
    [note] = keep_text_sides(index_of(tmp_path / "index", model), model)
    assert "searches load the whole model 'model'" in note and "package 'onnx' is not installed" in note
    assert load_text_sides(str(tmp_path / "index")) is None
