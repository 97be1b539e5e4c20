"""Every bad input: exit code 2, one sentence that names the file and the mend, nothing half-written."""

import hashlib
import json
import resource
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("safetensors")
from safetensors import safe_open
from safetensors.numpy import save_file

pytestmark = pytest.mark.slow

Said = subprocess.CompletedProcess[str]
Command = Callable[..., Said]


def assert_refused(said: Said, *parts: object) -> None:
    lines = said.stderr.splitlines()
    assert said.returncode == 2, said.stderr
    assert "Traceback" not in said.stderr and "Traceback" not in said.stdout
    assert said.stderr.count("teachtext: ") == 1 and lines[-1].startswith("teachtext: "), said.stderr
    for part in parts:
        assert str(part) in lines[-1], lines[-1]


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def dataset_folder(ready: Any, tmp_path: Path) -> Path:
    """A copy of a dataset folder, to spoil."""
    return Path(shutil.copytree(ready.playground, tmp_path / "own"))


@pytest.fixture
def model(ready: Any, tmp_path: Path) -> Path:
    return Path(shutil.copytree(ready.model, tmp_path / "model"))


@pytest.fixture
def features(ready: Any, tmp_path: Path) -> Path:
    return Path(shutil.copytree(ready.features, tmp_path / "features"))


def change_shard(
    path: Path, change: Callable[[dict[str, Any], dict[str, str]], None], *, right_checksum: bool = True
) -> None:
    """Change a shard's arrays and header, and make its checksum right again."""
    with safe_open(path, "numpy") as file:
        header, arrays = file.metadata(), {name: file.get_tensor(name) for name in ("values", "offsets")}
    change(arrays, header)
    if right_checksum:
        digest = hashlib.sha256(json.dumps(json.loads(header["ids"])).encode())
        for name in ("values", "offsets"):
            digest.update(np.ascontiguousarray(arrays[name]).data)
        header["checksum"] = digest.hexdigest()
    save_file(arrays, path, metadata=header)


def test_a_missing_dataset_folder(teachtext: Command, tmp_path: Path):
    gone, out = tmp_path / "gone", tmp_path / "out"
    assert_refused(teachtext("data", "check", gone), f"{gone} is not a folder", "give the folder that holds videos/")
    assert_refused(teachtext("extract", gone, "--out", out), f"{gone} is not a folder", "give the folder")
    assert_refused(teachtext("embed", gone, "--out", out, "--encoder", "glove"), f"{gone} is not a folder", "give")
    assert not out.exists()


def test_a_dataset_folder_without_videos(teachtext: Command, tmp_path: Path):
    (tmp_path / "videos").mkdir()
    said = teachtext("extract", tmp_path, "--out", tmp_path / "out")
    assert_refused(said, f"{tmp_path / 'videos'} holds no video", "put video files there")


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        (None, "", ["own has no captions file", "there is playground.json", "write for example"]),
        (
            "captions.jsonl",
            '{"video": "a"',
            ["captions.jsonl is", "not valid JSON", "line 1 column 14", "write for example"],
        ),
        (
            "captions.jsonl",
            '{"video": "a", "words": "x"}',
            ["captions.jsonl, line 1", "keys video, words", "write for"],
        ),
        (
            "captions.jsonl",
            "[" * 100_000,
            ["captions.jsonl is nested too deeply", "write its captions as a plain list"],
        ),
        ("captions.json", "[" * 100_000, ["captions.json is nested too deeply", "write its captions as a plain list"]),
        ("captions.json", '["a"]', ["captions.json is in no known format", "a list of 1 items", "write for example"]),
        ("captions.csv", "film,words\na,b\n", ["captions.csv lacks a column", "'film,words'", "video_id,caption"]),
        ("captions.json", '{"play0001": [" "]}', ["captions.json has an empty caption (play0001#0)", "delete"]),
        ("captions.json", '{"play0001": []}', ["has no captions", "add some"]),
    ],
)
def test_missing_broken_or_empty_captions(
    teachtext: Command, dataset_folder: Path, tmp_path: Path, name: str | None, content: str, parts: list[str]
):
    (dataset_folder / "captions.jsonl").unlink()
    if name:
        (dataset_folder / name).write_text(content)
    assert_refused(
        teachtext("embed", dataset_folder, "--out", tmp_path / "out", "--encoder", "glove"), str(dataset_folder), *parts
    )
    assert not (tmp_path / "out").exists()


