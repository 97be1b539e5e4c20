"""The exported text side of every family answers as the family itself does, without torch."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("transformers")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
import shared_models

from teachtext.encoders.shared_space import query_export
from teachtext.encoders.shared_space.embedder import SharedEmbedder
from teachtext.encoders.shared_space.exported_queries import ExportedQueries
from teachtext.encoders.shared_space.families import FAMILIES
from teachtext.encoders.shared_space.query_export import export_queries
from teachtext.errors import InputError

TEXTS = ["cat", "a dog runs", "A Photo of THE green ball, quickly!", "a  red\tcar \u4f60\u597d", "<eos> dog <pad>"]


@pytest.mark.parametrize("kind", sorted(FAMILIES))
def test_the_files_give_the_vectors_and_the_limit_of_the_model(kind: str, tmp_path: Path):
    if kind in ("pe_video", "pe_audio_video"):
        pytest.importorskip("timm", reason="the picture network of PE-AV is one of timm, which needs torchvision")
    model = SharedEmbedder(model=str(shared_models.BUILDERS[kind](tmp_path / "model")), device="cpu")
    assert export_queries(model, tmp_path / "text") <= 1e-5
    limit = model.space.limit
    assert limit is not None
    ends = [("a red car " * limit.most).split()[: limit.most + more] for more in (-1, 0, 1, 50)]
    texts = [*TEXTS, *(" ".join(words) for words in ends)]
    exported = ExportedQueries(tmp_path / "text")
    alone = [exported.embed_query(text) for text in texts]
    for text, whole, side, single in zip(
        texts, model.embed_queries(texts), exported.embed_queries(texts), alone, strict=True
    ):
        for query in (side, single):
            assert (query.vectors.keys(), query.read) == (whole.vectors.keys(), whole.read), text
            [by_torch], [by_onnx] = whole.vectors.values(), query.vectors.values()
            assert by_onnx.dtype == np.float32 and np.abs(by_torch - by_onnx).max() <= 1e-5, text
    assert (alone[0].read, alone[-1].read) == ("", str(limit))
    [first, second] = (next(iter(query.vectors.values())) for query in alone[:2])
    assert np.abs(first - second).max() > 1e-3


def test_the_first_siglip_reads_no_punctuation_when_exported(tmp_path: Path):
    folder = shared_models.siglip(tmp_path / "siglip")
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"tokenizer_class": "SiglipTokenizer"}))
    export_queries(SharedEmbedder(model=str(folder), device="cpu"), tmp_path / "text")
    plain, marked = ExportedQueries(tmp_path / "text").embed_queries(["a red car", "A red,  car!"])
    assert np.array_equal(plain.vectors["pictures"], marked.vectors["pictures"])


def test_a_query_needs_neither_torch_nor_transformers(tmp_path: Path):
    export_queries(SharedEmbedder(model=str(shared_models.clip(tmp_path / "clip")), device="cpu"), tmp_path / "text")
    program = (
        "import sys; from teachtext.encoders.shared_space.exported_queries import ExportedQueries\n"
        "ExportedQueries(sys.argv[1]).embed_query('a dog'); print(sys.modules.keys() & {'torch', 'transformers'})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "text")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


def test_a_text_side_that_is_too_large_or_differs_is_refused_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    model = SharedEmbedder(model=str(shared_models.clip(tmp_path / "clip")), device="cpu")
    text = model.space.family.model.text_model
    size = sum(weight.nbytes for weight in text.parameters()) + model.space.family.model.text_projection.weight.nbytes
    monkeypatch.setattr(query_export, "MOST_BYTES", size - 1)
    with pytest.raises(InputError, match=r"the text side of clip takes .* GB, and .* are kept at most"):
        export_queries(model, tmp_path / "text")
    monkeypatch.setattr(query_export, "MOST_BYTES", size)
    monkeypatch.setattr(query_export, "TOLERANCE", -1.0)
    with pytest.raises(InputError, match=r"clip cannot be exported \(values differ by"):
        export_queries(model, tmp_path / "text")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip"]
