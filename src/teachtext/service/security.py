"""The guard of the service: host names, tokens, requests of other sites, rates; and security headers."""

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
# one page sends many of these requests
_UNCOUNTED = ("/static/", "/api/thumbnails/", "/api/files/", "/api/health/", "/metrics")
# wrong tokens that one address may send
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
    """ASGI middleware that refuses requests before anything else handles them.

    Starlette's TrustedHostMiddleware does not serve here: it cuts IPv6 addresses at their first colon, and answers with
    text instead of the JSON of this API.

    Args:
        app: the guarded app.
        hosts: host names under which the service answers; "*" allows all. Other names are refused, because another
            site's name may lead to this machine.
        token: every request has to carry it, as `Authorization: Bearer` or as the cookie that /login sets; None for no
            token.
        rate: how many requests one address may send.
    """

    def __init__(self, app: ASGIApp, *, hosts: Sequence[str], token: str | None, rate: RateLimitItem | None) -> None:
        self._app = app
        self._hosts = {host.lower() for host in hosts}
        self._token = token
        self._rate = rate
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it to the app."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    # a response may set its own policy
                    headers.setdefault(name, value)
            await send(message)

        refused = self._refuse(HTTPConnection(scope), scope["method"])
        await (refused or self._app)(scope, receive, send_with_headers)

    def _refuse(self, request: HTTPConnection, method: str) -> Response | None:
        path = request.url.path
        host = (request.headers.get("host") or "").lower()
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        if "*" not in self._hosts and name not in self._hosts:
            return refusal(HTTPStatus.MISDIRECTED_REQUEST, "this is not the service of that name", "check the address")
        if method not in ("GET", "HEAD", "OPTIONS") and _is_foreign(request.headers, host):
            return refusal(HTTPStatus.FORBIDDEN, "another site cannot change anything here", "use this site's own page")
        client = request.client.host if request.client else ""
        if self._rate and not path.startswith(_UNCOUNTED) and not self._limiter.hit(self._rate, client):
            return self._too_many(self._rate, client)
        return None if self._token is None else self._refuse_without_token(request, method, client, self._token)

    def _refuse_without_token(self, request: HTTPConnection, method: str, client: str, token: str) -> Response | None:
        path, carried = request.url.path, _carried_token(request)
        if path == "/login" and method == "POST":
            return None if self._limiter.hit(_GUESSES, "login", client) else self._too_many(_GUESSES, "login", client)
        # before the answer shows whether this token is right
        if carried and not self._limiter.test(_GUESSES, "shown", client):
            return self._too_many(_GUESSES, "shown", client)
        if same_token(carried, token):
            return None
        if carried:
            self._limiter.hit(_GUESSES, "shown", client)
        if path.startswith(_OPEN):
            return None
        if method == "GET" and "text/html" in request.headers.get("accept", ""):
            return RedirectResponse("/login", status_code=HTTPStatus.SEE_OTHER)
        answer = refusal(HTTPStatus.UNAUTHORIZED, "a token is needed", "send 'Authorization: Bearer TOKEN', or log in")
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer

    def _too_many(self, rate: RateLimitItem, *keys: str) -> Response:
        wait = max(1, round(self._limiter.get_window_stats(rate, *keys).reset_time - time.time()))
        answer = refusal(HTTPStatus.TOO_MANY_REQUESTS, "too many requests", f"try again in {wait} s")
        answer.headers["Retry-After"] = str(wait)
        return answer


def _carried_token(request: HTTPConnection) -> str:
    """Return the token that a request carries, or an empty string."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token if kind.lower() == "bearer" else request.cookies.get(COOKIE, "")


def rate_of(text: str) -> RateLimitItem | None:
    """Parse a rate, such as `600/minute`, or `none`.

    Raises:
        InputError: the text is not a rate.
    """
    if text == "none":
        return None
    try:
        return parse(text)
    except ValueError as error:
        raise InputError(f"rate '{text}' is not understood", "write 600/minute, 10/second or none") from error


def same_token(carried: str, token: str) -> bool:
    """Return whether two tokens are equal, in a time that does not depend on where they differ."""
    return hmac.compare_digest(carried.encode(errors="replace"), token.encode())


def refusal(status: HTTPStatus, problem: str, mend: str) -> JSONResponse:
    """Return an error in the JSON of the API."""
    return JSONResponse({"problem": problem, "mend": mend}, status)


def _is_foreign(headers: Headers, host: str) -> bool:
    """Return whether a browser sends this request for another site."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2].lower() != host
