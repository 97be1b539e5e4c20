"""The guard alone, over an app that notes what reaches it: what Starlette would make of a request does not matter."""

from typing import Any

import anyio
import pytest

pytest.importorskip("fastapi")
from starlette.types import Message, Receive, Scope, Send

from teachtext.errors import InputError
from teachtext.service.rates import Rate, RateLimiter, client_of, rate_of
from teachtext.service.security import COOKIE, Access, Guard

HOSTS = ["localhost", "127.0.0.1", "[::1]"]
ACCESS = Access("secret")


def scope_of(path: str, host: str | None = "127.0.0.1:8101", method: str = "GET", **more: Any) -> Scope:
    headers = [(b"host", host.encode("latin-1"))] if host is not None else []
    headers += [(name.encode(), value.encode()) for name, value in more.pop("headers", {}).items()]
    usual = {"type": "http", "method": method, "path": path, "query_string": b"", "client": ("192.0.2.1", 5000)}
    return {**usual, "scheme": "http", "server": ("127.0.0.1", 8101), "headers": headers, **more}


def asked(guard: Any, scope: Scope) -> int:
    """Return the status of an answer; 200 is the app's own."""
    statuses: list[int] = []

    async def receive() -> Message:
        raise AssertionError("the guard reads no body")

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    anyio.run(guard, scope, receive, send)
    (status,) = statuses
    return status


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body"})


def guarded(*, rate: Rate | None = None, hosts: list[str] = HOSTS, access: Access | None = ACCESS) -> Guard:
    return Guard(app, hosts=hosts, access=access, rate=rate)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:8101/static/?",
        "127.0.0.1:1/static/?",
        "127.0.0.1/static/?",
        "127.0.0.1:8101/login",
        "127.0.0.1:8101#",
        "127.0.0.1:8101?",
        "127.0.0.1\\static:8101",
        "127.0.0.1:8101:8101",
        "127.0.0.1:port",
        "127.0.0.1:",
        "127.0.0.1:123456",
        "evil.example@127.0.0.1:8101",
        "[::1]x:8101",
        "[::1",
        "::1",
        " 127.0.0.1",
        "127.0.0.1 x",
        "127.0.0.1\u00b2",
        "",
    ],
)
@pytest.mark.parametrize("hosts", [HOSTS, ["*"]])
def test_a_host_with_more_than_a_name_and_a_port_is_refused(host: str, hosts: list[str]):
    for path, method in [("/api/tags", "GET"), ("/api/videos/videos/v5.mp4", "DELETE"), ("/static/page.js", "GET")]:
        assert asked(guarded(hosts=hosts), scope_of(path, host, method)) == 400


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8101", "localhost:1", "LOCALHOST", "[::1]", "[::1]:8101", "[::1]:65535"]
)
def test_an_honest_host_passes_and_opens_nothing(host: str):
    carried = {"authorization": "Bearer secret"}
    assert asked(guarded(), scope_of("/api/tags", host)) == 401
    assert asked(guarded(), scope_of("/api/tags", host, headers=carried)) == 200
    assert asked(guarded(), scope_of("/static/page.js", host)) == 200


def test_a_request_with_two_hosts_or_none_is_refused():
    two = scope_of("/api/tags")
    two["headers"].append((b"host", b"localhost"))
    assert asked(guarded(), two) == 400
    assert asked(guarded(), scope_of("/static/page.js", None)) == 400
    assert asked(guarded(hosts=["*"]), scope_of("/static/page.js", None)) == 200, "a probe of HTTP/1.0"
    assert asked(guarded(), scope_of("/", "other.example")) == 421


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/static/page.js", 200),
        ("/login", 200),
        ("/api/health/live", 200),
        ("/loginx", 401),
        ("/login/", 401),
        ("/api/health/liver", 401),
        ("/api/health/ready", 401),
        ("//static/x", 401),
        ("static/x", 401),
        ("http://127.0.0.1/static/x", 401),
        ("/api/tags", 401),
        ("/api/openapi.json", 401),
        ("/metrics", 401),
    ],
)
def test_only_what_has_to_be_open_is_open(path: str, status: int):
    assert asked(guarded(), scope_of(path)) == status


