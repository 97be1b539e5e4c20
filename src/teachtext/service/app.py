"""The service as one ASGI app: the API, the page, the guard, the metrics."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio.to_thread
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from limits import RateLimitItem

import teachtext
from teachtext.errors import InputError
from teachtext.service.http_api import api_router, status_of
from teachtext.service.pages import error_page, pages_router
from teachtext.service.prometheus import ServiceMetrics
from teachtext.service.querylog import QueryLog
from teachtext.service.security import Guard
from teachtext.service.state import Library
from teachtext.service.uploads import Uploads

STATIC = Path(__file__).parent / "static"
_API = ("/api/", "/metrics")


def create_app(
    *,
    library: Library,
    uploads: Uploads,
    hosts: Sequence[str] = ("localhost", "127.0.0.1", "[::1]"),
    token: str | None = None,
    rate: RateLimitItem | None = None,
    log: QueryLog | None = None,
    threads: int = 4,
) -> FastAPI:
    """Return the service.

    Args:
        library: the index.
        uploads: takes videos in.
        hosts: host names under which the service answers (see `Guard`).
        token: every request has to carry it.
        rate: how many requests one address may send.
        log: the query log, if queries are logged.
        threads: requests that are answered at once; further ones wait.
    """

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = threads
        uploads.start()
        yield
        await anyio.to_thread.run_sync(uploads.stop)

    app = FastAPI(
        title="TeachText",
        description="Find videos with words.",
        version=teachtext.__version__,
        lifespan=life,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    measures = ServiceMetrics(library.searcher)
    app.include_router(api_router(library=library, uploads=uploads, measures=measures, log=log))
    app.include_router(pages_router(library=library, uploads=uploads, token=token, log=log), include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")

    @app.exception_handler(InputError)
    def input_error(request: Request, error: InputError) -> Response:
        status = status_of(error)
        if request.url.path.startswith(_API):
            return JSONResponse({"problem": error.problem, "mend": error.mend}, status)
        return error_page(request, error, status)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"][1:]) or "the request"
        wrong = InputError(f"'{name[:200]}' cannot be used ({first['msg'][:200]})", "send something else")
        return input_error(request, wrong)

    app.add_middleware(Guard, hosts=hosts, token=token, rate=rate)
    app.add_middleware(measures.counting)
    return app
