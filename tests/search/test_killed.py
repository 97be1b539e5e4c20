import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("av")
pytest.importorskip("cv2")
pytest.importorskip("lancedb")
pytest.importorskip("wordllama")
from clips import write_clip, write_model

from teachtext.learning.trained_model import TrainedModel
from teachtext.search.indexing import index_folder
from teachtext.search.searcher import Searcher
from teachtext.search.stores import open_store
from teachtext.search.types import Entry

pytestmark = pytest.mark.server

VIDEOS = 36
# a few videos are stored at a time, so that kills fall between and into writes
CODE = """
import sys, time
from pathlib import Path
from teachtext.search import indexing, indexing_run
from teachtext.learning.trained_model import TrainedModel
from teachtext.search.stores import open_store
indexing_run.BATCH = 3

words = []

def tell(what, done, total, note=""):
    print(done, flush=True)
    words.append(done)
    # after so many words it waits for the kill, however late the kill comes on a busy machine
    time.sleep(0.05 if len(words) < 15 else 600)

folder, place, model, features = sys.argv[1:]
indexing.index_folder(
    Path(folder), open_store(place), TrainedModel(Path(model)), Path(features), workers=2, progress=tell
)
"""


def kill_at_random(arguments: list[str], rng: random.Random) -> None:
    """Index, and kill the whole group a random time after some word of its progress, or its start."""
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, *arguments], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    for _ in range(rng.choice([0, 1, 4, 8, 9])):
        process.stdout.readline()
    time.sleep(rng.uniform(0, 0.2))
    assert process.poll() is None, "it came to its end before it was killed"
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def motion_of(entry: Entry) -> NDArray[np.float32]:
    return entry.segments[0].vectors["motion"]


def test_killed_again_and_again_it_opens_loses_nothing_and_shows_no_half_item(place: str, tmp_path: Path):
    videos = tmp_path / "videos"
    for number in range(VIDEOS):
        write_clip(videos / f"v{number:02}.mp4", number)
    model = TrainedModel(write_model(tmp_path / "model"))
    arguments = [str(one) for one in (videos, place, tmp_path / "model", tmp_path / "features")]
    whole = open_store(str(tmp_path / "whole"))
    index_folder(videos, whole, model, tmp_path / "whole features")
    wanted = whole.get([f"videos/v{number:02}.mp4" for number in range(VIDEOS)])
    rng, kept = random.Random(3), set[str]()
    kills = 5 if place.startswith("/") else 2
    for _ in range(kills):
        kill_at_random(arguments, rng)
        store = open_store(place)
        if store.manifest() is None:
            continue
        found = store.get(list(wanted))
        assert kept <= found.keys(), "nothing that was there is lost"
        assert store.count() == len(found)
        kept = set(found)
        for name, entry in found.items():
            assert entry.item.content == wanted[name].item.content and entry.item.made == wanted[name].item.made
            assert np.allclose(motion_of(entry), motion_of(wanted[name]), atol=1e-6), "but for rounding"
        answer = Searcher(place, model=model).search("something moves", k=VIDEOS)
        assert {one.item.id for one in answer.results} == kept
    assert len(kept) < VIDEOS
    done = index_folder(videos, open_store(place), model, tmp_path / "features")
    assert done.failed == [] and done.unchanged >= len(kept) and done.added + done.unchanged == VIDEOS
    found = open_store(place).get(list(wanted))
    assert found.keys() == wanted.keys()
    assert all(np.allclose(motion_of(found[name]), motion_of(wanted[name]), atol=1e-6) for name in wanted)
