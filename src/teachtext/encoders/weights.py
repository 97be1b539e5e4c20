"""Packages of weights: whether what is installed is what was published, before any of its code runs."""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

import yaml
from pydantic import BaseModel

from teachtext.encoders.text.packaged import locate
from teachtext.errors import InputError
from teachtext.packages import installed


class PublishedPackage(BaseModel):
    """A package as its authors published it.

    Attributes:
        version: its version.
        files: SHA-256 by path, of every file that is read or imported.
    """

    version: str
    files: dict[str, str]


@cache
def published_packages() -> Mapping[str, PublishedPackage]:
    """Return the packages of weights by name."""
    table = yaml.safe_load(files(__package__).joinpath("weights.yaml").read_text("utf-8"))
    return {name: PublishedPackage.model_validate(fields) for name, fields in table.items()}


@cache
def check_package(name: str) -> None:
    """Check that a package of weights is installed as it was published. Packages of another kind are passed over.

    Whoever loads a package that is not installed finds out then.

    Raises:
        InputError: another version is installed, or a file is missing or has another content.
    """
    expected, version = published_packages().get(name), installed(name)
    if expected is None or version is None:
        return
    mend = f"pip install --no-deps --force-reinstall '{name}=={expected.version}'"
    if version != expected.version:
        raise InputError(f"{name} {version} is installed, and only {expected.version} is known to be sound", mend)
    for file, digest in expected.files.items():
        path = locate(name, file)
        if not path.is_file() or _sha256(path) != digest:
            raise InputError(f"{path} is not the file that was published as {name} {version}", mend)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
