"""Weights that install as packages: where they are, and what they are."""

from collections.abc import Sequence
from importlib.metadata import distribution, version
from pathlib import Path

from teachtext.files import content_hash, fingerprint


def locate(package: str, name: str) -> Path:
    """Return the path of a package's file, without importing the package.

    Raises:
        PackageNotFoundError: it is not installed.
    """
    return Path(str(distribution(package).locate_file(name)))


def weights_settings(package: str, files: Sequence[Path]) -> dict[str, str]:
    """Return what a text encoder's settings say of its weights: package, version, and a hash of the files."""
    return {
        "weights": f"{package} {version(package)}",
        "files": fingerprint({path.name: content_hash(path) for path in files}),
    }
