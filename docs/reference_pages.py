"""Generate the reference pages of the documentation site from the code.

The command line comes from typer, the settings from the pydantic models, the Python API from docstrings. The
lists of encoders, benchmarks and objectives come from their registries. A notebook becomes a page too. `conf.py` calls
`write` before each build; the pages are not committed.
"""

import inspect
import json
import types
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

import teachtext
from teachtext.cli.main import app
from teachtext.data.benchmarks import COLUMNS, benchmarks
from teachtext.experiment.config import RunConfig
from teachtext.experiment.study.config import StudyConfig
from teachtext.files import write_text
from teachtext.learning.choices import NameIn
from teachtext.learning.distillation.parts import described, settings_in
from teachtext.learning.distillation.presets import PRESETS

# modules below the front door that a researcher imports, by page
MODULES = {
    "models": (
        "Models",
        ["models.similarity", "models.retrieval", "models.ce", "models.moee", "models.mmt", "models.dual"],
    ),
    "blocks": ("Building blocks", ["models.gating", "models.pooling", "models.text"]),
    "losses": ("Losses and training", ["learning.losses", "learning.trainer", "learning.optimizers"]),
    "evaluation": (
        "Ranks, metrics, significance",
        ["evaluation.ranks", "evaluation.metrics", "evaluation.significance"],
    ),
    "data": ("Datasets and the feature store", ["data.types", "data.protocol", "data.folder", "data.store"]),
}


def pages() -> dict[str, str]:
    """Return every generated page by its path under the reference folder, without the ending."""
    names = {name: _page_of(name) for name in sorted(teachtext.__all__) if not name.startswith("_")}
    return {
        "index": _index(),
        "command-line": command_line(),
        "config": settings(RunConfig, "The config of a run", _RUN_INTRO),
        "study": settings(StudyConfig, "The file of a study", _STUDY_INTRO),
        "encoders": encoders(),
        "benchmarks": benchmark_tables(),
        "caption-formats": caption_formats(),
        "objectives": objectives(),
        "python/index": _python_index(names),
        **{f"python/{page}": _public_name(name) for name, page in names.items()},
        **{f"python/modules/{page}": _modules(title, modules) for page, (title, modules) in MODULES.items()},
    }


def _page_of(name: str) -> str:
    """Return the page of a public name: `Index` and `index` are one file where a system ignores case."""
    return f"{'classes' if isinstance(getattr(teachtext, name), type) else 'functions'}/{name}"


def write(folder: Path, notebooks: Path) -> None:
    """Write every page that has changed under a folder, and remove what no longer is a page."""
    texts = {folder / f"{name}.md": text for name, text in pages().items()}
    texts |= {folder / "notebooks" / f"{path.stem}.md": notebook_page(path) for path in notebooks.glob("*.ipynb")}
    for path, text in texts.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, text)
    for path in set(folder.rglob("*.md")) - set(texts):
        path.unlink()


# ---------------------------------------------------------------------------------------------------------------------
# the command line

_RUN_INTRO = """`teachtext run CONFIG` and the other verbs that take a config read one YAML file with these keys.
`teachtext run CONFIG --show` prints a config with every default filled in. A key that no table names is refused."""
_STUDY_INTRO = """`teachtext study STUDY` reads one YAML file with these keys. The keys under `base` and `variants` are
[those of a run](config.md)."""


_EXIT_CODES = """| exit code | |
|---|---|
| 0 | done |
| 1 | a comparison that is over its limit (`parity`), a question that was answered with no, or a closed pipe |
| 2 | bad input, or no file that can be used: one sentence on the standard error |
| 3 | done, but `index` or `extract` has set files aside, which it lists |
| 130 | stopped, by Ctrl-C or SIGTERM; the same command goes on where it was stopped |"""


def command_line() -> str:
    """Return a section for each verb: usage, what it does, arguments and options."""
    root = typer.main.get_command(app)
    lines = ["# The command line", "", str(root.help), ""]
    lines += [_EXIT_CODES, ""]
    for path, command in _verbs(root, ()):
        lines += [f"## teachtext {' '.join(path)}", "", *_verb(path, command)]
    return "\n".join(lines)


