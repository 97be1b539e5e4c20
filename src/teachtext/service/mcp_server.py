"""Tools of an index for language models, by the Model Context Protocol: search, similar, describe, cut.

The tools read. Only `cut` writes, a clip into the folder that was named for it.
"""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, ParamSpec, TypeVar

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import BaseModel, Field

import teachtext
from teachtext.errors import InputError, NotFound
from teachtext.files import atomic
from teachtext.search import GroupBy, RankBy
from teachtext.search.answer import Answer
from teachtext.search.cuts import clip_name
from teachtext.search.filters import parse_filters
from teachtext.search.searcher import Searcher
from teachtext.service.media import file_of, has_file
from teachtext.service.schemas import AnswerJson, DetailsJson, ResultJson
from teachtext.video.playback import write_clip

_INSTRUCTIONS = (
    "Search videos by what is seen, heard and written in them. Results have places: seconds of the video that answer "
    "the query. 'nothing' as confidence says that no video of the index is like the query."
)
_MOST = 100
# seconds of a clip
_LONGEST_S = 600.0
_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_WRITES = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False)

Count = Annotated[int, Field(ge=1, le=_MOST, description="number of results, at most")]
Where = Annotated[
    list[str],
    Field(max_length=50, description="all must hold: duration<=30, added>=2026-01-31, tag=<tag>, speech=yes"),
]
VideoId = Annotated[str, Field(description="id of a video, as a search returns it", max_length=4096)]
Seconds = Annotated[float, Field(ge=0, le=1e7, allow_inf_nan=False)]

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class FoundVideo(ResultJson):
    """A result of a search."""

    path: str = Field(description="path of the file")


class FoundVideos(AnswerJson):
    """The results of a search, best first."""

    results: list[FoundVideo]  # type: ignore[assignment]


class Description(DetailsJson):
    """A video with all its words."""

    path: str = Field(description="path of the file")


class Clip(BaseModel):
    """A clip that was written."""

    path: str
    start_s: float
    end_s: float


def mcp_server(searcher: Searcher, cut_folder: Path | None = None) -> MCPServer:
    """Return a server of the tools.

    Args:
        searcher: of the index.
        cut_folder: where clips are written; None for a server without the tool `cut`.
    """
    server = MCPServer("teachtext", version=teachtext.__version__, instructions=_INSTRUCTIONS, log_level="WARNING")

    @server.tool(annotations=_READS)
    @_in_one_sentence
    def search(
        query: Annotated[str, Field(description="what to look for, in words", max_length=10_000)],
        k: Count = 10,
        where: Where = [],  # noqa: B006
        by: RankBy = "both",
        moments: Annotated[bool, Field(description="return each place by itself, not each video once")] = False,
        least_score: Annotated[float, Field(ge=-1, le=1, description="results with a lower score are left out")] = -1.0,
    ) -> FoundVideos:
        """Find videos with words."""
        group_by: GroupBy = "moment" if moments else "video"
        filters = parse_filters(where)
        answer = searcher.search(
            query, k=k, where=filters, by=by, group_by=group_by, least_score=least_score, count=True
        )
        return _results(answer)

    @server.tool(annotations=_READS)
    @_in_one_sentence
    def similar(video: VideoId, k: Count = 10, where: Where = []) -> FoundVideos:  # noqa: B006
        """Find videos like a video of the index."""
        return _results(searcher.like(video, k=k, where=parse_filters(where)))

    @server.tool(annotations=_READS)
    @_in_one_sentence
    def describe(video: VideoId) -> Description:
        """Return the facts of a video, and all words that are heard and read in it, with their seconds."""
        entry, manifest = searcher.entry(video), searcher.snapshot().manifest
        details = DetailsJson.of(entry, has_file=has_file(manifest, entry.item))
        return Description(**details.model_dump(), path=str(manifest.path_of(video)))

    if cut_folder is None:
        return server
    folder = cut_folder

    @server.tool(annotations=_WRITES)
    @_in_one_sentence
    def cut(video: VideoId, start_s: Seconds, end_s: Seconds) -> Clip:
        """Write a part of a video as an MP4, and return its path. A clip of the same part is replaced."""
        if not start_s < end_s <= start_s + _LONGEST_S:
            raise InputError(
                f"the clip would last {end_s - start_s:g} s", f"give an end up to {_LONGEST_S:g} s after the start"
            )
        item, manifest = searcher.entry(video).item, searcher.snapshot().manifest
        file = folder / clip_name(item.id, start_s, end_s)
        with atomic(file) as unfinished:
            write_clip(file_of(manifest, item), unfinished, start_s, end_s)
        return Clip(path=str(file), start_s=start_s, end_s=end_s)

    return server


def _in_one_sentence(tool: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Let a tool answer a mistake of the caller with one sentence."""

    @wraps(tool)
    def call(*arguments: Parameters.args, **named: Parameters.kwargs) -> Result:
        try:
            return tool(*arguments, **named)
        except NotFound as error:
            raise ToolError(f"{error.problem}: give the id of a video that a search returns") from error
        except InputError as error:
            raise ToolError(str(error)) from error

    return call


def _results(answer: Answer) -> FoundVideos:
    plain = AnswerJson.of(answer)
    with_paths = [
        FoundVideo(**record.model_dump(), path=str(result.path))
        for record, result in zip(plain.results, answer.results, strict=True)
    ]
    return FoundVideos(**plain.model_dump(exclude={"results"}), results=with_paths)
