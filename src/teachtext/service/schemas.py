"""JSON that the API and `teachtext search --json` answer. Every field of a result is written down here."""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from teachtext.search.answer import Answer, SearchResult
from teachtext.search.places import Place
from teachtext.search.types import Entry, Item


class Problem(BaseModel):
    """What went wrong, and how to mend it."""

    problem: str
    mend: str


class MomentJson(BaseModel):
    """Words that were heard or read, or stand in subtitles, and when, in seconds."""

    model_config = ConfigDict(from_attributes=True)

    start_s: float
    end_s: float
    expert: str
    text: str


class PlaceJson(BaseModel):
    """A stretch of a video that answers the query, in seconds."""

    start_s: float
    end_s: float
    at_s: float = Field(description="the second whose picture stands for the place")
    score: float = Field(description="similarity of the query and its best segment, from -1 to 1")
    why: dict[str, float] = Field(description="the part of each expert in the score; their sum is the score")

    @classmethod
    def of(cls, place: Place) -> "PlaceJson":
        """Return a place as JSON."""
        return cls(
            start_s=round(place.start_s, 3),
            end_s=round(place.end_s, 3),
            at_s=round(place.at_s, 3),
            score=round(place.score, 6),
            why={name: round(part, 6) for name, part in place.why.items()},
        )


class AboutJson(BaseModel):
    """What answers."""

    service: Literal["teachtext"]
    version: str = Field(description="of the package")
    api: list[int] = Field(description="versions of the API")
    videos: int = Field(description="number of videos in the index")
    about_model: str = Field("", description="what the built-in model is, in a sentence; empty for any other model")


