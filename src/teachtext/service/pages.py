"""The page: rendered here, works without JavaScript, which adds play on hover, keys and progress of uploads."""

import math
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Form, Query, Request, Response, UploadFile
from fastapi.responses import RedirectResponse
from fastapi.templating import Jinja2Templates
from jinja2 import Environment, FileSystemLoader, select_autoescape
from pydantic import BaseModel, Field

from teachtext.errors import InputError
from teachtext.search.filters import parse_filters
from teachtext.search.searcher import Answer, SearchResult
from teachtext.search.types import Filter, Moment, clock
from teachtext.service.bars import Bar, bars
from teachtext.service.querylog import QueryLog
from teachtext.service.schemas import By
from teachtext.service.security import COOKIE, same_token
from teachtext.service.state import DEEPEST, SHOWN, Library
from teachtext.service.uploads import Uploads

# with more videos, to find the newest of them and the tags takes long after each change
_BROWSED_UP_TO = 20_000
_MOST_TAGS = 60

_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=select_autoescape(default=True)
)
_templates = Jinja2Templates(env=_environment)


class PageQuery(BaseModel):
    """A search as the address of a page tells it."""

    q: str = ""
    by: By = "both"
    shortest: str = ""
    longest: str = ""
    after: str = ""
    before: str = ""
    tag: list[str] = []
    speech: Literal["", "yes", "no"] = ""
    page: int = Field(1, ge=1, le=DEEPEST)

    @property
    def first(self) -> int:
        """Place of the first result, from 0."""
        return (self.page - 1) * SHOWN

    @property
    def where(self) -> Filter:
        """Which videos are looked at; what is left empty asks for nothing."""
        told = {
            "duration>=": self.shortest,
            "duration<=": self.longest,
            "added>=": self.after,
            "added<=": self.before,
            "speech=": self.speech,
        }
        return parse_filters(
            [f"{key}{value}" for key, value in told.items() if value] + [f"tag={tag}" for tag in self.tag if tag]
        )

    def at(self, page: int) -> str:
        """Return the query string of another page of the same search."""
        told = {key: value for key, value in self.model_dump().items() if value and key != "page"}
        return urlencode({**told, "page": page}, doseq=True)

    @property
    def narrowed(self) -> bool:
        """Whether anything but words is asked."""
        return bool(self.shortest or self.longest or self.after or self.before or self.tag or self.speech)


def pages_router(*, library: Library, uploads: Uploads, token: str | None, log: QueryLog | None) -> APIRouter:
    """Return the routes of the page.

    Args:
        library: the index.
        uploads: takes videos in.
        token: that everybody has to show, if there is one.
        log: of queries, if they are logged.
    """
    pages = APIRouter()
    spaces = sorted(library.searcher.manifest.spaces)

    def render(request: Request, name: str, **told: Any) -> Response:
        told |= {"model": library.searcher.manifest.model, "spaces": spaces, "logged_in": token is not None}
        return _templates.TemplateResponse(request, name, told)

    @pages.get("/")
    def start(request: Request, asked: Annotated[PageQuery, Query()]) -> Response:
        if not asked.q.strip():
            return render(request, "start.html.j2", asked=asked, tags=_some(library), **_newest(library))
        try:
            answer = library.search(asked.q, first=asked.first, count=SHOWN, where=asked.where, by=asked.by)
        except InputError as error:
            return error_page(request, error, asked=asked, tags=_some(library))
        query = log.asked(asked.q, asked.by, [one.item.id for one in answer.results]) if log else None
        title = f"Results for “{asked.q}”"
        return render(request, "results.html.j2", title=title, **_shown(library, asked, answer, spaces, query))

    @pages.get("/like")
    def like(request: Request, video: str, asked: Annotated[PageQuery, Query()]) -> Response:
        answer = library.like(video, first=asked.first, count=SHOWN, where=asked.where)
        title = f"Videos like “{_name(video)}”"
        return render(
            request, "results.html.j2", title=title, like=video, **_shown(library, asked, answer, spaces, None)
        )

    @pages.get("/video")
    def video(request: Request, id: str, t: float = 0.0, q: str = "", query: str = "") -> Response:
        entry = library.entry(id)
        if log and query:
            log.chose(query, id)
        return render(
            request,
            "video.html.j2",
            item=entry.item,
            there=library.is_there(id),
            at=t if math.isfinite(t) and t > 0 else 0.0,
            q=q,
            experts=entry.pattern,
            captions=library.describe(id, (), 5) if library.has_captions else [],
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
    async def upload(request: Request, file: UploadFile) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            while chunk := await file.read(2**20):
                yield chunk

        job = await uploads.receive(file.filename or "", chunks())
        return RedirectResponse(f"/upload/{job.id}", 303)

    @pages.get("/upload/{job}")
    def job(request: Request, job: str) -> Response:
        return render(request, "job.html.j2", job=uploads.job(job))

    @pages.get("/login")
    def login_form(request: Request) -> Response:
        return render(request, "login.html.j2", wrong=False)

    @pages.post("/login")
    def login(request: Request, shown: Annotated[str, Form()]) -> Response:
        if token is None or not same_token(shown, token):
            page = render(request, "login.html.j2", wrong=True)
            page.status_code = 401
            return page
        done = RedirectResponse("/", 303)
        secure = request.url.scheme == "https"
        done.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=secure, max_age=30 * 24 * 3600)
        return done

    return pages


