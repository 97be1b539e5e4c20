"""Reports as HTML pages that need nothing else: no network, no script, pictures inside."""

import base64
from collections.abc import Mapping
from typing import Any

from teachtext.errors import InputError


def render_page(template: str, values: Mapping[str, Any]) -> str:
    """Return a template of this folder, filled in.

    Raises:
        InputError: Jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise InputError("the report needs Jinja2", "pip install 'teachtext[report]'") from error
    environment = Environment(
        loader=PackageLoader("teachtext", "reports"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {"svg_uri": _svg_uri, "jpeg_uri": _jpeg_uri, "rank": _rank}
    return environment.get_template(template).render(values)


def _svg_uri(svg: str) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def _jpeg_uri(picture: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"


def _rank(rank: float) -> str:
    return f"{rank:,.0f}" if rank == int(rank) else f"{rank:,.1f}"
