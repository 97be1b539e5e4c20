from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


def shared(*parts: str) -> Path:
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs {'/'.join(('../shared', *parts))}, which is not part of the project")
    return path


@pytest.fixture
def parity_folder() -> Path:
    return shared("parity")


@pytest.fixture
def msvd476_folder() -> Path:
    return shared("data", "msvd476")


@pytest.fixture
def legacy_folder() -> Path:
    return shared("legacy")
