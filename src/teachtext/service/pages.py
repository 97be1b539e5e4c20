"""The page: rendered on the server, works without JavaScript, which adds play on hover, keys and upload progress."""

import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.templating import Jinja2Templates
from jinja2 import Environment, FileSystemLoader, select_autoescape
from pydantic import BaseModel, Field

from teachtext.errors import InputError
from teachtext.search import RankBy
from teachtext.search.answer import Answer, SearchResult
from teachtext.search.filters import Filter, parse_filters
from teachtext.search.types import Moment, clock
from teachtext.service.forms import FileOfForm
from teachtext.service.querylog import QueryLog
from teachtext.service.security import COOKIE, Access
from teachtext.service.state import DEEPEST, SHOWN, Library, depth, page
from teachtext.service.uploads import Uploads

# With more videos, the newest and the tags take too long to find after every change.
_BROWSED_UP_TO = 20_000
_MOST_TAGS = 60
_MOST_MOMENTS = 3
_COLORS = 8

_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=select_autoescape(default=True)
)
_templates = Jinja2Templates(env=_environment)


class PageQuery(BaseModel):
    """A search as the address of a page states it."""

    q: str = ""
    by: RankBy = "both"
    shortest: str = ""
    longest: str = ""
    after: str = ""
    before: str = ""
    tag: list[str] = Field([], max_length=50)
    speech: Literal["", "yes", "no"] = ""
    page: int = Field(1, ge=1, le=DEEPEST)

    @property
    def first(self) -> int:
        """Place of the first result, from 0."""
        return (self.page - 1) * SHOWN

    @property
    def where(self) -> Filter:
        """The filter. An empty field is no condition."""
        fields = {
            "duration>=": self.shortest,
            "duration<=": self.longest,
            "added>=": self.after,
            "added<=": self.before,
            "speech=": self.speech,
        }
        return parse_filters(
            [f"{key}{value}" for key, value in fields.items() if value] + [f"tag={tag}" for tag in self.tag if tag]
        )

    def at(self, page: int) -> str:
        """Return the query string of another page of the same search."""
        fields = {key: value for key, value in self.model_dump().items() if value and key != "page"}
        return urlencode({**fields, "page": page}, doseq=True)

    @property
    def narrowed(self) -> bool:
        """Whether a filter is set."""
        return bool(self.shortest or self.longest or self.after or self.before or self.tag or self.speech)


