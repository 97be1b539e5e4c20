"""`teachtext serve`: the search page of an index, and its API."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from teachtext.cli.options import INDEX, Device, Exact, Fuse, IndexPlace, MovedModel, WriterSpec
from teachtext.errors import counted

if TYPE_CHECKING:
    import socket

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def serve(
    place: IndexPlace = INDEX,
    model: MovedModel = [],  # noqa: B006
    host: Annotated[str, typer.Option(help="Address to listen at. Any but this machine's own needs a token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen at.")] = 8000,
    name: Annotated[
        list[str], typer.Option(help="Host name of the service, besides its address; can be repeated.")
    ] = [],  # noqa: B006
    token: Annotated[
        str | None,
        typer.Option(
            envvar="TEACHTEXT_TOKEN",
            help="Token that every request has to carry. Others on this machine see it in the list of processes.",
            show_default=False,
        ),
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="File whose first line is the token.", show_default=False)
    ] = None,
    rate: Annotated[str, typer.Option(help="Requests of one client, such as 600/minute, or none.")] = "600/minute",
    trust_proxy: Annotated[
        list[str],
        typer.Option(
            metavar="ADDRESS",
            help="Address or network of a proxy whose X-Forwarded-For is believed; can be repeated.",
        ),
    ] = [],  # noqa: B006
    max_upload_mb: Annotated[int, typer.Option(min=1, help="Largest upload, in MiB.")] = 512,
    max_uploads_total_mb: Annotated[
        int | None, typer.Option(min=1, help="Largest size of all uploads together, in MiB.", show_default="no limit")
    ] = None,
    uploads: Annotated[
        Path | None,
        typer.Option(help="Folder for uploads.", show_default="in the index; in the working folder for a URL"),
    ] = None,
    captions: Annotated[
        Path | None, typer.Option(help="File of captions, one a line, that may describe a video.")
    ] = None,
    examples: Annotated[
        Path | None,
        typer.Option(
            help="Dataset whose captions the page offers as queries, where they find their own video.",
            show_default="captions of the model's training, and words of the videos",
        ),
    ] = None,
    writer: WriterSpec = None,
    writer_seconds: Annotated[
        float, typer.Option(help="Seconds that the writer has; later the search is that of the query alone.")
    ] = 2.0,
    queries: Annotated[int, typer.Option(help="Queries that a search asks with --writer, the user's among them.")] = 3,
    fuse: Fuse = "reciprocal",
    log_queries: Annotated[
        Path | None, typer.Option(help="File that logs queries and opened results; by default none.")
    ] = None,
    playable_mb: Annotated[
        int, typer.Option(min=1, help="Largest size of the videos that are made for browsers, in MiB.")
    ] = 4096,
    exact: Exact = None,
    device: Device = "auto",
    time_limit: Annotated[
        float, typer.Option(help="Seconds that the extraction of one uploaded video may take.")
    ] = 1800.0,
    root_path: Annotated[
        str, typer.Option(metavar="PATH", help="Path under which a proxy shows the service, such as /videos.")
    ] = "",
    cors: Annotated[
        list[str],
        typer.Option(
            metavar="ORIGIN",
            help="Origin of pages that may use the API, such as https://example.org; can be repeated.",
        ),
    ] = [],  # noqa: B006
    allow_folder: Annotated[
        list[Path], typer.Option(help="Folder whose videos may be added by path over the API; can be repeated.")
    ] = [],  # noqa: B006
    allow_host: Annotated[
        list[str],
        typer.Option(metavar="HOST", help="Host from which videos may be fetched over the API; can be repeated."),
    ] = [],  # noqa: B006
    stop_seconds: Annotated[
        float, typer.Option(min=0, max=3600, help="Seconds in which requests are finished when the service stops.")
    ] = 10.0,
    threads: Annotated[int, typer.Option(min=1, help="Requests that are answered at once; further ones wait.")] = 4,
) -> None:
    """Serve the search page of an index, and its API.

    Prints the address of the page. By default only this machine can open it. Ctrl-C stops the service.
    """
    import gc
    import math
    import os

    from teachtext.errors import InputError

    token = _token(token, token_file)
    if host not in _LOOPBACK and not token:
        raise InputError(f"'{host}' can be reached by others", "set a token: --token-file, or TEACHTEXT_TOKEN")
    _check_networks(trust_proxy)
    try:
        from teachtext.service.app import create_app
        from teachtext.service.connections import Limits, end_process_after, make_server, most_connections
        from teachtext.service.cors import check_origins
        from teachtext.service.downloads import check_hosts
        from teachtext.service.rates import rate_of
        from teachtext.service.root_path import check_root_path
    except ImportError as error:
        raise InputError(f"the package '{error.name}' is not installed", "pip install 'teachtext[serve]'") from error
    from teachtext.api.open_index import open_index
    from teachtext.cli.progress import console
    from teachtext.devices import set_threads
    from teachtext.rewriting.fusion import check_fusion
    from teachtext.rewriting.writers import open_writer
    from teachtext.search.expansion import Expander
    from teachtext.search.hubness import read_captions
    from teachtext.search.quality import read_split
    from teachtext.search.stores import is_url
    from teachtext.service.examples import captions_that_find
    from teachtext.service.querylog import QueryLog
    from teachtext.service.state import Library
    from teachtext.service.uploads import Uploads

    video_hosts = check_hosts(allow_host)
    for folder in allow_folder:
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder", "give --allow-folder a folder with videos in it")
    expander = None
    if writer is not None:
        expander = Expander(open_writer(writer), queries=queries, fuse=check_fusion(fuse), seconds=writer_seconds)
    root, origins = check_root_path(root_path), check_origins(cors, has_token=bool(token))
    # what people upload, say and look for is for nobody else on this machine
    os.umask(0o077)
    set_threads(1)
    searcher = open_index(place, model=model or None, device=device, exact=exact).searcher
    # loads what the first search would wait for
    searcher.search("a video", k=1)
    files = Path(f"{INDEX}-files" if is_url(place) else place)
    library = Library(
        searcher,
        uploads=uploads or files / "uploads",
        features=Path(f"{INDEX}-features" if is_url(place) else place) / "features",
        thumbnails=files / "thumbnails",
        playable_bytes=playable_mb * 2**20,
        captions=read_captions(captions) if captions else (),
        examples=captions_that_find(searcher, read_split(examples, "test")) if examples else (),
        expander=expander,
    )
    incoming = Uploads(
        library=library,
        most_bytes=max_upload_mb * 2**20,
        most_total_bytes=math.inf if max_uploads_total_mb is None else max_uploads_total_mb * 2**20,
        device=device,
        time_limit=time_limit,
    )
    app = create_app(
        library=library,
        uploads=incoming,
        hosts=["*"] if host in ("0.0.0.0", "::") and not name else ["localhost", "127.0.0.1", "[::1]", host, *name],
        token=token,
        rate=rate_of(rate),
        log=QueryLog(log_queries) if log_queries else None,
        threads=threads,
        root_path=root,
        origins=origins,
        stop_s=stop_seconds,
        folders=allow_folder,
        video_hosts=video_hosts,
    )

    def begin_stop() -> None:
        end_process_after(stop_seconds)
        incoming.queue.stop_soon()

    server = make_server(
        app,
        limits=Limits(connections=most_connections()),
        proxies=trust_proxy,
        stop_s=stop_seconds,
        on_stop=begin_stop,
    )
    # what is there now stays: to look through the libraries again for garbage would hold up searches
    gc.collect()
    gc.freeze()
    with _listening(host, port) as socket:
        at = socket.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        console.print(
            f"{counted(library.count(), 'video')} at http://{shown}:{at} (stop with Ctrl-C)",
            markup=False,
            soft_wrap=True,
        )
        server.run(sockets=[socket])


def _token(token: str | None, file: Path | None) -> str | None:
    """Return the token of the service, from its option or from a file."""
    from teachtext.errors import InputError
    from teachtext.files import read_text

    if file is None:
        return token
    if token:
        raise InputError("the token is given twice, by --token or TEACHTEXT_TOKEN and by --token-file", "give it once")
    first_line = read_text(file).partition("\n")[0].strip()
    if not first_line:
        raise InputError(f"the first line of {file} is empty", "write the token there")
    return first_line


def _check_networks(proxies: list[str]) -> None:
    """Raise InputError for an address or a network that is none."""
    import ipaddress

    from teachtext.errors import InputError

    for proxy in proxies:
        try:
            ipaddress.ip_network(proxy)
        except ValueError as error:
            raise InputError(
                f"'{proxy}' is not the address of a proxy", "give an address such as 10.0.0.2, or 10.0.0.0/8"
            ) from error


def _listening(host: str, port: int) -> "socket.socket":
    """Return a listening socket. Requests wait from now on, and are not refused.

    An answer is sent at once: asyncio switches Nagle's algorithm off for sockets that say they are TCP, and those of
    `create_server` do not. Without that, answers of a kept connection wait 40 ms for an acknowledgement.
    """
    import socket

    from teachtext.errors import InputError

    try:
        server = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise InputError(f"nobody can listen at {host}:{port} ({error.strerror})", "choose another --port") from error
    # made from its number, a socket asks the system for its protocol
    return socket.socket(fileno=server.detach())
