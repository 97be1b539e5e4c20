"""Videos that are added by their path or their URL: what is allowed, what is refused, and that nothing is left half."""

import ipaddress
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from clips import write_clip
from processes import wait_until
from served import Made
from starlette.testclient import TestClient

from teachtext.errors import InputError
from teachtext.service.bodies import Pace
from teachtext.service.downloads import Downloads, NotAllowed, check_hosts, is_public

Serve = Callable[..., TestClient]
pytestmark = pytest.mark.server


class Site:
    """A web server of this machine; `answers` by path are what it says."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                status, headers, body = site.answers.get(self.path, (404, {}, b""))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                for number in range(len(body) if "drip" in self.path else 0):
                    self.wfile.write(body[number : number + 1])
                    self.wfile.flush()
                    time.sleep(0.05)
                if "drip" in self.path:
                    return
                self.wfile.write(body)
                if "hang" in self.path:
                    time.sleep(3)

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.port = self.server.server_port

    def url(self, path: str = "/clip.mp4", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def open_to_site(serve: Serve, site: Site) -> TestClient:
    return serve(video_hosts=[f"127.0.0.1:{site.port}", f"localhost:{site.port}"])


def add(client: TestClient, **body: str) -> Any:
    return client.post("/api/v1/videos", json=body)


def finished(client: TestClient, job: str) -> Any:
    def state() -> Any:
        return client.get(f"/api/v1/jobs/{job}").json()

    wait_until(lambda: state()["state"] in ("done", "failed"), "the job does not end", poll_s=0.1)
    return state()


def left(made: Made) -> list[str]:
    folder = made.place / "uploads"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_video_is_fetched_and_indexed(open_to_site: TestClient, site: Site, made: Made, tmp_path: Path):
    clip = write_clip(tmp_path / "a.mp4", 40).read_bytes()
    site.answers["/a%20b.mp4?key=1"] = (200, {}, clip)
    site.answers["/moved"] = (302, {"Location": "/a%20b.mp4?key=1"}, b"")
    job = add(open_to_site, url=site.url("/moved"))
    assert job.status_code == 202 and job.json()["video"] == "uploads/a b.mp4"
    assert finished(open_to_site, job.json()["id"])["state"] == "done"
    assert (made.place / "uploads" / "a b.mp4").read_bytes() == clip
    named = add(open_to_site, url=site.url("/a%20b.mp4?key=1"), name="other.mp4")
    assert named.json()["video"] == "uploads/other.mp4"
    finished(open_to_site, named.json()["id"])


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/a.mp4",
        "gopher://127.0.0.1/a.mp4",
        "//127.0.0.1/a.mp4",
        "/etc/passwd",
        "http:///a.mp4",
        "http://127.0.0.1/a.mp4",
        "http://localhost/a.mp4",
        "http://0.0.0.0:{port}/clip.mp4",
        "http://[::1]:{port}/clip.mp4",
        "http://[::ffff:127.0.0.1]:{port}/clip.mp4",
        "http://2130706433:{port}/clip.mp4",
        "http://0x7f000001:{port}/clip.mp4",
        "http://127.1:{port}/clip.mp4",
        "http://127.0.0.1.:{port}/clip.mp4",
        "http://user@127.0.0.1:{port}/clip.mp4",
        "http://127.0.0.1:{port}@evil.example/clip.mp4",
        "http://evil.example#@127.0.0.1:{port}/clip.mp4",
        "http://169.254.169.254/latest/meta-data/a.mp4",
        "http://10.0.0.1/a.mp4",
        # the name is allowed, and leads to this machine
        "http://localhost:{port}/clip.mp4",
        "HTTP://LOCALHOST:{port}/clip.mp4",
    ],
)
def test_what_is_not_allowed_is_refused_in_one_sentence_and_never_asked(
    open_to_site: TestClient, site: Site, made: Made, url: str
):
    site.answers["/clip.mp4"] = (200, {}, b"secret")
    answer = add(open_to_site, url=url.format(port=site.port))
    assert answer.status_code == 403 and set(answer.json()) == {"problem", "mend"}, answer.text
    assert site.asked == [] and left(made) == []


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:99999/a.mp4", "http://127.0.0.1:x/a.mp4", "http://[::1/a.mp4", "http://127.0.0.1 /a.mp4",
     "http://127.0.0.1\r\nX: y/a.mp4", "http://127.0.0.1\\@evil.example/", "http://é.example/a.mp4"],
)  # fmt: skip
def test_what_is_no_address_is_refused(open_to_site: TestClient, site: Site, url: str):
    answer = add(open_to_site, url=url)
    assert answer.status_code in (403, 422) and answer.json()["mend"] and site.asked == []


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "http://localhost:{port}/inner.mp4", "http://127.0.0.1:1/inner.mp4",
     "http://169.254.169.254/a.mp4", "//[::1]:{port}/inner.mp4", "http://user@127.0.0.1:{port}/inner.mp4"],
)  # fmt: skip
def test_a_redirect_leads_nowhere_else(open_to_site: TestClient, site: Site, made: Made, location: str):
    site.answers["/clip.mp4"] = (302, {"Location": location.format(port=site.port)}, b"")
    site.answers["/inner.mp4"] = (200, {}, b"secret")
    answer = add(open_to_site, url=site.url())
    assert answer.status_code == 403 and site.asked == ["/clip.mp4"] and left(made) == []


def test_redirects_end(open_to_site: TestClient, site: Site):
    site.answers["/clip.mp4"] = (301, {"Location": "/clip.mp4"}, b"")
    answer = add(open_to_site, url=site.url())
    assert answer.status_code == 422 and "redirects more than 5 times" in answer.json()["problem"]
    assert len(site.asked) == 6


def test_what_breaks_off_or_is_no_video_leaves_nothing(
    open_to_site: TestClient, site: Site, made: Made, tmp_path: Path
):
    clip = write_clip(tmp_path / "a.mp4", 41).read_bytes()
    site.answers |= {
        "/half.mp4": (200, {"Content-Length": str(2 * len(clip))}, clip),
        "/large.mp4": (200, {}, bytes(2**20 + 1)),
        "/text.mp4": (200, {}, b"no video"),
        "/name.txt": (200, {}, clip),
        "/gone.mp4": (410, {}, b""),
    }
    problems = {
        "/half.mp4": (422, "broke off on its way"),
        "/large.mp4": (413, "larger than 1 MiB"),
        "/text.mp4": (422, "'text.mp4'"),
        "/name.txt": (422, "no ending of a video file"),
        "/gone.mp4": (422, "answers with status 410"),
    }
    for path, (status, problem) in problems.items():
        answer = add(open_to_site, url=site.url(path))
        assert answer.status_code == status and problem in answer.json()["problem"], answer.text
        assert left(made) == []
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    site.port = port
    assert add(open_to_site, url=f"http://127.0.0.1:{port}/a.mp4").status_code == 403


@pytest.mark.parametrize(("path", "problem"), [("/hang.mp4", "cannot be fetched"), ("/drip.mp4", "too slowly")])
def test_a_video_that_does_not_come_in_is_given_up(site: Site, path: str, problem: str):
    import anyio

    site.answers[path] = (200, {"Content-Length": "9999"}, bytes(200))
    downloads = Downloads([f"127.0.0.1:{site.port}"], pace=Pace(silence_s=0.3))

    async def fetch() -> None:
        _, pieces = await downloads.open(site.url(path))
        async for _ in pieces:
            pass

    with pytest.raises(InputError, match=problem):
        anyio.run(fetch)


def test_without_hosts_nothing_is_fetched(serve: Serve, site: Site):
    answer = add(serve(), url=site.url())
    assert answer.status_code == 403 and "--allow-host" in answer.json()["mend"] and site.asked == []


@pytest.mark.parametrize(
    ("address", "public"),
    [("93.184.216.34", True), ("2606:4700::1111", True), ("127.0.0.1", False), ("10.1.2.3", False), ("0.0.0.0", False),
     ("172.16.0.1", False), ("192.168.0.1", False), ("169.254.169.254", False), ("100.64.0.1", False),
     ("224.0.0.1", False), ("255.255.255.255", False), ("::", False), ("::1", False), ("fe80::1", False),
     ("fc00::1", False), ("::ffff:10.0.0.1", False), ("64:ff9b::7f00:1", False), ("2002:7f00:1::", False)],
)  # fmt: skip
def test_addresses_inside_the_network_are_known_in_every_form(address: str, public: bool):
    assert is_public(ipaddress.ip_address(address)) == public


@pytest.mark.parametrize("host", ["http://a.example", "a b", "*", "", "a.example/x", "a:b", "-"])
def test_what_is_no_host_is_refused(host: str):
    with pytest.raises(InputError, match="is not a host"):
        check_hosts([host])


def test_a_body_names_either_a_path_or_a_url(serve: Serve):
    client = serve()
    for body in ({}, {"url": "http://a/b", "path": "/a"}, {"place": "/a"}, {"path": ""}):
        answer = client.post("/api/v1/videos", json=body)
        assert answer.status_code == 422 and set(answer.json()) == {"problem", "mend"}


def test_folders_are_added_by_their_path_where_that_is_allowed(serve: Serve, made: Made, tmp_path: Path):
    write_clip(tmp_path / "more" / "x.mp4", 42)
    (tmp_path / "more" / "broken.mp4").write_bytes(b"no video")
    client = serve(folders=[tmp_path / "more"])
    job = finished(client, add(client, path=str(tmp_path / "more")).json()["id"])
    assert (
        job["state"] == "done" and "1 of the folder's files" in job["problem"] and str(tmp_path) not in job["problem"]
    )
    ids = [video["id"] for video in client.get("/api/v1/videos").json()["videos"]]
    assert "more/x.mp4" in ids and (tmp_path / "more" / "broken.mp4").exists()


def test_an_indexed_folder_is_looked_at_again(serve: Serve, made: Made, tmp_path: Path):
    videos = tmp_path / "mine"
    write_clip(videos / "x.mp4", 43)
    client = serve(folders=[videos])
    finished(client, add(client, path=str(videos)).json()["id"])
    write_clip(videos / "inner" / "y.mp4", 44)
    finished(client, add(client, path=str(videos / "inner" / "y.mp4")).json()["id"])
    write_clip(videos / "z.mp4", 45)
    jobs = client.post("/api/v1/rescans").json()
    assert len(jobs) == 2 and all(finished(client, job["id"])["state"] == "done" for job in jobs)
    ids = {video["id"] for video in client.get("/api/v1/videos").json()["videos"]}
    assert {"mine/x.mp4", "mine/inner/y.mp4", "mine/z.mp4"} <= ids and len(ids) == 10


def test_paths_outside_are_refused_whether_they_exist_or_not(serve: Serve, made: Made, tmp_path: Path):
    allowed, outside = tmp_path / "allowed", tmp_path / "allowed-not"
    write_clip(allowed / "x.mp4", 46)
    write_clip(outside / "y.mp4", 47)
    (allowed / "way-out").symlink_to(outside)
    client = serve(folders=[allowed])
    paths = [
        outside,
        outside / "none",
        allowed / ".." / "allowed-not",
        allowed / "way-out",
        "/",
        "/etc",
        "allowed",
        "~",
    ]
    answers = [add(client, path=str(path)) for path in [*paths, made.place, f"{allowed}\0"]]
    assert {answer.status_code for answer in answers} == {403} and len({answer.text for answer in answers}) == 1
    assert add(client, path=str(allowed / "none")).status_code == 422
    one = add(client, path=str(allowed / "x.mp4"))
    assert one.status_code == 422 and "add its folder" in one.json()["mend"]
    assert client.get("/api/v1/jobs").json() == []


def test_a_folder_that_is_gone_is_a_failed_job(serve: Serve, tmp_path: Path):
    write_clip(tmp_path / "gone" / "x.mp4", 48)
    client = serve(folders=[tmp_path / "gone"])
    job = add(client, path=str(tmp_path / "gone")).json()["id"]
    shutil.rmtree(tmp_path / "gone")
    assert finished(client, job)["state"] in ("failed", "done")


def test_a_refusal_is_an_input_error():
    assert issubclass(NotAllowed, InputError)
