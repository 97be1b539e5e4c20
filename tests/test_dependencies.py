"""No pinned release and no release that pyproject.toml allows as the lowest has a known fault (advisories.yaml)."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
ADVISORIES: list[dict[str, Any]] = yaml.safe_load((ROOT / "advisories.yaml").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# what nobody installs with pip, and tools that only developers run
UNBOUNDED = {"teachtext"}


def requirements() -> list[Requirement]:
    texts = [*PROJECT["dependencies"], *(text for extra in PROJECT["optional-dependencies"].values() for text in extra)]
    return [found for text in texts if (found := Requirement(text)).name not in UNBOUNDED]


def floor_of(requirement: Requirement) -> Version:
    (floor,) = [Version(part.version) for part in requirement.specifier if part.operator in (">=", "==")]
    return floor


def pins() -> Mapping[str, Version]:
    lines = (ROOT / "constraints.txt").read_text().split()
    return {canonicalize_name(name): Version(version) for name, _, version in (line.partition("==") for line in lines)}


def faults_of(name: str, version: Version) -> list[str]:
    return [
        advisory["advisory"]
        for advisory in ADVISORIES
        if canonicalize_name(advisory["package"]) == canonicalize_name(name)
        and version in SpecifierSet(advisory["affected"], prereleases=True)
    ]


def test_the_table_is_well_formed():
    for advisory in ADVISORIES:
        assert set(advisory) == {"package", "affected", "fixed", "advisory", "published", "what"}
        fixed = Version(str(advisory["fixed"]))
        assert fixed not in SpecifierSet(advisory["affected"]) and advisory["published"].year >= 2020
        assert re.fullmatch(r"CVE-\d{4}-\d{4,}|GHSA(-\w{4}){3}|PYSEC-\d{4}-\d+", advisory["advisory"])
    assert faults_of("Starlette", Version("0.52.1")) == ["CVE-2026-54283", "CVE-2026-48710"]


def test_no_pinned_release_has_a_known_fault():
    faulty = {name: faults for name, version in pins().items() if (faults := faults_of(name, version))}
    assert not faulty


@pytest.mark.parametrize("requirement", requirements(), ids=str)
def test_no_release_that_is_allowed_has_a_known_fault(requirement: Requirement):
    floor = floor_of(requirement)
    assert not faults_of(requirement.name, floor)
    for advisory in ADVISORIES:
        if canonicalize_name(advisory["package"]) == canonicalize_name(requirement.name):
            assert Version(str(advisory["fixed"])) <= floor


@pytest.mark.parametrize("requirement", requirements(), ids=str)
def test_every_requirement_has_an_upper_bound_and_allows_what_is_pinned(requirement: Requirement):
    operators = {part.operator for part in requirement.specifier}
    assert operators in ({">=", "<"}, {"=="})
    assert requirement.specifier.contains(pins()[canonicalize_name(requirement.name)], prereleases=True)
