"""The API: searches, videos and their files, uploads, health. Its OpenAPI is at /api/openapi.json."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import FileResponse

import teachtext
from teachtext.errors import InputError, NotFound
from teachtext.search.answer import Answer
from teachtext.search.request import SearchRequest
from teachtext.service.api_common import (
    BYTES,
    PARTS,
    PROBLEMS,
    body,
    body_of,
    check_parameters,
    file_response,
    json_body,
    json_bytes,
    json_response,
)
from teachtext.service.forms import sent_file
from teachtext.service.indexing_queue import IndexingJob
from teachtext.service.prometheus import ServiceMetrics
from teachtext.service.querylog import QueryLog
from teachtext.service.request_schemas import CaptionsRequest, ChosenVideo, FilterQuery, SearchQuery
from teachtext.service.schemas import AboutJson, AnswerJson, DetailsJson, JobJson, RankedCaptionJson, VideoJson
from teachtext.service.search_batches import SearchBatches
from teachtext.service.state import Library, depth, page
from teachtext.service.uploads import Uploads

Filters = Annotated[FilterQuery, Query()]
First = Annotated[int, Query(ge=0, le=1000, description="place of the first result, from 0")]
Count = Annotated[int, Query(ge=1, le=1000, description="number of results")]


def api_router(
    *,
    library: Library,
    uploads: Uploads,
    measures: ServiceMetrics,
    log: QueryLog | None,
    without_paths: Callable[[str], str],
    batches: SearchBatches,
) -> APIRouter:
    """Return the routes of the API.

    Args:
        library: the index.
        uploads: takes videos in.
        measures: the values of /metrics.
        log: the query log, if queries are logged.
        without_paths: takes the paths of the server out of a text.
        batches: answers searches of many clients together.
    """
    api = APIRouter(responses=PROBLEMS, dependencies=[Depends(check_parameters)])
    searcher = library.searcher

    def job_json(job: IndexingJob) -> JobJson:
        answer = JobJson.model_validate(job)
        return answer.model_copy(update={"problem": without_paths(answer.problem)})

    @api.get("/api/search", response_model=AnswerJson)
    async def search(request: Request, query: Annotated[SearchQuery, Query()]) -> Response:
        """Find videos with words."""

        def finish(answer: Answer) -> bytes:
            answer = page(answer, query.first)
            ids = [result.item.id for result in answer.results]
            return json_bytes(AnswerJson.of(answer, log.search(query.text, query.by, ids) if log else None))

        asked = SearchRequest(text=query.text, k=depth(query.first, query.count), where=query.where, by=query.by)
        return json_response(await batches.answer(asked, finish, is_gone=request.is_disconnected))

    @api.get("/api/like/{video:path}")
    def like(video: str, filters: Filters, first: First = 0, count: Count = 20) -> AnswerJson:
        """Find videos like a video of the index."""
        return AnswerJson.of(page(searcher.like(video, k=depth(first, count), where=filters.where), first))

    @api.post("/api/captions", openapi_extra=json_body(CaptionsRequest))
    def captions(request: Annotated[CaptionsRequest, Depends(body_of(CaptionsRequest))]) -> list[RankedCaptionJson]:
        """Find the captions that describe a video best."""
        if not request.captions and not library.captions:
            raise InputError("there are no captions to choose from", "send some, or start with --captions FILE")
        embedded = searcher.embed_captions(request.captions) if request.captions else library.captions
        ranked = searcher.rank_captions(request.video, embedded, request.k)
        return [RankedCaptionJson(text=caption.text, score=round(caption.score, 6)) for caption in ranked]

    @api.get("/api/about")
    def about() -> AboutJson:
        """Say which service answers, and which versions of the API it speaks."""
        return AboutJson(
            service="teachtext",
            version=teachtext.__version__,
            api=[1],
            videos=library.count(),
            about_model=searcher.about_model,
        )

    @api.get("/api/tags")
    def tags() -> list[str]:
        """List all tags."""
        return list(library.overview().tags)

    @api.get("/api/missing")
    def missing() -> list[VideoJson]:
        """List the videos whose files are gone, which may be removed."""
        return [VideoJson.model_validate(item) for item in library.missing()]

    @api.get("/api/videos/{video:path}")
    def details(video: str) -> DetailsJson:
        """Return a video with all its words."""
        entry = searcher.entry(video)
        return DetailsJson.of(entry, has_file=library.has_file(entry.item))

    @api.delete("/api/videos/{video:path}", status_code=204)
    def remove(video: str) -> None:
        """Remove a video from the index, and its file if it was uploaded. `teachtext index` adds other files again."""
        library.remove([video])

    @api.get("/api/thumbnails/{video:path}", response_class=Response)
    async def thumbnail(video: str, at: Annotated[float | None, Query(ge=0, le=1e9)] = None) -> Response:
        """Return a picture of a video, by default of its middle."""
        headers = {"Cache-Control": "private, max-age=3600"}
        return Response(await library.thumbnail(video, at), media_type="image/jpeg", headers=headers)

    @api.get("/api/files/{video:path}", response_class=FileResponse, responses=PARTS)
    def file(video: str, request: Request) -> FileResponse:
        """Return the file of a video, or a part of it (`Range`)."""
        return file_response(library.file(video), request)

    @api.post(
        "/api/uploads",
        status_code=202,
        openapi_extra=body("application/octet-stream", BYTES),
    )
    async def upload(
        request: Request, name: Annotated[str | None, Query(min_length=1, max_length=1000)] = None
    ) -> JobJson:
        """Take in a video file and index it in the background.

        The body is the file itself, and `name` is its name; or the body is a form (multipart/form-data) with the file.
        """
        stated = request.headers.get("content-length", "")
        if stated.isdecimal() and int(stated) > uploads.most_bytes:
            raise uploads.too_large()
        return job_json(await uploads.receive(*await sent_file(request, name)))

    @api.get("/api/uploads/{job}")
    def job(job: str) -> JobJson:
        """Return how far an uploaded video is."""
        return job_json(uploads.queue.job(job))

    @api.post("/api/feedback", status_code=204)
    def feedback(chosen: ChosenVideo) -> None:
        """Log that somebody opened a result of a search, where queries are logged."""
        if log is None:
            raise NotFound("queries are not logged here", "start with --log-queries FILE")
        log.choice(chosen.query, chosen.video)

    @api.get("/api/health/live")
    async def live() -> dict[str, str]:
        """Answer, which shows that the service runs."""
        return {"status": "live"}

    @api.get("/api/health/ready")
    def ready() -> dict[str, int | str]:
        """Return the number of videos, which shows that the index can be searched."""
        return {"status": "ready", "videos": library.count()}

    @api.get("/metrics", response_class=Response)
    def metrics() -> Response:
        """Return the metrics that Prometheus reads."""
        return Response(measures.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return api
