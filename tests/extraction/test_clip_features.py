"""Features of whole clips, as features by pieces."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("av")
pytest.importorskip("cv2")

from teachtext.data.store import FeatureFile
from teachtext.data.types import Video
from teachtext.extraction.clip_features import as_pieces
from teachtext.extraction.extract import extract
from teachtext.playground import build_playground
from teachtext.video.sampling import PieceRule


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("clips")
    build_playground(folder, videos=12, seed=3)
    return {path.stem: path for path in sorted((folder / "videos").glob("*.mp4"))}


def extracted(clips: dict[str, Path], store: Path, rule: PieceRule | None) -> FeatureFile:
    extract([Video(name, path) for name, path in clips.items()], ["motion"], store, rule=rule)
    return FeatureFile(store / "motion")


def items(file: FeatureFile) -> dict[str, Any]:
    return {name: (file.read(name).tolist(), np.asarray(file.times(name)).tolist()) for name in sorted(file.ids)}


def test_they_are_what_would_be_extracted(clips: dict[str, Path], tmp_path: Path) -> None:
    expected = extracted(clips, tmp_path / "pieces", PieceRule())
    extracted(clips, tmp_path / "whole", None)
    as_pieces(tmp_path / "whole", tmp_path / "taken", clips, PieceRule())
    taken = FeatureFile(tmp_path / "taken" / "motion", verify=True)
    assert taken.provenance == expected.provenance and items(taken) == items(expected)
    again = extract([Video(n, p) for n, p in clips.items()], ["motion"], tmp_path / "taken", rule=PieceRule())
    assert (again.done, again.reused) == (0, len(clips))


def test_a_longer_video_and_a_changed_file_are_left_out(clips: dict[str, Path], tmp_path: Path) -> None:
    copies = {name: Path(shutil.copy(path, tmp_path)) for name, path in clips.items()}
    times = extracted(copies, tmp_path / "pieces", PieceRule())
    ends = {name: float(np.asarray(times.times(name))[-1, 1]) for name in copies}
    extracted(copies, tmp_path / "whole", None)
    changed, *_, other = copies
    shutil.copy(copies[other], copies[changed])
    shorter = PieceRule(whole_s=sorted(ends.values())[-2])
    as_pieces(tmp_path / "whole", tmp_path / "taken", copies, shorter)
    short = {name for name, end in ends.items() if end <= shorter.whole_s} - {changed}
    assert 0 < len(short) < len(copies) and set(FeatureFile(tmp_path / "taken" / "motion").ids) == short
