"""Pages of other sites that may use the API: those whose origins the operator names."""

import re
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from teachtext.errors import InputError

EVERY = "*"
API = "/api/"
_ORIGIN = re.compile(r"https?://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.ASCII)
_READS = ("GET", "HEAD")
_METHODS = (*_READS, "POST", "PATCH", "DELETE")
_DAY_S = 86_400


def check_origins(origins: Sequence[str], *, has_token: bool) -> list[str]:
    """Return origins as browsers write them.

    Raises:
        InputError: a text is not an origin, or all origins are allowed although there is a token.

    >>> check_origins(["https://Example.org"], has_token=True)
    ['https://example.org']
    """
    if EVERY in origins and has_token:
        raise InputError("--cors '*' lets every site use the token", "name the origins, such as https://example.org")
    lowered = [origin.lower() for origin in origins]
    for origin, written in zip(lowered, origins, strict=True):
        if origin != EVERY and not _ORIGIN.fullmatch(origin):
            raise InputError(f"--cors '{written}' is not an origin", "write it as https://example.org, without a path")
    return lowered


class ApiCors:
    """ASGI middleware that lets pages of some origins use the API, and nothing else of the service.

    Cookies are never let in: a page sends the token in its header. With `*` every page may read, and none may change
    anything.

    Args:
        app: the app.
        origins: see `check_origins`.
    """

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._open = CORSMiddleware(
            app,
            allow_origins=list(origins),
            allow_methods=_READS if EVERY in origins else _METHODS,
            allow_headers=["Authorization", "Content-Type", "Range"],
            expose_headers=["Content-Range", "Retry-After"],
            max_age=_DAY_S,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the question of a browser whether a page may ask, or pass a request on."""
        is_api = scope["type"] == "http" and scope["path"].startswith(API)
        await (self._open if is_api else self._app)(scope, receive, send)


def is_named(headers: Headers, path: str, origins: Sequence[str]) -> bool:
    """Return whether a request comes from a page that may change something by the API."""
    return path.startswith(API) and headers.get("origin", "").lower() in origins
