"""How a service stops: what it finishes, and that it ends whatever hangs."""

import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from clips import write_clip, write_moving_video
from processes import PATIENCE_S, wait_until
from served import Made, start

from teachtext.search.searcher import Searcher

pytestmark = [pytest.mark.server, pytest.mark.slow]


def connect(address: str) -> socket.socket:
    at = urlsplit(address)
    return socket.create_connection((str(at.hostname), int(at.port or 0)), timeout=PATIENCE_S)


def head(length: int) -> bytes:
    """The head of an upload."""
    lines = ["POST /api/uploads?name=a.mp4 HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {length}", "", ""]
    return "\r\n".join(lines).encode()


def upload(address: str, name: str, content: bytes) -> Any:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=PATIENCE_S)
    connection.request("POST", f"/api/uploads?name={name}", content, {"Content-Type": "application/octet-stream"})
    answer = connection.getresponse()
    assert answer.status == 202
    return json.loads(answer.read())


def ids(place: Path) -> set[str]:
    return {item.id for item in Searcher(str(place)).store.catalog()}


def stop(process: subprocess.Popen[str], sign: signal.Signals = signal.SIGTERM) -> int:
    process.send_signal(sign)
    return process.wait(timeout=PATIENCE_S)


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_connections_that_stay_open_do_not_hold_a_service(made: Made, sign: signal.Signals):
    # a limit that only a hang exceeds: nobody has to wait for it
    process, address = start(made.place, "--stop-seconds", "3600")
    silent, kept = connect(address), connect(address)
    kept.sendall(b"GET /api/health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert kept.recv(9) == b"HTTP/1.1 "
    assert stop(process, sign) == 130
    silent.close()
    kept.close()


def test_a_request_that_is_under_way_is_finished(made: Made, tmp_path: Path):
    process, address = start(made.place, "--stop-seconds", "3600")
    clip = write_clip(tmp_path / "a.mp4", 70).read_bytes()
    with connect(address) as half:
        half.sendall(head(len(clip)))
        half.sendall(clip[:100])
        wait_until(lambda: bool(list((made.place / "uploads").glob("*"))), "the upload does not begin")
        process.terminate()
        time.sleep(0.5)
        half.sendall(clip[100:])
        assert half.recv(12) == b"HTTP/1.1 202"
    process.wait(timeout=PATIENCE_S)
    assert (made.place / "uploads" / "a.mp4").read_bytes() == clip
    process, address = start(made.place)
    wait_until(lambda: len(ids(made.place)) == 8, "the upload is never indexed", poll_s=0.2)
    stop(process)


def test_an_upload_that_hangs_ends_with_the_service_and_leaves_nothing(made: Made):
    process, address = start(made.place, "--stop-seconds", "1")
    with connect(address) as hanging:
        hanging.sendall(head(99999) + b"x")
        wait_until(lambda: bool(list((made.place / "uploads").glob("*"))), "the upload does not begin")
        stop(process)
    assert list((made.place / "uploads").iterdir()) == []


def test_an_answer_that_nobody_reads_ends_with_the_service(made: Made):
    process, address = start(made.place, "--stop-seconds", "1")
    with connect(address) as hanging:
        hanging.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        for _ in range(40):
            hanging.sendall(b"GET /static/page.js HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        time.sleep(0.5)
        stop(process)


def test_an_indexing_stops_between_videos_and_goes_on_at_the_next_start(made: Made, tmp_path: Path):
    process, address = start(made.place, "--stop-seconds", "3600")
    for number in range(6):
        clip = write_clip(tmp_path / "clip.mp4", 80 + number).read_bytes()
        upload(address, f"c{number}.mp4", clip)
    stop(process)
    assert len(list((made.place / "uploads").glob("*.mp4"))) == 6 and len(ids(made.place)) >= 7
    process, address = start(made.place)
    wait_until(lambda: len(ids(made.place)) == 13, "not all uploads are indexed", poll_s=0.2)
    stop(process)


def test_a_long_video_does_not_hold_a_service(made: Made, tmp_path: Path):
    process, address = start(made.place, "--stop-seconds", "0")
    video = write_moving_video(tmp_path / "long.mp4", "libx264", seconds=400).read_bytes()
    job = upload(address, "long.mp4", video)["id"]

    def state() -> str:
        connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=PATIENCE_S)
        connection.request("GET", f"/api/uploads/{job}")
        return str(json.loads(connection.getresponse().read())["state"])

    wait_until(lambda: state() != "waiting", "the indexing does not begin")
    begin = time.monotonic()
    stop(process)
    # one video takes longer than a stop, and even a busy machine stops at once
    assert time.monotonic() - begin < PATIENCE_S / 4
    process, _ = start(made.place)
    wait_until(lambda: "uploads/long.mp4" in ids(made.place), "the video is never indexed", poll_s=0.2)
    stop(process)


def test_a_thread_that_hangs_does_not_hold_the_process():
    script = """
import threading, time
from teachtext.service.connections import end_process_after

threading.Thread(target=time.sleep, args=(10**6,)).start()
end_process_after(0.1)
"""
    assert subprocess.run([sys.executable, "-c", script], timeout=PATIENCE_S).returncode == 130