def test_captions_for_unknown_videos(
    teachtext: Command, dataset_folder: Path, tmp_path: Path, write_config: Callable[..., Path]
):
    with (dataset_folder / "captions.jsonl").open("a") as file:
        file.write(json.dumps({"video": "nobody", "text": "a dog"}) + "\n")
    said = teachtext("run", write_config(tmp_path / "c.yaml", dataset={"path": "own"}))
    assert_refused(said, dataset_folder / "captions.jsonl", "'nobody'", "missing_videos: drop")
    assert files_in(tmp_path / "run") <= {"config.yaml"}


def test_unknown_names(teachtext: Command, ready: Any, tmp_path: Path, write_config: Callable[..., Path]):
    out = tmp_path / "out"
    said = teachtext("embed", ready.playground, "--out", out, "--encoder", "glov")
    assert_refused(said, "unknown text encoder 'glov'", "did you mean 'glove'?", "wordllama, minilm")
    said = teachtext("extract", ready.playground, "--out", out, "--expert", "motoin")
    assert_refused(said, "unknown video expert 'motoin'", "did you mean 'motion'?", "appearance, scene, motion")
    for setting, word, mend in (
        ("motion", "motion", "write it like --set motion.per_second=2"),
        ("most=3", "most=3", "write it like --set motion.per_second=2"),
        ("motoin.most=3", "motoin", "did you mean 'motion'?"),
        ("motion.mots=3", "mots", "choose from per_second, most, gap_s"),
        ("motion.most=many", "many", "give something like 64"),
    ):
        said = teachtext("extract", ready.playground, "--out", out, "--expert", "motion", "--set", setting)
        assert_refused(said, word, mend)
    assert not out.exists()
    said = teachtext("run", write_config(tmp_path / "c.yaml", teachers=["glov"]))
    assert_refused(said, tmp_path / "c.yaml", "unknown text encoder 'glov'", "did you mean 'glove'?")
    said = teachtext("run", write_config(tmp_path / "c.yaml", experts=["motoin"]))
    assert_refused(said, tmp_path / "c.yaml", "unknown video expert 'motoin'")
    said = teachtext("run", tmp_path / "nowhere.yaml")
    assert_refused(said, tmp_path / "nowhere.yaml", "cannot be read", "check the path and its permissions")
    assert not (tmp_path / "run").exists()


def test_unknown_splits(teachtext: Command, ready: Any, tmp_path: Path, write_config: Callable[..., Path]):
    said = teachtext("evaluate", ready.model, ready.playground, "--features", ready.features, "--split", "tset")
    assert_refused(said, f"{ready.playground} has no split 'tset'", "use one of train, val, test")
    dataset = {"path": str(ready.playground), "select": "dev"}
    said = teachtext("run", write_config(tmp_path / "c.yaml", dataset=dataset))
    assert_refused(said, f"{ready.playground} has no split 'dev'", "use one of train, val, test")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["extract", "x", "--out", "y", "--workers", "0"], "--workers"),
        (["extract", "x", "--out", "y", "--workers", "two"], "--workers"),
        (["extract", "x"], "--out"),
        (["embed", "x", "--out", "y", "--encoder", "glove", "--threads", "0"], "--threads"),
        (["embed", "x", "--out", "y"], "--encoder"),
        (["evaluate", "x", "y", "--features", "z", "--captions", "all"], "--captions"),
        (["data", "playground", "x", "--videos", "many"], "--videos"),
        (["run"], "config"),
        (["rnu"], "rnu"),
        (["run", "x", "--shwo"], "--shwo"),
    ],
)
def test_wrong_options(teachtext: Command, arguments: list[str], parts: str, tmp_path: Path):
    said = teachtext(*arguments, cwd=tmp_path)
    assert said.returncode == 2 and "Traceback" not in said.stderr
    assert parts in said.stderr.lower()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--videos", "5"], ["videos=5", "12 to 5000"]),
        (["--captions", "0"], ["captions_per_video=0"]),
        (["--wrong", "1.5"], ["wrong_captions=1.5", "0 to 1"]),
        (["--seed", "-1"], ["seed=-1"]),
        (["--workers", "0"], ["workers=0"]),
    ],
)
def test_wrong_playground_settings(teachtext: Command, arguments: list[str], parts: list[str], tmp_path: Path):
    assert_refused(teachtext("data", "playground", tmp_path / "p", *arguments), *parts)
    assert not list(tmp_path.iterdir())


