import random
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from clips import write_clip
from processes import PATIENCE_S, wait_until
from served import Made

from teachtext.search.searcher import Searcher

pytestmark = pytest.mark.server

SERVE = "from teachtext.cli.main import main; main()"
# with those of the store tests, ten kills of what writes to an index in a folder
KILLS = 5


def start(place: Path) -> tuple[subprocess.Popen[str], str]:
    arguments = ["serve", "--index", str(place), "--port", "0"]
    process = subprocess.Popen([sys.executable, "-c", SERVE, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told = re.search(r"http://\S+", process.stdout.readline())
    assert told, "the address is printed once the socket is bound"
    return process, told.group()


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
