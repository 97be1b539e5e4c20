import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import odd_experts
import pytest
from numpy.typing import NDArray
from processes import PATIENCE_S, processes, wait_until

pytest.importorskip("av")
pytest.importorskip("cv2")
pytest.importorskip("ray", reason="the engine needs the package 'ray': pip install 'teachtext[ray]'")
from teachtext.data.store import FeatureFile
from teachtext.data.types import Video
from teachtext.encoders.registry import VIDEO_EXPERTS
from teachtext.errors import InputError
from teachtext.extraction import ray_engine
from teachtext.extraction import task as one_video
from teachtext.extraction.extract import extract
from teachtext.extraction.feature_output import Output, Place

pytestmark = pytest.mark.server

Make = Callable[..., Path]
Moving = Callable[..., NDArray[np.uint8]]


def contents(folder: Path) -> dict[str, tuple[object, ...]]:
    file = FeatureFile(folder, verify=True)
    passages = file.passages()
    return {
        item: (
            file.sources[item],
            file.read(item).tobytes(),
            np.asarray(file.times(item)).tobytes(),
            passages.get(item),
        )
        for item in file.ids
    }


def test_ray_gives_what_local_processes_give(
    make_video: Make,
    moving: Moving,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    """Two workers, a video that hangs and one that kills; then a run that has only those to do."""
    monkeypatch.setitem(VIDEO_EXPERTS, "odd", odd_experts.ENTRY)
    monkeypatch.setattr(one_video, "_set_up", odd_experts.set_up)
    monkeypatch.chdir(tmp_path)
    videos = [Video(f"v{i}", make_video(f"v{i}.mp4", moving(seed=i, dx=i % 3, dy=1, count=8) // 2)) for i in range(10)]
    for name, brightness in (("hangs", odd_experts.HANGS), ("dies", odd_experts.DIES)):
        videos.insert(5, Video(name, make_video(f"{name}.mp4", np.full((4, 64, 64, 3), brightness, np.uint8))))
    shutil.copy("v3.mp4", "copy.mp4")
    videos.append(Video("copy", Path("copy.mp4")))
    videos = [Video(video.id, Path(video.path.name)) for video in videos if video.path]
    local = extract(videos, ["motion", "odd"], Path("local"), workers=2, time_limit=3)
    before = dict(os.environ)
    message: list[tuple[object, ...]] = []
    present = extract(
        videos, ["motion", "odd"], Path("ray"), workers=2, time_limit=3, engine="ray",
        progress=lambda *what: message.append(what[1:]),
    )  # fmt: skip
    assert (
        present == local
        and local.done == 10
        and local.reused == 1
        and {failure.id for failure in local.failed} == {"hangs", "dies"}
    )
    assert message[0] == (0, 13) and message[-1] == (13, 13, "2 set aside")
    for name in ("motion", "odd"):
        assert contents(tmp_path / "local" / name) == contents(tmp_path / "ray" / name)
        assert all(path.name.startswith("part-") for path in (tmp_path / "ray" / name).iterdir())
    assert dict(os.environ) == before
    again = extract(videos, ["motion", "odd"], Path("ray"), workers=2, time_limit=3, engine="ray")
    assert (again.done, again.reused, again.failed) == (0, 11, local.failed)


def test_what_a_worker_cannot_write_is_told(make_video: Make, moving: Moving, tmp_path: Path):
    (tmp_path / "store" / "motion").mkdir(parents=True)
    (tmp_path / "store" / "motion" / ".incoming").write_text("in the way")
    videos = [Video("v", make_video("v.mp4", moving(dx=1)))]
    with pytest.raises(InputError, match=r"store/motion/.incoming/\w+/part-00000.safetensors could not be written"):
        extract(videos, ["motion"], tmp_path / "store", engine="ray")


def test_a_crash_of_ray_costs_what_was_under_way(
    make_video: Make, moving: Moving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    videos = [Video(f"v{i}", make_video(f"v{i}.mp4", moving(seed=i, dx=i, count=8))) for i in range(4)]
    with monkeypatch.context() as crashing:
        crashing.setattr(ray_engine, "_next", odd_experts.crash_after_one)
        with pytest.raises(InputError, match=r"the process that drives Ray ended \(SIGSEGV\): run again"):
            extract(videos, ["motion"], tmp_path / "store", engine="ray")
    kept = len(FeatureFile(tmp_path / "store" / "motion", verify=True).ids)
    assert kept >= 1
    again = extract(videos, ["motion"], tmp_path / "store", engine="ray")
    # what an actor still wrote meanwhile is found too
    assert again.reused >= kept and again.done == 4 - again.reused and not again.failed
    mark = f"teachtext-{os.getpid()}-"
    wait_until(
        lambda: all(mark not in process.command for process in processes()), "processes of Ray are left", poll_s=0.5
    )


def test_what_a_killed_driver_left_is_adopted(tmp_path: Path):
    place = Place(tmp_path / "store" / "odd", 1, {"encoder": "odd"})
    for part, ids in (("one", "ab"), ("two", "c")):
        with place.writer(part) as writer:
            for item in ids:
                writer.add(item, np.full((1, 1), ord(item)), source=item)
    (place.folder / ".incoming" / "one" / ".part-00001.safetensors.999999999.tmp").write_bytes(b"half")
    with Output(place) as after:
        assert all(after.has(item, item) for item in "abc")
    assert sorted(path.name for path in place.folder.iterdir()) == [f"part-0000{i}.safetensors" for i in range(2)]


def test_only_folders_of_killed_sessions_are_removed_from_the_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead = subprocess.Popen(["true"])
    dead.wait()
    foreign = ["teachtext-2026-results", f"teachtext-{dead.pid}-results", "teachtext-other", "another"]
    for name in foreign:
        (tmp_path / name / "session").mkdir(parents=True)
    (tmp_path / "teachtext-other" / ray_engine._MARKER).write_text("a file of somebody else")
    (tmp_path / "teachtext-linked").symlink_to(tmp_path / "killed")
    (tmp_path / "killed").mkdir()
    (tmp_path / "killed" / ray_engine._MARKER).write_bytes(ray_engine._MARK)
    kept = {*foreign, "teachtext-linked", "killed"}
    (tmp_path / "teachtext-killed" / "session").mkdir(parents=True)
    (tmp_path / "teachtext-killed" / ray_engine._MARKER).write_bytes(ray_engine._MARK)
    with ray_engine._folder() as first:
        assert {path.name for path in tmp_path.iterdir()} == {first.name, *kept}
        with ray_engine._folder() as second:
            assert first.exists() and second.exists(), "the folder of a living session stays"
    assert {path.name for path in tmp_path.iterdir()} == kept
    assert all((tmp_path / name / "session").is_dir() for name in foreign)


def test_a_cluster_that_cannot_be_reached_is_told(make_video: Make, moving: Moving, tmp_path: Path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    make_video("videos/v.mp4", moving(dx=1))
    command = [str(Path(sys.executable).parent / "teachtext"), "extract", str(tmp_path), "--out", str(tmp_path / "out")]
    said = subprocess.run(
        [*command, "--expert", "motion", "--engine", "ray"], env=os.environ | {"RAY_ADDRESS": address},
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    # on a busy machine the progress has its lines too
    sentences = [line for line in said.stderr.splitlines() if not line.startswith("videos: ")]
    assert said.returncode == 2 and len(sentences) == 1, said.stderr
    assert sentences[0].startswith(f"teachtext: Ray cannot be reached at {address}")
    assert "use the local engine" in sentences[0]
