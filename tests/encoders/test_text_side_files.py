"""Text sides whose files were damaged by hand: each is refused in one sentence, or answers."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

pytest.importorskip("transformers")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("wordllama")
import shared_models
import torch
import transformers
from clips import write_model

from teachtext.encoders.embedder import QueryEmbedder
from teachtext.encoders.shared_space.embedder import SharedEmbedder
from teachtext.encoders.shared_space.exported_queries import ExportedQueries
from teachtext.encoders.shared_space.query_export import export_queries
from teachtext.encoders.text_side_files import DESCRIPTION, ENCODER, EXPORT_AGAIN, TOKENIZER
from teachtext.errors import InputError
from teachtext.learning.onnx_export import export
from teachtext.learning.onnx_runtime import BRANCH, ExportedText

READERS: Mapping[str, Callable[[Path], QueryEmbedder]] = {
    **dict.fromkeys(("clip", "other-clip", "siglip", "qwen3_vl"), ExportedQueries),
    **dict.fromkeys(("trained", "other-trained"), ExportedText),
}
QUERIES = ["A dog, runs!", "the red car " * 200]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
ODD = st.sampled_from([None, True, 0, -1, 1, 2**40, 1.5, float("nan"), "", "right", [], [1], ["a"], {}, {"lower": 1}])


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Text sides of tiny models, by name."""
    root = tmp_path_factory.mktemp("sides")
    for kind in ("clip", "siglip", "qwen3_vl"):
        model = shared_models.BUILDERS[kind](root / "models" / kind)
        export_queries(SharedEmbedder(model=str(model), device="cpu"), root / kind)
    network = transformers.CLIPModel.from_pretrained(root / "models" / "clip")
    with torch.no_grad():
        network.text_projection.weight.neg_()
    other = shared_models.clip(root / "models" / "other-clip")
    network.save_pretrained(other)
    export_queries(SharedEmbedder(model=str(other), device="cpu"), root / "other-clip")
    for seed, name in enumerate(("trained", "other-trained")):
        export(write_model(root / "models" / name, seed=seed), root / name, with_encoder=False)
    return {name: root / name for name in READERS}


@pytest.fixture
def copied(sides: dict[str, Path], tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Copy a text side."""
    yield lambda name: Path(shutil.copytree(sides[name], tmp_path / "side", dirs_exist_ok=True))


def answers(name: str, folder: Path) -> bool:
    """Return whether a text side answers; it is refused in one sentence with the mend otherwise."""
    try:
        side = READERS[name](folder)
        vectors = [vector for query in side.embed_queries(QUERIES) for vector in query.vectors.values()]
    except InputError as error:
        assert error.mend == EXPORT_AGAIN and "\n" not in str(error)
        return False
    assert vectors and all(vector.dtype == np.float32 and np.isfinite(vector).all() for vector in vectors)
    return True


@pytest.mark.parametrize("name", READERS)
def test_whole_files_answer(name: str, sides: dict[str, Path]):
    assert answers(name, sides[name])


@pytest.mark.parametrize("name", ["clip", "siglip", "qwen3_vl", "trained"])
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_values_of_any_kind_are_refused_or_answer(name: str, data: st.DataObject, copied: Callable[[str], Path]):
    folder = copied(name)
    description: dict[str, Any] = json.loads((folder / DESCRIPTION).read_text())
    inside = [(description, key) for key in description]
    inside += [(part, key) for part in description.values() if isinstance(part, dict) for key in part]
    part, key = data.draw(st.sampled_from(inside))
    if data.draw(st.booleans()):
        del part[key]
    else:
        part[key] = data.draw(ODD | JSON)
    (folder / DESCRIPTION).write_text(json.dumps(description))
    answers(name, folder)


@pytest.mark.parametrize("key", ["format", "space", "form", "max_tokens", "most", "pad", "cuts"])
def test_a_key_that_is_missing_is_named(key: str, copied: Callable[[str], Path]):
    folder = copied("siglip")
    description = json.loads((folder / DESCRIPTION).read_text())
    del description[key]
    (folder / DESCRIPTION).write_text(json.dumps(description))
    with pytest.raises(InputError, match=rf"text\.json does not describe an exported model \(its '{key}'\): "):
        ExportedQueries(folder)


@given(content=st.binary(max_size=200))
@example(content=b"[]")
@example(content=b"")
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_description_of_any_bytes_is_refused(content: bytes, copied: Callable[[str], Path]):
    folder = copied("clip")
    (folder / DESCRIPTION).write_bytes(content)
    assert not answers("clip", folder)


@pytest.mark.parametrize(
    ("name", "file", "other", "of"),
    [
        ("clip", ENCODER, "other-clip", ENCODER),
        ("clip", ENCODER, "siglip", ENCODER),
        ("clip", ENCODER, "trained", BRANCH),
        ("siglip", ENCODER, "clip", ENCODER),
        ("siglip", TOKENIZER, "siglip", DESCRIPTION),
        ("qwen3_vl", ENCODER, "clip", ENCODER),
        ("trained", BRANCH, "other-trained", BRANCH),
        ("trained", BRANCH, "clip", ENCODER),
        ("trained", DESCRIPTION, "clip", DESCRIPTION),
    ],
)
def test_a_file_of_another_model_is_refused(
    name: str, file: str, other: str, of: str, sides: dict[str, Path], copied: Callable[[str], Path]
):
    folder = copied(name)
    shutil.copy(sides[other] / of, folder / file)
    assert not answers(name, folder)
