"""`teachtext serve` and `feedback`: the search page and its API; what people chose there, as captions to learn from."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from teachtext.cli.search import INDEX, Place

if TYPE_CHECKING:
    import socket

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def serve(
    place: Place = INDEX,
    model: Annotated[Path | None, typer.Option(help="Folder of the model, if it was moved.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen at; any but this machine's own asks for a token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen at.")] = 8000,
    name: Annotated[
        list[str], typer.Option(help="Name that the service may be called by, besides its address; several times.")
    ] = [],  # noqa: B006
    token: Annotated[
        str | None, typer.Option(envvar="TEACHTEXT_TOKEN", help="What everybody has to show.", show_default=False)
    ] = None,
    rate: Annotated[str, typer.Option(help="Requests of one address, such as 600/minute, or none.")] = "600/minute",
    max_upload_mb: Annotated[int, typer.Option(min=1, help="Largest upload, in MiB.")] = 512,
    uploads: Annotated[
        Path | None,
        typer.Option(help="Where uploads are kept.", show_default="in the index, or beside you for a URL"),
    ] = None,
    captions: Annotated[
        Path | None, typer.Option(help="Captions, one a line, from which videos are described.")
    ] = None,
    log_queries: Annotated[
        Path | None, typer.Option(help="File in which queries and chosen results are noted; by default nowhere.")
    ] = None,
    exact: Annotated[
        bool | None,
        typer.Option("--exact/--approximate", help="Look at every video, or not.", show_default="up to 50,000 of them"),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Requests worked on at once; more of them wait.")] = 4,
) -> None:
    """Serve the search page of an index, and its API.

    Open the address that is printed. Listens on this machine alone unless told otherwise; Ctrl-C stops it.
    """
    from teachtext.errors import InputError

    if host not in _LOOPBACK and not token:
        raise InputError(f"'{host}' can be reached by others", "set a token: --token, or TEACHTEXT_TOKEN")
    try:
        import uvicorn

        from teachtext.service.app import create_app
        from teachtext.service.security import rate_of
    except ImportError as error:
        raise InputError(f"the package '{error.name}' is not installed", "pip install 'teachtext[serve]'") from error
    from teachtext.cli.progress import console
    from teachtext.devices import set_threads
    from teachtext.search.hubness import read_captions
    from teachtext.search.stores import is_url
    from teachtext.service.querylog import QueryLog
    from teachtext.service.state import Library
    from teachtext.service.uploads import Uploads

    set_threads(1)
    own = Path(f"{INDEX}-files" if is_url(place) else place)
    library = Library(
        place=place,
        model=model,
        exact=exact,
        uploads=uploads or own / "uploads",
        features=Path(f"{INDEX}-features" if is_url(place) else place) / "features",
        cache=own / "thumbnails",
        captions=read_captions(captions) if captions else (),
    )
    library.warm()
    app = create_app(
        library=library,
        uploads=Uploads(library=library, most_bytes=max_upload_mb * 2**20),
        hosts=["*"] if host in ("0.0.0.0", "::") and not name else ["localhost", "127.0.0.1", "[::1]", host, *name],
        token=token,
        rate=rate_of(rate),
        log=QueryLog(log_queries) if log_queries else None,
        threads=threads,
    )
    config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
    with _listening(host, port) as socket:
        at = socket.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        console.print(
            f"{library.count():,} videos at http://{shown}:{at} (stop with Ctrl-C)", markup=False, soft_wrap=True
        )
        uvicorn.Server(config).run(sockets=[socket])


def _listening(host: str, port: int) -> "socket.socket":
    """Return a socket that listens: who asks from here on waits, and is not turned away."""
    import socket

    from teachtext.errors import InputError

    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise InputError(f"nobody can listen at {host}:{port} ({error.strerror})", "choose another --port") from error


def feedback(
    log: Annotated[Path, typer.Argument(help="File of 'teachtext serve --log-queries FILE'.")],
    out: Annotated[Path, typer.Option(help="Captions file to write.")] = Path("captions.jsonl"),
    least: Annotated[int, typer.Option(min=1, help="How often a video has to have been chosen for a query.")] = 1,
) -> None:
    """Turn what people searched for and then opened into captions to learn from.

    Writes captions.jsonl of a dataset folder: put it beside a folder videos/ that holds the videos, and train.
    """
    from teachtext.cli.progress import console
    from teachtext.errors import InputError
    from teachtext.service.querylog import pairs, write_captions

    found = pairs(log, least=least)
    if not found:
        raise InputError(f"{log} tells of no query whose results were opened", "let people search first")
    write_captions(out, found)
    videos = len({video for video, _, _ in found})
    console.print(f"{len(found)} captions of {videos} videos in {out}", markup=False, soft_wrap=True)
