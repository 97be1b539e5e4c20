"""Templates of the page, and the words in which they write numbers."""

import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, select_autoescape

from teachtext.errors import InputError
from teachtext.search.types import clock
from teachtext.service.cards import marked
from teachtext.service.root_path import with_root

_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=select_autoescape(default=True)
)


def error_page(request: Request, error: InputError, status: int = 422, **values: Any) -> Response:
    """Return a page with an error and its mend."""
    return page(request, "error.html.j2", status, error=error, **values)


def page(request: Request, name: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a page.

    Args:
        request: what is answered.
        name: of the template.
        status: of HTTP.
        values: of the template.
    """
    root = request.app.state.root_path
    html = _environment.get_template(name).render(request=request, root=root, **values)
    return HTMLResponse(with_root(html, root), status)


def file_name(item_id: str) -> str:
    """Return the name of a video's file."""
    return item_id.rpartition("/")[2]


def duration(seconds: float) -> str:
    """Return a length as people read it.

    >>> duration(0.53), duration(9.6), duration(65)
    ('0.5 s', '0:10', '1:05')
    """
    return f"{seconds:.1f} s" if seconds < 0.95 else clock(round(seconds))


def many(count: int, noun: str) -> str:
    """Return a number with its noun.

    >>> many(1, "video"), many(5000, "video")
    ('1 video', '5,000 videos')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(seconds))


def _sentence(text: str) -> str:
    """Return a text that begins with a capital letter, unless its first word is a name."""
    return text[:1].upper() + text[1:] if " " in text[:12] and text[:1].islower() else text


_environment.filters |= {
    "name": file_name,
    "clock": clock,
    "duration": duration,
    "many": many,
    "day": _day,
    "marked": marked,
    "sentence": _sentence,
    "part": lambda text: quote(text, safe="/"),
    "whole": lambda text: quote(text, safe=""),
}
