"""`teachtext data import-archive`, on archives of its own and on the miniature of a published one."""

import json
import pickle
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from archives import pack, write

from teachtext.data.folder import load_folder
from teachtext.data.store import FeatureFile

Said = subprocess.CompletedProcess[str]
Command = Callable[..., Said]
FACE = "aggregated_face_feats/face-avg.pickle"
TEACHER = "teachers/train-full-ce-refined-text-w2v.pkl"


def archive() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    captions = {f"v{k}": [["a", "dog"], ["it", "runs"]] for k in range(4)}
    vectors = {video: rng.normal(size=(2, 5)).astype("f4") for video in captions}
    return {
        "raw-captions.pkl": captions,
        "train_list.txt": "v0\nv1\n",
        "val_list.txt": "v2\n",
        "test_list.txt": "v3\n",
        FACE: {video: rows[0] for video, rows in vectors.items()} | {"v2": float("nan")},
        "aggregated_text_feats/w2v.pkl": {video: [rows, rows[:1]] for video, rows in vectors.items()},
        TEACHER: {v: {"vid_embds": {"face": rows[0]}, "text_embds": {"face": rows}} for v, rows in vectors.items()},
    }


def refused(said: Said, *parts: object) -> None:
    lines = said.stderr.splitlines()
    assert said.returncode == 2 and "Traceback" not in said.stderr, said.stderr
    assert lines[-1].startswith("teachtext: ") and said.stderr.count("teachtext: ") == 1
    for part in parts:
        assert str(part) in lines[-1], lines[-1]


@pytest.mark.slow
def test_a_packed_archive_with_a_teacher(teachtext: Command, tmp_path: Path):
    root = write(tmp_path / "made", archive())
    packed = pack(root, tmp_path / "MSVD.tar.gz", "data/MSVD/structured-symlinks")
    out = tmp_path / "out"
    said = teachtext("data", "import-archive", packed, "--dataset", "msvd", "--out", out)
    assert said.returncode == 0, said.stderr
    lines = {line.split()[0]: line.split()[1:] for line in said.stdout.splitlines() if line.split()}
    assert lines["face"][:5] == ["yes", "3", "1", "5", "float32"]
    assert lines["w2v"][:5] == ["yes", "8", "0", "5", "float32"]
    assert lines["imagenet.senet154.0"] == ["missing"]
    assert "not one of the published checksums" in said.stdout
    assert (out / "teachers" / "train-full-ce-refined-text-w2v.safetensors").is_file()
    assert teachtext("data", "check", out).returncode == 0
    again = teachtext("data", "import-archive", packed, "--dataset", "msvd", "--out", out)
    refused(again, f"{out} was imported before", "delete it to import again")


def test_the_miniature(teachtext_here: Command, legacy_folder: Path, tmp_path: Path):
    out = tmp_path / "out"
    said = teachtext_here("data", "import-archive", legacy_folder / "MSVD", "--dataset", "MSVD", "--out", out)
    assert said.returncode == 0, said.stderr
    checked = teachtext_here("data", "check", out)
    assert checked.returncode == 0 and "Sound" in checked.stdout
    dataset = load_folder(out, missing_videos="keep")
    assert {split: len(ids) for split, ids in dataset.splits.items()} == {"train": 8, "val": 2, "test": 4}
    present = {folder.name: FeatureFile(folder, verify=True) for folder in out.glob("features/*/*")}
    dims = {name: file.dim for name, file in present.items()}
    assert dims["imagenet.senet154.0"] == 2048 and dims["scene.densenet161.0"] == 2208 and dims["gpt2-xl"] == 1600
    assert dims["face"] == dims["r2p1d.r2p1d-ig65m.0"] == 512 and dims["ocr"] == dims["w2v"] == 300
    # a row a word, and one more for the transformer
    for name, more in {"w2v": 0, "gpt2-xl": 1}.items():
        rows = [present[name].rows_of(caption.id) for caption in dataset.captions]
        assert rows == [len(caption.text.split()) + more for caption in dataset.captions]
    assert 0 < sum(present["face"].rows_of(video) for video in dataset.videos) < 14
    mask = json.loads((out / "denoising" / "denoise-less100.json").read_text())
    trained = {caption.id for caption in dataset.queries_of("train")}
    assert set(mask["kept"]) | set(mask["dropped"]) == trained and mask["kept"] and mask["dropped"]


def test_the_hostile_pickle(teachtext_here: Command, legacy_folder: Path, tmp_path: Path):
    root = write(tmp_path / "MSVD", archive() | {FACE: (legacy_folder / "hostile.pickle").read_bytes()})
    said = teachtext_here("data", "import-archive", root, "--dataset", "MSVD", "--out", tmp_path / "out", cwd=tmp_path)
    refused(said, root / FACE, "'posix.system'", "no code of it was run", "remove that file")
    assert [path.name for path in tmp_path.iterdir()] == ["MSVD"]


def link(name: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/passwd"
    return info


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (link(f"data/MSVD/structured-symlinks/{FACE}", tarfile.SYMTYPE), "is a link, a device or the like"),
        (link("data/null", tarfile.CHRTYPE), "is a link, a device or the like"),
        (link("data/../../up", tarfile.REGTYPE), "would leave its folder"),
        (None, "is not a whole .tar.gz"),
    ],
)
def test_hostile_and_truncated_archives(
    teachtext_here: Command, tmp_path: Path, member: tarfile.TarInfo | None, message: str
):
    root = write(tmp_path / "made", archive())
    packed = pack(root, tmp_path / "a.tar.gz", "data/MSVD/structured-symlinks", [member] if member else [])
    if member is None:
        packed.write_bytes(packed.read_bytes()[:-100])
    before = sorted(tmp_path.iterdir())
    said = teachtext_here("data", "import-archive", packed, "--dataset", "MSVD", "--out", tmp_path / "out")
    refused(said, packed, message)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (FACE, pickle.dumps(archive()[FACE])[:-200], "is not a whole pickle"),
        (FACE, {"v1": np.array([np.nan, 1])}, "'v1' holds NaN or infinite values: a scalar NaN"),
        ("aggregated_text_feats/w2v.pkl", {"v1": [np.ones((1, 3))]}, "has 1 captions of video 'v1', the raw captions"),
        (TEACHER, {"v1": {"vid_embds": {}, "text_embds": {}}}, "has other experts"),
    ],
)
def test_bad_files(teachtext_here: Command, tmp_path: Path, name: str, content: Any, message: str):
    root = write(tmp_path / "MSVD", archive() | {name: content})
    said = teachtext_here("data", "import-archive", root, "--dataset", "MSVD", "--out", tmp_path / "out")
    refused(said, root / name, message)
    assert [path.name for path in tmp_path.iterdir()] == ["MSVD"]


def test_names_and_folders_that_are_wrong(teachtext_here: Command, tmp_path: Path):
    root = write(tmp_path / "MSVD", archive())
    out = tmp_path / "out"
    said = teachtext_here("data", "import-archive", root, "--dataset", "msvdd", "--out", out)
    refused(said, "no published archive of a dataset 'msvdd'", "use one of MSRVTT, MSVD, DiDeMo, LSMDC, activity-net")
    said = teachtext_here("data", "import-archive", tmp_path / "gone", "--dataset", "MSVD", "--out", out)
    refused(said, tmp_path / "gone", "is not a file or folder")
    said = teachtext_here("data", "import-archive", root, "--dataset", "MSVD", "--out", root)
    refused(said, f"{root} exists and is not empty", "give another folder")
    assert not out.exists()