def _verbs(group: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _verbs(command, (*path, name))
        elif not command.hidden:
            yield (*path, name), command


def _verb(path: Sequence[str], command: Any) -> list[str]:
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
    words = [_argument(argument) for argument in arguments]
    lines = ["```text", " ".join(["teachtext", *path, *words, *(["[OPTIONS]"] if options else [])]), "```", ""]
    lines += [inspect.cleandoc(command.help or ""), ""]
    if command.params:
        rows = [[f"`{_argument(argument)}`", argument.help or "", ""] for argument in arguments]
        rows += [[_option(option), option.help or "", _default(option)] for option in options]
        lines += table(["argument or option", "meaning", "default"], rows)
    return lines


def _argument(argument: Any) -> str:
    name = argument.name.upper() + ("..." if argument.nargs == -1 else "")
    return name if argument.required else f"[{name}]"


def _option(option: Any) -> str:
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    annotation = option.type_descriptor.annotation
    is_enum = isinstance(annotation, type) and issubclass(annotation, Enum)
    values = [item.value for item in annotation] if is_enum else get_args(annotation) if _is_literal(annotation) else []
    return " ".join([names, *(f"`{value}`" for value in values)])


def _is_literal(annotation: Any) -> bool:
    return get_origin(annotation) is Literal


def _default(option: Any) -> str:
    if isinstance(option.show_default, str):
        return option.show_default
    value = option.default
    if value is None or value is False or callable(value) or value in ([], ()):
        return "required" if option.required else ""
    values = value if isinstance(value, list | tuple) else [value]
    return ", ".join(
        f"`{item.value if isinstance(item, Enum) else str(item).lower() if item is True else item}`" for item in values
    )


# ---------------------------------------------------------------------------------------------------------------------
# the settings


def settings(model: type[BaseModel], title: str, intro: str) -> str:
    """Return a section for each part of a config: key, values, default and meaning."""
    lines = [f"# {title}", "", intro, ""]
    for path, part in _parts(model, "", []):
        lines += [f"## {path}" if path else "## Top level", ""]
        lines += [inspect.cleandoc(part.__doc__ or ""), ""]
        rows = [
            [
                f"`{name}`",
                _values(field.annotation, field.metadata),
                _default_of(part, name),
                field.description or _doc(field),
            ]
            for name, field in part.model_fields.items()
        ]
        lines += table(["key", "values", "default", "meaning"], rows)
    return "\n".join(lines)


def _parts(model: type[BaseModel], path: str, shown: list[type[BaseModel]]) -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield each part of a config once, with the key under which it stands first."""
    shown.append(model)
    yield path, model
    for name, field in model.model_fields.items():
        for part, brackets in _models_in(field.annotation):
            if part not in shown:
                yield from _parts(part, f"{path}.{name}{brackets}".lstrip("."), shown)


def _models_in(annotation: Any, brackets: str = "") -> Iterator[tuple[type[BaseModel], str]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, brackets
    inner = "[]" if get_origin(annotation) is list else ".LABEL" if get_origin(annotation) is dict else brackets
    for argument in get_args(annotation):
        yield from _models_in(argument, inner)


def _doc(field: FieldInfo) -> str:
    """Return the first sentence of the part that a key holds, for a key without a description."""
    for part, _ in _models_in(field.annotation):
        return inspect.cleandoc(part.__doc__ or "").split("\n")[0]
    return ""


def _values(annotation: Any, metadata: Sequence[Any] = ()) -> str:
    """Return the values that a key takes, in words."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    for item in metadata:
        if isinstance(item, NameIn):
            return " ".join(f"`{name}`" for name in item.table)
    if origin is Annotated:
        return _values(arguments[0], [*arguments[1:], *metadata])
    # a setting may take the names of a table of the code
    names = arguments if origin is Literal else next((item.table for item in metadata if hasattr(item, "table")), None)
    if names is not None:
        return " ".join(f"`{name}`" for name in names)
    if origin in (Union, types.UnionType):
        return " or ".join(
            _values(argument, metadata) if argument is not type(None) else "`null`" for argument in arguments
        )
    if origin in (list, Sequence):
        return f"list of: {_values(arguments[0])}"
    if origin is tuple:
        return "pair of: " + _values(arguments[0])
    if origin is dict:
        return f"by {_values(arguments[0])}: {_values(arguments[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "settings"
    words = {int: "integer", float: "number", str: "text", bool: "`true` `false`", Path: "path", Any: "anything"}
    return f"{words.get(annotation, str(annotation))}{_bounds(metadata)}"


def _bounds(metadata: Sequence[Any]) -> str:
    signs = ((Ge, "≥", "ge"), (Gt, ">", "gt"), (Le, "≤", "le"), (Lt, "<", "lt"))
    flat = [inner for item in metadata for inner in (item.metadata if isinstance(item, FieldInfo) else [item])]
    bounds = [
        f"{sign} {getattr(item, name):,}" for item in flat for kind, sign, name in signs if isinstance(item, kind)
    ]
    return f" {', '.join(bounds)}" if bounds else ""


def _default_of(part: type[BaseModel], name: str) -> str:
    field = part.model_fields[name]
    value = field.get_default(call_default_factory=True, validated_data={})
    if field.is_required():
        try:
            # a part may fill its keys in, as the distillation does from its preset
            value = getattr(part.model_validate({}), name)
        except ValidationError:
            return "required"
    if isinstance(value, BaseModel) or value == "":
        return ""
    return f"`{'null' if value is None else str(value).lower() if isinstance(value, bool) else value}`"


# ---------------------------------------------------------------------------------------------------------------------
# the registries


def encoders() -> str:
    """Return the registered video experts and text encoders."""
    from teachtext.encoders.registry import TEXT_ENCODERS, VIDEO_EXPERTS

    lines = ["# Encoders", "", "## Video experts", ""]
    rows = [
        [f"`{name}`", _first_line(entry.target), f"`[{entry.extra}]`", f"`{entry.alone}`" if entry.alone else ""]
        for name, entry in VIDEO_EXPERTS.items()
    ]
    lines += table(["expert", "what it is", "extra", "and pip install --no-deps"], rows)
    lines += ["## Text encoders", ""]
    rows = [
        [
            f"`{name}`",
            entry.family,
            " ".join(f"`{output}`" for output in entry.outputs),
            str(entry.dim or "the model's"),
            f"`{entry.package}`",
            entry.licence,
            f"`[{entry.extra}]`",
        ]
        for name, entry in TEXT_ENCODERS.items()
    ]
    return "\n".join([*lines, *table(["encoder", "family", "outputs", "D", "package", "licence", "extra"], rows)])


def _first_line(target: str) -> str:
    """Return the first line of the docstring of `module:Class`, without importing what the class needs."""
    import ast
    import importlib.util

    module, _, name = target.partition(":")
    spec = importlib.util.find_spec(module)
    assert spec is not None and spec.origin is not None
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name]
    return (ast.get_docstring(classes[0]) or "").split("\n")[0] if classes else ""


