"""A run uses the masks and teachers of an imported archive."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from archives import write

from teachtext.data import dropped_captions as dropped
from teachtext.data.folder import load_folder
from teachtext.errors import InputError
from teachtext.experiment.config import RunConfig
from teachtext.experiment.config_file import load_config
from teachtext.experiment.plan import plans_of
from teachtext.experiment.run import train
from teachtext.experiment.train import Training
from teachtext.experiment.workspace import Workspace
from teachtext.originals.archive import import_archive
from teachtext.originals.archive.captions import read_captions, read_mask
from teachtext.originals.denoising_masks import read_dropped, save_mask
from teachtext.originals.published_teachers import import_teacher

MASK = "denoising_masks/denoise-less100.pkl"
CAPTIONS = {f"v{n}": [["a", "dog"], ["it", "runs"]] for n in range(12)}
TRAIN = [f"v{n}" for n in range(8)]


def without_dropped(whole, path, **options):
    return dropped.without_dropped(whole, read_dropped(path, whole), path=path, **options)


@pytest.fixture
def imported(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    vectors = {video: random.normal(size=(2, 5)).astype("f4") for video in CAPTIONS}
    files: dict[str, Any] = {
        "raw-captions.pkl": CAPTIONS,
        "train_list.txt": "\n".join(TRAIN),
        "val_list.txt": "v8\nv9\n",
        "test_list.txt": "v10\nv11\n",
        "aggregated_face_feats/face-avg.pickle": {video: rows[0] for video, rows in vectors.items()},
        "aggregated_text_feats/w2v.pkl": {video: [rows[:1], rows[1:]] for video, rows in vectors.items()},
        MASK: {video: np.array([1, int(video != "v3")]) for video in TRAIN},
        "teachers/theirs.pkl": {
            video: {"vid_embds": {"face": rows[0]}, "text_embds": {"face": rows}}
            for video, rows in vectors.items()
            if video in TRAIN
        },
    }
    folder = tmp_path / "out"
    import_archive(write(tmp_path / "made", files), dataset="MSVD", out=folder, write_teacher=import_teacher)
    return folder


@pytest.fixture
def configured(imported: Path, tmp_path: Path) -> Callable[..., RunConfig]:
    def config(teachers: list[Any], dropped: Path) -> RunConfig:
        settings = {
            "name": "imported",
            "dataset": {
                "path": str(imported),
                "features": str(imported / "features"),
                "missing_videos": "keep",
                "dropped": str(dropped),
            },
            "experts": ["face"],
            "teachers": teachers,
            "student": {"text": "w2v"},
            "model": {"shared_dim": 4},
            "training": {"epochs": 1, "batch_size": 4},
            "seeds": [0],
            "work": str(tmp_path / "run"),
        }
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(settings))
        return load_config(path)

    return config


def test_a_run_learns_from_their_teacher_and_drops_what_their_mask_drops(
    imported: Path, configured: Callable[..., RunConfig], tmp_path: Path
):
    teacher = imported / "teachers" / "theirs.safetensors"
    config = configured([{"file": str(teacher)}], imported / "denoising" / "denoise-less100.json")
    taught = train(config, jobs=1)[0][-1]
    workspace = taught.workspace
    assert "v3#1" not in [caption.id for caption in workspace.dataset.captions]
    origin = json.loads((taught.folder / "config.json").read_text())["origin"]
    assert origin["teachers"] == ["theirs.safetensors"] and origin["train_captions"] == 15
    # the mask as it was published says the same
    raw = Workspace(configured([{"file": str(teacher)}], tmp_path / "made" / MASK))
    assert raw.dataset.captions == workspace.dataset.captions
    assert Training(raw, plans_of(raw.config)[-1], 0).folder == taught.folder


def test_a_teacher_that_lacks_a_training_caption_is_named(
    imported: Path, configured: Callable[..., RunConfig], tmp_path: Path
):
    splits = json.loads((imported / "splits.json").read_text())
    splits["train"].append(splits["val"].pop())
    (imported / "splits.json").write_text(json.dumps(splits))
    config = configured([{"file": str(imported / "teachers" / "theirs.safetensors")}], tmp_path / "d.json")
    (tmp_path / "d.json").write_text('["v0#0"]')
    with pytest.raises(InputError, match=r"theirs\.safetensors knows nothing of caption 'v9#0' and 1 others"):
        train(config, jobs=1)


def test_the_mask_of_the_miniature_is_written_as_it_was_read(legacy_folder: Path, tmp_path: Path):
    root = legacy_folder / "MSVD" / "structured-symlinks"
    import_archive(legacy_folder / "MSVD", dataset="MSVD", out=tmp_path / "out")
    whole = load_folder(tmp_path / "out", missing_videos="keep")
    kept = without_dropped(whole, tmp_path / "out" / "denoising" / "denoise-less100.json")
    assert kept.captions == without_dropped(whole, root / MASK).captions
    save_mask(tmp_path / "mask.pkl", whole, kept)
    captions = read_captions(root / "raw-captions.pkl")
    assert read_mask(tmp_path / "mask.pkl", captions) == read_mask(root / MASK, captions)
