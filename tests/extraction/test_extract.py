import contextlib
import errno
import io
import json
import os
import re
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import odd_experts
import pytest
from numpy.typing import NDArray
from processes import needs_proc

pytest.importorskip("av")
pytest.importorskip("cv2")
from teachtext.data.feature_writer import FeatureWriter
from teachtext.data.passages import Passage
from teachtext.data.store import FeatureFile, shards_of
from teachtext.data.types import Video
from teachtext.encoders.base import Rows
from teachtext.encoders.registry import VIDEO_EXPERTS, build_video_experts
from teachtext.errors import InputError
from teachtext.extraction import extract as extract_module
from teachtext.extraction import feature_output as output
from teachtext.extraction import task as one_video
from teachtext.extraction.extract import FAILED, Extraction, extract
from teachtext.extraction.task import Job, Result, Task
from teachtext.processes import Workers
from teachtext.video.sampling import PieceRule

Make = Callable[..., Path]
Moving = Callable[..., NDArray[np.uint8]]


@pytest.fixture
def videos(make_video: Make, moving: Moving) -> list[Video]:
    return [Video(f"v{i}", make_video(f"v{i}.mp4", moving(seed=i, dx=i - 2, dy=1, count=12))) for i in range(5)]


def values(store: Path, name: str = "motion") -> dict[str, NDArray[np.float16]]:
    file = FeatureFile(store / name, verify=True)
    return {item: file.read(item) for item in file.ids}


def assert_same(a: Path, b: Path, name: str = "motion") -> None:
    first, second = values(a, name), values(b, name)
    assert first.keys() == second.keys() and all(np.array_equal(first[item], second[item]) for item in first)


@pytest.mark.slow
def test_all_experts_fill_their_folders_and_a_second_run_reuses_them(videos: list[Video], tmp_path: Path):
    pytest.importorskip("efficientnet_lite_pytorch")
    message: list[tuple[object, ...]] = []
    store = tmp_path / "store"
    result = extract(videos[:2], ["appearance", "scene", "motion"], store, progress=lambda *what: message.append(what))
    assert (result.done, result.reused, result.failed) == (2, 0, ())
    assert [what for what in message if what[0] == "videos"] == [("videos", done, 2) for done in (0, 1, 2)]
    widths = {"appearance": 1280, "scene": 1000, "motion": 243}
    for name, width in widths.items():
        assert all(rows.shape == (1, width) for rows in values(store, name).values())
        assert FeatureFile(store / name).provenance["encoder"] == name
    again = extract(videos[:2], list(widths), store)
    assert (again.done, again.reused) == (0, 2)
    assert all(len(shards_of(store / name)) == 1 for name in widths)


