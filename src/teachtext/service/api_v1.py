"""Version 1 of the API, at /api/v1."""

from collections.abc import Callable
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import FileResponse

from teachtext.search.places import places_of
from teachtext.service.api_common import PARTS, PROBLEMS, check_parameters, file_response
from teachtext.service.schemas import HeatJson, PartJson, PlaceJson, PlaybackJson
from teachtext.service.state import Library
from teachtext.service.strip import scored

Text = Annotated[str, Query(description="what to look for", max_length=100_000)]


def v1_router(*, library: Library, without_paths: Callable[[str], str]) -> APIRouter:
    """Return the routes of version 1.

    Args:
        library: the index.
        without_paths: takes the paths of the server out of a text.
    """
    api = APIRouter(prefix="/api/v1", responses=PROBLEMS, dependencies=[Depends(check_parameters)])

    @api.get("/playback/{video:path}")
    def playback(video: str) -> PlaybackJson:
        """Return how a browser can play a video. What no browser plays is made into an MP4, which takes a while."""
        how = library.playback(video)
        url = {"original": f"/api/files/{quote(video)}", "ready": f"/api/v1/playback-files/{quote(video)}"}.get(
            how.state
        )
        return PlaybackJson(state=how.state, share=how.share, problem=without_paths(how.problem), url=url)

    @api.get("/playback-files/{video:path}", response_class=FileResponse, responses=PARTS)
    def playback_file(video: str, request: Request) -> FileResponse:
        """Return the MP4 that was made of a video, or a part of it (`Range`)."""
        return file_response(library.playback_file(video), request)

    @api.get("/videos/{video:path}/heat")
    def heat(video: str, text: Text) -> HeatJson:
        """Return how well the parts of a video fit a query."""
        entry, query = library.searcher.entry(video), library.searcher.embed_captions([text])[text]
        return HeatJson(
            segments=[PartJson.model_validate(part) for part in scored(entry, query)],
            places=[PlaceJson.of(place) for place in places_of(query, entry)],
        )

    return api
