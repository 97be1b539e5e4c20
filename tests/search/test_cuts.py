"""Results of a search as clips."""

from pathlib import Path

import av
import numpy as np
import pytest
from clips import write_ramp

from teachtext.search.answer import SearchResult
from teachtext.search.cuts import cut_results
from teachtext.search.places import Place
from teachtext.search.types import Item, Moment


def test_a_clip_is_the_best_place_or_where_the_words_are(tmp_path: Path):
    path = write_ramp(tmp_path / "Über uns?.mp4", "libx264", seconds=20)
    item = Item(id="v/Über uns?.mp4", content="", made="", added_s=0, size=1, duration_s=20)
    best = Place(start_s=6.0, end_s=11.0, at_s=8, score=0.4, why={})
    seen = SearchResult(item=item, path=path, has_file=True, score=0.4, why={}, places=[best])
    heard = SearchResult(
        item=item, path=path, has_file=True, score=0.4, why={}, places=[best], moments=[Moment(2.0, 2.5, "speech", "x")]
    )
    cuts = cut_results([seen, heard], tmp_path / "cut")
    assert [file.name for file in cuts.files] == ["01 Über uns_ 0.06-0.11.mp4", "02 Über uns_ 0.02-0.05.mp4"]
    assert not cuts.left_out
    assert [_seconds(file) for file in cuts.files] == [pytest.approx(5, abs=0.15), pytest.approx(3, abs=0.15)]


def _seconds(file: Path) -> float:
    with av.open(str(file)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    return times[-1] + float(np.median(np.diff(times)))
