"""HEAD requests: answered as GET, without the body."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class _HeadersSent(Exception):
    """Ends an app whose body nobody wants."""


class HeadRequests:
    """ASGI middleware that passes HEAD requests to the app as GET, and stops the app after the headers of its answer.

    So each address that can be read answers HEAD, and no route names both methods.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b""})
                raise _HeadersSent

        try:
            await self._app({**scope, "method": "GET"}, receive, send_headers)
        except _HeadersSent:
            return
