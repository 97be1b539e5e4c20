"""The service under a path of a proxy's host, such as https://example.org/videos."""

import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from teachtext.errors import InputError

_ROOT = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")
# what the addresses of the service begin with
_OWN = ("api", "export", "like", "login", "logout", "metrics", "missing", "remove", "static", "upload", "video")
# templates write addresses as if the service stood at the root of its host; no text of others has a bare quotation mark
_ADDRESS = re.compile(r'(?<=\s)(href|src|action|poster|data-src|data-other)="/')


def check_root_path(text: str) -> str:
    """Return the path without a slash at its end; an empty string for the root of the host.

    Raises:
        InputError: the text is not such a path, or is an address of the service itself.

    >>> check_root_path("/videos/"), check_root_path("/")
    ('/videos', '')
    """
    root = text.removesuffix("/")
    if root and not _ROOT.fullmatch(root):
        raise InputError(f"--root-path '{text}' is not a path", "write it as /videos, of letters, digits, '-' and '_'")
    first = root.split("/")[1] if root else ""
    if first in _OWN:
        # a proxy may take the path away or not, and the two could not be told apart
        raise InputError(f"--root-path '{text}' is an address of the service itself", "choose another, such as /videos")
    return root


def with_root(html: str, root: str) -> str:
    """Return a page whose addresses lead to the service behind a proxy.

    >>> with_root('<a class="home" href="/">/ href=&#34;/</a>', "/videos")
    '<a class="home" href="/videos/">/ href=&#34;/</a>'
    """
    return _ADDRESS.sub(lambda match: f'{match[1]}="{root}/', html) if root else html


class RootPath:
    """ASGI middleware that lets the app answer as if it stood at the root of its host.

    The proxy may take the path away or pass it on. Redirects lead back below the path, and name no host: the service
    does not know how the proxy is reached.

    Args:
        app: the app.
        root: the path, without a slash at its end; may be empty.
    """

    def __init__(self, app: ASGIApp, root: str) -> None:
        self._app = app
        self._root = root

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        if self._root and (path == self._root or path.startswith(f"{self._root}/")):
            scope["path"] = path.removeprefix(self._root) or "/"
            scope["raw_path"] = scope.get("raw_path", b"").removeprefix(self._root.encode()) or b"/"
        host = Headers(scope=scope).get("host", "")

        async def send_below_root(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if "location" in headers:
                    headers["location"] = self._below(headers["location"], host)
            await send(message)

        await self._app(scope, receive, send_below_root)

    def _below(self, location: str, host: str) -> str:
        parts = urlsplit(location)
        if parts.netloc not in ("", host) or location.startswith("//"):
            return location
        return self._root + parts._replace(scheme="", netloc="").geturl()
