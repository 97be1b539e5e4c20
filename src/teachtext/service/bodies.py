"""Bodies of requests: bounded in bytes, in time, and in what their JSON may hold, before anything is made of them."""

import re
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

import anyio
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from teachtext.errors import InputError

# what a form brings besides its file
FORM_BYTES = 64 * 2**10
# of routes that state no other limit
_FEW_BYTES = 64 * 2**10
# lists and objects of a request, and other values
_MOST_BRACKETS, _MOST_COMMAS = 100, 10_000
# a string, or its beginning at the end of a text that is cut
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)

Model = TypeVar("Model", bound=BaseModel)
Refuse = Callable[[Request, InputError], Response]


class TooLarge(InputError):
    """A body is larger than is allowed."""


class TooSlow(InputError):
    """A body comes in too slowly."""


class _Refused(Exception):
    """Ends an app whose request is refused while its body is read."""


class Pace(NamedTuple):
    """How fast a body has to come in.

    Attributes:
        silence_s: seconds without a byte.
        bytes_per_s: least rate after `silence_s`.
    """

    silence_s: float = 15.0
    bytes_per_s: float = 1000.0


USUAL_PACE = Pace()


class BoundedBodies:
    """ASGI middleware that bounds the body of every request: what is stated, and what comes in.

    Args:
        app: the app.
        refuse: returns the answer to a body that is too large or too slow.
        most_bytes: largest body by path; 64 KiB for paths that are not named.
        pace: how fast a body has to come in.
    """

    def __init__(self, app: ASGIApp, *, refuse: Refuse, most_bytes: Mapping[str, int], pace: Pace = USUAL_PACE) -> None:
        self._app = app
        self._refuse = refuse
        self._most_bytes = most_bytes
        self._pace = pace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to the app, or answer in its place."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(receive, self._most_bytes.get(scope["path"], _FEW_BYTES), self._pace)
        started = False

        async def send_unless_refused(message: Message) -> None:
            nonlocal started
            if body.problem is None or started:
                started = True
                await send(message)

        body.check_stated(Headers(scope=scope).get("content-length", ""))
        if body.problem is None:
            try:
                await self._app(scope, body.receive, send_unless_refused)
            except Exception:
                # the app may have wrapped what ended it
                if body.problem is None:
                    raise
        if body.problem is not None and not started:
            await self._refuse(Request(scope), body.problem)(scope, receive, send)


class _Body:
    """The body of one request.

    Attributes:
        problem: why the body is refused, if it is.
    """

    def __init__(self, receive: Receive, most_bytes: int, pace: Pace) -> None:
        self.problem: InputError | None = None
        self._receive = receive
        self._most_bytes = most_bytes
        self._pace = pace
        self._size = 0
        self._waited_s = 0.0
        self._whole = False

    def check_stated(self, length: str) -> None:
        if length.isdecimal() and (len(length) > 18 or int(length) > self._most_bytes):
            self.problem = self._too_large()

    async def receive(self) -> Message:
        """Receive a part of the body; afterwards, wait for the end of the connection."""
        if self._whole:
            return await self._receive()
        begin = time.monotonic()
        try:
            with anyio.fail_after(self._pace.silence_s):
                message = await self._receive()
        except TimeoutError:
            raise self._refused(TooSlow("the body does not come in", "send the request again")) from None
        self._waited_s += time.monotonic() - begin
        self._size += len(message.get("body", b""))
        self._whole = message["type"] != "http.request" or not message.get("more_body", False)
        if self._size > self._most_bytes:
            raise self._refused(self._too_large())
        if self._waited_s > self._pace.silence_s and self._size < self._waited_s * self._pace.bytes_per_s:
            raise self._refused(TooSlow("the body comes in too slowly", "use a faster connection"))
        return message

    def _refused(self, problem: InputError) -> _Refused:
        self.problem = problem
        return _Refused()

    def _too_large(self) -> TooLarge:
        return TooLarge(f"the body is larger than {self._most_bytes / 2**20:,.3g} MiB", "send less at once")


def parse_json(model: type[Model], body: bytes) -> Model:
    """Read JSON as a model. Text with more lists, objects or values than a request needs is not parsed.

    Raises:
        RequestValidationError: the text is not JSON, or not of this model.
        InputError: the text holds too much.
    """
    structure = _STRING.sub(b"", body)
    if structure.count(b"[") + structure.count(b"{") > _MOST_BRACKETS or structure.count(b",") > _MOST_COMMAS:
        raise InputError("the JSON holds too many lists, objects or values", "send less at once")
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        problems = [{**problem, "loc": ("body", *problem["loc"])} for problem in error.errors(include_url=False)]
        raise RequestValidationError(problems) from error
