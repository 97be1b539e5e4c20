"""Files of any kind through experts."""

from pathlib import Path

import pytest

pytest.importorskip("av")
pytest.importorskip("transformers")
import shared_models
from outside_files import write_sound

from teachtext.encoders.video.hf.expert import HuggingFace
from teachtext.extraction.encode import encode_file
from teachtext.video.sampling import PieceRule


def test_a_sound_that_is_longer_than_an_expert_hears_is_named(tmp_path: Path):
    """The length of the file is told too, because the time that a file may take grows with the length."""
    folder, path = shared_models.clap(tmp_path / "clap"), write_sound(tmp_path / "long.mp3", seconds=25)
    name = f"hf:{folder}#frames"
    for most_s, rows, said in ((12.0, 2, True), (25.0, 3, False)):
        expert = HuggingFace(model=str(folder), output="frames", name=name, device="cpu", most_s=most_s)
        lengths: list[float | None] = []
        notes: list[str] = []
        kind, features = encode_file(path, [expert], PieceRule(), opened=lengths.append, note=notes.append)
        assert kind == "sound" and len(features[name].values) == rows
        assert notes == [f"of the 25 s of {path}, expert '{name}' hears the first 12 s"][: int(said)]
        assert lengths == [pytest.approx(25, abs=0.1)]
