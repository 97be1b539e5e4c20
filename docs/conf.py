"""Settings of the documentation site: `make docs` builds it into build/site."""

import re
import sys
from pathlib import Path
from textwrap import indent
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "src"), str(HERE)]

import reference_pages  # noqa: E402 - found only after the path is set

from teachtext import __version__  # noqa: E402

project = "TeachText"
author = "the TeachText authors"
project_copyright = ""
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 3
source_suffix = {".md": "markdown"}
exclude_patterns: list[str] = []

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
# attributes of a class are listed once, in its docstring
napoleon_use_ivar = True

html_theme = "furo"
html_title = "TeachText"
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {"navigation_with_keys": True}
html_static_path: list[str] = []


def _as_rst(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Turn what our docstrings take from Markdown, single backticks and fenced blocks, into reStructuredText."""
    text = re.sub(r"(?<![`:\w])`([^`\n]+)`(?!`)", r"``\1``", "\n".join(lines))
    # a bar is a sign of absolute values or of a choice here, and never a substitution
    text = re.sub(r"\|(?=\w+\|)", r"\\|", text)
    lines[:] = re.sub(r"```\w*\n(.*?)\n\s*```", _literal_block, text, flags=re.DOTALL).split("\n")


def _literal_block(fenced: re.Match[str]) -> str:
    return "::\n\n" + indent(fenced[1], "    ") + "\n"


def _write_pages(app: Any) -> None:
    reference_pages.write(HERE / "reference", HERE / "notebooks")


def setup(app: Any) -> None:
    """Write the generated pages before the pages are read."""
    app.connect("builder-inited", _write_pages)
    app.connect("autodoc-process-docstring", _as_rst)
