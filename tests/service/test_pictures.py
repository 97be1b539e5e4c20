"""Pictures of videos: made once, in bounded processes, kept within bounds, removed with their video."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from clips import write_clip
from entries import heard
from processes import wait_until
from served import Made
from starlette.testclient import TestClient

from teachtext.data.store import FeatureFile
from teachtext.errors import Busy, InputError
from teachtext.files import content_hash
from teachtext.processes import Lost
from teachtext.search.stores import open_store
from teachtext.service.picture_cache import PictureCache
from teachtext.service.pictures import Pictures, moment_of
from teachtext.service.state import Library

Serve = Callable[..., TestClient]
PICTURE = b"\xff\xd8 picture \xff\xd9"
CONTENT = "0123456789abcdef"


def name_of(number: int, content: str = CONTENT) -> str:
    return f"{content}-{number}.jpg"


def test_a_picture_that_many_ask_for_is_made_once(client: TestClient, library: Library, made: Made):
    calls, start, plain = [], threading.Barrier(8), library._pictures._decode

    def slow(task: Any) -> Any:
        calls.append(task)
        time.sleep(0.2)
        return plain(task)

    library._pictures._decode = slow

    def ask(_: int) -> bytes:
        start.wait()
        answer = client.get("/api/thumbnails/videos/v0.mp4")
        assert answer.status_code == 200
        return answer.content

    with ThreadPoolExecutor(8) as pool:
        pictures = set(pool.map(ask, range(8)))
    assert len(pictures) == 1 and len(calls) == 1
    assert len(list((made.place / "thumbnails").iterdir())) == 1
    library._pictures._decode = plain


def test_a_client_that_leaves_does_not_cost_the_others_their_picture(library: Library, made: Made):
    async def ask() -> bytes:
        leaving = asyncio.create_task(library.thumbnail("videos/v0.mp4"))
        staying = asyncio.create_task(library.thumbnail("videos/v0.mp4"))
        await asyncio.sleep(0.05)
        leaving.cancel()
        return await staying

    assert asyncio.run(ask()).startswith(b"\xff\xd8")
    library.close()


def test_a_stated_length_does_not_make_more_pictures():
    path = Path("a.mkv")
    for length in (1e9, 1e15, 40_000.0):
        seconds = {moment_of(path, CONTENT, length, length * number / 3000).second for number in range(3001)}
        assert len(seconds) <= 501
    assert {
        moment_of(path, CONTENT, length, 7.9).second for length in (None, 0.0, -3.0, float("nan"), float("inf"))
    } == {0}
    assert [moment_of(path, CONTENT, 100.0, at_s).second for at_s in (None, 0.0, 33.9, 1e9, -1.0)] == [
        50,
        0,
        33,
        100,
        0,
    ]


def test_the_cache_is_bounded_and_keeps_what_was_used_lately(tmp_path: Path):
    cache = PictureCache(tmp_path, most_files=4, most_bytes=2**20)
    (tmp_path / "other.txt").write_text("of somebody")
    for number in range(10):
        cache.keep(name_of(number), PICTURE)
        cache.read(name_of(0))
    kept = {path.name for path in tmp_path.glob("*.jpg")}
    assert kept == {name_of(number) for number in (0, 7, 8, 9)}
    again = PictureCache(tmp_path, most_files=3, most_bytes=2**20)
    again.keep(name_of(20), PICTURE)
    assert len(list(tmp_path.glob("*.jpg"))) == 3 and again.read(name_of(20)) == PICTURE
    small = PictureCache(tmp_path, most_files=100, most_bytes=2 * len(PICTURE))
    small.keep(name_of(21), PICTURE)
    assert len(list(tmp_path.glob("*.jpg"))) == 2 and (tmp_path / "other.txt").exists()


def test_a_damaged_picture_is_made_anew(client: TestClient, made: Made):
    whole = client.get("/api/thumbnails/videos/v0.mp4").content
    [path] = (made.place / "thumbnails").iterdir()
    for damage in (whole[: len(whole) // 2], b"", b"something else", bytes(len(whole))):
        path.write_bytes(damage)
        assert client.get("/api/thumbnails/videos/v0.mp4").content == whole == path.read_bytes()
    path.unlink()
    path.mkdir()
    assert client.get("/api/thumbnails/videos/v0.mp4").content == whole, "in the way, so that none is kept"


def test_a_folder_that_cannot_be_written_to_costs_no_picture(serve: Serve, made: Made):
    (made.place / "thumbnails").write_text("a file in the way")
    assert serve().get("/api/thumbnails/videos/v0.mp4").status_code == 200


def test_a_video_that_gets_the_name_of_a_removed_one_leaves_no_picture_of_that_one(tmp_path: Path):
    path = tmp_path / "v.mp4"
    path.write_bytes(b"one video")
    content = content_hash(path)

    def decode(task: Any) -> bytes:
        path.write_bytes(b"another video")
        return PICTURE

    pictures = Pictures(PictureCache(tmp_path / "cache"))
    pictures._decode = decode  # type: ignore[assignment]
    asyncio.run(pictures.picture(moment_of(path, content, 60.0, 0.0)))
    assert list((tmp_path / "cache").iterdir()) == []
    pictures._threads.shutdown()


def test_a_video_that_cannot_be_decoded_is_refused_and_not_tried_again(tmp_path: Path):
    calls = []

    def decode(task: Any) -> Any:
        calls.append(task)
        raise Lost("takes longer than 20 s")

    pictures = Pictures(PictureCache(tmp_path))
    pictures._decode = decode  # type: ignore[assignment]
    for second in range(5):
        with pytest.raises(InputError, match=r"'v.mp4' takes longer than 20 s"):
            asyncio.run(pictures.picture(moment_of(tmp_path / "v.mp4", CONTENT, 60.0, float(second))))
    assert len(calls) == 1


def test_one_video_cannot_hold_up_the_others(tmp_path: Path):
    go_on, running, most = threading.Event(), [], []

    def decode(task: Any) -> Any:
        running.append(task[0].name)
        most.append(running.count("slow.mp4"))
        if task[0].name == "slow.mp4":
            assert go_on.wait(60)
        running.remove(task[0].name)
        return PICTURE

    (tmp_path / "slow.mp4").touch()
    (tmp_path / "other.mp4").touch()
    pictures = Pictures(PictureCache(tmp_path / "cache"), count=2)
    pictures._decode = decode  # type: ignore[assignment]

    async def ask() -> list[Any]:
        slow = [
            asyncio.create_task(pictures.picture(moment_of(tmp_path / "slow.mp4", CONTENT, 60.0, float(second))))
            for second in range(20)
        ]
        other = moment_of(tmp_path / "other.mp4", "f" * 16, 60.0, 3.0)
        assert await pictures.picture(other) == PICTURE, "while the slow one is under way"
        go_on.set()
        return list(await asyncio.gather(*slow, return_exceptions=True))

    answers = asyncio.run(ask())
    assert max(most) == 1, "one at a time"
    assert answers.count(PICTURE) == 9 and sum(isinstance(answer, Busy) for answer in answers) == 11
    pictures._threads.shutdown()


def test_pictures_count_as_requests(serve: Serve):
    from teachtext.service.rates import rate_of

    client = serve(rate=rate_of("3/minute"))
    assert [client.get("/api/thumbnails/videos/v0.mp4").status_code for _ in range(4)] == [200, 200, 200, 429]


@pytest.mark.slow
def test_a_removed_video_takes_its_pictures_features_and_words_along(
    client: TestClient, library: Library, made: Made, tmp_path: Path
):
    clip = write_clip(tmp_path / "private.mp4", 900).read_bytes()
    other = write_clip(tmp_path / "other.mp4", 901).read_bytes()
    jobs = [
        client.post("/api/uploads", params={"name": name}, content=content).json()
        for name, content in (("private.mp4", clip), ("other.mp4", other), ("copy.mp4", other))
    ]
    for job in jobs:
        path = f"/api/uploads/{job['id']}"
        wait_until(lambda path=path: client.get(path).json()["state"] == "done", "the upload is never done")
    store = open_store(str(made.place))
    with store.writing():
        entry = store.get(["uploads/private.mp4"])["uploads/private.mp4"]
        store.put([replace(entry, item=replace(entry.item, moments=(heard("a zanzibar secret"),), made="with words"))])
    content = entry.item.content
    words = made.place / "words.sqlite"
    assert client.get("/api/search", params={"text": "zanzibar"}).json()["results"][0]["id"] == "uploads/private.mp4"
    assert b"zanzibar" in words.read_bytes()
    for name in ("private", "other", "copy"):
        assert client.get(f"/api/thumbnails/uploads/{name}.mp4").status_code == 200
    features = made.place / "features" / "video-normal" / "motion"
    assert content in FeatureFile(features).sources.values()
    for name in ("private", "copy"):
        assert client.delete(f"/api/videos/uploads/{name}.mp4").status_code == 204
    kept = FeatureFile(features, verify=True)
    assert content not in kept.sources.values() and "uploads/copy.mp4" not in kept.ids
    assert kept.rows_of("uploads/other.mp4") and kept.rows_of("videos/v0.mp4"), "the others stay"
    pictures = [path.name.partition("-")[0] for path in (made.place / "thumbnails").iterdir()]
    assert content not in pictures and len(pictures) == 1, "the picture of the copy is that of the other"
    left = [path for path in made.place.glob("words.sqlite*") if b"zanzibar" in path.read_bytes()]
    assert left == [] and client.get("/api/health/ready").json()["videos"] == 8
    assert client.get("/api/thumbnails/uploads/private.mp4").status_code == 404


def test_an_index_that_goes_and_comes_is_noticed_by_the_service(client: TestClient, made: Made):
    import shutil

    vectors, kept = made.place / "vectors", made.place / "kept"
    assert client.get("/api/search", params={"text": "a"}).status_code == 200
    shutil.move(vectors, kept)
    for path in (
        "/api/search?text=a",
        "/api/videos/videos/v0.mp4",
        "/api/thumbnails/videos/v0.mp4",
        "/api/health/ready",
    ):
        answer = client.get(path)
        assert answer.status_code == 503 and "has lost its folder" in answer.text
    shutil.move(kept, vectors)
    assert client.get("/api/search", params={"text": "a"}).status_code == 200
    assert client.get("/api/videos/elsewhere/v0.mp4").status_code == 404
