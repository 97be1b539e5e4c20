"""Searches by a file from outside, over the API and on the page."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from clips import write_clip
from outside_files import write_png_header, write_sound
from served import Made
from starlette.testclient import TestClient

from teachtext.service import like_files


@pytest.fixture(scope="module")
def clip_bytes(made_once: Made) -> bytes:
    return (made_once.videos / "v3.mp4").read_bytes()


@pytest.fixture
def few_bytes(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(like_files, "MOST_BYTES", 100)
    yield 100


def test_the_api_finds_videos_like_a_file(reader: TestClient, clip_bytes: bytes):
    answer = reader.post("/api/v1/like", params={"name": "mine.mp4", "count": 3}, content=clip_bytes)
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert [len(results), results[0]["id"]] == [3, "videos/v3.mp4"]
    # the file may come in a form too, and a filter holds
    answer = reader.post(
        "/api/v1/like", params={"filter": "id=videos/v1.mp4"}, files={"file": ("mine.mp4", clip_bytes, "video/mp4")}
    )
    assert [result["id"] for result in answer.json()["results"]] == ["videos/v1.mp4"]


def test_the_page_finds_videos_like_a_file_and_its_address_can_be_opened_again(reader: TestClient, clip_bytes: bytes):
    assert 'action="/like" method="post" enctype="multipart/form-data"' in reader.get("/").text
    sent = reader.post("/like", files={"file": ("<b>mine</b>.mp4", clip_bytes, "video/mp4")})
    assert sent.status_code == 303 and re.fullmatch(r"/like\?file=[\w-]{22}", sent.headers["location"])
    for _ in range(2):
        page = reader.get(sent.headers["location"])
        assert page.status_code == 200 and "Videos like “&lt;b&gt;mine&lt;/b&gt;.mp4”" in page.text
        assert page.text.index('value="videos/v3.mp4"') < page.text.index('value="videos/v1.mp4"')
    assert f"{sent.headers['location']}&amp;page=2" not in page.text


def test_bad_files_are_refused_in_a_sentence_without_paths(reader: TestClient, tmp_path: Path):
    bad = {
        "text.jpg": (b"no picture", "'text.jpg' is a text file, not a picture, a sound or a video"),
        "empty.png": (b"", "'empty.png' is empty (0 bytes)"),
        "bomb.png": (
            write_png_header(tmp_path / "bomb.png", 30_000, 30_000).read_bytes(),
            "'bomb.png' has more than 64 megapixels",
        ),
        "a.wav": (
            write_sound(tmp_path / "a.wav", seconds=0.2).read_bytes(),
            "'a.wav' is a sound file, and the model 'model' hears nothing",
        ),
    }
    for name, (content, problem) in bad.items():
        answer = reader.post("/api/v1/like", params={"name": name}, content=content)
        assert (answer.status_code, answer.json()["problem"]) == (422, problem)
        page = reader.post("/like", files={"file": (name, content or b"")})
        assert page.status_code == 422 and "/tmp" not in page.text
    assert reader.post("/api/v1/like", content=b"x").json()["problem"] == "the file has no name"
    assert reader.post("/like", data={"file": "no file"}).status_code == 422
    assert reader.get("/like").status_code == 422


def test_a_file_that_is_too_large_is_refused_before_it_is_looked_at(reader: TestClient, few_bytes: int):
    answer = reader.post("/api/v1/like", params={"name": "a.png"}, content=bytes(few_bytes + 1))
    assert answer.status_code == 413 and "larger than" in answer.json()["problem"]
    # the bound on bodies is the first
    stated = {"content-length": str(40 * 2**20)}
    assert reader.post("/api/v1/like", params={"name": "a.png"}, content=b"x", headers=stated).status_code == 413


def test_a_file_that_is_forgotten_is_not_there(reader: TestClient):
    answer = reader.get("/like", params={"file": "another"})
    assert answer.status_code == 404 and "hoose the file again" in answer.text


def test_another_site_cannot_send_a_file(reader: TestClient):
    answer = reader.post("/like", files={"file": ("a.png", b"x")}, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403


def test_files_that_wait_are_bounded(serve: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(like_files, "_WAITING", 0)
    answer = serve().post("/api/v1/like", params={"name": "a.png"}, content=b"x")
    assert answer.status_code == 409 and answer.json()["problem"] == "too many files are being looked at"


def test_no_file_is_kept(reader: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    clip = write_clip(tmp_path / "outside" / "a.mp4", 50)
    assert reader.post("/api/v1/like", params={"name": "a.mp4"}, content=clip.read_bytes()).status_code == 200
    assert [path.name for path in tmp_path.iterdir()] == ["outside"]
