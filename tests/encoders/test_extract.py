import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("av")
pytest.importorskip("cv2")
from teachtext.data.store import FeatureFile, shards_of
from teachtext.data.types import Video
from teachtext.encoders import extract as extract_module
from teachtext.encoders.extract import extract
from teachtext.errors import InputError

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


def test_all_experts_fill_their_folders_and_a_second_run_reuses_them(videos: list[Video], tmp_path: Path):
    pytest.importorskip("efficientnet_lite_pytorch")
    told: list[tuple[int, int]] = []
    store = tmp_path / "store"
    result = extract(
        videos[:2], ["appearance", "scene", "motion"], store, progress=lambda what, done, all: told.append((done, all))
    )
    assert (result.done, result.reused, result.failed) == (2, 0, ())
    assert told == [(0, 2), (1, 2), (2, 2)]
    widths = {"appearance": 1280, "scene": 1000, "motion": 243}
    for name, width in widths.items():
        assert all(rows.shape == (1, width) for rows in values(store, name).values())
        assert FeatureFile(store / name).provenance["encoder"] == name
    again = extract(videos[:2], list(widths), store)
    assert (again.done, again.reused) == (0, 2)
    assert all(len(shards_of(store / name)) == 1 for name in widths)


def test_only_the_experts_that_are_asked_for_are_stored(videos: list[Video], tmp_path: Path):
    pytest.importorskip("efficientnet_lite_pytorch")
    extract(videos[:1], ["scene"], tmp_path / "store")
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["scene"]
    extract(videos[:1], ["scene", "appearance"], tmp_path / "store")
    assert len(shards_of(tmp_path / "store" / "scene")) == 1, "what was there is not made again"