def caption_formats() -> str:
    """Return the registered formats of caption files."""
    from teachtext.data.readers.registry import FORMATS

    lines = ["# Formats of caption files", ""]
    lines += ["`teachtext data import` and dataset folders read these. `--format NAME` names one.", ""]
    rows = [
        [form.title, f"`{form.name}`", f"`{form.shows}`", "any" if form.is_general else "its data set"]
        for form in FORMATS.values()
    ]
    return "\n".join([*lines, *table(["format", "name", "a right beginning", "of"], rows)])


def benchmark_tables() -> str:
    """Return each benchmark: its splits, its queries, and the published numbers with their sources."""
    lines = ["# Benchmarks", ""]
    lines += ["`dataset: {benchmark: NAME}` of a config uses one of these protocols.", ""]
    for benchmark in benchmarks().values():
        protocol = benchmark.protocol
        lines += [f"## {benchmark.title}", "", f"`benchmark: {benchmark.name}`. {benchmark.note}.", ""]
        roles = {"learn": protocol.train, "select": protocol.select, "test": protocol.test}
        rows = [
            [
                split,
                " or ".join(f"{size:,}" for size in benchmark.splits.get(split, ())) or "not known",
                f"{benchmark.queries[split]:,}" if split in benchmark.queries else "",
                protocol.captions_in(split),
                ", ".join(role for role, used in roles.items() if used == split),
            ]
            for split in protocol.splits
        ]
        lines += table(["split", "videos", "queries", "captions", "used to"], rows)
        lines += [f"The sizes are from {benchmark.counts_from}.", ""]
        for published in benchmark.published:
            numbers = [[model, *(number or "" for number in row)] for model, row in published.rows.items()]
            lines += [f"Published, {published.task}, {published.source}:", "", *table(["model", *COLUMNS], numbers)]
    return "\n".join(lines)


