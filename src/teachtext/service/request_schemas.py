"""What a request to the API may ask: its query string or its JSON."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from teachtext.search import GroupBy, RankBy
from teachtext.search.filters import Filter, parse_filters


class AdditionRequest(BaseModel):
    """A video or a folder to be added: either a URL, or a path of the server."""

    model_config = ConfigDict(extra="forbid")

    url: str | None = Field(None, min_length=1, max_length=4096, description="of a video, from a host that is allowed")
    name: str | None = Field(None, min_length=1, max_length=1000, description="file name of what the URL leads to")
    path: str | None = Field(None, min_length=1, max_length=4096, description="of a folder, or of a video in one")


class CaptionsRequest(BaseModel):
    """Captions to be ranked by their similarity to a video."""

    video: str = Field(max_length=4096)
    captions: list[Annotated[str, Field(max_length=10_000)]] = Field(
        [], max_length=1000, description="none: the captions that the service was started with"
    )
    k: int = Field(10, ge=1, le=1000)


class ChosenVideo(BaseModel):
    """The result of a search that somebody opened."""

    query: str = Field(max_length=64)
    video: str = Field(max_length=4096)


class FilterQuery(BaseModel):
    """Which videos a search looks at, from the query string."""

    filter: list[str] = Field(
        [],
        max_length=50,
        description="duration<=30, added>=2026-01-31, tag=<tag>, speech=yes or id=<id>; all of them must hold",
    )

    @property
    def where(self) -> Filter:
        """The filter."""
        return parse_filters(self.filter)


class SearchQuery(FilterQuery):
    """A search of `/api/search`, from the query string."""

    text: str = Field(max_length=100_000, description="what to look for")
    by: RankBy = "both"
    first: int = Field(0, ge=0, le=1000, description="place of the first result, from 0")
    count: int = Field(20, ge=1, le=1000, description="number of results")


class SearchQueryV1(FilterQuery):
    """A search of version 1, from the query string."""

    text: str = Field(max_length=100_000, description="what to look for")
    by: RankBy = "both"
    group_by: GroupBy = "video"
    min_score: float = Field(-1.0, ge=-1, le=1, description="results with a lower score are left out")
    cursor: str = Field("", max_length=200, description="`next` of the part before")
    count: int = Field(20, ge=1, le=500, description="number of results")
    expand: bool = Field(False, description="also ask queries that the service's writer writes, and fuse the rankings")


class SearchRequest(BaseModel):
    """One search of several."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(max_length=10_000, description="what to look for")
    filter: list[str] = Field([], max_length=50, description="as in the address of a search")
    by: RankBy = "both"
    group_by: GroupBy = "video"
    min_score: float = Field(-1.0, ge=-1, le=1, description="results with a lower score are left out")
    count: int = Field(20, ge=1, le=100, description="number of results")


class SearchesRequest(BaseModel):
    """Several searches at once."""

    model_config = ConfigDict(extra="forbid")

    searches: list[SearchRequest] = Field(min_length=1, max_length=32)


class TextsRequest(BaseModel):
    """Texts to be embedded as queries."""

    model_config = ConfigDict(extra="forbid")

    texts: list[Annotated[str, Field(max_length=10_000)]] = Field(min_length=1, max_length=64)


class TagsRequest(BaseModel):
    """Tags that a video gets and loses."""

    model_config = ConfigDict(extra="forbid")

    add: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field([], max_length=50)
    remove: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field([], max_length=50)
