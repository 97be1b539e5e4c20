"""What the API gives and takes, as JSON."""

from typing import Annotated, Literal

from fastapi import Query
from pydantic import BaseModel, Field

from teachtext.search.filters import parse_filters
from teachtext.search.searcher import Answer, SearchResult
from teachtext.search.types import Filter, Item

By = Literal["both", "model", "words"]


class Problem(BaseModel):
    """What went wrong, and what to do about it."""

    problem: str
    mend: str


class MomentJson(BaseModel):
    """Words that were heard or read, and when, in seconds."""

    start_s: float
    end_s: float
    expert: str
    text: str


class VideoJson(BaseModel):
    """A video of the index."""

    id: str
    duration_s: float | None = Field(description="null where the file does not tell")
    added_s: float = Field(description="seconds since 1970")
    size: int = Field(description="bytes")
    tags: list[str]
    has_speech: bool


class ResultJson(VideoJson):
    """A video that was found, and why."""

    there: bool = Field(description="whether its file is still there")
    score: float = Field(description="the model's similarity, from -1 to 1")
    why: dict[str, float] = Field(description="what each expert added to the score; their sum is the score")
    words: list[str] = Field(description="words of the query that were heard or read in it")
    moments: list[MomentJson] = Field(description="when they were")


class AnswerJson(BaseModel):
    """What a search found, best first."""

    videos: int = Field(description="how many the index holds")
    exact: bool = Field(description="whether these are the best of all, or what a vector index took for them")
    corrected: bool = Field(description="whether videos that are near every query were corrected")
    seconds: float
    query: str | None = Field(None, description="what a choice refers to, where queries are logged")
    results: list[ResultJson]


class DetailsJson(VideoJson):
    """All about a video."""

    there: bool
    experts: list[str] = Field(description="spaces in which it has a vector")
    moments: list[MomentJson] = Field(description="all words that were heard or read in it")


class JobJson(BaseModel):
    """An uploaded video on its way into the index."""

    id: str
    video: str
    state: Literal["waiting", "indexing", "done", "failed"]
    done: int
    total: int
    problem: str = Field(description="why it failed")


class CaptionsRequest(BaseModel):
    """Captions of which those are chosen that fit a video."""

    video: str = Field(max_length=4096)
    captions: list[Annotated[str, Field(max_length=10_000)]] = Field(
        [], max_length=1000, description="none: those that the service was started with"
    )
    k: int = Field(10, ge=1, le=1000)


class RankedCaptionJson(BaseModel):
    """A caption and its similarity to the video."""

    text: str
    score: float


class ChosenVideo(BaseModel):
    """Which of the videos that a search found somebody opened."""

    query: str = Field(max_length=64)
    video: str = Field(max_length=4096)


class Filters(BaseModel):
    """Which videos are looked at, from the query string."""

    filter: list[str] = Field(
        [],
        max_length=50,
        description="duration<=30, added>=2026-01-31, tag=<tag>, speech=yes or id=<id>; all of them must hold",
    )

    @property
    def where(self) -> Filter:
        """The filter that they ask for."""
        return parse_filters(self.filter)


First = Annotated[int, Query(ge=0, le=1000, description="place of the first result, from 0")]
Count = Annotated[int, Query(ge=1, le=1000, description="how many results")]


def video_shape(item: Item) -> VideoJson:
    """Return a video as JSON."""
    return VideoJson(**item.as_json())


def found_shape(one: SearchResult) -> ResultJson:
    """Return a result as JSON."""
    return ResultJson(**one.as_json())


def moment_shapes(item: Item) -> list[MomentJson]:
    """Return moments as JSON."""
    return [MomentJson(**moment._asdict()) for moment in item.moments]


def answer_shape(answer: Answer, query: str | None = None) -> AnswerJson:
    """Return an answer as JSON."""
    return AnswerJson(
        videos=answer.total,
        exact=answer.exact,
        corrected=answer.corrected,
        seconds=answer.seconds,
        query=query,
        results=[found_shape(one) for one in answer.results],
    )
