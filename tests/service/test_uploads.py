"""Uploads that meet each other, another writer, a full disk, or the end of their client."""

import asyncio
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from clips import write_clip
from halves import slow
from processes import PATIENCE_S, wait_until
from served import Made
from starlette.requests import ClientDisconnect
from starlette.testclient import TestClient

from teachtext.errors import Busy, Unavailable, Unwritable
from teachtext.search.indexing import index_folder
from teachtext.search.stores import open_store
from teachtext.service import indexing_queue
from teachtext.service.file_names import safe_name
from teachtext.service.indexing_queue import IndexingJob
from teachtext.service.state import Library
from teachtext.service.uploads import Uploads

Serve = Callable[..., TestClient]


def send(client: TestClient, name: str, clip: bytes) -> dict[str, Any]:
    answer = client.post("/api/uploads", params={"name": name}, content=clip)
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def state_of(client: TestClient, job: dict[str, Any]) -> dict[str, Any]:
    return dict(client.get(f"/api/uploads/{job['id']}").json())


def settled(client: TestClient, job: dict[str, Any]) -> dict[str, Any]:
    wait_until(lambda: state_of(client, job)["state"] in ("done", "failed"), "the upload is never settled")
    return state_of(client, job)


def clips(tmp_path: Path, count: int, first: int = 500) -> list[bytes]:
    return [write_clip(tmp_path / "made" / f"{first + n}.mp4", first + n).read_bytes() for n in range(count)]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


