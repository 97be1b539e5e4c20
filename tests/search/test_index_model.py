import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("wordllama")
from clips import DIMS, write_model

from teachtext.data.feature_writer import FeatureWriter
from teachtext.data.store import FeatureFile
from teachtext.errors import InputError
from teachtext.learning.trained_model import TrainedModel
from teachtext.search.index_model import load_embedder


@pytest.fixture
def files(tmp_path: Path) -> dict[str, FeatureFile]:
    random = np.random.default_rng(0)
    for name, dim in DIMS.items():
        with FeatureWriter(tmp_path / name, provenance={}, dim=dim) as writer:
            for number in range(6):
                lacking = name == "audio" and number % 2
                writer.add(f"v{number}", None if lacking else random.random((3 if name == "audio" else 1, dim)))
    return {name: FeatureFile(tmp_path / name) for name in DIMS}


@pytest.mark.parametrize("kind", ["moee", "ce", "mmt", "dual", "omni"])
def test_every_kind_of_model_gives_unit_vectors_in_its_spaces(tmp_path: Path, kind: str, files: dict[str, FeatureFile]):
    model = TrainedModel(write_model(tmp_path / "model", experts=["motion", "audio"], kind=kind))
    embedded = model.embed_videos(files, sorted(files["motion"].ids))
    query = model.embed_query("a dog runs")
    assert query.vectors.keys() == model.spaces.keys() and query.weights.sum() == pytest.approx(1, abs=1e-6)
    for number, vectors in enumerate(embedded):
        lacks_audio = kind not in ("dual", "omni") and number % 2
        assert vectors.keys() == model.spaces.keys() - ({"audio"} if lacks_audio else set())
        for space, vector in vectors.items():
            assert vector.shape == query.vectors[space].shape == (model.spaces[space],)
            assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_a_fingerprint_stands_for_weights_and_config(tmp_path: Path):
    first = write_model(tmp_path / "first")
    copied = Path(shutil.copytree(first, tmp_path / "copied"))
    (copied / "README.md").write_text("another card")
    identity = [TrainedModel(folder).identity for folder in (first, copied, write_model(tmp_path / "other", seed=1))]
    assert identity[0]["fingerprint"] == identity[1]["fingerprint"] != identity[2]["fingerprint"]
    config = copied / "config.json"
    config.write_text(config.read_text().replace('"max_words": 20', '"max_words": 19'))
    assert TrainedModel(copied).identity["fingerprint"] != identity[0]["fingerprint"]


def test_a_model_is_found_again_where_it_was_or_is_told_to_be(tmp_path: Path):
    folder = write_model(tmp_path / "model")
    identity = TrainedModel(folder).identity
    assert load_embedder(identity).identity == identity
    moved = Path(shutil.move(folder, tmp_path / "moved"))
    with pytest.raises(InputError, match=r"any more: give the model's folder: model=\.\.\. in Python, --model on"):
        load_embedder(identity)
    with pytest.raises(InputError, match=r"nope holds no model: give the model's folder"):
        load_embedder(identity, tmp_path / "nope")
    assert load_embedder(identity, moved).identity["fingerprint"] == identity["fingerprint"]
    with pytest.raises(InputError, match="made by model 'model'"):
        load_embedder(identity, write_model(tmp_path / "other", seed=3))
