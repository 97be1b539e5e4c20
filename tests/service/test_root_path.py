"""The service under a path of a proxy's host."""

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

import pytest
from clips import write_clip
from processes import PATIENCE_S
from proxy import proxy
from served import Made, start
from starlette.testclient import TestClient

from teachtext.errors import InputError
from teachtext.service.app import STATIC
from teachtext.service.root_path import check_root_path

Serve = Callable[..., TestClient]
ROOT = "/tools/videos"
pytestmark = pytest.mark.server


class Addresses(HTMLParser):
    """Collects what a page refers to. Attributes that hold texts for people may hold anything."""

    TEXTS = frozenset(["value", "content", "title", "alt", "aria-label", "placeholder", "data-confirm", "data-root"])

    def __init__(self, page: str) -> None:
        super().__init__()
        self.all: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        self.all += [value for name, value in attributes if name not in self.TEXTS and (value or "").startswith("/")]


def test_the_script_asks_below_the_path():
    script = (STATIC / "page.js").read_text()
    assert "${root}/api/" in script and not re.findall(r"[`\"']/[a-z?][^`\"']*", script)


@pytest.mark.parametrize("passed_on", ["with the path", "without it"])
def test_every_address_of_every_page_leads_below_the_path(serve: Serve, passed_on: str):
    client = serve(root_path=ROOT)

    def get(address: str) -> Any:
        return client.get(address if passed_on == "with the path" else address.removeprefix(ROOT) or "/")

    waiting, seen = [f"{ROOT}/", ROOT, f"{ROOT}/?q=dog", f"{ROOT}/nothing", f"{ROOT}/static/none.css"], set()
    missing = {f"{ROOT}/nothing", f"{ROOT}/static/none.css"}
    while waiting and len(seen) < 70:
        address = waiting.pop(0).partition("#")[0]
        if address in seen:
            continue
        seen.add(address)
        answer = get(address)
        assert answer.status_code == (404 if address in missing else 200), address
        if answer.headers["content-type"].startswith("text/html"):
            addresses = Addresses(answer.text).all
            wrong = [each for each in addresses if not each.startswith(f"{ROOT}/")]
            assert not wrong, (address, wrong[:5])
            # forms, and an MP4 that is made only where it is needed
            others = tuple(f"{ROOT}/{name}" for name in ("export", "remove", "logout", "api/v1/playback-files"))
            # a file is sent to the bare address, and a page of results has a query behind it
            waiting += [each for each in addresses if not each.startswith(others) and each != f"{ROOT}/like"]
    paths = {urlsplit(address).path.removeprefix(ROOT).split("/")[1] for address in seen if address != ROOT}
    assert {"", "video", "like", "upload", "missing", "static", "api"} <= paths


def test_the_api_names_addresses_below_the_path(serve: Serve):
    client = serve(root_path=ROOT)
    document = client.get(f"{ROOT}/api/openapi.json").json()
    assert document["servers"] == [{"url": ROOT}]
    assert serve().get("/api/openapi.json").json()["servers"] == [{"url": "/"}]
    video = client.get(f"{ROOT}/api/v1/videos").json()["videos"][0]
    for address in (video["thumbnail_url"], video["file_url"]):
        assert address.startswith(f"{ROOT}/api/") and client.get(address).status_code == 200
    played = client.get(f"{ROOT}/api/v1/playback/{video['id']}").json()
    assert played["url"].startswith(f"{ROOT}/api/files/")


def test_redirects_lead_below_the_path_and_name_no_host(serve: Serve):
    client = serve(root_path=ROOT, token="secret")
    page = client.get(f"{ROOT}/?q=a dog", headers={"accept": "text/html"})
    assert page.status_code == 303 and page.headers["location"] == f"{ROOT}/login?next=%2F%3Fq%3Da%2520dog"
    sent = {"shown": "secret", "next": "/?q=a dog"}
    accepted = client.post(f"{ROOT}/login", data=sent)
    assert accepted.headers["location"] == f"{ROOT}/?q=a%20dog"
    assert f"path={ROOT};" in accepted.headers["set-cookie"].lower() + ";"
    slash = client.get("/missing/", headers={"Authorization": "Bearer secret"})
    assert slash.status_code == 307 and slash.headers["location"] == f"{ROOT}/missing"
    left = client.post(f"{ROOT}/logout")
    assert left.headers["location"] == f"{ROOT}/login" and f"path={ROOT}" in left.headers["set-cookie"].lower()


@pytest.mark.parametrize(
    "text", ["videos", "//evil.example", "/a b", "/a/../b", "/.x", "/a?b", '/a"b', "/é", "https://a"]
)
def test_what_is_no_path_is_refused(text: str):
    with pytest.raises(InputError, match="is not a path"):
        check_root_path(text)


@pytest.mark.parametrize("text", ["/video", "/api", "/api/v1", "/static/"])
def test_a_path_of_the_service_itself_is_refused(text: str):
    with pytest.raises(InputError, match="an address of the service itself"):
        check_root_path(text)


@pytest.fixture(scope="module")
def service(made_once: Made, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    import shutil

    place = tmp_path_factory.mktemp("proxied") / "index"
    shutil.copytree(made_once.place, place)
    process, address = start(place, "--root-path", f"{ROOT}/", "--token", "secret")
    yield urlsplit(address).netloc
    process.terminate()
    process.wait(timeout=PATIENCE_S)


@pytest.mark.slow
@pytest.mark.parametrize("strips", [True, False])
def test_a_browser_behind_a_proxy_logs_in_looks_and_uploads(service: str, strips: bool, tmp_path: Path):
    with proxy(service, ROOT, strips=strips) as address:
        jar = CookieJar()
        opener: OpenerDirector = build_opener(HTTPCookieProcessor(jar))

        def ask(path: str, data: bytes | None = None, **headers: str) -> tuple[str, bytes]:
            sent = Request(urljoin(f"{address}/", path), data, {"Accept": "text/html", **headers})
            with opener.open(sent, timeout=PATIENCE_S) as answer:
                return answer.url, answer.read()

        at, page = ask("?q=dog")
        assert at.startswith(f"{address}/login?next=") and b"Log in" in page
        form = urlencode({"shown": "secret", "next": "/?q=dog"}).encode()
        at, page = ask(f"{ROOT}/login", form)
        assert at == f"{address}/?q=dog" and b"Results for" in page
        assert [(cookie.path, cookie.name) for cookie in jar] == [(ROOT, "teachtext")]
        pictures = [each for each in Addresses(page.decode()).all if "/thumbnails/" in each]
        assert pictures and ask(pictures[0])[1][:2] == b"\xff\xd8"
        assert b"data-root" in page and ask(f"{ROOT}/static/page.js")[1].startswith(b"//")
        clip = write_clip(tmp_path / "clip.mp4", 60 + strips).read_bytes()
        kind = {"Content-Type": "application/octet-stream"}
        _, job = ask(f"{ROOT}/api/uploads?name=new.mp4", clip, **kind)
        assert b"waiting" in job or b"indexing" in job
        at, page = ask(f"{ROOT}/logout", b"")
        assert at == f"{address}/login" and not list(jar)
        with pytest.raises(HTTPError, match="404"):
            ask("/other")
