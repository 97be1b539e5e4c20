"""The guard of the service: host names, tokens, requests of other sites, rates; and security headers."""

import hmac
import re
import secrets
from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from teachtext.service.cors import is_named
from teachtext.service.rates import Rate, RateLimiter, client_of

COOKIE = "teachtext"
_OPEN = ("/login", "/api/health/live")
_STATIC = "/static/"
# one page sends many of these requests
_UNCOUNTED = (_STATIC, "/api/files/", "/api/v1/playback-files/", "/api/health/", "/metrics")
# wrong tokens that one client may send
_GUESSES = Rate(20, 60.0)
# a name or an IPv4 address, or an IPv6 address; then perhaps a port
_HOST = re.compile(r"([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.ASCII)
# what an address asks for; each parameter costs time before it is refused
_MOST_PARAMETERS = 100
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


class Access:
    """The token of the service, and the cookie that stands for the token in browsers.

    The cookie is derived from the token and from a secret that this process alone has. So a cookie that leaks is not
    the token, cannot be guessed, and ends with the process.

    Args:
        token: every request has to carry the token or the cookie.
    """

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        self.cookie = hmac.new(secrets.token_bytes(32), self._token, "sha256").hexdigest()

    def is_token(self, text: str) -> bool:
        """Return whether a text is the token, in a time that does not depend on where the two differ."""
        return hmac.compare_digest(text.encode(errors="replace"), self._token)

    def is_cookie(self, text: str) -> bool:
        """Return whether a text is the cookie."""
        return hmac.compare_digest(text.encode(errors="replace"), self.cookie.encode())


class Guard:
    """ASGI middleware that refuses requests before anything else handles them.

    The guard reads the path and the headers as the server received them. It never reads an address that is put together
    from the Host header, which a client writes as it likes.

    Starlette's TrustedHostMiddleware does not serve here: it cuts IPv6 addresses at their first colon, and answers with
    text instead of the JSON of this API.

    Args:
        app: the guarded app.
        hosts: host names under which the service answers; "*" allows all. Other names are refused, because another
            site's name may lead to this machine.
        access: what every request has to carry, as `Authorization: Bearer` or as the cookie that /login sets; None for
            no token.
        rate: how many requests one client may send.
        origins: of pages of other sites that may use the API (see `ApiCors`).
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: Sequence[str],
        access: Access | None,
        rate: Rate | None,
        origins: Sequence[str] = (),
    ) -> None:
        self._app = app
        self._hosts = {host.lower() for host in hosts}
        self._access = access
        self._origins = origins
        self._requests = RateLimiter(rate) if rate else None
        self._wrong_tokens, self._logins = RateLimiter(_GUESSES), RateLimiter(_GUESSES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it to the app."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            # the service has no route for a WebSocket
            await send({"type": "websocket.close", "code": 1008})
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    # a response may set its own policy
                    headers.setdefault(name, value)
            await send(message)

        refused = self._refuse(scope, Headers(scope=scope))
        await (refused or self._app)(scope, receive, send_with_headers)

    def _refuse(self, scope: Scope, headers: Headers) -> Response | None:
        path, method = scope["path"], scope["method"]
        refused = self._refuse_host(headers)
        if refused:
            return refused
        if scope["query_string"].count(b"&") >= _MOST_PARAMETERS:
            problem = f"the address has more than {_MOST_PARAMETERS} parameters"
            return refusal(HTTPStatus.BAD_REQUEST, problem, "ask for less at once")
        is_change = method not in ("GET", "HEAD", "OPTIONS")
        if is_change and _is_foreign(headers) and not is_named(headers, path, self._origins):
            return refusal(HTTPStatus.FORBIDDEN, "another site cannot change anything here", "use this site's own page")
        client = client_of(scope["client"][0]) if scope.get("client") else ""
        if self._requests and not path.startswith(_UNCOUNTED) and (wait := self._requests.hit(client)):
            return _too_many(wait)
        return None if self._access is None else self._refuse_without_token(scope, headers, client, self._access)

    def _refuse_host(self, headers: Headers) -> Response | None:
        written = headers.getlist("host")
        if not written and "*" in self._hosts:
            # a probe of HTTP/1.0
            return None
        match = _HOST.fullmatch(written[0].lower()) if len(written) == 1 else None
        if match is None:
            problem = "the Host header is not a name or an address, with a port or without"
            return refusal(HTTPStatus.BAD_REQUEST, problem, "send the host of the service's address")
        if "*" not in self._hosts and match[1] not in self._hosts:
            return refusal(HTTPStatus.MISDIRECTED_REQUEST, "this is not the service of that name", "check the address")
        return None

    def _refuse_without_token(self, scope: Scope, headers: Headers, client: str, access: Access) -> Response | None:
        path, method = scope["path"], scope["method"]
        if path == "/login" and method == "POST":
            wait = self._logins.hit(client)
            return _too_many(wait) if wait else None
        # before the tokens: nobody guesses a cookie, so guesses of others at the same address shut nobody out
        if access.is_cookie(HTTPConnection(scope).cookies.get(COOKIE, "")):
            return None
        carried = _carried_token(headers)
        # before the answer shows whether this token is right
        if carried and (wait := self._wrong_tokens.wait(client)):
            return _too_many(wait)
        if access.is_token(carried):
            return None
        if carried:
            self._wrong_tokens.hit(client)
        if path in _OPEN or path.startswith(_STATIC):
            return None
        if method == "GET" and "text/html" in headers.get("accept", ""):
            return RedirectResponse(_login_address(scope), status_code=HTTPStatus.SEE_OTHER)
        answer = refusal(HTTPStatus.UNAUTHORIZED, "a token is needed", "send 'Authorization: Bearer TOKEN', or log in")
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer


def refusal(status: HTTPStatus, problem: str, mend: str) -> JSONResponse:
    """Return an error in the JSON of the API."""
    return JSONResponse({"problem": problem, "mend": mend}, status)


def _carried_token(headers: Headers) -> str:
    """Return the token that a request carries in its header, or an empty string."""
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token if kind.lower() == "bearer" else ""


def _login_address(scope: Scope) -> str:
    """Return the address of the log-in, which leads back to what was asked for."""
    query = scope["query_string"].decode("latin-1")
    wanted = quote(scope["path"]) + (f"?{query}" if query else "")
    return "/login" if wanted == "/" else f"/login?next={quote(wanted, safe='')}"


def _too_many(wait: int) -> Response:
    answer = refusal(HTTPStatus.TOO_MANY_REQUESTS, "too many requests", f"try again in {wait} s")
    answer.headers["Retry-After"] = str(wait)
    return answer


def _is_foreign(headers: Headers) -> bool:
    """Return whether a browser sends this request for another site."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2].lower() != headers.get("host", "").lower()
