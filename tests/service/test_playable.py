"""Videos that browsers cannot play: made once, in a bounded process, kept within bounds, whole or absent."""

import resource
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from clips import write_black_video
from processes import wait_until
from served import HOST
from starlette.testclient import TestClient

from teachtext.errors import Busy, InputError
from teachtext.files import content_hash
from teachtext.learning.trained_model import TrainedModel
from teachtext.processes import BoundedCalls
from teachtext.search.indexing import index_folder
from teachtext.search.searcher import Searcher
from teachtext.search.stores import open_store
from teachtext.service import playable
from teachtext.service.app import create_app
from teachtext.service.playable import Playables, Playback
from teachtext.service.state import Library
from teachtext.service.uploads import Uploads
from teachtext.video.playback import is_playable

pytestmark = [pytest.mark.server, pytest.mark.slow]


def old_video(path: Path, *, seconds: int = 2) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_black_video(path, "mpeg4", "yuv420p", 64, 48)
    if seconds > 2:
        import av

        with av.open(str(path), "w") as container:
            stream: Any = container.add_stream("mpeg4", rate=25)
            stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
            for number in range(25 * seconds):
                frame = av.VideoFrame(640, 480, "yuv420p")
                for plane in frame.planes:
                    plane.update(bytes([number % 256]) * plane.buffer_size)
                frame.pts = number
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
    return path


@contextmanager
def playables(folder: Path, **settings: Any) -> Iterator[Playables]:
    made = Playables(folder, **settings)
    try:
        yield made
    finally:
        made.close()


def settled(made: Playables, path: Path) -> Playback:
    content = content_hash(path)

    def state() -> Playback:
        return made.playback(path, content, 2.0)

    wait_until(lambda: state().state not in ("waiting", "preparing"), "the video is never playable", poll_s=0.05)
    return state()


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_a_video_that_many_ask_for_is_made_once(tmp_path: Path):
    path = old_video(tmp_path / "a.avi")
    with playables(tmp_path / "made") as made:
        tasks, make = [], made._make

        class Counted:
            kill, close = make.kill, make.close

            def __call__(self, task: Any) -> None:
                tasks.append(task)
                make(task)

        made._make = Counted()  # type: ignore[assignment]
        with ThreadPoolExecutor(6) as pool:
            states = set(pool.map(lambda _: settled(made, path).state, range(6)))
        assert states == {"ready"} and len(tasks) == 1
        file = made.file(content_hash(path))
        assert file is not None and is_playable(file)
        assert names_in(tmp_path / "made") == [f"{content_hash(path)}.mp4"]
    assert (file.parent.stat().st_mode & 0o777) == 0o700


def test_a_file_that_browsers_play_is_left_as_it_is(tmp_path: Path):
    path = write_black_video(tmp_path / "a.mp4", "libx264", "yuv420p", 64, 48)
    with playables(tmp_path / "made") as made:
        assert settled(made, path) == Playback("original")
    assert names_in(tmp_path / "made") == []


@pytest.mark.parametrize("content", [b"no video", b"", b"RIFF\0\0\0\0AVI LIST" + bytes(500)])
def test_what_is_no_video_fails_with_a_sentence_and_is_not_tried_again_at_once(tmp_path: Path, content: bytes):
    path = tmp_path / "secret" / "a.avi"
    path.parent.mkdir()
    path.write_bytes(content)
    with playables(tmp_path / "made") as made:
        failed = settled(made, path)
        assert failed.state == "failed" and "'a.avi'" in failed.problem and str(tmp_path) not in failed.problem
        assert made.playback(path, content_hash(path), None) == failed
    assert names_in(tmp_path / "made") == []