def test_the_cookie_is_not_the_token_and_ends_with_the_process():
    assert ACCESS.cookie != "secret" and ACCESS.cookie != Access("secret").cookie
    assert asked(guarded(), scope_of("/api/tags", headers={"cookie": f"{COOKIE}={ACCESS.cookie}"})) == 200
    for wrong in ("secret", Access("secret").cookie, ""):
        assert asked(guarded(), scope_of("/api/tags", headers={"cookie": f"{COOKIE}={wrong}"})) == 401
        assert asked(guarded(), scope_of("/api/tags", headers={"authorization": f"Bearer {ACCESS.cookie}"})) == 401


def test_guesses_of_one_network_do_not_shut_out_who_is_logged_in():
    guard = guarded()
    for number in range(20):
        address = (f"2001:db8::{number + 1:x}", 5000)
        assert asked(guard, scope_of("/api/tags", client=address, headers={"authorization": f"Bearer {number}"})) == 401
    late = scope_of("/api/tags", client=("2001:db8::ffff", 1), headers={"authorization": "Bearer secret"})
    assert asked(guard, late) == 429, "other addresses of a network are not other clients"
    cookie = scope_of("/api/tags", client=("2001:db8::ffff", 1), headers={"cookie": f"{COOKIE}={ACCESS.cookie}"})
    assert asked(guard, cookie) == 200
    elsewhere = scope_of("/api/tags", client=("2001:db8:0:1::1", 1), headers={"authorization": "Bearer secret"})
    assert asked(guard, elsewhere) == 200


def test_a_stale_cookie_is_no_guess():
    guard = guarded()
    for _ in range(30):
        assert asked(guard, scope_of("/api/tags", headers={"cookie": f"{COOKIE}={Access('secret').cookie}"})) == 401
    assert asked(guard, scope_of("/api/tags", headers={"authorization": "Bearer secret"})) == 200


def test_an_address_with_very_many_parameters_is_refused():
    many = scope_of("/", query_string=b"&".join([b"tag=a"] * 10_000), headers={"authorization": "Bearer secret"})
    assert asked(guarded(), many) == 400
    few = scope_of("/", query_string=b"&".join([b"tag=a"] * 50), headers={"authorization": "Bearer secret"})
    assert asked(guarded(), few) == 200


def test_a_websocket_reaches_nothing():
    sent: list[Message] = []

    async def receive() -> Message:
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    anyio.run(guarded(), {"type": "websocket", "path": "/", "headers": []}, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_rates_hold_in_any_window_by_a_clock_that_only_grows():
    now = 0.0
    limiter = RateLimiter(Rate(3, 60.0), clock=lambda: now)
    assert [limiter.hit("a") for _ in range(4)] == [0, 0, 0, 60] and limiter.hit("b") == 0
    now = 59.5
    assert limiter.hit("a") == 1
    now = 60.0
    assert [limiter.hit("a") for _ in range(4)] == [0, 0, 0, 60], "what was refused was not counted"


def test_rates_remember_a_bounded_number_of_clients(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("teachtext.service.rates._CLIENTS", 10)
    limiter = RateLimiter(Rate(1, 60.0))
    for number in range(1000):
        limiter.hit(str(number))
    assert len(limiter._times) == 10 and limiter.wait("999") > 0


@pytest.mark.parametrize("text", ["often", "0/minute", "-1/minute", "1/fortnight", "", "1.5/minute", "3 / minute"])
def test_what_is_no_rate_is_said(text: str):
    with pytest.raises(InputError, match="write 600/minute"):
        rate_of(text)


def test_rates_and_clients():
    assert rate_of("none") is None and rate_of("10/second") == Rate(10, 1.0)
    assert client_of("::ffff:192.0.2.7") == client_of("192.0.2.7") == "192.0.2.7"
    assert client_of("fe80::1%eth0") == client_of("fe80::2") and client_of("testclient") == "testclient"
