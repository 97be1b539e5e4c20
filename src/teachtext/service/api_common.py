"""What all versions of the API share: the statuses of errors, the check of parameters, files with their parts."""

import json
import mimetypes
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from anyio.to_thread import run_sync
from fastapi import Request
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel

from teachtext.errors import InputError
from teachtext.service.bodies import Model, parse_json
from teachtext.service.schemas import Problem

PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The body, the Host header or the address cannot be read."},
    401: {"model": Problem, "description": "A token is needed."},
    403: {"model": Problem, "description": "Another site asks, or the path or the URL is not allowed."},
    404: {"model": Problem, "description": "The index does not hold it."},
    405: {"model": Problem, "description": "The address does not take this method."},
    408: {"model": Problem, "description": "The body comes in too slowly."},
    409: {"model": Problem, "description": "The index is being changed."},
    413: {"model": Problem, "description": "Too large."},
    421: {"model": Problem, "description": "The service has another name."},
    422: {"model": Problem, "description": "The request cannot be used."},
    429: {"model": Problem, "description": "Too many requests."},
    503: {"model": Problem, "description": "The store does not answer."},
    507: {"model": Problem, "description": "The disk of the service is full or read-only."},
}
PARTS: dict[int | str, dict[str, Any]] = {
    206: {"description": "A part of the file."},
    416: {"description": "The file has no such part."},
}
BYTES = {"type": "string", "format": "binary"}
# at most 19 digits each
_RANGE = re.compile(r"bytes=\s*(\d{1,19}-(\d{1,19})?|-\d{1,19})(\s*,\s*(\d{1,19}-(\d{1,19})?|-\d{1,19}))*\s*")


def file_response(path: Path, request: Request) -> FileResponse:
    """Return a file, or the part of it that a request asks for."""
    if not _is_range(request.headers.get("range", "")):
        # RFC 9110: a Range that is no range of bytes counts as none
        request.scope["headers"] = [header for header in request.scope["headers"] if header[0] != b"range"]
    kind = mimetypes.guess_type(path.name)[0] or ""
    return FileResponse(path, media_type=kind if kind.startswith("video/") else "application/octet-stream")


def _is_range(header: str) -> bool:
    """Return whether a Range header is well-formed: `bytes=0-99`, `bytes=100-`, `bytes=-100`, or several of them."""
    if not _RANGE.fullmatch(header):
        return False
    bounds = re.findall(r"(\d+)-(\d+)", header)
    return all(int(first) <= int(last) for first, last in bounds)


async def check_parameters(request: Request) -> None:
    """Raise InputError for parameters that a route does not have: a search would pass over a slip of the pen.

    It is async so that liveness needs no thread.
    """
    if not request.query_params:
        return
    route = request.app.openapi()["paths"][request.scope["route"].path_format][request.method.lower()]
    names = [parameter["name"] for parameter in route.get("parameters", ()) if parameter["in"] == "query"]
    for name in request.query_params:
        if name not in names:
            raise InputError(
                f"the address has the parameter '{name[:200]}'", f"use {', '.join(names)}" if names else "leave it out"
            )


def body_of(model: type[Model]) -> Callable[[Request], Awaitable[Model]]:
    """Return a dependency that reads the body of a request as a model, within bounds (see `parse_json`)."""

    async def read(request: Request) -> Model:
        return await run_sync(parse_json, model, await request.body())

    return read


def json_bytes(answer: BaseModel) -> bytes:
    """Return an answer as it is sent."""
    return answer.model_dump_json().encode()


def json_response(content: bytes) -> Response:
    """Return a response of JSON that is written already."""
    return Response(content, media_type="application/json")


def body(kind: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the part of OpenAPI that describes a body which the route reads itself."""
    return {"requestBody": {"required": True, "content": {kind: {"schema": schema}}}}


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """Return the part of OpenAPI that describes a body of JSON."""
    schema = model.model_json_schema()
    for name, definition in schema.pop("$defs", {}).items():
        schema = json.loads(json.dumps(schema).replace(json.dumps({"$ref": f"#/$defs/{name}"}), json.dumps(definition)))
    return body("application/json", schema)
