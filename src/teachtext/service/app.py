"""The service as one ASGI app: the API, the page, the guard, the metrics."""

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import anyio.to_thread
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

import teachtext
from teachtext.errors import InputError
from teachtext.search.index_model import model_folders
from teachtext.service.additions import Additions
from teachtext.service.api_v1 import v1_router
from teachtext.service.bodies import FORM_BYTES, USUAL_PACE, BoundedBodies, Pace
from teachtext.service.clips import Clips
from teachtext.service.cors import ApiCors
from teachtext.service.downloads import Downloads
from teachtext.service.head import HeadRequests
from teachtext.service.http_api import api_router
from teachtext.service.like_files import MOST_BYTES
from teachtext.service.page_forms import forms_router
from teachtext.service.pages import pages_router
from teachtext.service.problems import ServerPaths, status_of
from teachtext.service.prometheus import ServiceMetrics
from teachtext.service.querylog import QueryLog
from teachtext.service.rates import Rate
from teachtext.service.rendering import error_page, page
from teachtext.service.root_path import RootPath
from teachtext.service.search_batches import SearchBatches
from teachtext.service.security import COOKIE, SECURITY_HEADERS, Access, Guard
from teachtext.service.state import Library
from teachtext.service.uploads import Uploads

STATIC = Path(__file__).parent / "static"
_API = ("/api/", "/metrics")
_logger = logging.getLogger(__name__)


def create_app(
    *,
    library: Library,
    uploads: Uploads,
    hosts: Sequence[str] = ("localhost", "127.0.0.1", "[::1]"),
    token: str | None = None,
    rate: Rate | None = None,
    log: QueryLog | None = None,
    threads: int = 4,
    pace: Pace = USUAL_PACE,
    root_path: str = "",
    origins: Sequence[str] = (),
    stop_s: float = 10.0,
    folders: Sequence[Path] = (),
    video_hosts: Sequence[str] = (),
) -> FastAPI:
    """Return the service.

    Args:
        library: the index.
        uploads: takes videos in.
        hosts: host names under which the service answers (see `Guard`).
        token: every request has to carry it.
        rate: how many requests one client may send.
        log: the query log, if queries are logged.
        threads: requests that are answered at once; further ones wait.
        pace: how fast the body of a request has to come in.
        root_path: where a proxy shows the service (see `check_root_path`).
        origins: of pages of other sites that may use the API (see `check_origins`).
        folders: whose videos may be added by their path (see `Additions`).
        video_hosts: from which videos may be fetched (see `Downloads`).
        stop_s: seconds in which the indexing that is under way stops at a safe place.
    """

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = threads
        uploads.queue.start()
        yield
        await batches.close()
        await anyio.to_thread.run_sync(uploads.queue.stop, stop_s)
        await anyio.to_thread.run_sync(clips.close)
        await anyio.to_thread.run_sync(library.close)

    app = FastAPI(
        title="TeachText",
        description="Find videos with words. An address with all its headers has at most 64 KiB.",
        version=teachtext.__version__,
        lifespan=life,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.root_path = root_path
    measures, access = ServiceMetrics(library.searcher), Access(token) if token else None
    paths = ServerPaths(
        [
            library.uploads,
            library.uploads.parent,
            library.features,
            library.features.parent,
            *map(Path, library.searcher.manifest.roots.values()),
            *folders,
            *model_folders(library.searcher.manifest.model),
        ]
    )
    batches = SearchBatches(library.searcher)
    app.include_router(
        api_router(
            library=library,
            uploads=uploads,
            measures=measures,
            log=log,
            without_paths=paths.hidden,
            batches=batches,
        )
    )
    app.include_router(
        v1_router(
            library=library,
            uploads=uploads,
            additions=Additions(library, uploads, folders=folders, downloads=Downloads(video_hosts)),
            log=log,
            root_path=root_path,
            without_paths=paths.hidden,
            batches=batches,
        )
    )
    render, clips = _renderer(library, access), Clips(library, library.features.parent / "clips")
    for pages in (
        pages_router(library=library, clips=clips, log=log, render=render, without_paths=paths.hidden),
        forms_router(library=library, uploads=uploads, access=access, render=render, without_paths=paths.hidden),
    ):
        app.include_router(pages, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    _add_error_handlers(app, paths)
    _describe(app, access, root_path)
    app.add_middleware(
        BoundedBodies,
        refuse=lambda request, error: _answer(request, error, status_of(error)),
        pace=pace,
        most_bytes={
            "/api/uploads": uploads.most_bytes,
            "/upload": uploads.most_bytes + FORM_BYTES,
            "/api/v1/like": MOST_BYTES + FORM_BYTES,
            "/like": MOST_BYTES + FORM_BYTES,
            "/api/captions": 16 * 2**20,
            "/remove": 2**20,
            "/export": 2**20,
            "/login": 4 * 2**10,
        },
    )
    app.add_middleware(HeadRequests)
    app.add_middleware(Guard, hosts=hosts, access=access, rate=rate, origins=origins)
    if origins:
        app.add_middleware(ApiCors, origins=origins)
    app.add_middleware(measures.counting)
    app.add_middleware(RootPath, root=root_path)
    return app


def _describe(app: FastAPI, access: Access | None, root_path: str) -> None:
    """Say in the OpenAPI document where the service stands, and how a program shows that it may ask."""
    document = app.openapi()
    document["servers"] = [{"url": root_path or "/"}]
    document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"token": []}] if access else []
    if access:
        document["paths"]["/api/health/live"]["get"]["security"] = []


