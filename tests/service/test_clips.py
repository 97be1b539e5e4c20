"""Chosen places as an archive of clips."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import pytest
from clips import write_ramp
from served import Made
from starlette.testclient import TestClient

from teachtext.learning.trained_model import TrainedModel
from teachtext.search.indexing import index_folder
from teachtext.search.searcher import Searcher
from teachtext.search.stores import open_store
from teachtext.search.types import Segment
from teachtext.service.clips import Clips
from teachtext.service.export import Chosen, Stretch
from teachtext.service.state import Library

Serve = Callable[..., TestClient]
pytestmark = pytest.mark.slow


def exported(client: TestClient, **form: object) -> zipfile.ZipFile:
    answer = client.post("/export", data={"format": "zip", **form})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    return zipfile.ZipFile(io.BytesIO(answer.content))


def seconds_of(archive: zipfile.ZipFile, name: str) -> float:
    with av.open(io.BytesIO(archive.read(name))) as container:
        return sum(1 for _ in container.decode(video=0)) / float(container.streams.video[0].average_rate)


@pytest.fixture
def film(made: Made, trained: TrainedModel, tmp_path: Path) -> Library:
    """An index with a real video of 8 s of which the model likes the part from 2 to 6 s."""
    (tmp_path / "films").mkdir()
    write_ramp(tmp_path / "films" / "film.mp4", "libx264")
    place = tmp_path / "films index"
    store = open_store(str(place))
    index_folder(tmp_path / "films", store, trained, place / "features")
    entry = store.get(["films/film.mp4"])["films/film.mp4"]
    liked = entry.segments[0].vectors
    others = {name: -vector for name, vector in liked.items()}
    parts = [Segment(0, 2, others), Segment(2, 6, liked), Segment(6, 8, others)]
    if max(trained.embed_query("something moves").vectors["motion"] @ liked["motion"], 0) == 0:
        parts = [Segment(part.start_s, part.end_s, others if part.start_s == 2 else liked) for part in parts]
    with store.writing():
        store.put([replace(entry, segments=parts)])
    return Library(
        Searcher(place, model=trained),
        uploads=place / "uploads",
        features=place / "features",
        thumbnails=place / "thumbnails",
    )


def test_a_place_is_cut_at_its_times(film: Library, tmp_path: Path):
    from teachtext.service.app import create_app
    from teachtext.service.uploads import Uploads

    app = create_app(library=film, uploads=Uploads(library=film, most_bytes=2**20))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        archive = exported(client, id="films/film.mp4", q="something moves")
        assert archive.namelist() == ["01 film 0.02-0.06.mp4"]
        assert seconds_of(archive, archive.namelist()[0]) == pytest.approx(4.0, abs=0.2)
        whole = exported(client, id="films/film.mp4")
        assert seconds_of(whole, whole.namelist()[0]) == pytest.approx(8.0, abs=0.2)
        assert list((tmp_path / "films index" / "clips").iterdir()) == [], "nothing is left"


def test_what_cannot_be_cut_is_named_in_the_archive(made: Made, library: Library, serve: Serve, tmp_path: Path):
    store = library.searcher.store
    entry = store.get(["videos/v1.mp4"])["videos/v1.mp4"]
    with store.writing():
        store.put([replace(entry, item=replace(entry.item, id="videos/gone.mp4"))])
    client = serve()
    archive = exported(client, id=["videos/v0.mp4", "videos/gone.mp4"])
    assert archive.namelist() == ["01 v0 0.00-0.03.mp4", "left out.txt"]
    assert archive.read("left out.txt").decode().startswith("videos/gone.mp4, from 0.0 s: ")
    refused = client.post("/export", data={"format": "zip", "id": "videos/gone.mp4"})
    assert refused.status_code == 422 and "No clip could be cut" in refused.text
    assert str(made.videos) not in refused.text


def test_too_much_at_once_is_refused(library: Library, tmp_path: Path):
    from teachtext.errors import Busy, InputError

    item = library.searcher.entry("videos/v0.mp4").item
    long = Chosen(item=item, title="v0", address="", stretches=[Stretch(start_s=0.0, end_s=601.0)])
    clips = Clips(library, tmp_path / "clips")
    with pytest.raises(InputError, match="601 s together are too many"):
        clips.archive([long])
    short = replace(long, stretches=[Stretch(start_s=0.0, end_s=1.0)])
    with clips._working, pytest.raises(Busy, match="for somebody"):
        clips.archive([short])
    assert len(b"".join(clips.archive([short]))) > 500
    clips.close()