def pages_router(
    *,
    library: Library,
    uploads: Uploads,
    access: Access | None,
    log: QueryLog | None,
    without_paths: Callable[[str], str],
) -> APIRouter:
    """Return the routes of the page.

    Args:
        library: the index.
        uploads: takes videos in.
        access: what every request has to carry, if anything.
        log: the query log, if queries are logged.
        without_paths: takes the paths of the server out of a text.
    """
    pages = APIRouter()
    searcher = library.searcher
    spaces = sorted(searcher.manifest.spaces)

    def render(request: Request, name: str, **values: Any) -> Response:
        values |= {"model": searcher.manifest.model, "spaces": spaces, "logged_in": access is not None}
        return _templates.TemplateResponse(request, name, values)

    @pages.get("/")
    def start(request: Request, search: Annotated[PageQuery, Query()]) -> Response:
        if not search.q.strip():
            overview = library.overview(most=_BROWSED_UP_TO)
            return render(request, "start.html.j2", search=search, tags=overview.tags[:_MOST_TAGS], overview=overview)
        try:
            k = depth(search.first, SHOWN)
            answer = page(searcher.search(search.q, k=k, where=search.where, by=search.by), search.first)
        except InputError as error:
            return error_page(request, error, search=search, tags=_tags(library))
        query = log.search(search.q, search.by, [result.item.id for result in answer.results]) if log else None
        title = f"Results for “{search.q}”"
        return render(request, "results.html.j2", title=title, **_shown(library, search, answer, spaces, query))

    @pages.get("/like")
    def like(request: Request, video: str, search: Annotated[PageQuery, Query()]) -> Response:
        answer = page(searcher.like(video, k=depth(search.first, SHOWN), where=search.where), search.first)
        title = f"Videos like “{_name(video)}”"
        return render(
            request, "results.html.j2", title=title, like=video, **_shown(library, search, answer, spaces, None)
        )

    @pages.get("/video")
    def video(request: Request, id: str, t: float = 0.0, q: str = "", query: str = "") -> Response:
        entry = searcher.entry(id)
        if log and query:
            log.choice(query, id)
        return render(
            request,
            "video.html.j2",
            item=entry.item,
            has_file=library.has_file(entry.item),
            at=t if math.isfinite(t) and t > 0 else 0.0,
            q=q,
            experts=entry.pattern,
            captions=searcher.rank_captions(id, library.captions, 5) if library.captions else [],
            uploaded=library.was_uploaded(id),
        )

    @pages.post("/remove")
    def remove(request: Request, id: Annotated[list[str], Form()]) -> Response:
        library.remove(id)
        return RedirectResponse("/missing" if len(id) > 1 else "/", 303)

    @pages.get("/missing")
    def missing(request: Request) -> Response:
        return render(request, "missing.html.j2", items=library.missing())

    @pages.get("/upload")
    def upload_form(request: Request) -> Response:
        return render(request, "upload.html.j2", most_mb=uploads.most_bytes // 2**20)

    @pages.post("/upload")
    async def upload(request: Request) -> Response:
        file = FileOfForm(request)
        await file.begin()
        job = await uploads.receive(file.name, file.chunks())
        return RedirectResponse(f"/upload/{job.id}", 303)

    @pages.get("/upload/{job}")
    def job(request: Request, job: str) -> Response:
        shown = uploads.job(job)
        return render(request, "job.html.j2", job=shown, problem=without_paths(shown.problem))

    @pages.get("/login")
    def login_form(request: Request) -> Response:
        return render(request, "login.html.j2", wrong=False)

    @pages.post("/login")
    def login(request: Request, shown: Annotated[str, Form()]) -> Response:
        if access is None or not access.is_token(shown):
            refused = render(request, "login.html.j2", wrong=True)
            refused.status_code = 401
            return refused
        accepted = RedirectResponse("/", 303)
        secure = request.scope["scheme"] == "https"
        accepted.set_cookie(
            COOKIE, access.cookie, httponly=True, samesite="strict", secure=secure, max_age=30 * 24 * 3600
        )
        return accepted

    return pages


def error_page(request: Request, error: InputError, status: int = 422, **values: Any) -> Response:
    """Return a page with an error and its mend."""
    return _templates.TemplateResponse(request, "error.html.j2", {"error": error, **values}, status_code=status)


class Bar(NamedTuple):
    """A small bar, from 0 to 100, that shows what raised a score and what lowered it.

    Attributes:
        zero: place of the zero line.
        parts: left end and width by space.
    """

    zero: float
    parts: Mapping[str, tuple[float, float]]


def bars(contributions: Sequence[Mapping[str, float]]) -> list[Bar]:
    """Return the bars of a page. Parts right of the zero line raised a score, parts left of it lowered it.

    All bars have one scale and one zero line. Together they reach from 0 to 100.

    Args:
        contributions: of each result, the part of its score by space.
    """
    below = max((-sum(min(part, 0.0) for part in parts.values()) for parts in contributions), default=0.0)
    above = max((sum(max(part, 0.0) for part in parts.values()) for parts in contributions), default=0.0)
    scale = 100 / (below + above) if below + above > 0 else 0.0
    return [Bar(below * scale, _bar_parts(parts, below * scale, scale)) for parts in contributions]


def _bar_parts(contributions: Mapping[str, float], zero: float, scale: float) -> Mapping[str, tuple[float, float]]:
    parts, left, right = {}, zero, zero
    for name, value in sorted(contributions.items()):
        width = abs(value) * scale
        if value < 0:
            left -= width
            parts[name] = (left, width)
        else:
            parts[name] = (right, width)
            right += width
    return parts


def _shown(
    library: Library, search: PageQuery, answer: Answer, spaces: Sequence[str], query: str | None
) -> Mapping[str, Any]:
    drawn = zip(answer.results, bars([result.why for result in answer.results]), strict=True)
    return {
        "search": search,
        "answer": answer,
        "query": query,
        "tags": _tags(library),
        "cards": [_card(result, bar, spaces, number) for number, (result, bar) in enumerate(drawn, search.first + 1)],
        "more": len(answer.results) == SHOWN and search.first + 2 * SHOWN <= DEEPEST,
    }


def _card(result: SearchResult, bar: Bar, spaces: Sequence[str], number: int) -> Mapping[str, Any]:
    parts = [
        {"name": name, "value": result.why[name], "left": left, "width": width, "color": spaces.index(name) % _COLORS}
        for name, (left, width) in bar.parts.items()
    ]
    at = result.moments[0].start_s if result.moments else 0.0
    moments = result.moments[:_MOST_MOMENTS]
    return {"result": result, "parts": parts, "zero": bar.zero, "moments": moments, "at": at, "number": number}


def _tags(library: Library) -> Sequence[str]:
    return library.overview(most=_BROWSED_UP_TO).tags[:_MOST_TAGS]


def _name(item_id: str) -> str:
    return item_id.rpartition("/")[2]


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(seconds))


def _marked(moment: Moment, words: Sequence[str]) -> list[tuple[str, bool]]:
    """Cut the text of a moment into pieces; each piece with whether it is a word of the query."""
    if not words:
        return [(moment.text, False)]
    longest_first = sorted(words, key=len, reverse=True)
    pieces = re.split("(" + "|".join(re.escape(word) for word in longest_first) + ")", moment.text)
    return [(piece, number % 2 == 1) for number, piece in enumerate(pieces)]


_environment.filters |= {
    "name": _name,
    "clock": clock,
    "day": _day,
    "marked": _marked,
    "part": lambda text: quote(text, safe="/"),
    "whole": lambda text: quote(text, safe=""),
}