def error_page(request: Request, error: InputError, status: int = 422, **told: Any) -> Response:
    """Return a page that says what is wrong, and the mend."""
    return _templates.TemplateResponse(request, "error.html.j2", {"error": error, **told}, status_code=status)


def _shown(
    library: Library, asked: PageQuery, answer: Answer, spaces: Sequence[str], query: str | None
) -> Mapping[str, Any]:
    results = answer.results
    drawn = bars([one.why for one in results])
    deepest = asked.first + 2 * SHOWN <= DEEPEST
    return {
        "asked": asked,
        "answer": answer,
        "query": query,
        "tags": _some(library),
        "cards": [
            _card(one, bar, spaces, number)
            for number, (one, bar) in enumerate(zip(results, drawn, strict=True), start=asked.first + 1)
        ],
        "more": len(results) == SHOWN and deepest,
    }


def _card(one: SearchResult, bar: Bar, spaces: Sequence[str], number: int) -> Mapping[str, Any]:
    parts = []
    for name, (left, width) in bar.parts.items():
        color = spaces.index(name) % 8
        parts.append({"name": name, "value": one.why[name], "left": left, "width": width, "color": color})
    at = one.moments[0].start_s if one.moments else 0.0
    return {
        "item": one.item,
        "there": one.has_file,
        "score": one.score,
        "parts": parts,
        "zero": bar.zero,
        "words": one.words,
        "moments": one.moments[:3],
        "at": at,
        "number": number,
    }


def _newest(library: Library) -> Mapping[str, Any]:
    count = library.count()
    return {"count": count, "items": library.overview().newest if count <= _BROWSED_UP_TO else []}


def _some(library: Library) -> Sequence[str]:
    return library.overview().tags[:_MOST_TAGS] if library.count() <= _BROWSED_UP_TO else []


def _name(item_id: str) -> str:
    return item_id.rpartition("/")[2]


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(seconds))


def _marked(moment: Moment, words: Sequence[str]) -> list[tuple[str, bool]]:
    """Cut the text of a moment into pieces, of which those are marked that are words of the query."""
    pieces = re.split(
        "(" + "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)) + ")", moment.text
    )
    return [(piece, number % 2 == 1) for number, piece in enumerate(pieces)] if words else [(moment.text, False)]


_environment.filters |= {
    "name": _name,
    "clock": clock,
    "day": _day,
    "marked": _marked,
    "part": lambda text: quote(text, safe="/"),
    "whole": lambda text: quote(text, safe=""),
}
