"""Version 1 of the API, at /api/v1."""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Annotated
from urllib.parse import quote

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import FileResponse

from teachtext.errors import InputError
from teachtext.files import fingerprint
from teachtext.search import GroupBy, RankBy
from teachtext.search.answer import Answer
from teachtext.search.expansion import Expansion, check_can_expand
from teachtext.search.filters import parse_filters
from teachtext.search.places import places_of
from teachtext.search.request import SearchRequest, check_query
from teachtext.service.additions import Additions
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
from teachtext.service.cursors import cursor_of, place_of_cursor
from teachtext.service.forms import sent_file
from teachtext.service.indexing_queue import IndexingJob
from teachtext.service.querylog import QueryLog
from teachtext.service.request_schemas import (
    AdditionRequest,
    FilterQuery,
    SearchesRequest,
    SearchQueryV1,
    TagsRequest,
    TextsRequest,
)
from teachtext.service.schemas import (
    AnswerJson,
    EmbeddingJson,
    HeatJson,
    JobJson,
    ListedJson,
    ListJson,
    PartJson,
    PartOfAnswerJson,
    PlaceJson,
    PlaybackJson,
    VideoJson,
)
from teachtext.service.search_batches import SearchBatches
from teachtext.service.state import DEEPEST, Library
from teachtext.service.strip import scored
from teachtext.service.uploads import Uploads

Filters = Annotated[FilterQuery, Query()]
Text = Annotated[str, Query(description="what to look for", max_length=100_000)]


