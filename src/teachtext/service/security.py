"""Who may ask what: host names, tokens, other sites, rates; and the headers that keep a page to itself."""

import hmac
import time
from collections.abc import Sequence
from http import HTTPStatus

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from teachtext.errors import InputError

COOKIE = "teachtext"
_OPEN = ("/login", "/static/", "/api/health/live")
# many of them belong to one page
_UNCOUNTED = ("/static/", "/api/thumbnails/", "/api/files/", "/api/health/", "/metrics")
# wrong tokens of one address
_GUESSES = parse("20/minute")
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


class Guard:
    """ASGI middleware before everything else.

    Args:
        app: what it guards.
        hosts: names that the service may be called by; any if "*" is one of them. (Another site's name that leads to
            this machine is refused.)
        token: what everybody has to show, as `Authorization: Bearer` or as the cookie that /login gives; None: nothing.
        rate: requests that one address may make.
    """

    def __init__(self, app: ASGIApp, *, hosts: Sequence[str], token: str | None, rate: RateLimitItem | None) -> None:
        self._app = app
        self._hosts = {host.lower() for host in hosts}
        self._token = token
        self._rate = rate
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    # the pages of the API's documentation set their own policy
                    headers.setdefault(name, value)
            await send(message)

        refused = self._refuse(HTTPConnection(scope), scope["method"])
        await (refused or self._app)(scope, receive, send_with_headers)

    def _refuse(self, asked: HTTPConnection, method: str) -> Response | None:
        path = asked.url.path
        host = (asked.headers.get("host") or "").lower()
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        if "*" not in self._hosts and name not in self._hosts:
            return refusal(HTTPStatus.MISDIRECTED_REQUEST, "this is not the service of that name", "check the address")
        if method not in ("GET", "HEAD", "OPTIONS") and _is_foreign(asked.headers, host):
            return refusal(
                HTTPStatus.FORBIDDEN, "another site may not change anything here", "use this site's own page"
            )
        client = asked.client.host if asked.client else ""
        if self._rate and not path.startswith(_UNCOUNTED) and not self._limiter.hit(self._rate, client):
            return self._too_many(self._rate, client)
        return None if self._token is None else self._refuse_stranger(asked, method, client, self._token)

    def _refuse_stranger(self, asked: HTTPConnection, method: str, client: str, token: str) -> Response | None:
        path, shown = asked.url.path, _shown(asked)
        if path == "/login" and method == "POST":
            return None if self._limiter.hit(_GUESSES, "login", client) else self._too_many(_GUESSES, "login", client)
        # before it is told whether this one is right
        if shown and not self._limiter.test(_GUESSES, "shown", client):
            return self._too_many(_GUESSES, "shown", client)
        if same_token(shown, token):
            return None
        if shown:
            self._limiter.hit(_GUESSES, "shown", client)
        if path.startswith(_OPEN):
            return None
        if method == "GET" and "text/html" in asked.headers.get("accept", ""):
            return RedirectResponse("/login", status_code=HTTPStatus.SEE_OTHER)
        told = refusal(HTTPStatus.UNAUTHORIZED, "a token is needed", "send 'Authorization: Bearer TOKEN', or log in")
        told.headers["WWW-Authenticate"] = "Bearer"
        return told

    def _too_many(self, rate: RateLimitItem, *of: str) -> Response:
        wait = max(1, round(self._limiter.get_window_stats(rate, *of).reset_time - time.time()))
        told = refusal(HTTPStatus.TOO_MANY_REQUESTS, "too many requests", f"try again in {wait} s")
        told.headers["Retry-After"] = str(wait)
        return told


def _shown(asked: HTTPConnection) -> str:
    """Return the token that a request shows, or nothing."""
    kind, _, shown = asked.headers.get("authorization", "").partition(" ")
    return shown if kind.lower() == "bearer" else asked.cookies.get(COOKIE, "")


def rate_of(told: str) -> RateLimitItem | None:
    """Read a rate, such as `600/minute`; or `none`.

    Raises:
        InputError: it is not understood.
    """
    if told == "none":
        return None
    try:
        return parse(told)
    except ValueError as error:
        raise InputError(f"rate '{told}' is not understood", "write 600/minute, 10/second or none") from error


def same_token(shown: str, token: str) -> bool:
    """Say whether two tokens are the same, in a time that does not depend on where they differ."""
    return hmac.compare_digest(shown.encode(errors="replace"), token.encode())


def refusal(status: HTTPStatus, problem: str, mend: str) -> JSONResponse:
    """Return an error as the API gives it."""
    return JSONResponse({"problem": problem, "mend": mend}, status)


def _is_foreign(headers: Headers, host: str) -> bool:
    """Say whether a browser sends this for another site than ours."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2].lower() != host
