import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("prometheus_client")
pytest.importorskip("av")
pytest.importorskip("cv2")
pytest.importorskip("lancedb")
pytest.importorskip("wordllama")
from clips import write_clip, write_model
from served import HOST, SCRIPT, Made
from starlette.testclient import TestClient

from teachtext.learning.trained_model import TrainedModel
from teachtext.search.indexing import index_folder
from teachtext.search.searcher import Searcher
from teachtext.search.stores import open_store
from teachtext.service.app import create_app
from teachtext.service.state import Library
from teachtext.service.uploads import Uploads


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("service")
    made = Made(folder / "index", folder / "videos", write_model(folder / "model"))
    for number in range(6):
        write_clip(made.videos / f"v{number}.mp4", number)
    write_clip(made.videos / SCRIPT, 9)
    index_folder(
        made.videos, open_store(str(made.place)), TrainedModel(made.model), made.place / "features", tags=["a&b"]
    )
    return made


@pytest.fixture
def made(made_once: Made, tmp_path: Path) -> Made:
    """A copy whose index may be changed; its videos are those of `made_once` until they are moved."""
    return made_once._replace(place=shutil.copytree(made_once.place, tmp_path / "index"))


@pytest.fixture(scope="session")
def trained(made_once: Made) -> TrainedModel:
    """The model of the index, loaded once."""
    return TrainedModel(made_once.model)


def library_of(place: Path, trained: TrainedModel) -> Library:
    return Library(
        Searcher(place, model=trained),
        uploads=place / "uploads",
        features=place / "features",
        thumbnails=place / "thumbnails",
        captions=["something moves", "nothing at all"],
    )


@pytest.fixture
def library(made: Made, trained: TrainedModel) -> Library:
    return library_of(made.place, trained)


@pytest.fixture
def serve(library: Library) -> Iterator[Callable[..., TestClient]]:
    opened: list[TestClient] = []

    def start(**settings: Any) -> TestClient:
        most = settings.pop("most_bytes", 2**20)
        app = create_app(library=library, uploads=Uploads(library=library, most_bytes=most), **settings)
        client = TestClient(app, base_url=HOST, raise_server_exceptions=False, follow_redirects=False)
        client.__enter__()
        opened.append(client)
        return client

    yield start
    for client in opened:
        client.__exit__(None, None, None)


@pytest.fixture
def client(serve: Callable[..., TestClient]) -> TestClient:
    return serve()


@pytest.fixture(scope="session")
def reader_place(made_once: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The index of `reader`, in which pictures and empty folders may be left."""
    return shutil.copytree(made_once.place, tmp_path_factory.mktemp("reader") / "index")


@pytest.fixture(scope="session")
def reader(reader_place: Path, trained: TrainedModel) -> Iterator[TestClient]:
    """A client that many tests share, of a service whose index none of them changes."""
    library = library_of(reader_place, trained)
    app = create_app(library=library, uploads=Uploads(library=library, most_bytes=2**20))
    with TestClient(app, base_url=HOST, raise_server_exceptions=False, follow_redirects=False) as client:
        yield client