def _renderer(library: Library, access: Access | None) -> Callable[..., Response]:
    """Return what renders a page from the request, the name of a template, and its values."""
    model = library.searcher.manifest.model

    def render(request: Request, name: str, **values: Any) -> Response:
        is_logged_in = access is not None and access.is_cookie(request.cookies.get(COOKIE, ""))
        about_model = library.searcher.about_model
        return page(request, name, model=model, about_model=about_model, can_log_out=is_logged_in, **values)

    return render


def _add_error_handlers(app: FastAPI, paths: ServerPaths) -> None:
    """Let every error leave the service as a problem and its mend, without a path of the server."""

    @app.exception_handler(InputError)
    def input_error(request: Request, error: InputError) -> Response:
        return _answer(request, paths.error(error), status_of(error))

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            return _answer(request, InputError("the body is not JSON", "send JSON, as UTF-8"), HTTPStatus.BAD_REQUEST)
        name = ".".join(str(part) for part in first["loc"][1:]) or "the request"
        wrong = InputError(f"'{name[:200]}' cannot be used ({first['msg'][:200]})", "send something else")
        return input_error(request, wrong)

    @app.exception_handler(HTTPException)
    def http_error(request: Request, error: HTTPException) -> Response:
        wrong = InputError(str(error.detail).lower(), "see /api/openapi.json for what can be asked")
        if error.status_code == HTTPStatus.NOT_FOUND and not request.scope["path"].startswith(_API):
            wrong = InputError("there is no page at this address", "search for a video, or go to the first page")
        answer = _answer(request, paths.error(wrong), error.status_code)
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(ClientDisconnect)
    def disconnected(request: Request, error: ClientDisconnect) -> Response:
        _logger.warning("a client left while its request came in: %s %s", request.method, request.scope["path"][:100])
        # nobody reads it
        return Response(status_code=HTTPStatus.BAD_REQUEST)

    @app.exception_handler(Exception)
    def failed(request: Request, error: Exception) -> Response:
        # the server logs the error
        wrong = InputError("the service failed at this request", "try again; the log of the service says more")
        answer = _answer(request, wrong, HTTPStatus.INTERNAL_SERVER_ERROR)
        answer.headers.update(SECURITY_HEADERS)
        return answer


def _answer(request: Request, error: InputError, status: int) -> Response:
    if request.scope["path"].startswith(_API):
        return JSONResponse({"problem": error.problem, "mend": error.mend}, status)
    return error_page(request, error, status)