def objectives() -> str:
    """Return the parts of the distillation objective, and its presets."""
    lines = ["# Distillation objectives", ""]
    lines += ["`distillation:` of a config names a preset, and may change any part of it.", "", "## Presets", ""]
    for name, preset in PRESETS.items():
        lines += [f"### {name}", "", preset.what, "", "```yaml", *_yaml(settings_in(preset.parts)), "```", ""]
        if preset.code:
            lines += ["The released code differs:", "", "```yaml", *_yaml(preset.code), "```", ""]
    lines += ["## Parts", ""]
    for part, choices in described().items():
        rows = [[f"`{choice}`", what, ", ".join(values)] for choice, (what, values) in choices.items()]
        lines += [f"### {part}", "", *table(["choice", "what it does", "its settings"], rows)]
    return "\n".join(lines)


def _yaml(values: Mapping[str, Any]) -> list[str]:
    return [f"{name}: {str(value).lower() if isinstance(value, bool) else value}" for name, value in values.items()]


# ---------------------------------------------------------------------------------------------------------------------
# the Python API


def _public_name(name: str) -> str:
    value = getattr(teachtext, name)
    kind = "autoclass" if isinstance(value, type) else "autofunction" if callable(value) else "autodata"
    options = (
        ["   :members:", "   :inherited-members: BaseModel, Module, Protocol, object"] if kind == "autoclass" else []
    )
    return "\n".join([f"# {name}", "", "```{eval-rst}", f".. {kind}:: teachtext.{name}", *options, "```", ""])


def _modules(title: str, modules: Sequence[str]) -> str:
    lines = [f"# {title}", ""]
    for module in modules:
        lines += [
            f"## teachtext.{module}",
            "",
            "```{eval-rst}",
            f".. automodule:: teachtext.{module}",
            "   :members:",
            "```",
            "",
        ]
    return "\n".join(lines)


def _python_index(names: Mapping[str, str]) -> str:
    lines = ["# Python", "", inspect.cleandoc(teachtext.__doc__ or "").split("\n\n")[1], ""]
    for title, folder in (("Functions", "functions/"), ("Classes", "classes/")):
        of_kind = [page for page in names.values() if page.startswith(folder)]
        lines += [f"## {title}", "", "```{toctree}", ":maxdepth: 1", "", *of_kind, "```", ""]
    lines += ["## Modules for research", "", "```{toctree}", ":maxdepth: 1", ""]
    return "\n".join([*lines, *(f"modules/{page}" for page in MODULES), "```", ""])


def _index() -> str:
    names = (
        "command-line",
        "config",
        "study",
        "python/index",
        "encoders",
        "benchmarks",
        "caption-formats",
        "objectives",
    )
    return "\n".join(
        [
            "# Reference",
            "",
            "These pages are made from the code.",
            "",
            "```{toctree}",
            ":maxdepth: 1",
            "",
            *names,
            "```",
            "",
        ]
    )


def notebook_page(path: Path) -> str:
    """Return a notebook as a page: its texts, its code, and what the code printed."""
    lines = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        # the page lies one folder deeper than the notebook
        text = source.replace("](../", "](../../")
        lines += [text, ""] if cell["cell_type"] == "markdown" else ["```python", source, "```", ""]
        for output in cell.get("outputs", []):
            printed = "".join(output.get("text", output.get("data", {}).get("text/plain", [])))
            lines += ["```text", printed.rstrip("\n"), "```", ""] if printed else []
    return "\n".join(lines)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a Markdown table, and an empty line after it."""
    cells = [[_cell(cell) for cell in row] for row in (head, ["---"] * len(head), *rows)]
    return [*("| " + " | ".join(row) + " |" for row in cells), ""]


def _cell(text: str) -> str:
    """Return a text on one line, without what Markdown reads as a column or as HTML."""
    parts = " ".join(text.split()).replace("|", "\\|").split("`")
    return "`".join(part if number % 2 else part.replace("<", "&lt;") for number, part in enumerate(parts))