def test_a_full_disk_leaves_nothing(tmp_path: Path):
    """The limit of a file's size stands for a disk that fills while the video is made."""
    path = old_video(tmp_path / "a.avi", seconds=5)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with playables(tmp_path / "made") as made:
        # a process inherits the limit when it starts
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, limits[1]))
        try:
            failed = settled(made, path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert failed.state == "failed", failed
        assert "there is no room" in failed.problem
        assert names_in(tmp_path / "made") == []


def library_of(videos: Path, place: Path, trained: TrainedModel, *, playable: Path | None = None) -> Library:
    """Index a folder of videos, and return the library of a service over the index."""
    index_folder(videos, open_store(str(place)), trained, place / "features")
    return Library(
        Searcher(place, model=trained),
        uploads=place / "uploads",
        features=place / "features",
        thumbnails=place / "thumbnails",
        playable=playable,
    )


def test_a_disk_that_fills_leaves_nothing_and_the_service_goes_on(
    tmp_path: Path, trained: TrainedModel, small_disk: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
):
    disk, videos, place = small_disk("size=256k"), tmp_path / "videos", tmp_path / "index"
    old_video(videos / "old.avi", seconds=8)
    library = library_of(videos, place, trained, playable=disk / "playable")
    # a page of the disk is left for the MP4
    (disk / "other").write_bytes(bytes(240 * 1024))
    app = create_app(library=library, uploads=Uploads(library=library, most_bytes=2**20))
    with TestClient(app, base_url=HOST, raise_server_exceptions=False) as client:

        def answer() -> Any:
            return client.get("/api/v1/playback/videos/old.avi").json()

        wait_until(lambda: answer()["state"] == "failed", "the disk never fills", poll_s=0.05)
        assert answer()["problem"] == "there is no room to prepare the video" and answer()["url"] is None
        assert names_in(disk / "playable") == [] and names_in(disk) == ["other", "playable"]
        assert "there is no room" in client.get("/video", params={"id": "videos/old.avi"}).text.casefold()
        assert len(client.get("/api/v1/search", params={"text": "something moves"}).json()["results"]) == 1
        (disk / "other").unlink()
        monkeypatch.setattr(playable, "_REFUSED_S", 0.0)
        wait_until(lambda: answer()["state"] == "ready", "the MP4 is never ready", poll_s=0.05)
        assert is_playable(disk / "playable" / names_in(disk / "playable")[0])


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path: Path):
    path = old_video(tmp_path / "a.avi")
    (tmp_path / "made").write_text("a file in the way")
    with playables(tmp_path / "made") as made:
        assert settled(made, path).problem == "there is no room to prepare the video"


@pytest.mark.parametrize(("limit", "reason"), [("_SECONDS", "takes longer than"), ("_MOST_BYTES", "becomes larger")])
def test_limits_end_it_and_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, reason: str):
    path = old_video(tmp_path / "a.avi", seconds=30)
    monkeypatch.setattr(playable, limit, 1.0)
    with playables(tmp_path / "made") as made:
        failed = settled(made, path)
        assert failed.state == "failed" and reason in failed.problem
    assert names_in(tmp_path / "made") == []


def test_a_process_that_is_killed_leaves_nothing(tmp_path: Path):
    path = old_video(tmp_path / "a.avi", seconds=120)
    content = content_hash(path)
    with playables(tmp_path / "made") as made:
        wait_until(lambda: made.playback(path, content, 120.0).state == "preparing", "it never begins", poll_s=0.02)
        wait_until(lambda: len(names_in(tmp_path / "made")) >= 1, "no file is begun", poll_s=0.02)
        made._make.kill()
        assert settled(made, path).state == "failed"
        assert names_in(tmp_path / "made") == []


def test_the_end_of_the_service_breaks_it_off(tmp_path: Path):
    path = old_video(tmp_path / "a.avi", seconds=60)
    content = content_hash(path)
    made = Playables(tmp_path / "made")
    wait_until(lambda: made.playback(path, content, 300.0).state == "preparing", "it never begins", poll_s=0.02)
    begin = time.monotonic()
    made.close()
    assert time.monotonic() - begin < 60 and f"{content}.mp4" not in names_in(tmp_path / "made")
    with pytest.raises(Busy):
        made.playback(path, "f" * 16, None)


