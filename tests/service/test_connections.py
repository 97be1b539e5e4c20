"""Connections over sockets, to a small app behind the server of the service, with small limits."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPResponse
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
from processes import PATIENCE_S, wait_until
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from teachtext.cli.serve import _listening
from teachtext.service.bodies import BoundedBodies, Pace
from teachtext.service.connections import Limits, make_server, most_connections
from teachtext.service.rates import Rate
from teachtext.service.security import Access, Guard

pytestmark = pytest.mark.server
LIMITS = Limits(connections=8, headers_s=1.0, unread_s=1.0, rest_s=1.0)
PATIENT = Limits(connections=8, headers_s=600.0, unread_s=600.0, rest_s=600.0)
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
LARGE = 2**26


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        return
    request, answer = Request(scope, receive), Response()
    if scope["path"] == "/large":
        answer = Response(b"0" * LARGE)
    elif scope["method"] == "POST" and scope["path"] == "/read":
        answer = PlainTextResponse(str(len(await request.body())))
    else:
        answer = JSONResponse({"client": scope["client"][0], "scheme": scope["scheme"]})
    await answer(scope, receive, send)


def bounded(app: Any, *, silence_s: float = 1.0) -> Any:
    def refuse(request: Request, error: Any) -> Response:
        return JSONResponse({"problem": error.problem, "mend": error.mend}, HTTPStatus.REQUEST_TIMEOUT)

    return BoundedBodies(app, refuse=refuse, most_bytes={"/read": 2**30}, pace=Pace(silence_s, 1000.0 / silence_s))


@contextmanager
def served(
    app: Any, *, limits: Limits = PATIENT, proxies: tuple[str, ...] = ()
) -> Iterator[Callable[[], socket.socket]]:
    """Serve an app in a thread; yield what opens a connection to it."""
    server = make_server(app, limits=limits, proxies=proxies)
    listening = socket.create_server(("127.0.0.1", 0), backlog=512)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()

    def connect() -> socket.socket:
        return socket.create_connection(listening.getsockname(), timeout=PATIENCE_S)

    wait_until(lambda: server.started, "the server does not start")
    try:
        yield connect
    finally:
        server.should_exit = server.force_exit = True
        thread.join(PATIENCE_S)
        listening.close()


def answer_of(connection: socket.socket) -> bytes:
    """Return all that comes until the connection ends."""
    parts = []
    try:
        while part := connection.recv(2**20):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def status_of(connection: socket.socket) -> int:
    """Return the status of an answer that is read whole."""
    answer = HTTPResponse(connection)
    answer.begin()
    answer.read()
    return answer.status


def asked(connect: Callable[[], socket.socket], request: bytes = GET) -> int:
    with connect() as connection:
        connection.sendall(request)
        return status_of(connection)


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"POST /login HTTP/1.1\r\nHost: localhost\r\nA: b\r\n"])
def test_a_connection_that_says_nothing_is_closed(begun: bytes):
    with served(bounded(app), limits=LIMITS) as connect, connect() as connection:
        connection.sendall(begun)
        assert answer_of(connection) == b""
        assert asked(connect) == 200


def test_headers_that_drip_are_not_waited_for():
    with served(bounded(app), limits=LIMITS) as connect, connect() as connection, pytest.raises(OSError):
        for _ in range(10**6):
            connection.sendall(b"X")
            time.sleep(0.01)


def test_silent_connections_make_room_for_others():
    """More connections than are allowed, all of them new and silent: whoever asks is answered at once."""
    with served(bounded(app)) as connect, ExitStack() as stack:
        silent = [stack.enter_context(connect()) for _ in range(40)]
        for connection in silent[::2]:
            with suppress(OSError):
                connection.sendall(b"POST /login HTTP/1.1\r\n")
        assert [asked(connect) for _ in range(5)] == [200] * 5


def test_connections_at_work_are_not_closed_for_others():
    with served(bounded(app, silence_s=600.0)) as connect, ExitStack() as stack:
        working = [stack.enter_context(connect()) for _ in range(PATIENT.connections)]
        for connection in working:
            # the server asks for the body: the request is at work
            connection.sendall(
                b"POST /read HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
            )
            assert connection.recv(2**16).startswith(b"HTTP/1.1 100")
        late = stack.enter_context(connect())
        assert answer_of(late).startswith(b"HTTP/1.1 503")
        for connection in working:
            connection.sendall(b"body")
            assert status_of(connection) == 200


def test_a_kept_connection_answers_again():
    with served(bounded(app)) as connect, connect() as connection:
        for _ in range(3):
            connection.sendall(GET)
            assert status_of(connection) == 200


def test_the_headers_of_a_later_request_are_not_waited_for():
    with served(bounded(app), limits=LIMITS) as connect, connect() as connection:
        connection.sendall(GET)
        assert status_of(connection) == 200
        connection.sendall(b"GET / HTTP/1.1\r\n")
        assert answer_of(connection) == b""


@pytest.mark.parametrize("length", [b"Content-Length: 1000000", b"Transfer-Encoding: chunked"])
def test_a_body_that_stops_is_refused_and_the_connection_ends(length: bytes):
    with served(bounded(app)) as connect, connect() as connection:
        connection.sendall(b"POST /read HTTP/1.1\r\nHost: localhost\r\n" + length + b"\r\n\r\n5\r\nhello\r\n")
        answer = answer_of(connection)
        assert answer.startswith(b"HTTP/1.1 408") and b"does not come in" in answer


@pytest.mark.parametrize("length", [b"Content-Length: 100000000", b"Transfer-Encoding: chunked"])
def test_a_body_that_nobody_reads_ends_with_the_answer(length: bytes):
    """The client goes on sending, without end."""
    with served(bounded(app), limits=LIMITS) as connect, connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + length + b"\r\n\r\n")
        assert status_of(connection) in (200, 408)
        piece = b"400\r\n" + b"0" * 1024 + b"\r\n"
        with pytest.raises(OSError):
            for _ in range(10**6):
                connection.sendall(piece)
                time.sleep(0.001)


def test_a_small_body_that_nobody_reads_costs_no_connection():
    with served(bounded(app)) as connect, connect() as connection:
        for _ in range(3):
            connection.sendall(b"DELETE / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n")
            assert status_of(connection) == 200
            connection.sendall(b"hello")


def test_an_answer_that_is_not_read_is_given_up():
    with served(bounded(app), limits=LIMITS) as connect, connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(2 * LIMITS.unread_s)
        assert len(answer_of(connection)) < LARGE
        assert asked(connect) == 200


def test_an_answer_that_is_read_slowly_comes_whole():
    with served(bounded(app)) as connect, connect() as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        size = 0
        while part := connection.recv(2**22):
            size += len(part)
            time.sleep(0.02)
        assert size > LARGE


@pytest.mark.parametrize(
    "request_text",
    [
        b"GET /" + b"a" * 10**6 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 10**6 + b"\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST /read HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
    ],
)
def test_what_is_not_http_gets_a_problem_and_a_mend(request_text: bytes):
    with served(bounded(app)) as connect, connect() as connection:
        connection.sendall(request_text)
        head, _, body = answer_of(connection).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400")
        assert set(json.loads(body)) == {"problem", "mend"}


def ask_as(connect: Callable[[], socket.socket], forwarded: str, token: str) -> int:
    headers = f"Host: localhost\r\nX-Forwarded-For: {forwarded}\r\nAuthorization: Bearer {token}\r\n\r\n"
    return asked(connect, f"GET /api/tags HTTP/1.1\r\n{headers}".encode())


def test_a_forged_address_buys_no_guesses():
    guard = Guard(app, hosts=["localhost"], access=Access("secret"), rate=Rate(1000, 60.0))
    with served(guard) as connect:
        assert [ask_as(connect, f"203.0.113.{number}", "wrong") for number in range(21)] == [401] * 20 + [429]


def test_a_trusted_proxy_names_its_clients():
    """Guesses of one client shut out no other one, and what a client itself writes before does not count."""
    guard = Guard(app, hosts=["localhost"], access=Access("secret"), rate=None)
    with served(guard, proxies=("127.0.0.0/8",)) as connect:
        guesses = [ask_as(connect, f"198.51.100.{number}, 203.0.113.9", "wrong") for number in range(21)]
        assert guesses == [401] * 20 + [429]
        assert ask_as(connect, "203.0.113.10", "secret") == 200


def test_a_proxy_that_is_not_trusted_is_not_believed_about_https():
    request = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n"
    for proxies, client, scheme in [((), "127.0.0.1", "http"), (("127.0.0.1",), "203.0.113.9", "https")]:
        with served(app, proxies=proxies) as connect, connect() as connection:
            connection.sendall(request)
            answer = HTTPResponse(connection)
            answer.begin()
            assert json.loads(answer.read()) == {"client": client, "scheme": scheme}


def test_connections_leave_files_for_everything_else():
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        assert most_connections() == 64
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert 8 <= most_connections() <= 500


def test_an_answer_of_the_service_does_not_wait_for_an_acknowledgement():
    async def accepted() -> int:
        delays: list[int] = []

        class Protocol(asyncio.Protocol):
            def connection_made(self, transport):
                delays.append(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
                transport.close()

        listening = _listening("127.0.0.1", 0)
        server = await asyncio.get_running_loop().create_server(Protocol, sock=listening)
        reader, writer = await asyncio.open_connection(*listening.getsockname()[:2])
        await reader.read()
        writer.close()
        server.close()
        return delays[0]

    assert asyncio.run(accepted()) != 0
