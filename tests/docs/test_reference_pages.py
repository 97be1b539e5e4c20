"""The generated reference names everything that a user can type, set or import."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import typer
from pydantic import BaseModel

import teachtext
from teachtext.cli.main import app
from teachtext.experiment.config import RunConfig
from teachtext.experiment.study.config import StudyConfig

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference_pages", DOCS / "reference_pages.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["reference_pages"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages(reference: ModuleType) -> dict[str, str]:
    return reference.pages()


def test_every_public_name_has_a_page_that_the_index_lists(pages: dict[str, str]):
    for name in set(teachtext.__all__) - {"__version__"}:
        (page,) = (page for page in pages if page in (f"python/classes/{name}", f"python/functions/{name}"))
        assert f":: teachtext.{name}\n" in pages[page]
        assert f"\n{page.removeprefix('python/')}\n" in pages["python/index"]


def test_every_verb_has_a_section_with_all_its_options(pages: dict[str, str]):
    text = pages["command-line"]

    def verbs(group, path: str) -> Iterator[tuple[str, object]]:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                yield from verbs(command, f"{path} {name}")
            else:
                yield f"{path} {name}", command

    for path, command in verbs(typer.main.get_command(app), "teachtext"):
        section = text.split(f"\n## {path}\n")[1].split("\n## ")[0]
        for parameter in command.params:
            names = parameter.opts if parameter.param_type_name == "option" else [parameter.name.upper()]
            assert all(name in section for name in names), f"{path}: {names}"


@pytest.mark.parametrize(("page", "model"), [("config", RunConfig), ("study", StudyConfig)])
def test_every_setting_stands_with_its_description(pages: dict[str, str], page: str, model: type[BaseModel]):
    text = " ".join(pages[page].split())

    def check(schema: dict) -> int:
        parts = [schema, *schema.get("$defs", {}).values()]
        keys = [(name, value) for part in parts for name, value in part.get("properties", {}).items()]
        for name, value in keys:
            assert f"| `{name}` |" in text, name
            described = " ".join(value.get("description", "").split()).replace("|", "\\|").replace("<", "&lt;")
            assert described in text, f"{name}: {described}"
        return len(keys)

    assert check(model.model_json_schema()) > 10


def test_pages_are_written_once_and_removed_when_they_are_none(
    reference: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reference, "pages", lambda: {"index": "a\n", "python/x": "b\n"})
    reference.write(tmp_path, tmp_path / "none")
    first = (tmp_path / "index.md").stat().st_mtime_ns
    monkeypatch.setattr(reference, "pages", lambda: {"index": "a\n"})
    reference.write(tmp_path, tmp_path / "none")
    assert (tmp_path / "index.md").stat().st_mtime_ns == first
    assert [path.name for path in tmp_path.rglob("*.md")] == ["index.md"]


def test_a_cell_holds_no_column_and_no_html(reference: ModuleType):
    assert reference.table(["a"], [["x | `<y>` <z>\nw"]])[2] == r"| x \| `<y>` &lt;z> w |"
