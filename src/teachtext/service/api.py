"""The API: searches, videos and their files, uploads, health. Its OpenAPI is at /api/openapi.json."""

import mimetypes
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse

from teachtext.errors import InputError, NotFound, Unavailable
from teachtext.service.metrics import ServiceMetrics
from teachtext.service.querylog import QueryLog
from teachtext.service.schemas import (
    AnswerJson,
    By,
    CaptionsRequest,
    ChosenVideo,
    Count,
    DetailsJson,
    Filters,
    First,
    JobJson,
    Problem,
    RankedCaptionJson,
    VideoJson,
    answer_shape,
    moment_shapes,
    video_shape,
)
from teachtext.service.state import Busy, Library
from teachtext.service.uploads import TooLarge, UploadJob, Uploads

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The body cannot be read."},
    404: {"model": Problem, "description": "The index does not hold it."},
    409: {"model": Problem, "description": "The index is being changed."},
    413: {"model": Problem, "description": "Too large."},
    422: {"model": Problem, "description": "What was sent cannot be used."},
    429: {"model": Problem, "description": "Too many requests."},
    503: {"model": Problem, "description": "The store does not answer now."},
}
Where = Annotated[Filters, Query()]
Text = Annotated[str, Query(description="what to look for", max_length=100_000)]


def api_router(*, library: Library, uploads: Uploads, measures: ServiceMetrics, log: QueryLog | None) -> APIRouter:
    """Return the routes of the API.

    Args:
        library: the index.
        uploads: takes videos in.
        measures: what /metrics tells.
        log: of queries, if they are logged.
    """
    api = APIRouter(responses=_PROBLEMS)

    @api.get("/api/search")
    def search(text: Text, filters: Where, by: By = "both", first: First = 0, count: Count = 20) -> AnswerJson:
        """Find videos with words."""
        answer = library.search(text, first=first, count=count, where=filters.where, by=by)
        query = log.asked(text, by, [one.item.id for one in answer.results]) if log else None
        return answer_shape(answer, query)

    @api.get("/api/like/{video:path}")
    def like(video: str, filters: Where, first: First = 0, count: Count = 20) -> AnswerJson:
        """Find videos like one of the index."""
        return answer_shape(library.like(video, first=first, count=count, where=filters.where))

    @api.post("/api/captions")
    def captions(asked: CaptionsRequest) -> list[RankedCaptionJson]:
        """Find captions that describe a video."""
        ranked = library.describe(asked.video, asked.captions, asked.k)
        return [RankedCaptionJson(text=one.text, score=round(one.score, 6)) for one in ranked]

    @api.get("/api/tags")
    def tags() -> list[str]:
        """List all tags."""
        return list(library.overview().tags)

    @api.get("/api/missing")
    def missing() -> list[VideoJson]:
        """List the videos whose files are gone, which may be removed."""
        return [video_shape(item) for item in library.missing()]

    @api.get("/api/videos/{video:path}")
    def details(video: str) -> DetailsJson:
        """Tell all about a video."""
        entry = library.entry(video)
        return DetailsJson(
            **video_shape(entry.item).model_dump(),
            there=library.is_there(video),
            experts=list(entry.pattern),
            moments=moment_shapes(entry.item),
        )

    @api.delete("/api/videos/{video:path}", status_code=204)
    def remove(video: str) -> None:
        """Remove a video from the index; its file too if it was uploaded, else `teachtext index` brings it back."""
        library.remove([video])

    @api.get("/api/thumbnails/{video:path}", response_class=FileResponse)
    def thumbnail(video: str, at: Annotated[float | None, Query(ge=0, le=1e9)] = None) -> FileResponse:
        """Give a picture of a video, by default of its middle."""
        headers = {"Cache-Control": "private, max-age=3600"}
        return FileResponse(library.thumbnail(video, at), media_type="image/jpeg", headers=headers)

    @api.get("/api/files/{video:path}", response_class=FileResponse)
    def file(video: str) -> FileResponse:
        """Give the file of a video, or the parts of it that are asked for (`Range`)."""
        path = library.file(video)
        kind = mimetypes.guess_type(path.name)[0] or ""
        return FileResponse(path, media_type=kind if kind.startswith("video/") else "application/octet-stream")

    @api.post("/api/uploads", status_code=202, openapi_extra=_UPLOAD)
    async def upload(request: Request, name: Annotated[str, Query(min_length=1, max_length=1000)]) -> JobJson:
        """Take a video file in, the body of the request, and index it in the background."""
        stated = request.headers.get("content-length", "")
        if stated.isdecimal() and int(stated) > uploads.most_bytes:
            raise uploads.too_large()
        return _job(await uploads.receive(name, request.stream()))

    @api.get("/api/uploads/{job}")
    def job(job: str) -> JobJson:
        """Tell how far an uploaded video is."""
        return _job(uploads.job(job))

    @api.post("/api/feedback", status_code=204)
    def feedback(chosen: ChosenVideo) -> None:
        """Note that somebody opened a video that a search found; only where queries are logged."""
        if log is None:
            raise NotFound("queries are not logged here", "start with --log-queries FILE")
        log.chose(chosen.query, chosen.video)

    @api.get("/api/health/live")
    def live() -> dict[str, str]:
        """Say that the service runs."""
        return {"status": "live"}

    @api.get("/api/health/ready")
    def ready() -> dict[str, int | str]:
        """Say that the index can be searched."""
        return {"status": "ready", "videos": library.count()}

    @api.get("/metrics", response_class=Response)
    def metrics() -> Response:
        """Tell Prometheus what it wants to know."""
        return Response(measures.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return api


_UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def _job(job: UploadJob) -> JobJson:
    return JobJson(**vars(job))


def status_of(error: InputError) -> int:
    """Return the status that stands for an error."""
    kinds: list[tuple[type[InputError], int]] = [(NotFound, 404), (Busy, 409), (TooLarge, 413), (Unavailable, 503)]
    return next((status for kind, status in kinds if isinstance(error, kind)), 422)