def v1_router(
    *,
    library: Library,
    uploads: Uploads,
    additions: Additions,
    log: QueryLog | None,
    root_path: str,
    without_paths: Callable[[str], str],
    batches: SearchBatches,
) -> APIRouter:
    """Return the routes of version 1.

    Args:
        library: the index.
        uploads: takes videos in.
        additions: adds videos by their path or URL.
        log: the query log, if queries are logged.
        root_path: where a proxy shows the service; addresses in answers begin with it.
        without_paths: takes the paths of the server out of a text.
        batches: answers searches of many clients together.
    """
    api = APIRouter(prefix="/api/v1", responses=PROBLEMS, dependencies=[Depends(check_parameters)])

    def job_json(job: IndexingJob) -> JobJson:
        answer = JobJson.model_validate(job)
        return answer.model_copy(update={"problem": without_paths(answer.problem)})

    def expansion_of(text: str, by: RankBy, group_by: GroupBy) -> Expansion:
        """Return the queries that are asked beside a query."""
        if library.expander is None:
            raise InputError("this service has no writer of queries", "have it started with --writer, or do not expand")
        check_query(text, 1)
        check_can_expand(by, group_by)
        expansion = library.expander.expand(text, library.searcher)
        return replace(expansion, notes=[without_paths(note) for note in expansion.notes])

    @api.get("/playback/{video:path}")
    def playback(video: str) -> PlaybackJson:
        """Return how a browser can play a video. What no browser plays is made into an MP4, which takes a while."""
        how = library.playback(video)
        files = {"original": "/api/files", "ready": "/api/v1/playback-files"}
        url = f"{root_path}{files[how.state]}/{quote(video)}" if how.state in files else None
        return PlaybackJson(state=how.state, share=how.share, problem=without_paths(how.problem), url=url)

    @api.get("/playback-files/{video:path}", response_class=FileResponse, responses=PARTS)
    def playback_file(video: str, request: Request) -> FileResponse:
        """Return the MP4 that was made of a video, or a part of it (`Range`)."""
        return file_response(library.playback_file(video), request)

    @api.get("/videos")
    def videos(
        filters: Filters,
        cursor: Annotated[str, Query(max_length=4096, description="`next` of the part before")] = "",
        count: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> ListJson:
        """List the videos of the index, in order of their ids."""
        listed = sorted(library.overview().admitted(filters.where), key=lambda item: item.id)
        start = bisect_right([item.id for item in listed], cursor) if cursor else 0
        part = listed[start : start + count]
        spoken = library.overview().spoken
        return ListJson(
            total=len(listed),
            next=part[-1].id if start + count < len(listed) else None,
            videos=[
                ListedJson(
                    **VideoJson.model_validate(item).model_dump(exclude={"has_speech"}),
                    has_speech=item.id in spoken,
                    title=title,
                    thumbnail_url=f"{root_path}/api/thumbnails/{quote(item.id)}",
                    file_url=f"{root_path}/api/files/{quote(item.id)}",
                )
                for item, title in library.titled(part)
            ],
        )

    @api.get("/search", response_model=PartOfAnswerJson)
    async def search(request: Request, query: Annotated[SearchQueryV1, Query()]) -> Response:
        """Find videos, or moments in videos, with words. `group_by=moment` returns each place by itself.

        With `expand=true` the rankings of several queries for the same scene are fused; scores and places are those of
        `text`. A writer that is slow or down leaves a note, and the results of `text` alone.
        """
        question = fingerprint([query.text, query.filter, query.by, query.group_by, query.min_score, query.expand])
        first = place_of_cursor(query.cursor, question)
        last = first + query.count
        asked = SearchRequest(
            text=query.text,
            # results that are left out must not make a part shorter
            k=DEEPEST if query.min_score > -1 else min(DEEPEST, last + 1),
            where=query.where,
            by=query.by,
            group_by=query.group_by,
            least_score=query.min_score,
            count=True,
            expansion=await run_sync(expansion_of, query.text, query.by, query.group_by) if query.expand else None,
        )

        def finish(answer: Answer) -> bytes:
            part = replace(answer, results=answer.results[first:last])
            ids = [result.item.id for result in part.results]
            logged = log.search(query.text, query.by, ids) if log else None
            cut = len(answer.results) > last and last < DEEPEST
            following = cursor_of(last, question) if cut else None
            return json_bytes(PartOfAnswerJson.of(part, logged).model_copy(update={"next": following}))

        return json_response(await batches.answer(asked, finish, is_gone=request.is_disconnected))

    @api.get("/similar/{video:path}")
    def similar(video: str, filters: Filters, count: Annotated[int, Query(ge=1, le=500)] = 20) -> AnswerJson:
        """Find videos like a video of the index."""
        return AnswerJson.of(library.searcher.like(video, k=count, where=filters.where))

    @api.post("/like", openapi_extra=body("application/octet-stream", BYTES))
    async def like_file(
        request: Request,
        filters: Filters,
        name: Annotated[str | None, Query(min_length=1, max_length=1000)] = None,
        count: Annotated[int, Query(ge=1, le=500)] = 20,
    ) -> AnswerJson:
        """Find videos like a picture, a sound or a clip, of at most 32 MiB, which is not kept.

        The body is the file itself, and `name` is its name; or the body is a form (multipart/form-data) with the file.
        """
        file = library.like_files.get(await library.like_files.receive(*await sent_file(request, name)))
        answer = await run_sync(partial(library.searcher.like_vectors, file.vectors, k=count, where=filters.where))
        return AnswerJson.of(replace(answer, notes=[*answer.notes, *file.notes]))

    @api.post("/searches", openapi_extra=json_body(SearchesRequest))
    def searches(request: Annotated[SearchesRequest, Depends(body_of(SearchesRequest))]) -> list[AnswerJson]:
        """Search several times at once."""
        asked = [
            SearchRequest(
                text=each.text,
                k=each.count,
                where=parse_filters(each.filter),
                by=each.by,
                group_by=each.group_by,
                least_score=each.min_score,
                count=True,
            )
            for each in request.searches
        ]
        answers = []
        for answer in library.searcher.search_all(asked):
            if isinstance(answer, Exception):
                raise answer
            answers.append(AnswerJson.of(answer))
        return answers

    @api.post("/embeddings", openapi_extra=json_body(TextsRequest))
    def embeddings(request: Annotated[TextsRequest, Depends(body_of(TextsRequest))]) -> list[EmbeddingJson]:
        """Embed texts as the model of the index embeds queries."""
        embedded = library.searcher.embed_captions(request.texts)
        return [
            EmbeddingJson(
                text=text,
                vectors={space: vector.tolist() for space, vector in sorted(embedded[text].vectors.items())},
                weights=dict(zip(sorted(embedded[text].vectors), embedded[text].weights.tolist(), strict=True)),
            )
            for text in request.texts
        ]

    @api.patch("/tags/{video:path}", openapi_extra=json_body(TagsRequest))
    def tags(video: str, request: Annotated[TagsRequest, Depends(body_of(TagsRequest))]) -> list[str]:
        """Add tags to a video, and remove tags; return its tags."""
        library.change_tags(video, add=request.add, remove=request.remove)
        return sorted(library.searcher.entry(video).item.tags)

    @api.post("/videos", status_code=202, openapi_extra=json_body(AdditionRequest))
    async def add(request: Annotated[AdditionRequest, Depends(body_of(AdditionRequest))]) -> JobJson:
        """Fetch a video from a host that is allowed, or index a folder of the server that is allowed."""
        if (request.url is None) == (request.path is None):
            raise InputError("the body has not exactly one of 'url' and 'path'", "send one of them")
        if request.path is not None:
            return job_json(await run_sync(additions.add, request.path))
        return job_json(await additions.fetch(request.url or "", request.name))

    @api.post("/rescans", status_code=202)
    def rescan() -> list[JobJson]:
        """Look at the indexed folders again: their new and changed videos are indexed."""
        return [job_json(job) for job in additions.rescan()]

    @api.get("/jobs")
    def jobs() -> list[JobJson]:
        """List the jobs that are remembered, the newest first."""
        return [job_json(job) for job in uploads.queue.jobs()]

    @api.get("/jobs/{job}")
    def job(job: str) -> JobJson:
        """Return how far a job is."""
        return job_json(uploads.queue.job(job))

    @api.get("/videos/{video:path}/heat")
    def heat(video: str, text: Text) -> HeatJson:
        """Return how well the parts of a video fit a query."""
        entry, query = library.searcher.entry(video), library.searcher.embed_captions([text])[text]
        return HeatJson(
            segments=[PartJson.model_validate(part) for part in scored(entry, query)],
            places=[PlaceJson.of(place) for place in places_of(query, entry)],
        )

    return api