async def chunks_of(data: bytes, *, after: Callable[[], None] = lambda: None) -> AsyncIterator[bytes]:
    yield data[: len(data) // 2]
    after()
    yield data[len(data) // 2 :]


@pytest.mark.slow
def test_uploads_of_one_name_at_once_are_all_kept(client: TestClient, made: Made, tmp_path: Path):
    sent, start = clips(tmp_path, 6), threading.Barrier(6)

    def upload(clip: bytes) -> dict[str, Any]:
        start.wait()
        return send(client, "video.mp4", clip)

    with ThreadPoolExecutor(6) as pool:
        jobs = list(pool.map(upload, sent))
    videos = [settled(client, job) for job in jobs]
    assert {video["state"] for video in videos} == {"done"} and len({video["video"] for video in videos}) == 6
    for clip, video in zip(sent, videos, strict=True):
        assert client.get(f"/api/files/{video['video']}").content == clip
    assert client.get("/api/health/ready").json()["videos"] == 7 + 6
    assert len(names_in(made.place / "uploads")) == 6, "nothing else is left"


@pytest.mark.slow
def test_an_upload_gets_the_hub_correction_of_the_index(
    client: TestClient, made: Made, library: Library, tmp_path: Path
):
    (tmp_path / "bank.txt").write_text("something moves\na dog\n")
    store = library.searcher.store
    index_folder(
        made.videos, store, library.searcher.model, library.features, query_bank=tmp_path / "bank.txt", tags=["a&b"]
    )
    (clip,) = clips(tmp_path, 1, first=530)
    video = settled(client, send(client, "new.mp4", clip))
    assert video["state"] == "done"
    entries = store.get([item.id for item in store.catalog()])
    assert video["video"] in entries and all(entry.segments[0].bias != 0 for entry in entries.values())


@pytest.mark.slow
def test_names_are_taken_one_by_one_where_a_disk_has_no_links(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: Any) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    uploads, sent = Uploads(library=library, most_bytes=2**20), clips(tmp_path, 4)

    async def at_once() -> list[IndexingJob]:
        return list(await asyncio.gather(*(uploads.receive("a.mp4", chunks_of(clip)) for clip in sent)))

    jobs = asyncio.run(at_once())
    for clip, job in zip(sent, jobs, strict=True):
        assert (library.uploads / job.video.partition("/")[2]).read_bytes() == clip
    assert names_in(library.uploads) == ["a-2.mp4", "a-3.mp4", "a-4.mp4", "a.mp4"]
    library.close()


@pytest.mark.slow
def test_a_namesake_in_a_folder_costs_an_upload_nothing(client: TestClient, made: Made, tmp_path: Path):
    broken = made.place / "uploads" / "sub" / "clip.mp4"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"no video " * 100)
    [clip] = clips(tmp_path, 1)
    job = settled(client, send(client, "clip.mp4", clip))
    assert (job["state"], job["video"]) == ("done", "uploads/clip.mp4")
    assert client.get("/api/files/uploads/clip.mp4").content == clip
    assert broken.exists(), "it was not sent here"


@pytest.mark.slow
def test_a_video_that_cannot_be_extracted_fails_without_a_path_and_leaves_nothing(
    client: TestClient, made: Made, tmp_path: Path
):
    [clip] = clips(tmp_path, 1)
    head, _, rest = clip.partition(b"mdat")
    job = settled(client, send(client, "empty.mp4", head + b"mdat" + bytes(len(rest) // 2) + rest[len(rest) // 2 :]))
    assert job["state"] == "failed" and "empty.mp4" in job["problem"] and str(made.place) not in job["problem"]
    assert names_in(made.place / "uploads") == [] and client.get("/api/health/ready").json()["videos"] == 7


HOLDER = """
import sys, time
from teachtext.search.stores import open_store
with open_store(sys.argv[1]).writing():
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.mark.server
def test_an_upload_waits_for_a_writer_that_was_stopped(
    client: TestClient, made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(indexing_queue, "_LOCK_S", 0.1)
    monkeypatch.setattr(indexing_queue, "_SOON_S", 0.1)
    command = [sys.executable, "-c", HOLDER, str(made.place)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None and holder.stdout.readline().strip() == "held"
            holder.send_signal(signal.SIGSTOP)
            first, second = (send(client, "a.mp4", clip) for clip in clips(tmp_path, 2))
            wait_until(lambda: "another process" in state_of(client, first)["problem"], "the wait is not said")
            assert state_of(client, first)["state"] == "waiting"
            refused = client.delete("/api/videos/videos/v1.mp4")
            assert refused.status_code == 409 and client.get("/api/files/videos/v1.mp4").status_code == 200
        finally:
            holder.kill()
    for job in (first, second):
        assert settled(client, job)["state"] == "done" and state_of(client, job)["problem"] == ""
    assert client.get("/api/health/ready").json()["videos"] == 9
    assert names_in(made.place / "uploads") == ["a-2.mp4", "a.mp4"]


@pytest.mark.slow
def test_an_upload_is_tried_again_until_it_is_in(client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    failures = [Unavailable("the store is down", "wait"), Busy("another writes", "wait"), RuntimeError("a bug")]
    plain = indexing_queue.index_folder

    def sometimes(*arguments: Any, **settings: Any) -> Any:
        if failures:
            raise failures.pop()
        return plain(*arguments, **settings)

    monkeypatch.setattr(indexing_queue, "_SOON_S", 0.05)
    monkeypatch.setattr(indexing_queue, "index_folder", sometimes)
    [clip] = clips(tmp_path, 1)
    assert settled(client, send(client, "a.mp4", clip))["state"] == "done" and not failures


@pytest.mark.slow
def test_an_upload_that_was_removed_before_it_was_indexed_is_not_called_done(
    serve: Serve, made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(indexing_queue, "_LOCK_S", 0.1)
    [clip] = clips(tmp_path, 1)
    client = serve()
    with open_store(str(made.place)).writing():
        job = send(client, "a.mp4", clip)
        (made.place / "uploads" / "a.mp4").unlink()
    assert "was removed" in settled(client, job)["problem"]


def test_a_second_service_leaves_uploads_of_the_first_alone(library: Library, made: Made, tmp_path: Path):
    first, [clip] = Uploads(library=library, most_bytes=2**20), clips(tmp_path, 1)

    def start_second() -> None:
        second = Uploads(library=library, most_bytes=2**20)
        second.queue.start()
        second.queue.stop()

    job = asyncio.run(first.receive("a.mp4", chunks_of(clip, after=start_second)))
    assert job.video == "uploads/a.mp4" and (library.uploads / "a.mp4").read_bytes() == clip
    assert names_in(library.uploads) == ["a.mp4"]
    library.close()


@pytest.mark.slow
def test_a_full_disk_refuses_an_upload_and_leaves_nothing(client: TestClient, made: Made, tmp_path: Path):
    """The limit of a file's size stands for a disk that fills while the file comes in."""
    [clip] = clips(tmp_path, 1)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(clip) // 2, limits[1]))
    try:
        answer = client.post("/api/uploads", params={"name": "a.mp4"}, content=clip)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert answer.status_code == 507 and "could not be written" in answer.json()["problem"]
    assert str(made.place) not in answer.text and names_in(made.place / "uploads") == []
    assert settled(client, send(client, "a.mp4", clip))["state"] == "done"


def test_a_folder_that_cannot_be_written_to_is_said(serve: Serve, made: Made, tmp_path: Path):
    (made.place / "uploads").write_text("a file in the way")
    [clip] = clips(tmp_path, 1)
    answer = serve().post("/api/uploads", params={"name": "a.mp4"}, content=clip)
    assert answer.status_code == 507 and str(made.place) not in answer.text


@pytest.mark.parametrize("end", [ClientDisconnect(), asyncio.CancelledError(), OSError(28, "No space left on device")])
def test_an_upload_that_is_broken_off_leaves_nothing(library: Library, tmp_path: Path, end: BaseException):
    uploads, [clip] = Uploads(library=library, most_bytes=2**20), clips(tmp_path, 1)

    def stop() -> None:
        raise end

    with pytest.raises(Unwritable if isinstance(end, OSError) else type(end)):
        asyncio.run(uploads.receive("a.mp4", chunks_of(clip, after=stop)))
    assert names_in(library.uploads) == []


@pytest.mark.parametrize(
    "name",
    [
        "日本語の長い名前" * 12,
        "..",
        "\u202egpj",
        *slow(["a" * 900, "नमस्ते दुनिया", "مرحبا بالعالم", "e\u0301té", "👩‍👩‍👧 family", " ", "con", "a\nb"]),
    ],
)
def test_names_of_any_length_and_script_are_taken(library: Library, tmp_path: Path, name: str):
    uploads, sent = Uploads(library=library, most_bytes=2**20), clips(tmp_path, 1) * 2
    for clip in sent:
        job = asyncio.run(uploads.receive(f"{name}.mp4", chunks_of(clip)))
        path = library.uploads / job.video.partition("/")[2]
        assert path.read_bytes() == clip and len(path.name.encode()) < 200 and path.name[0] != "."
        assert not set(path.name) & set("\n\u202e/\\") and path.parent == library.uploads
    library.close()


def test_letters_of_every_script_stay_in_a_name():
    for name in ("नमस्ते.mp4", "été.mp4", "日本語.webm", "Ελλάδα 2.mkv"):
        assert safe_name(name) == name
    assert safe_name("e\u0301te.mp4") == "éte.mp4"


def test_too_many_waiting_uploads_are_refused_before_they_are_read(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(indexing_queue, "_WAITING", 1)
    uploads, [clip, *_] = Uploads(library=library, most_bytes=2**20), clips(tmp_path, 1)
    asyncio.run(uploads.receive("a.mp4", chunks_of(clip)))
    with pytest.raises(Busy, match="too many videos"):
        asyncio.run(uploads.receive("b.mp4", chunks_of(clip, after=lambda: pytest.fail("the body was read"))))
    library.close()


@pytest.mark.server
def test_the_command_line_waits_for_its_turn(made: Made, tmp_path: Path):
    store = open_store(str(made.place))
    command = [sys.executable, "-c", "from teachtext.cli.main import main; main()", "index", str(made.videos)]
    with store.writing():
        process = subprocess.Popen([*command, "--index", str(made.place)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        first = process.stdout.readline()
        assert "another process is writing to" in first and "waiting up to 10 minutes" in first
        time.sleep(0.5)
        assert process.poll() is None
    rest = process.communicate(timeout=PATIENCE_S)[0]
    assert process.returncode == 0 and "7 unchanged; 7 videos" in rest