def test_other_files_are_not_built_over(teachtext: Command, tmp_path: Path):
    (tmp_path / "mine.txt").write_text("x")
    assert_refused(teachtext("data", "playground", tmp_path), f"{tmp_path} holds other files (mine.txt)", "another")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_out_is_a_file(teachtext: Command, ready: Any, tmp_path: Path):
    out = tmp_path / "out"
    out.write_text("mine")
    said = teachtext("extract", ready.playground, "--out", out, "--expert", "motion")
    assert_refused(said, out, "Not a directory", "check the folder")
    said = teachtext("embed", ready.playground, "--out", out, "--encoder", "wordllama")
    assert_refused(said, out, "Not a directory", "check the folder")
    assert_refused(teachtext("data", "playground", out), f"{out} is a file", "give a folder")
    assert out.read_text() == "mine"


def test_a_full_disk(teachtext: Command, ready: Any, small_disk: Callable[[str], Path]):
    disk = small_disk("size=64k")
    said = teachtext("embed", ready.playground, "--out", disk, "--encoder", "glove")
    assert_refused(said, disk / "text" / "glove", "the disk is full", "free some space")
    assert not files_in(disk)
    said = teachtext("data", "playground", disk / "p", "--videos", 24)
    assert_refused(said, disk / "p", "the disk is full", "free some space")
    assert not [name for name in files_in(disk) if ".tmp" in name]


def test_a_folder_that_cannot_be_written_to(teachtext: Command, ready: Any, small_disk: Callable[[str], Path]):
    disk = small_disk("size=64k,ro")
    said = teachtext("embed", ready.playground, "--out", disk, "--encoder", "wordllama")
    assert_refused(said, disk / "text" / "wordllama", "Read-only file system", "check the folder")
    said = teachtext("extract", ready.playground, "--out", disk, "--expert", "motion")
    assert_refused(said, disk / "video", "Read-only file system", "check the folder")


def test_a_file_that_may_grow_no_more(teachtext: Command, ready: Any, tmp_path: Path):
    # works where no disk can be mounted
    said = teachtext(
        "embed",
        ready.playground,
        "--out",
        tmp_path / "out",
        "--encoder",
        "glove",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    assert_refused(said, tmp_path / "out" / "text" / "glove", "could not be written", "File too large")
    assert not files_in(tmp_path)


def test_a_shard_with_nan(teachtext: Command, ready: Any, model: Path, features: Path):
    path = features / "video" / "motion" / "part-00000.safetensors"
    change_shard(path, lambda arrays, header: arrays["values"].__setitem__((3, 5), np.nan))
    said = teachtext("evaluate", model, ready.playground, "--features", features)
    assert_refused(said, f"{path} holds NaN", "delete that file and extract")


def test_features_of_another_width(teachtext: Command, ready: Any, model: Path, features: Path):
    path = features / "text" / "wordllama" / "part-00000.safetensors"
    change_shard(path, lambda arrays, header: arrays.update(values=np.ascontiguousarray(arrays["values"][:, :9])))
    said = teachtext("evaluate", model, ready.playground, "--features", features)
    assert_refused(said, f"{path.parent} holds features of width 9, the model reads 256", "extract them with")


def test_a_flipped_byte(teachtext: Command, ready: Any, tmp_path: Path, write_config: Callable[..., Path]):
    shutil.copytree(ready.features, tmp_path / "run" / "features")
    path = tmp_path / "run" / "features" / "video" / "motion" / "part-00000.safetensors"
    content = bytearray(path.read_bytes())
    content[-1000] ^= 1
    path.write_bytes(content)
    said = teachtext("run", write_config(tmp_path / "c.yaml", dataset={"path": str(ready.playground)}))
    assert_refused(said, f"{path} does not match its checksum", "delete that file and extract")
    assert not (tmp_path / "run" / "models").exists()
    said = teachtext("evaluate", ready.model, ready.playground, "--features", tmp_path / "run" / "features")
    assert_refused(said, f"{path} does not match its checksum", "delete that file and extract")


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays, header: header.update(ids="3"),
        lambda arrays, header: header.update(ids=json.dumps([[]] * 24)),
        lambda arrays, header: header.update(sources="{}"),
        lambda arrays, header: header.update(provenance="[]"),
        lambda arrays, header: header.update(provenance="[" * 100_000),
        lambda arrays, header: header.clear(),
        lambda arrays, header: arrays.update(values=arrays["values"].astype(np.int32)),
        lambda arrays, header: arrays.update(values=arrays["values"][None]),
        lambda arrays, header: arrays.update(offsets=arrays["offsets"].astype(np.float32)),
        lambda arrays, header: arrays.update(offsets=arrays["offsets"][::-1].copy()),
    ],
)
def test_a_hostile_shard(ready: Any, features: Path, change: Callable[..., None]):
    # what every verb opens; a subprocess for each would take a minute
    from teachtext.data.store import FeatureFile
    from teachtext.errors import InputError

    path = features / "video" / "motion" / "part-00000.safetensors"
    change_shard(path, change, right_checksum=False)
    with pytest.raises(InputError, match=r"part-00000.safetensors .*delete that file and extract"):
        FeatureFile(path.parent)