def test_a_stopped_run_goes_on_where_it_was(videos: list[Video], tmp_path: Path):
    def stop(what: str, done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(videos, ["motion"], tmp_path / "stopped", progress=stop)
    assert list(values(tmp_path / "stopped")) == ["v0", "v1", "v2"]
    result = extract(videos, ["motion"], tmp_path / "stopped")
    assert (result.done, result.reused) == (2, 3)
    extract(videos, ["motion"], tmp_path / "whole")
    assert_same(tmp_path / "stopped", tmp_path / "whole")


def test_a_killed_run_keeps_its_whole_shards(videos: list[Video], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Killed(BaseException):
        """Like a kill: nothing is flushed."""

    def kill(what: str, done: int, total: int) -> None:
        if done == 3:
            raise Killed

    monkeypatch.setattr(extract_module, "_SHARD_ITEMS", 2)
    with pytest.raises(Killed):
        extract(videos, ["motion"], tmp_path / "killed", progress=kill)
    assert list(values(tmp_path / "killed")) == ["v0", "v1"]
    assert extract(videos, ["motion"], tmp_path / "killed").done == 3
    extract(videos, ["motion"], tmp_path / "whole")
    assert_same(tmp_path / "killed", tmp_path / "whole")


def test_a_changed_video_is_done_again(videos: list[Video], tmp_path: Path, make_video: Make, moving: Moving):
    extract(videos, ["motion"], tmp_path / "store")
    before = values(tmp_path / "store")
    make_video("v1.mp4", moving(seed=9, dx=-3))
    result = extract(videos, ["motion"], tmp_path / "store")
    after = values(tmp_path / "store")
    assert (result.done, result.reused) == (1, 4)
    assert {item for item in after if not np.array_equal(after[item], before[item])} == {"v1"}


def test_bad_videos_are_set_aside_and_tried_again(videos: list[Video], bad_videos: dict[str, Path], tmp_path: Path):
    store = tmp_path / "store"
    mixed = [Video(kind, path) for kind, path in bad_videos.items()]
    result = extract([videos[0], *mixed, videos[1], Video("nowhere")], ["motion"], store)
    assert result.done == 2 and {failure.id for failure in result.failed} == set(bad_videos)
    assert set(values(store)) == {"v0", "v1"}
    listed = json.loads((store / "failed.json").read_text())
    assert {one["id"]: one["path"] for one in listed} == {kind: str(path) for kind, path in bad_videos.items()}
    assert all(one["path"] in one["reason"] for one in listed)
    bad_videos["empty"].write_bytes(videos[2].path.read_bytes())
    result = extract([videos[0], Video("empty", bad_videos["empty"])], ["motion"], store)
    assert (result.done, result.reused, result.failed) == (1, 1, ())
    assert not (store / "failed.json").exists()


def test_a_video_that_went_bad_loses_its_old_features(videos: list[Video], tmp_path: Path):
    extract(videos[:2], ["motion"], tmp_path / "store")
    videos[0].path.write_bytes(videos[0].path.read_bytes()[:2000])
    assert extract(videos[:2], ["motion"], tmp_path / "store").failed[0].id == "v0"
    file = FeatureFile(tmp_path / "store" / "motion")
    assert (file.rows_of("v0"), file.rows_of("v1")) == (0, 1)


def test_a_single_picture_has_no_motion_and_is_not_tried_again(make_video: Make, moving: Moving, tmp_path: Path):
    picture = [Video("p", make_video("p.mp4", moving(count=1)))]
    assert extract(picture, ["motion"], tmp_path / "store").done == 1
    assert FeatureFile(tmp_path / "store" / "motion").rows_of("p") == 0
    assert extract(picture, ["motion"], tmp_path / "store").reused == 1


def test_two_workers_give_what_one_gives(videos: list[Video], bad_videos: dict[str, Path], tmp_path: Path):
    pytest.importorskip("efficientnet_lite_pytorch")
    mixed = [*videos[:3], Video("half", bad_videos["half"])]
    one = extract(mixed, ["scene", "motion"], tmp_path / "one")
    two = extract(mixed, ["scene", "motion"], tmp_path / "two", workers=2)
    assert one == two and one.done == 3
    assert list(values(tmp_path / "one")) == list(values(tmp_path / "two"))
    for name in ("scene", "motion"):
        assert_same(tmp_path / "one", tmp_path / "two", name)


def test_features_made_otherwise_are_not_mixed(videos: list[Video], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from teachtext.encoders.video import motion

    extract(videos[:1], ["motion"], tmp_path / "store")
    monkeypatch.setattr(motion, "_STILL_FLOW", 0.5)
    with pytest.raises(InputError, match=r"store/motion holds features made otherwise .*delete that folder"):
        extract(videos, ["motion"], tmp_path / "store")


def test_settings_reach_the_experts_in_all_processes_and_are_not_mixed(videos: list[Video], tmp_path: Path):
    few = {"motion": {"most": 2}}
    one = extract(videos, ["motion"], tmp_path / "one", settings=few)
    two = extract(videos, ["motion"], tmp_path / "two", settings=few, workers=2)
    assert one.done == two.done == 5
    assert_same(tmp_path / "one", tmp_path / "two")
    assert FeatureFile(tmp_path / "one" / "motion").provenance["settings"]["sampling"]["most"] == 2
    with pytest.raises(InputError, match=r"one/motion holds features made otherwise"):
        extract(videos, ["motion"], tmp_path / "one")


def test_nan_from_an_expert_sets_the_video_aside(videos: list[Video], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from teachtext.encoders.video import motion

    real = motion.MotionHistograms._describe
    calls: list[int] = []

    def break_once(self: motion.MotionHistograms, first: NDArray[np.uint8], second: NDArray[np.uint8]) -> object:
        calls.append(1)
        return real(self, first, second) * (np.nan if len(calls) == 1 else 1)

    monkeypatch.setattr(motion.MotionHistograms, "_describe", break_once)
    result = extract(videos[:2], ["motion"], tmp_path / "store")
    assert result.done == 1 and "'motion' gave NaN" in result.failed[0].reason


def test_real_clips(msvd476_folder: Path, tmp_path: Path):
    clips = [Video(path.stem, path) for path in sorted((msvd476_folder / "videos").glob("*.mp4"))[:3]]
    assert extract(clips, ["motion"], tmp_path / "store").done == 3
