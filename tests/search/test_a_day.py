"""A film of 24 hours."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av")
pytest.importorskip("cv2")
pytest.importorskip("lancedb")
pytest.importorskip("wordllama")
from clips import write_model
from video_fixtures import make_video  # noqa: F401

from teachtext.learning.trained_model import TrainedModel
from teachtext.search.indexing import index_folder
from teachtext.search.searcher import Searcher
from teachtext.search.stores import open_store

DAY_S = 24 * 3600


@pytest.mark.slow
def test_a_film_of_a_day_is_cut_and_searched_to_its_end(
    tmp_path: Path,
    make_video: Callable[..., Path],  # noqa: F811
):
    # a picture for each five minutes
    pictures = np.random.default_rng(0).integers(0, 256, (DAY_S // 300, 48, 64, 3), np.uint8)
    make_video("videos/day.mp4", pictures, fps=1, pts=range(0, DAY_S, 300))
    model, place = TrainedModel(write_model(tmp_path / "model", experts=["appearance"])), tmp_path / "index"
    indexed = index_folder(
        tmp_path / "videos", open_store(str(place)), model, tmp_path / "features", hub_correction=False
    )
    assert indexed.added == 1 and not indexed.failed and not indexed.notes
    searcher = Searcher(place, model=model)
    segments = searcher.entry("videos/day.mp4").segments
    starts, ends = ([getattr(segment, key) for segment in segments] for key in ("start_s", "end_s"))
    assert starts[0] == 0 and starts[1:] == ends[:-1] and ends[-1] == pytest.approx(DAY_S, abs=300)
    assert max(np.subtract(ends, starts)) <= 22
    places = searcher.search("something moves", k=len(segments), group_by="moment").results
    assert max(result.places[0].end_s for result in places) > DAY_S / 2