class VideoJson(BaseModel):
    """A video of the index (see `teachtext.search.types.Item`)."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    duration_s: float | None = Field(description="null where the file states no length")
    added_s: float = Field(description="seconds since 1970")
    size: int = Field(description="bytes")
    tags: list[str]
    has_speech: bool

    @staticmethod
    def facts(item: Item) -> dict[str, Any]:
        """Return the fields of a video."""
        return {
            "id": item.id,
            "duration_s": item.duration_s,
            "added_s": item.added_s,
            "size": item.size,
            "tags": list(item.tags),
            "has_speech": item.has_speech,
        }


class ResultJson(VideoJson):
    """A result of a search, with the reasons for its score."""

    there: bool = Field(description="whether its file exists")
    score: float = Field(description="the model's similarity, from -1 to 1")
    why: dict[str, float] = Field(description="the part of each expert in the score; their sum is the score")
    is_strong: bool | None = Field(description="whether the video answers the query strongly; null where unknown")
    places: list[PlaceJson] = Field(
        description="the places that answer the query, best first; of a clip the whole clip"
    )
    words: list[str] = Field(
        description="words of the query that were heard or read, or stand in subtitles, title or file name"
    )
    moments: list[MomentJson] = Field(description="when they were heard or read")
    copies: list[str] = Field(description="ids of all copies of the video, its own among them; empty where it has none")

    @classmethod
    def of(cls, result: SearchResult) -> "ResultJson":
        """Return a result as JSON."""
        return cls(
            **cls.facts(result.item),
            there=result.has_file,
            score=round(result.score, 6),
            why={name: round(part, 6) for name, part in result.why.items()},
            is_strong=result.is_strong,
            places=[PlaceJson.of(place) for place in result.places],
            words=list(result.words),
            moments=[MomentJson.model_validate(moment) for moment in result.moments],
            copies=list(result.copies),
        )


class AnswerJson(BaseModel):
    """The results of a search, best first."""

    videos: int = Field(description="number of videos in the index")
    exact: bool = Field(description="whether the results are the best of all, not only of a vector index's candidates")
    corrected: bool = Field(description="whether videos that are near every query were corrected")
    seconds: float
    confidence: Literal["strong", "weaker", "nothing"] | None = Field(
        description="'nothing' where nothing in the index is like the query; null where unknown"
    )
    query: str | None = Field(None, description="id of the search, for feedback, where queries are logged")
    results: list[ResultJson]
    total_matching: int | None = Field(
        None,
        description="number of videos, or of places where results are moments, that the filter admits and that answer "
        "the query: from min_score, and not below the score from which nothing in the index is like the query; or with "
        "words of the query; null where it is not counted",
    )
    unread_language: str | None = Field(
        None, description="language of the query, where the model does not read it; null where it does"
    )
    notes: list[str] = Field([], description="what was left out of the query, a sentence each")
    about_model: str = Field(
        "", description="what the built-in model is, in a sentence, where it has a part in the answer; else empty"
    )
    written: list[str] = Field(
        [], description="further queries that were asked too, as a writer wrote them: text from outside, no markup"
    )

    @classmethod
    def of(cls, answer: Answer, query: str | None = None) -> Self:
        """Return an answer as JSON."""
        return cls(
            videos=answer.total,
            exact=answer.exact,
            corrected=answer.corrected,
            seconds=answer.seconds,
            confidence=answer.confidence,
            query=query,
            total_matching=answer.total_matching,
            unread_language=answer.unread_language or None,
            notes=list(answer.notes),
            about_model=answer.about_model,
            written=list(answer.written),
            results=[ResultJson.of(result) for result in answer.results],
        )


class DetailsJson(VideoJson):
    """A video with all its words."""

    there: bool = Field(description="whether its file exists")
    experts: list[str] = Field(description="spaces in which it has a vector")
    about: dict[str, str] = Field(description="what its file says of itself: title, artist and others")
    moments: list[MomentJson] = Field(description="all words that were heard or read in it, or stand in subtitles")

    @classmethod
    def of(cls, entry: Entry, *, has_file: bool) -> "DetailsJson":
        """Return a video as JSON."""
        return cls(
            **cls.facts(entry.item),
            there=has_file,
            experts=list(entry.spaces),
            about=dict(entry.item.about),
            moments=[MomentJson.model_validate(moment) for moment in entry.item.moments],
        )


class PlaybackJson(BaseModel):
    """How a browser can play a video."""

    state: Literal["original", "ready", "waiting", "preparing", "failed"] = Field(
        description="original: the file itself; ready: an MP4 that was made of it; waiting, preparing: not there yet"
    )
    share: float = Field(description="part of the MP4 that is done, from 0 to 1")
    problem: str = Field(description="why it failed")
    url: str | None = Field(description="what to play; null where nothing can be played now")


class PartJson(BaseModel):
    """A segment of a video and its score for a query."""

    model_config = ConfigDict(from_attributes=True)

    start_s: float
    end_s: float
    score: float = Field(description="the model's similarity, from -1 to 1")


class HeatJson(BaseModel):
    """How well the parts of a video fit a query."""

    segments: list[PartJson] = Field(description="all parts, in order of time")
    places: list[PlaceJson] = Field(description="the best places, best first")


class JobJson(BaseModel):
    """An uploaded video, or a folder of videos, on its way into the index."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    video: str = Field(description="id of the video; empty for a folder")
    state: Literal["waiting", "indexing", "done", "failed"]
    done: int
    total: int
    problem: str = Field(description="why it failed, or which files of a folder cannot be used")


class RankedCaptionJson(BaseModel):
    """A caption and its similarity to the video."""

    text: str
    score: float


class ListedJson(VideoJson):
    """A video in the list of an index."""

    title: str = Field(description="a title that a person reads")
    thumbnail_url: str
    file_url: str


class ListJson(BaseModel):
    """A part of the list of an index."""

    total: int = Field(description="number of videos that the filter admits")
    videos: list[ListedJson]
    next: str | None = Field(description="the cursor of the next part; null at the end")


class PartOfAnswerJson(AnswerJson):
    """A part of the results of a search, best first."""

    next: str | None = Field(None, description="the cursor of the next part; null at the end, and after 1,000 results")


class EmbeddingJson(BaseModel):
    """A text as the model of the index embeds it."""

    text: str
    vectors: dict[str, list[float]] = Field(description="by space, of unit length")
    weights: dict[str, float] = Field(description="mixture weight by space; their sum is 1")