def test_progress_is_told_while_many_files_are_compared(
    videos: list[Video], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(extract_module, "_PATIENCE_S", 0.0)
    message: list[tuple[object, ...]] = []
    extract(videos[:2], ["motion"], tmp_path / "store", progress=lambda *what: message.append(what))
    assert message == [("files", 1, 2), ("files", 2, 2), ("videos", 0, 2), ("videos", 1, 2), ("videos", 2, 2)]


@pytest.mark.slow
def test_only_the_experts_that_are_asked_for_are_stored(videos: list[Video], tmp_path: Path):
    pytest.importorskip("efficientnet_lite_pytorch")
    extract(videos[:1], ["scene"], tmp_path / "store")
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["scene"]
    extract(videos[:1], ["scene", "appearance"], tmp_path / "store")
    assert len(shards_of(tmp_path / "store" / "scene")) == 1, "what was there is not made again"


@pytest.mark.slow
def test_a_stopped_run_goes_on_where_it_was(videos: list[Video], tmp_path: Path):
    def stop(what: str, done: int, total: int) -> None:
        if (what, done) == ("videos", 3):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(videos, ["motion"], tmp_path / "stopped", progress=stop)
    assert list(values(tmp_path / "stopped")) == ["v0", "v1", "v2"]
    result = extract(videos, ["motion"], tmp_path / "stopped")
    assert (result.done, result.reused) == (2, 3)
    extract(videos, ["motion"], tmp_path / "whole")
    assert_same(tmp_path / "stopped", tmp_path / "whole")


@pytest.mark.slow
def test_a_killed_run_keeps_its_whole_shards(videos: list[Video], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Killed(BaseException):
        """Like a kill: nothing is flushed."""

    def kill(what: str, done: int, total: int) -> None:
        if (what, done) == ("videos", 3):
            raise Killed

    monkeypatch.setattr(output, "_SHARD_ITEMS", 2)
    with pytest.raises(Killed):
        extract(videos, ["motion"], tmp_path / "killed", progress=kill)
    assert list(values(tmp_path / "killed")) == ["v0", "v1"]
    assert extract(videos, ["motion"], tmp_path / "killed").done == 3
    extract(videos, ["motion"], tmp_path / "whole")
    assert_same(tmp_path / "killed", tmp_path / "whole")


@pytest.mark.slow
def test_a_changed_video_is_done_again(videos: list[Video], tmp_path: Path, make_video: Make, moving: Moving):
    extract(videos, ["motion"], tmp_path / "store")
    before = values(tmp_path / "store")
    make_video("v1.mp4", moving(seed=9, dx=-3))
    result = extract(videos, ["motion"], tmp_path / "store")
    after = values(tmp_path / "store")
    assert (result.done, result.reused) == (1, 4)
    assert {item for item in after if not np.array_equal(after[item], before[item])} == {"v1"}


@pytest.mark.slow
def test_bad_videos_are_set_aside_and_tried_again(videos: list[Video], bad_videos: dict[str, Path], tmp_path: Path):
    store = tmp_path / "store"
    mixed = [Video(kind, path) for kind, path in bad_videos.items()]
    result = extract([videos[0], *mixed, videos[1], Video("nowhere")], ["motion"], store)
    assert result.done == 2 and {failure.id for failure in result.failed} == set(bad_videos)
    assert set(values(store)) == {"v0", "v1"}
    listed = json.loads((store / "failed.json").read_text())
    assert {entry["id"]: entry["path"] for entry in listed} == {kind: str(path) for kind, path in bad_videos.items()}
    assert all(entry["path"] in entry["reason"] for entry in listed)
    bad_videos["empty"].write_bytes(videos[2].path.read_bytes())
    result = extract([videos[0], Video("empty", bad_videos["empty"])], ["motion"], store)
    assert (result.done, result.reused, result.failed) == (1, 1, ())
    assert not (store / "failed.json").exists()


@pytest.mark.slow
def test_a_video_that_went_bad_loses_its_old_features(videos: list[Video], tmp_path: Path):
    extract(videos[:2], ["motion"], tmp_path / "store")
    videos[0].path.write_bytes(videos[0].path.read_bytes()[:2000])
    assert extract(videos[:2], ["motion"], tmp_path / "store").failed[0].id == "v0"
    file = FeatureFile(tmp_path / "store" / "motion")
    assert (file.rows_of("v0"), file.rows_of("v1")) == (0, 1)


@pytest.mark.slow
def test_a_single_picture_has_no_motion_and_is_not_tried_again(make_video: Make, moving: Moving, tmp_path: Path):
    picture = [Video("p", make_video("p.mp4", moving(count=1)))]
    assert extract(picture, ["motion"], tmp_path / "store").done == 1
    assert FeatureFile(tmp_path / "store" / "motion").rows_of("p") == 0
    assert extract(picture, ["motion"], tmp_path / "store").reused == 1


@pytest.mark.slow
def test_two_workers_give_what_one_gives(videos: list[Video], bad_videos: dict[str, Path], tmp_path: Path):
    pytest.importorskip("efficientnet_lite_pytorch")
    mixed = [*videos[:3], Video("half", bad_videos["half"])]
    entry = extract(mixed, ["scene", "motion"], tmp_path / "entry")
    two = extract(mixed, ["scene", "motion"], tmp_path / "two", workers=2)
    assert entry == two and entry.done == 3
    for name in ("scene", "motion"):
        assert_same(tmp_path / "entry", tmp_path / "two", name)


@pytest.mark.slow
def test_a_single_video_has_the_threads_of_all_workers_and_the_same_features(
    videos: list[Video], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("efficientnet_lite_pytorch")
    threads: list[int] = []
    real = Job.workers

    def observed(job: Job, count: int) -> Workers[Task, Result]:
        threads.append(job.threads)
        return real(job, count)

    monkeypatch.setattr(Job, "workers", observed)
    names = ["appearance", "scene", "motion"]
    extract(videos[:1], names, tmp_path / "alone")
    extract(videos[:1], names, tmp_path / "shared", workers=3)
    extract(videos[:3], ["motion"], tmp_path / "three", workers=3)
    assert threads == [1, 3, 1]
    for name in names:
        assert_same(tmp_path / "alone", tmp_path / "shared", name)


@pytest.mark.slow
def test_features_made_otherwise_are_not_mixed(videos: list[Video], tmp_path: Path):
    extract(videos[:1], ["motion"], tmp_path / "made")
    made = FeatureFile(tmp_path / "made" / "motion")
    older = {**made.provenance, "settings": {**made.provenance["settings"], "version": 0}}
    with FeatureWriter(tmp_path / "store" / "motion", provenance=older, dim=made.dim) as writer:
        writer.add("v0", made.read("v0"), source=made.sources["v0"])
    message = r"store/motion holds features made otherwise \(settings.version was 0, now 1\): delete that folder"
    with pytest.raises(InputError, match=message):
        extract(videos, ["motion"], tmp_path / "store")


@pytest.mark.slow
def test_settings_reach_the_experts_in_all_processes_and_are_not_mixed(videos: list[Video], tmp_path: Path):
    few = {"motion": {"most": 2}}
    name = VIDEO_EXPERTS.folder_name("motion", few["motion"])
    entry = extract(videos, ["motion"], tmp_path / "entry", settings=few)
    two = extract(videos, ["motion"], tmp_path / "two", settings=few, workers=2)
    assert entry.done == two.done == 5
    assert_same(tmp_path / "entry", tmp_path / "two", name)
    assert FeatureFile(tmp_path / "entry" / name).provenance["settings"]["sampling"]["most"] == 2
    assert extract(videos, ["motion"], tmp_path / "entry").done == 5, "other settings lie side by side"
    assert not np.array_equal(values(tmp_path / "entry")["v0"], values(tmp_path / "entry", name)["v0"])
    assert extract(videos, ["motion"], tmp_path / "entry", settings=few).reused == 5


@pytest.fixture
def odd(make_video: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Extraction]:
    """Extracts videos of one brightness each, with an expert that hangs, dies or fails at some brightness."""
    monkeypatch.setitem(VIDEO_EXPERTS, "odd", odd_experts.ENTRY)
    monkeypatch.setattr(one_video, "_set_up", odd_experts.set_up)

    def run(*brightness: int, **options: object) -> Extraction:
        plain = [np.full((4, 64, 64, 3), value, np.uint8) for value in brightness]
        made = [Video(f"{i}", make_video(f"{i}.mp4", frames)) for i, frames in enumerate(plain)]
        return extract(made, ["odd"], tmp_path / "store", **options)  # type: ignore[arg-type]

    return run


def test_without_videos_no_process_begins(videos: list[Video], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # processes do not know this expert
    monkeypatch.setitem(VIDEO_EXPERTS, "odd", odd_experts.ENTRY)
    (tmp_path / FAILED).write_text("[]")
    assert extract([], ["odd"], tmp_path) == Extraction(0, 0, ())
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".json"] == []
    with pytest.raises(InputError, match="odd"):
        extract(videos[:1], ["odd"], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_what_hangs_kills_or_gives_nan_is_set_aside(workers: int, odd: Callable[..., Extraction], tmp_path: Path):
    fine, hangs, dies, nan = odd_experts.FINE, odd_experts.HANGS, odd_experts.DIES, odd_experts.NAN
    message: list[tuple[object, ...]] = []
    done = odd(
        fine, hangs, fine + 9, dies, nan, fine + 18, workers=workers, time_limit=3,
        progress=lambda *what: message.append(what[1:]),
    )  # fmt: skip
    assert done.done == 3 and [failure.id for failure in done.failed] == ["1", "3", "4"]
    late, dead, broken = (failure.reason for failure in done.failed)
    assert "1.mp4 took longer than 3 s: convert it again, or allow more with a time limit" in late
    assert "3.mp4 killed the process that decoded it (SIGSEGV): leave it out" in dead
    assert "'odd' gave NaN" in broken
    assert set(values(tmp_path / "store", "odd")) == {"0", "2", "5"}
    assert message[0] == (0, 6) and message[-1] == (6, 6, "3 set aside")


@needs_proc
@pytest.mark.slow
def test_a_video_that_takes_too_much_memory_is_set_aside_by_name(odd: Callable[..., Extraction], tmp_path: Path):
    fine, takes_memory = odd_experts.FINE, odd_experts.TAKES_MEMORY
    done = odd(fine, takes_memory, fine + 9, memory_limit=500)
    assert done.done == 2
    [failure] = done.failed
    assert failure.id == "1"
    assert "1.mp4 needs more than 500 MB: convert it to smaller pictures, or allow more with a" in failure.reason
    assert set(values(tmp_path / "store", "odd")) == {"0", "2"}


@pytest.mark.slow
def test_the_time_limit_follows_the_length_but_is_a_minute_at_least(make_video: Make, monkeypatch: pytest.MonkeyPatch):
    allowed: list[float] = []
    monkeypatch.setattr(one_video, "allow", allowed.append)
    monkeypatch.setattr(one_video, "_experts", [], raising=False)
    noise = np.random.default_rng(0).integers(0, 255, (90, 120, 160, 3), np.uint8)
    for name, fps in (("short.mp4", 15), ("long.mp4", 1)):
        path = make_video(name, noise, fps=fps, options={"crf": "1"})
        assert path.stat().st_size > 90 * 10_000
        for limit in (None, 5.0):
            monkeypatch.setattr(
                one_video, "_job", one_video.Job(names=[], settings={}, time_limit=limit), raising=False
            )
            one_video._encode(one_video.Task("v", path, "", ()))
    assert allowed == [60, 5, 60, pytest.approx(900, abs=1), 5]


@pytest.mark.slow
def test_a_long_video_of_few_bytes_may_take_ten_times_its_length_too(make_video: Make, monkeypatch: pytest.MonkeyPatch):
    allowed: list[float] = []
    monkeypatch.setattr(one_video, "allow", allowed.append)
    monkeypatch.setattr(one_video, "_experts", build_video_experts(["motion"]), raising=False)
    # a frame a second, and one frame that is shown for a day
    for name, times in (("slides.mp4", [*range(200)]), ("day.mkv", [0, 1, 86_400])):
        path = make_video(name, np.full((len(times), 48, 64, 3), 90, np.uint8), fps=1, pts=times)
        assert path.stat().st_size < 20 * 10_000
        for rule in (PieceRule(), None):
            allowed.clear()
            job = one_video.Job(names=["motion"], settings={}, time_limit=None, rule=rule)
            monkeypatch.setattr(one_video, "_job", job, raising=False)
            assert not one_video._encode(one_video.Task("v", path, "", ("motion",))).reason
            assert allowed[0] == 60
            assert allowed[-1] == (pytest.approx(1990, abs=30) if name == "slides.mp4" else 60)


def test_a_time_limit_that_lets_nothing_through_is_refused(videos: list[Video], tmp_path: Path):
    with pytest.raises(InputError, match=r"time limit of 0 s lets no video through"):
        extract(videos, ["motion"], tmp_path / "store", time_limit=0)
    for limit in (0, -1.0, float("nan")):
        with pytest.raises(InputError, match=r"memory limit of .+ MB lets no video through"):
            extract(videos, ["motion"], tmp_path / "store", memory_limit=limit)
    assert not (tmp_path / "store").exists()


@pytest.mark.slow
def test_a_renamed_or_copied_video_is_taken_over_from_the_store(
    make_video: Make, moving: Moving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    store = tmp_path / "store"
    kept = [Video(f"v{i}", make_video(f"v{i}.mp4", moving(seed=i, dx=2))) for i in range(2)]
    extract(kept, ["motion"], store)
    renamed = Video("renamed", kept[0].path.rename(tmp_path / "renamed.mp4"))
    monkeypatch.setattr(one_video, "_encode", None)  # no worker can do anything any more
    result = extract([renamed, kept[1]], ["motion"], store)
    assert (result.done, result.reused, result.failed) == (0, 2, ())
    file = FeatureFile(store / "motion", verify=True)
    assert np.array_equal(file.read("renamed"), file.read("v0")) and file.sources["renamed"] == file.sources["v0"]
    assert len(shards_of(store / "motion")) == 2
    extract([renamed, kept[1]], ["motion"], store)
    assert len(shards_of(store / "motion")) == 2, "what was taken over is there"


def test_of_files_with_the_same_content_one_is_decoded(
    videos: list[Video], bad_videos: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    first, other = videos[:2]
    copies = [Video(f"copy{i}", Path(shutil.copy(first.path, tmp_path / f"copy{i}.mp4"))) for i in range(2)]
    half = [Video(f"half{i}", Path(shutil.copy(bad_videos["half"], tmp_path / f"half{i}.mp4"))) for i in range(2)]
    decoded: list[str] = []
    message: list[tuple[object, ...]] = []
    real = Workers.map

    def observed(pool: Workers[Task, Result], tasks: Sequence[Task]) -> Iterator[Result]:
        decoded.extend(task.id for task in tasks)
        return real(pool, tasks)

    monkeypatch.setattr(Workers, "map", observed)
    result = extract(
        [first, *copies, half[0], other, half[1]], ["motion"], tmp_path / "store",
        progress=lambda *what: message.append(what),
    )  # fmt: skip
    assert decoded == ["v0", "half0", "v1"]
    assert (result.done, result.reused) == (2, 2) and [failure.id for failure in result.failed] == ["half0", "half1"]
    assert "half1.mp4 is truncated" in result.failed[1].reason and "half0" not in result.failed[1].reason
    assert message[-1] == ("videos", 6, 6, "2 set aside")
    kept = values(tmp_path / "store")
    assert set(kept) == {"v0", "v1", "copy0", "copy1"} and np.array_equal(kept["v0"], kept["copy1"])
    assert extract([first, *copies, other], ["motion"], tmp_path / "store").reused == 4


@pytest.mark.slow
def test_a_copy_is_decoded_where_the_first_file_has_disappeared(videos: list[Video], tmp_path: Path):
    copy = Video("copy", Path(shutil.copy(videos[0].path, tmp_path / "copy.mp4")))

    def vanish(what: str, done: int, total: int, note: str = "") -> None:
        if (what, done) == ("videos", 0):
            videos[0].path.unlink()

    result = extract([*videos[:2], copy], ["motion"], tmp_path / "store", progress=vanish)
    assert result.done == 2 and [failure.id for failure in result.failed] == ["v0"]
    assert set(values(tmp_path / "store")) == {"v1", "copy"}


@pytest.mark.slow
def test_two_runs_into_one_folder_are_one_too_many(
    videos: list[Video], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(extract_module, "_WAIT_S", 0.1)
    refused: list[str] = []

    def begin_another(what: str, done: int, total: int) -> None:
        if (what, done) == ("videos", 1):
            with pytest.raises(InputError) as caught:
                extract(videos, ["motion"], tmp_path / "store")
            refused.append(str(caught.value))

    assert extract(videos[:2], ["motion"], tmp_path / "store", progress=begin_another).done == 2
    assert refused == [f"another process is at work in {tmp_path / 'store'}: wait for it, or stop it"]
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["motion"]
    assert extract(videos, ["motion"], tmp_path / "store").done == 3


@pytest.mark.slow
def test_sound_that_is_left_out_is_told_and_costs_no_features(make_video: Make, moving: Moving, tmp_path: Path):
    pytest.importorskip("aisfx")
    tone = 0.5 * np.sin(np.arange(16000) / 5)[None]
    pieces = [(0.0, tone), (4000.0, tone)]
    path = make_video("wild.mkv", moving(count=30, dx=1), sound=pieces, sound_as=("pcm_s16le", "s16", "mono", 16000))
    done = extract([Video("wild", path)], ["audio"], tmp_path / "store")
    assert done.done == 1 and FeatureFile(tmp_path / "store" / "audio").rows_of("wild") == 1
    assert done.notes == (f"{path}: sound that is said to come at 4001 s, after all else has ended, is left out",)
    assert extract([Video("wild", path)], ["motion"], tmp_path / "store").notes == ()


def test_times_and_passages_are_taken_over_too(videos: list[Video], tmp_path: Path):
    place = output.Place(tmp_path / "words", 2, {"encoder": "words"})
    rows = Rows(np.eye(2, dtype=np.float32), np.array([[0, 1], [1, 2.5]], np.float32), [Passage(0, 1, "hallo")])
    with output.Output(place) as before:
        before.keep("a", "hash", rows)
        before.keep("silent", "other", Rows(np.zeros((0, 2), np.float32), np.zeros((0, 2), np.float32), []))
    with output.Output(place) as after:
        assert after.has("b", "hash") and after.has("also silent", "other") and not after.has("c", "unknown")
    file = FeatureFile(place.folder, verify=True)
    assert np.array_equal(file.times("b"), rows.times) and file.passages()["b"] == file.passages()["a"] == rows.passages
    assert (file.rows_of("b"), file.rows_of("also silent")) == (2, 0) and "also silent" in file


def test_what_is_no_regular_file_is_set_aside_and_nothing_waits_for_it(videos: list[Video], tmp_path: Path):
    odd = {name: tmp_path / f"{name}.mp4" for name in ("fifo", "zero", "socket", "loop", "nowhere", "gone")}
    os.mkfifo(odd["fifo"])
    odd["zero"].symlink_to("/dev/zero")
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as server, contextlib.chdir(tmp_path):
        server.bind("socket.mp4")
    odd["loop"].symlink_to(odd["loop"])
    odd["nowhere"].symlink_to(tmp_path / "not there.mp4")
    result = extract([*(Video(name, path) for name, path in odd.items()), videos[0]], ["motion"], tmp_path / "store")
    assert result.done == 1
    reasons = {failure.id: failure.reason for failure in result.failed}
    for name in ("fifo", "zero", "socket"):
        assert f"{name}.mp4 is a pipe or a device, not a file" in reasons[name]
    assert "loop.mp4 cannot be reached (Too many levels of symbolic links)" in reasons["loop"]
    assert all(f"{name}.mp4 does not exist" in reasons[name] for name in ("nowhere", "gone"))


@pytest.mark.slow
def test_a_file_that_may_not_be_read_is_set_aside(videos: list[Video], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    locked = videos[1].path
    locked.chmod(0)
    if os.access(locked, os.R_OK):  # this user may read everything

        def refuse(path: object, *arguments: object, **options: object) -> object:
            if path == locked:
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return real_open(path, *arguments, **options)  # type: ignore[arg-type]

        real_open = io.open
        monkeypatch.setattr(io, "open", refuse)
    result = extract(videos[:3], ["motion"], tmp_path / "store")
    assert result.done == 2
    assert re.fullmatch(
        r"\S+v1.mp4 cannot be read \(Permission denied\): check its permissions.*", str(result.failed[0])
    )


@pytest.mark.slow
def test_a_file_that_disappears_while_others_are_done_is_set_aside(videos: list[Video], tmp_path: Path):
    def vanish(what: str, done: int, total: int, note: str = "") -> None:
        if (what, done) == ("videos", 0):
            videos[4].path.unlink()

    result = extract(videos, ["motion"], tmp_path / "store", progress=vanish)
    assert result.done == 4 and "v4.mp4 does not exist: check the path" in result.failed[0].reason


def test_real_clips(msvd476_folder: Path, tmp_path: Path):
    clips = [Video(path.stem, path) for path in sorted((msvd476_folder / "videos").glob("*.mp4"))[:3]]
    assert extract(clips, ["motion"], tmp_path / "store").done == 3
