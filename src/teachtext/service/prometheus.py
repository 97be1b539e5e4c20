"""Metrics for Prometheus: requests and their duration, the number of videos, whether the store answers."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from teachtext.errors import InputError
from teachtext.search.searcher import Searcher

# a label has few values, because each is a series that is kept
_METHODS = {"GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH"}
_BOUNDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class ServiceMetrics:
    """The metrics of one service.

    Args:
        searcher: of the index.
    """

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher
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
        """Return all metrics in the text format of Prometheus."""
        try:
            self._videos.set(self._searcher.snapshot().video_count)
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
            begin, status = time.perf_counter(), 500

            async def send_and_note(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            try:
                await app(scope, receive, send_and_note)
            finally:
                # the pattern of the route, because every id would make another series
                route = getattr(scope.get("route"), "path", "none")
                method = scope["method"] if scope["method"] in _METHODS else "other"
                self._requests.labels(route, method, str(status)).inc()
                self._seconds.labels(route).observe(time.perf_counter() - begin)

        return counted
