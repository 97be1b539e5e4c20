"""HTTP with a search service: requests, and every way in which they fail as one clear error."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from http.client import HTTPException
from typing import Any, BinaryIO
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from teachtext.arguments import check_string
from teachtext.errors import Busy, InputError, NotFound, Unavailable

_API = 1


class TooManyRequests(Busy):
    """A service wants fewer requests.

    Attributes:
        wait_s: seconds until the next request.
    """

    wait_s: float = 1.0


class Service:
    """A service at an address.

    Args:
        url: its address.
        token: of the service, if it wants one.
        timeout: seconds in which it has to answer.

    Attributes:
        url: its address, without a slash at its end.

    Raises:
        InputError: the address, the token or the time cannot be used.
    """

    def __init__(self, url: str, token: str | None = None, *, timeout: float = 30.0) -> None:
        if not _is_address(url):
            raise InputError(f"'{url}' is not the address of a service", "write it as http://127.0.0.1:8000")
        if token is not None and not (check_string("token", token) and token.isprintable() and token.isascii()):
            raise InputError("the token is empty, or has letters that no header takes", "give the token of the service")
        if not timeout > 0:
            raise InputError(f"timeout is {timeout}", "give a number of seconds above 0")
        self.url = url.rstrip("/")
        self._timeout = timeout
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._opener = build_opener(_NoRedirects)

    def address(self, path: str, **parameters: Any) -> str:
        """Return a whole address. Empty parameters are left out."""
        given = {name: value for name, value in parameters.items() if value not in ("", [])}
        return f"{self.url}{path}" + (f"?{urlencode(given, doseq=True)}" if given else "")

    def get(self, path: str, **parameters: Any) -> Any:
        """Return the JSON at a path."""
        return self._answer(Request(self.address(path, **parameters)))

    def send(self, method: str, path: str, body: Any) -> Any:
        """Send JSON, and return the JSON of the answer."""
        content = b"" if body is None else json.dumps(body).encode()
        return self._answer(Request(self.address(path), content, {"Content-Type": "application/json"}, method=method))

    def upload(self, path: str, content: BinaryIO, length: int, **parameters: Any) -> Any:
        """Send a file of so many bytes, and return the JSON of the answer."""
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(length)}
        return self._answer(Request(self.address(path, **parameters), content, headers, method="POST"))

    def _answer(self, request: Request) -> Any:
        """Send a request, and return the JSON of the answer."""
        for name, value in self._headers.items():
            request.add_header(name, value)
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                content = answer.read()
        except HTTPError as error:
            with error:
                raise self._error(error.code, error.read(), error.headers) from error
        except HTTPException as error:
            raise self._stranger() from error
        except (OSError, ValueError) as error:
            reason = error.reason if isinstance(error, URLError) else error
            if isinstance(reason, TimeoutError):
                raise Unavailable(
                    f"{self.url} has not answered within {self._timeout:g} s", "try again, or give a longer timeout"
                ) from error
            raise Unavailable(
                f"nobody answers at {self.url} ({getattr(reason, 'strerror', None) or reason})",
                "start the service with teachtext serve, or check the address",
            ) from error
        try:
            return json.loads(content)
        except ValueError as error:
            raise self._stranger() from error

    def _error(self, status: int, content: bytes, headers: Any) -> InputError:
        """Return the error that an answer stands for."""
        try:
            body = json.loads(content)
            problem, mend = str(body["problem"]), str(body["mend"])
        except (ValueError, TypeError, KeyError):
            if status in range(300, 400):
                place = headers.get("Location", "another address")
                return InputError(f"{self.url} redirects to {place}", "give the last address")
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                return Unavailable(f"{self.url} answers with status {status}", "try again later")
            return self._stranger()
        if status == HTTPStatus.UNAUTHORIZED:
            has_token = bool(self._headers)
            return InputError(
                f"{self.url} does not take this token" if has_token else f"{self.url} wants a token",
                "give the token with which the service was started: connect(url, token=...)",
            )
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            wait = headers.get("Retry-After", "")
            busy = TooManyRequests(f"{self.url} wants fewer requests", f"try again in {wait or 'some'} s")
            busy.wait_s = float(wait) if wait.isdecimal() else TooManyRequests.wait_s
            return busy
        kinds: Mapping[int, type[InputError]] = {404: NotFound, 409: Busy, 503: Unavailable, 507: Unavailable}
        return kinds.get(status, InputError)(problem, mend)

    def _stranger(self) -> InputError:
        return InputError(f"{self.url} is not a TeachText service", "give the address that teachtext serve prints")

    def check(self) -> None:
        """Check that a service of this version of the API answers.

        Raises:
            InputError: see `teachtext.connect`.
        """
        try:
            about = self.get("/api/about")
        except NotFound:
            about = None
        if isinstance(about, dict) and about.get("service") == "teachtext":
            versions = about.get("api", [])
            if _API not in versions:
                spoken = ", ".join(map(str, versions))
                raise InputError(
                    f"{self.url} speaks version {spoken} of the API, not version {_API}",
                    "install the package of the service's version",
                )
            return
        # a service from before the first version also tells its name
        document = self.get("/api/openapi.json") if about is None else None
        if isinstance(document, dict) and document.get("info", {}).get("title") == "TeachText":
            raise InputError(f"{self.url} does not speak version {_API} of the API", "update the service")
        raise self._stranger()


class _NoRedirects(HTTPRedirectHandler):
    """Follows no redirect, which could lead the token to another machine."""

    def redirect_request(self, *_: Any) -> None:
        return None


def as_part(name: str) -> str:
    """Return an id as a part of an address."""
    return quote(check_string("id", name), safe="/")


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    is_plain = url.isprintable() and " " not in url and not (parts.query or parts.fragment or "@" in parts.netloc)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and is_plain and port != 0
