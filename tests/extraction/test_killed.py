import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("av")
pytest.importorskip("cv2")
from teachtext.data.store import FeatureFile
from teachtext.data.types import Video
from teachtext.extraction.extract import extract

pytestmark = pytest.mark.server

Make = Callable[..., Path]
Moving = Callable[..., NDArray[np.uint8]]

VIDEOS, KILLS = 100, 10
# a shard after every third video, so that kills fall between and into writes
CODE = """
import sys, time
from pathlib import Path
from teachtext.data.video_ids import read_video_folder
from teachtext.extraction import feature_output as output
from teachtext.extraction.extract import extract
output._SHARD_ITEMS = 3

words = []

def tell(what, done, total):
    if what == "videos":
        print(done, flush=True)
        words.append(done)
        # after so many words it waits for the kill, however late the kill comes on a busy machine
        time.sleep(0.04 if len(words) < 12 else 600)

folder, store = map(Path, sys.argv[1:])
extract(read_video_folder(folder).videos, ["motion"], store, workers=2, progress=tell)
"""


def kill_at_random(folder: Path, store: Path, rng: random.Random) -> str:
    """Run, and kill the whole group a random time after some word of its progress, or its start; return the first."""
    command = [sys.executable, "-c", CODE, str(folder), str(store)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    # by words and not by the clock alone: how long a start takes depends on the machine
    words = [process.stdout.readline() for _ in range(rng.choice([0, 1, 2, 4, 6]))]
    time.sleep(rng.uniform(0, 0.15))
    assert process.poll() is None, "it came to its end before it was killed"
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return words[0] if words else ""


def test_killed_ten_times_the_store_is_that_of_an_unbroken_run(make_video: Make, moving: Moving, tmp_path: Path):
    for number in range(VIDEOS):
        frames = moving(seed=number, dx=number % 5 - 2, dy=1, count=8, height=64, width=64)
        make_video(f"videos/v{number:02}.mp4", frames)
    videos = [Video(path.stem, path) for path in sorted((tmp_path / "videos").iterdir())]
    store, rng, kept = tmp_path / "store", random.Random(4), [0]
    for _ in range(KILLS):
        said = kill_at_random(tmp_path, store, rng)
        if said:
            kept.append(int(said))
        if (store / "motion").exists():
            FeatureFile(store / "motion", verify=True)
    assert kept == sorted(kept) and 0 < kept[-1] < VIDEOS, "each start finds what the last one had finished"
    assert extract(videos, ["motion"], store, workers=2).failed == ()
    assert extract(videos, ["motion"], tmp_path / "whole").done == VIDEOS
    broken, whole = FeatureFile(store / "motion", verify=True), FeatureFile(tmp_path / "whole" / "motion", verify=True)
    assert broken.sources == whole.sources and len(broken) == VIDEOS
    for item in whole.ids:
        assert np.array_equal(broken.read(item), whole.read(item)) and broken.rows_of(item) == whole.rows_of(item) == 1
        assert broken.times(item) is None and whole.times(item) is None
    assert all(path.name.startswith("part-") for path in (store / "motion").iterdir()), "no half file is left"
    assert [path.name for path in store.iterdir()] == ["motion"]
