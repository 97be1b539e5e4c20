"""Connections of the service: how many there are, and how long one may be silent or leave an answer unread.

uvicorn closes a connection that is silent after an answer. It waits without end for the first request, for the rest of
a request's headers, and for a client that does not read.
"""

import asyncio
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

# seconds after the limit of a stop, in which what was broken off is cleared away
_CLEARING_S = 2.0
# the exit code of a command that was told to stop
_STOPPED = 130
_logger = logging.getLogger(__name__)


class Limits(NamedTuple):
    """Limits of the connections of a service.

    Attributes:
        connections: connections at once. One more takes the place of the one that has waited for a request longest.
        headers_s: seconds for all headers of a request.
        unread_s: seconds in which a client reads some of an answer.
        rest_s: seconds in which the rest of a body is thrown away after the answer.
    """

    connections: int = 500
    headers_s: float = 10.0
    unread_s: float = 120.0
    rest_s: float = 5.0


def most_connections() -> int:
    """Return how many connections this process can hold: a quarter of the files that it may open, at most 500."""
    try:
        import resource
    except ImportError:
        return Limits().connections
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Limits().connections if files < 0 else max(8, min(Limits().connections, files // 4))


def make_server(
    app: Any,
    *,
    limits: Limits,
    proxies: Sequence[str] = (),
    stop_s: float = 10.0,
    on_stop: Callable[[], None] = lambda: None,
) -> uvicorn.Server:
    """Return a server of an ASGI app.

    A signal stops the server: it takes no more requests, and finishes those that it has.

    Args:
        app: the app.
        limits: limits of its connections.
        proxies: addresses or networks of proxies. Only of them, X-Forwarded-For and X-Forwarded-Proto are believed.
        stop_s: seconds in which requests are finished at a stop.
        on_stop: called when the stop begins.
    """
    config = uvicorn.Config(
        app,
        http=type("BoundedConnection", (_BoundedConnection,), {"limits": limits}),
        ws="none",
        # asyncio accepts so many at once before one of them can make room
        backlog=max(8, limits.connections // 4),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        # uvicorn counts whole seconds, but waits for any number of them
        timeout_graceful_shutdown=stop_s,  # type: ignore[arg-type]
    )
    return _Server(config, on_stop)


def end_process_after(stop_s: float) -> None:
    """End this process soon after the limit of a stop, if a thread hangs. Nothing that is written needs an end."""

    def end() -> None:
        _logger.warning("the service ends %g s after its limit, with work that does not end", _CLEARING_S)
        os._exit(_STOPPED)

    last = threading.Timer(stop_s + _CLEARING_S, end)
    last.daemon = True
    last.start()


class _Server(uvicorn.Server):
    """A server that says when its stop begins."""

    def __init__(self, config: uvicorn.Config, on_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_stop = on_stop

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what is under way, within limits."""
        self._on_stop()
        await super().shutdown(sockets)


class _BoundedConnection(H11Protocol):
    """A connection that ends when its client does nothing for too long."""

    limits = Limits()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._timer: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._since = time.monotonic()
        self._is_refused = False

    @property
    def is_waiting(self) -> bool:
        """Whether no request of this connection is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections and not self._make_room():
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections", "try again later")
            return
        self._start_timer(self.limits.headers_s)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._stop_unread()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        super().data_received(data)
        if not self.is_waiting:
            self._stop_timer()
        elif self._timer is None:
            # the first bytes of another request
            self._start_timer(self.limits.headers_s)

    def on_response_complete(self) -> None:
        self._since = time.monotonic()
        super().on_response_complete()
        if self.is_waiting and self.conn.their_state is h11.SEND_BODY:
            # the client reads the answer while uvicorn throws away the rest of the body
            self._start_timer(self.limits.rest_s)

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        # a client that does not read keeps a closed connection open
        self._start_timer(self.limits.rest_s)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self.loop.call_later(self.limits.unread_s, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_unread()

    def send_400_response(self, msg: str) -> None:
        if not self.is_waiting and self.cycle.response_started:
            self.transport.abort()
            return
        problem = "the request is not HTTP, or its address or headers are too long"
        self._refuse(HTTPStatus.BAD_REQUEST, problem, "send a shorter request")

    def _start_timer(self, seconds: float) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, self.transport.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _stop_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _make_room(self) -> bool:
        waiting = [
            other
            for other in self.connections
            if isinstance(other, _BoundedConnection) and other is not self and other.is_waiting
        ]
        if waiting:
            min(waiting, key=lambda connection: connection._since).transport.abort()
        return bool(waiting)

    def _refuse(self, status: HTTPStatus, problem: str, mend: str) -> None:
        body = json.dumps({"problem": problem, "mend": mend}).encode()
        head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
        self.transport.write(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        # closed at once, the connection would be reset while the client still sends, and the answer lost
        self._is_refused = True
        self.transport.write_eof()
        self._start_timer(self.limits.rest_s)
