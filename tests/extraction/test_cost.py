from pathlib import Path

import pytest

pytest.importorskip("av")
pytest.importorskip("cv2")
from teachtext.errors import InputError
from teachtext.extraction.cost import cost_of, this_machine
from teachtext.files import read_json, write_json
from teachtext.playground import build_playground


@pytest.mark.slow
def test_cost_is_measured_once_and_kept_with_its_machine(tmp_path: Path):
    build_playground(tmp_path / "data", videos=12, captions_per_video=1, workers=1)
    videos, kept = sorted((tmp_path / "data" / "videos").iterdir())[:3], tmp_path / "costs.json"
    actual = cost_of(videos, {"motion": {}}, kept)
    assert 0 < actual.ms_per_second < 60_000 and actual.videos == 3 and actual.seconds > 3
    assert actual.machine == this_machine() and actual.machine["cores"] >= 1
    write_json(kept, {"motion": {**read_json(kept)["motion"], "ms_per_second": 7.0}})
    assert cost_of(videos, {"motion": {}}, kept).ms_per_second == 7.0
    write_json(kept, {"motion": {**read_json(kept)["motion"], "machine": {"processor": "another"}}})
    assert cost_of(videos, {"motion": {}}, kept).ms_per_second != 7.0, "measured on another machine"


def test_without_videos_nothing_is_made_up(tmp_path: Path):
    with pytest.raises(InputError, match="there are no video files to measure experts on"):
        cost_of([], {"motion": {}}, tmp_path / "costs.json")
    assert not list(tmp_path.iterdir())
