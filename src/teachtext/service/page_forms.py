"""The pages that change something: uploads, removals, the log-in."""

from collections.abc import Callable
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from teachtext.service.forms import FileOfForm
from teachtext.service.security import COOKIE, Access
from teachtext.service.state import Library
from teachtext.service.uploads import Uploads

_COOKIE_SECONDS = 30 * 24 * 3600


def forms_router(
    *,
    library: Library,
    uploads: Uploads,
    access: Access | None,
    render: Callable[..., Response],
    without_paths: Callable[[str], str],
) -> APIRouter:
    """Return the routes of the pages that change something.

    Args:
        library: the index.
        uploads: takes videos in.
        access: what every request has to carry, if anything.
        render: returns a page, from the request, the name of a template, and its values.
        without_paths: takes the paths of the server out of a text.
    """
    pages = APIRouter()

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
        shown = uploads.queue.job(job)
        return render(request, "job.html.j2", job=shown, problem=without_paths(shown.problem))

    @pages.get("/login")
    def login_form(request: Request, next: str = "/") -> Response:
        return render(request, "login.html.j2", wrong=False, next=own_address(next))

    @pages.post("/login")
    def login(request: Request, shown: Annotated[str, Form()], next: Annotated[str, Form()] = "/") -> Response:
        if access is None or not access.is_token(shown):
            refused = render(request, "login.html.j2", wrong=True, next=own_address(next))
            refused.status_code = 401
            return refused
        accepted = RedirectResponse(own_address(next), 303)
        secure = request.scope["scheme"] == "https"
        accepted.set_cookie(
            COOKIE,
            access.cookie,
            path=_cookie_path(request),
            httponly=True,
            samesite="strict",
            secure=secure,
            max_age=_COOKIE_SECONDS,
        )
        return accepted

    @pages.post("/logout")
    def logout(request: Request) -> Response:
        left = RedirectResponse("/login", 303)
        left.delete_cookie(COOKIE, path=_cookie_path(request), httponly=True, samesite="strict")
        return left

    return pages


def _cookie_path(request: Request) -> str:
    """Return below which path a browser sends the cookie: other services may stand at the same host."""
    return str(request.app.state.root_path) or "/"


def own_address(address: str) -> str:
    """Return an address of this service, or "/" for an address that leads to another site.

    >>> own_address("/?q=a dog"), own_address("//evil.example"), own_address("https://evil.example")
    ('/?q=a%20dog', '/', '/')
    """
    # a browser reads a backslash as a slash, and passes over control characters
    is_own = address.startswith("/") and address[1:2] not in ("/", "\\") and address.isprintable()
    return quote(address, safe="/?&=%+:;,@!$'()*~-._") if is_own else "/"
