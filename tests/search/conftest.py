import importlib.util
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from entries import SPACES
from milvus_server import milvus_server

from teachtext.search.stores import open_store
from teachtext.search.stores.base import Store


@pytest.fixture(scope="session")
def milvus_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not sys.platform.startswith("linux"):
        pytest.skip("the wheel of the Milvus server runs on Linux alone")
    for package in ("milvus", "pymilvus"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"the package '{package}' is not installed: pip install 'teachtext[dev]'")
    with milvus_server(tmp_path_factory.mktemp("milvus")) as (address, _):
        yield address


@pytest.fixture(params=["lance", pytest.param("milvus", marks=[pytest.mark.server, pytest.mark.xdist_group("milvus")])])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where an index may be made: a folder, and a collection of a real server."""
    if request.param == "lance":
        pytest.importorskip("lancedb")
        yield str(tmp_path / "index")
        return
    address = request.getfixturevalue("milvus_address")
    name = f"videos_{zlib.crc32(request.node.nodeid.encode())}"
    yield f"milvus://{address}/{name}"
    from pymilvus import MilvusClient

    client = MilvusClient(uri=f"http://{address}")
    for collection in (name, f"{name}_writer"):
        client.drop_collection(collection)


@pytest.fixture
def store(place: str) -> Store:
    made = open_store(place)
    made.write_manifest({"spaces": SPACES, "note": "é 'quoted'"})
    return made
