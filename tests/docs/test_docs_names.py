"""Files, modules, commands and settings that the pages name are there."""

import importlib
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from docs_blocks import ROOT, blocks_of

from teachtext.cli.main import app
from teachtext.experiment.config import RunConfig
from teachtext.experiment.study.config import StudyConfig

GENERATED = (ROOT / "docs" / "reference", ROOT / "docs" / "results")
PAGES = [
    path
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if path.parent not in GENERATED and GENERATED[0] not in path.parents
]
_FOLDERS = "src|tests|docs|examples|benchmarks"


@pytest.fixture(params=PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def page(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_files_are_there(page: Path):
    for name in re.findall(rf"`((?:{_FOLDERS})/[^`\s<>]*)`", page.read_text(encoding="utf-8")):
        assert list(ROOT.glob(name.rstrip("/"))), name


def test_modules_and_names_are_there(page: Path):
    for name in re.findall(r"`(teachtext(?:\.\w+)+)`", page.read_text(encoding="utf-8")):
        assert _resolves(name), name


def _resolves(name: str) -> bool:
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            value = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            if not hasattr(value, part):
                return False
            value = getattr(value, part)
        return True
    return False


def test_commands_have_the_verbs_and_options_that_are_shown(page: Path):
    text = page.read_text(encoding="utf-8")
    lines = re.findall(r"^teachtext .+$", text, re.MULTILINE) + re.findall(r"`(teachtext [^`]+)`", text)
    for line in lines:
        words = shlex.split(re.split(r"\s(?:>|\|)\s", line)[0], comments=True)
        command: Any = typer.main.get_command(app)
        rest = words[1:]
        while rest and hasattr(command, "commands"):
            if rest[0].startswith("-"):
                break
            assert rest[0] in command.commands, f"{line}: no verb '{rest[0]}'"
            command, rest = command.commands[rest[0]], rest[1:]
        options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
        named = {word.partition("=")[0] for word in rest if re.match(r"--?[a-z]", word)}
        assert named <= options | {"--help"}, f"{line}: no option {named - options}"


def test_configs_are_valid(page: Path):
    for block in blocks_of(page):
        if block.language != "yaml":
            continue
        values = yaml.safe_load(block.text)
        if "base" in values:
            StudyConfig.model_validate(values)
            values = values["base"] | {"name": "base"}
        if {"name", "dataset", "student"} <= set(values):
            RunConfig.model_validate(values)
        else:
            assert set(values) <= set(RunConfig.model_fields), block.text
