"""Mutated bodies and addresses: each is answered, and never with an error of the service (see `tests/fuzz`)."""

import json
import os
import time
from collections.abc import Callable
from urllib.parse import quote

import pytest
from fuzz_files import mutants
from starlette.testclient import TestClient

SEED = int(os.environ.get("FUZZ_SEED", "0"))
SECONDS = float(os.environ.get("FUZZ_SECONDS", "2"))
MOST = 10**9 if "FUZZ_SECONDS" in os.environ else 100
LEAST = 20
FORM, PARTS = "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"
_PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\nno video\r\n--b--\r\n'

# route, type of its body, a whole body
POSTS = {
    "captions": ("/api/captions", "application/json", {"video": "videos/v0.mp4", "captions": ["a dog", "K\u00e4fer"]}),
    "feedback": ("/api/feedback", "application/json", {"query": "1", "video": "videos/v0.mp4", "rank": 1}),
    "login": ("/login", FORM, b"token=secret&next=%2F"),
    "remove": ("/remove", FORM, b"video=videos%2Fnone.mp4&token=x"),
    "addition": ("/api/v1/videos", "application/json", {"url": "http://127.0.0.1:1/a.mp4", "name": "a.mp4"}),
    "folder": ("/api/v1/videos", "application/json", {"path": "/nowhere/videos"}),
    "searches": ("/api/v1/searches", "application/json", {"searches": [{"text": "a dog", "group_by": "moment"}]}),
    "form": ("/upload", PARTS, _PART),
    "upload": ("/api/uploads?name=a.mp4", "application/octet-stream", b"\0\0\0\x18ftypmp42 no video"),
}
ADDRESSES = {
    "search": b"/api/search?text=a+dog&first=0&count=5&filter=tag%3Da%26b&by=both",
    "moments": b"/api/v1/search?text=a+dog&group_by=moment&min_score=-0.5&count=3&cursor=3-0123456789ab",
    "page": b"/?q=a+dog&tag=a%26b&longer_than=1&first=0",
    "like": b"/api/like/videos/v0.mp4?count=3",
    "details": b"/api/videos/videos/v0.mp4",
    "thumbnail": b"/api/thumbnails/videos/v0.mp4?at=0.5",
}


@pytest.mark.slow
def test_mutated_requests_are_answered(serve: Callable[..., TestClient]):
    client = serve(token="secret")
    headers = {"authorization": "Bearer secret"}
    bodies = {
        name: body if isinstance(body, bytes) else json.dumps(body).encode() for name, (*_, body) in POSTS.items()
    }
    begun, statuses = time.monotonic(), []
    for number, (name, content) in enumerate(mutants(bodies | ADDRESSES, SEED)):
        if name in POSTS:
            route, kind, _ = POSTS[name]
            answer = client.post(route, content=content, headers=headers | {"content-type": kind})
        else:
            address = "/" + quote(content[:2000], safe="/?&=%+").lstrip("/")
            answer = client.get(address, headers=headers)
        statuses.append(answer.status_code)
        assert answer.status_code < 500, f"seed {SEED}, number {number}, {name}: {content[:500]!r}: {answer.text[:300]}"
        if number >= MOST or (number >= LEAST and time.monotonic() - begun > SECONDS):
            break
    assert {200, 422} <= set(statuses)
