"""What Prometheus may read: requests, how long they take, how many videos there are."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from teachtext.errors import InputError
from teachtext.service.state import Library

_BOUNDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class ServiceMetrics:
    """The measures of one service.

    Args:
        library: the index whose size is told.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "teachtext_requests", "Requests answered.", ["route", "method", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "teachtext_request_seconds",
            "From request to whole answer.",
            ["route"],
            buckets=_BOUNDS,
            registry=self._registry,
        )
        self._videos = Gauge("teachtext_videos", "Videos in the index.", registry=self._registry)
        self._up = Gauge("teachtext_store_up", "Whether the store answers.", registry=self._registry)

    def text(self) -> bytes:
        """Return all of them as Prometheus reads them."""
        try:
            self._videos.set(self._library.count())
            self._up.set(1)
        except InputError:
            self._up.set(0)
        return generate_latest(self._registry)

    def counting(self, app: ASGIApp) -> ASGIApp:
        """Return an ASGI app whose requests are counted."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            begun, status = time.perf_counter(), 500

            async def noting(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            try:
                await app(scope, receive, noting)
            finally:
                # the pattern, for every id would be a series of its own
                route = getattr(scope.get("route"), "path", "none")
                self._requests.labels(route, scope["method"], str(status)).inc()
                self._seconds.labels(route).observe(time.perf_counter() - begun)

        return counted
