import os
import random
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from clips import write_clip
from processes import PATIENCE_S, wait_until
from served import SERVE, Made, start

from teachtext.search.searcher import Searcher

pytestmark = pytest.mark.server

# with those of the store tests, ten kills of what writes to an index in a folder
KILLS = 5


def test_a_service_killed_while_videos_come_in_loses_none_that_it_took(made: Made, tmp_path: Path):
    rng, taken = random.Random(5), 0
    before = {item.id for item in Searcher(str(made.place)).store.catalog()}
    for kill in range(KILLS):
        process, address = start(made.place)
        try:
            for number in range(rng.choice([1, 3])):
                clip = write_clip(tmp_path / "clip.mp4", 100 * kill + number + 50).read_bytes()
                url = f"{address}/api/uploads?name=clip.mp4"
                asked = urllib.request.Request(url, clip, {"Content-Type": "application/octet-stream"}, method="POST")
                with urllib.request.urlopen(asked, timeout=PATIENCE_S) as answer:
                    assert answer.status == 202
                taken += 1
            time.sleep(rng.uniform(0, 1.5))
        finally:
            process.kill()
            process.wait()
        found = {item.id for item in Searcher(str(made.place)).store.catalog()}
        assert before <= found, "nothing that was there is lost"
        assert all(Searcher(str(made.place)).store.get([name]) for name in found - before), "no half item"
        before = found
    process, address = start(made.place)
    try:
        wait_until(
            lambda: len({item.id for item in Searcher(str(made.place)).store.catalog()}) >= 7 + taken,
            f"fewer than {7 + taken} videos are in the index",
            poll_s=0.2,
        )
    finally:
        process.terminate()
        assert process.wait(timeout=PATIENCE_S) is not None
    assert not list((made.place / "uploads").glob(".*.part"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--host", "0.0.0.0"], "set a token"),
        (["--rate", "often"], "rate 'often' is not understood"),
        (["--trust-proxy", "*"], "'*' is not the address of a proxy"),
        (["--token-file", "/dev/null"], "the first line of /dev/null is empty"),
        (["--token-file", "/nowhere/token"], "/nowhere/token cannot be read"),
        (["--token-file", "/dev/null", "--token", "x"], "the token is given twice"),
        (["--index", "nowhere"], "holds no index"),
    ],
)
def test_what_cannot_be_served_is_said(made: Made, arguments: list[str], told: str):
    place = [] if "--index" in arguments else ["--index", str(made.place)]
    done = subprocess.run(
        [sys.executable, "-c", SERVE, "serve", *place, *arguments], capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.returncode == 2 and told in done.stderr and done.stderr.count("\n") == 1


def test_a_port_that_is_taken_is_said(made: Made):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-c", SERVE, "serve", "--index", str(made.place), "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 2 and "choose another --port" in done.stderr and done.stderr.count("\n") == 1


def test_what_a_service_writes_is_private_and_its_token_is_in_no_list_of_processes(made: Made, tmp_path: Path):
    (tmp_path / "token").write_text("a secret of many letters\n")
    arguments = ["--token-file", str(tmp_path / "token"), "--log-queries", str(tmp_path / "log.jsonl")]
    before = os.umask(0)
    try:
        process, address = start(made.place, *arguments)
    finally:
        os.umask(before)
    try:
        command = Path(f"/proc/{process.pid}/cmdline")
        assert not command.exists() or b"a secret" not in command.read_bytes()
        headers = {"Authorization": "Bearer a secret of many letters"}

        def ask(path: str, content: bytes | None = None) -> int:
            asked = urllib.request.Request(f"{address}{path}", content, headers, method="POST" if content else "GET")
            with urllib.request.urlopen(asked, timeout=PATIENCE_S) as answer:
                return int(answer.status)

        assert ask("/api/search?text=dog") == 200
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"{address}/api/tags", timeout=PATIENCE_S)
        assert ask("/api/uploads?name=a.mp4", write_clip(tmp_path / "clip.mp4", 50).read_bytes()) == 202
        wait_until(
            lambda: len(list(Searcher(str(made.place)).store.catalog())) == 8, "the upload is never indexed", poll_s=0.2
        )
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE_S)
    written = [tmp_path / "log.jsonl", *(made.place / "uploads").rglob("*"), *made.place.glob("words.sqlite*")]
    assert len(written) >= 3
    for path in written:
        assert path.stat().st_mode & 0o077 == 0, path
    assert (made.place / "uploads").stat().st_mode & 0o077 == 0
