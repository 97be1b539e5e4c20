"""`teachtext mcp`: an index as tools of a language model, over stdin and stdout."""

from pathlib import Path
from typing import Annotated

import typer

from teachtext.cli.options import INDEX, Device, Exact, IndexPlace, MovedModel


def mcp(
    place: IndexPlace = INDEX,
    model: MovedModel = [],  # noqa: B006
    cut_folder: Annotated[
        Path | None,
        typer.Option(help="Folder into which the tool 'cut' writes clips; without it there is no such tool."),
    ] = None,
    exact: Exact = None,
    device: Device = "auto",
) -> None:
    """Offer the tools search, similar, describe and cut to a language model (MCP, over stdin and stdout).

    A program such as an assistant starts this command. The tools read the index, and change nothing in it.
    """
    import logging
    import sys
    from contextlib import redirect_stdout

    from teachtext.errors import InputError

    if cut_folder is not None and not cut_folder.is_dir():
        raise InputError(f"{cut_folder} is not a folder", "make the folder, or give --cut-folder another one")
    try:
        from teachtext.service.mcp_server import mcp_server
    except ImportError as error:
        raise InputError(f"the package '{error.name}' is not installed", "pip install 'teachtext[mcp]'") from error
    from teachtext.api.open_index import open_index
    from teachtext.devices import set_threads

    logging.basicConfig(level=logging.WARNING)
    # stdout is the protocol's
    with redirect_stdout(sys.stderr):
        set_threads(1)
        searcher = open_index(place, model=model or None, device=device, exact=exact).searcher
        # loads what the first search would wait for
        searcher.search("a video", k=1)
    mcp_server(searcher, cut_folder.resolve() if cut_folder else None).run("stdio")