def test_a_truncated_checkpoint(teachtext: Command, ready: Any, model: Path):
    path = model / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    said = teachtext("evaluate", model, ready.playground, "--features", ready.features)
    assert_refused(said, f"{path} does not hold the weights of its config", "train or copy it again")


def test_a_checkpoint_that_is_a_pickle_runs_nothing(teachtext: Command, ready: Any, model: Path, tmp_path: Path):
    command = f"touch {tmp_path / 'pwned'}".encode()
    (model / "model.safetensors").write_bytes(b"cos\nsystem\n(S'" + command + b"'\ntR.")
    said = teachtext("evaluate", model, ready.playground, "--features", ready.features)
    assert_refused(said, model / "model.safetensors", "train or copy it again")
    assert not (tmp_path / "pwned").exists()


def set_in(*keys: str, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(config: dict[str, Any]) -> None:
        for key in keys[:-1]:
            config = config[key]
        config[keys[-1]] = to

    return change


# to be taken away with the mend: load_spec would have to check that text_encoder is text and max_words at least 1
@pytest.mark.parametrize(
    "change",
    [
        set_in("model", "arguments", "expert_dims", to=None),
        set_in("model", "arguments", "expert_dims", to={"motion": -3}),
        set_in("model", "arguments", "expert_dims", to={"../../motion": 243}),
        set_in("model", "arguments", "shared_dim", to=10**12),
        set_in("model", "arguments", to=[]),
        set_in("model", "kind", to="evil"),
        set_in("model", "kind", to=[]),
        set_in("text_encoder", to="nobody"),
        set_in("text_encoder", to=3),
        set_in("max_words", to="x"),
        set_in("max_words", to=-1),
        set_in("format", to="other"),
    ],
)
def test_a_hostile_config_of_a_checkpoint(ready: Any, model: Path, change: Callable[..., None]):
    from teachtext.errors import InputError
    from teachtext.experiment.evaluate import evaluate_folder

    config = json.loads((model / "config.json").read_text())
    change(config)
    (model / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError):
        evaluate_folder(model, ready.playground, ready.features, split="test")


@pytest.mark.parametrize("content", [None, "", "{", "[]", "[" * 100_000, "{}"])
def test_a_broken_config_of_a_checkpoint(model: Path, content: str | None):
    from teachtext.errors import InputError
    from teachtext.learning.checkpoint import load_spec

    (model / "config.json").unlink()
    if content is not None:
        (model / "config.json").write_text(content)
    with pytest.raises(InputError, match=r"config.json (is not|cannot be read)"):
        load_spec(model)


def test_what_is_no_model(teachtext: Command, ready: Any, tmp_path: Path):
    said = teachtext("evaluate", tmp_path, ready.playground, "--features", ready.features)
    assert_refused(said, tmp_path, "holds no run, model or index", "give a folder that 'teachtext run'")


def test_a_report_before_the_run(teachtext: Command, ready: Any, tmp_path: Path, write_config: Callable[..., Path]):
    said = teachtext("report", write_config(tmp_path / "c.yaml", dataset={"path": str(ready.playground)}))
    assert_refused(said, tmp_path / "run" / "results.json", "cannot be read")
    assert not (tmp_path / "run").exists()