def test_the_folder_is_bounded_and_keeps_what_was_played_lately(tmp_path: Path):
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "other.txt").write_text("of somebody")
    paths = [old_video(tmp_path / f"{number}.avi") for number in range(3)]
    for number, path in enumerate(paths):
        with path.open("ab") as file:
            file.write(b"an end that makes another content" + bytes([number]))
    first, _, third = map(content_hash, paths)
    with playables(folder) as made:
        assert settled(made, paths[0]).state == "ready"
        size = (folder / f"{first}.mp4").stat().st_size
    with playables(folder, most_bytes=2 * size + size // 2) as made:
        assert settled(made, paths[1]).state == "ready"
        assert made.file(first) is not None
        assert settled(made, paths[2]).state == "ready"
        kept = sorted([f"{first}.mp4", f"{third}.mp4", "other.txt"])
        wait_until(lambda: names_in(folder) == kept, "the oldest file is never removed")
        made.remove(first)
        assert made.file(first) is None


def test_a_video_that_gets_the_name_of_a_removed_one_is_not_kept_as_that_one(tmp_path: Path):
    path, folder = old_video(tmp_path / "a.avi"), tmp_path / "made"
    content = content_hash(path)
    with playables(folder) as made:
        make = made._make

        class Replaced:
            kill, close = make.kill, make.close

            def __call__(self, task: Any) -> None:
                path.write_bytes(path.read_bytes() + b"another video")
                make(task)

        made._make = Replaced()  # type: ignore[assignment]
        wait_until(lambda: made.playback(path, content, 2.0).state == "failed", "it never fails", poll_s=0.05)
        assert made.playback(path, content, 2.0).problem == "'a.avi' changed meanwhile; index it again"
        assert names_in(folder) == []


def test_too_many_have_to_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(playable, "_WAITING", 1)
    go = threading.Event()
    with playables(tmp_path / "made") as made:
        paths = [old_video(tmp_path / f"{number}.avi") for number in range(3)]
        make = made._make

        class Slow:
            kill, close = make.kill, make.close

            def __call__(self, task: Any) -> None:
                go.wait(60)
                make(task)

        made._make = Slow()  # type: ignore[assignment]
        wait_until(lambda: made.playback(paths[0], "0" * 16, 1.0).state == "preparing", "it never begins")
        assert made.playback(paths[1], "1" * 16, 1.0).state == "waiting"
        with pytest.raises(Busy):
            wait_until(lambda: made.playback(paths[2], "2" * 16, 1.0).state == "ready", "it never answers")
        go.set()


def test_calls_that_are_killed_are_lost():
    from teachtext.processes import Lost

    with BoundedCalls(time.sleep, seconds=600, memory_mb=500) as calls, ThreadPoolExecutor(1) as pool:
        call = pool.submit(calls, 500)
        while not call.done():
            calls.kill()
            time.sleep(0.05)
        with pytest.raises((Lost, InputError)):
            call.result()


@pytest.fixture
def client(tmp_path: Path, trained: TrainedModel) -> Iterator[TestClient]:
    videos, place = tmp_path / "videos", tmp_path / "index"
    old_video(videos / "old.avi", seconds=3)
    library = library_of(videos, place, trained)
    app = create_app(library=library, uploads=Uploads(library=library, most_bytes=2**20))
    with TestClient(app, base_url=HOST, raise_server_exceptions=False) as client:
        yield client


def test_the_api_says_how_far_it_is_and_gives_parts_of_the_file(client: TestClient, tmp_path: Path):
    video = "videos/old.avi"
    assert client.get(f"/api/v1/playback-files/{video}").status_code == 404
    answer: Callable[[], Any] = lambda: client.get(f"/api/v1/playback/{video}").json()  # noqa: E731
    assert answer()["state"] in ("waiting", "preparing") and answer()["problem"] == ""
    page = client.get("/video", params={"id": video})
    assert "It is being prepared" in page.text or "playback-files" in page.text
    wait_until(lambda: answer()["state"] == "ready", "it is never ready")
    url = answer()["url"]
    whole = client.get(url)
    assert whole.headers["content-type"] == "video/mp4" and b"moov" in whole.content[:4000]
    part = client.get(url, headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, b"ftyp")
    assert f'src="{url}"' in client.get("/video", params={"id": video}).text
    assert client.delete(f"/api/videos/{video}").status_code == 204
    assert names_in(tmp_path / "index" / "playable") == []
