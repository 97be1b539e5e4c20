"""Files that hold sound alone."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av")
from clips import write_clip
from outside_files import SOUNDS, write_sound

from teachtext.errors import InputError
from teachtext.video.file import open_sound
from teachtext.video.sampling import SoundSampling
from teachtext.video.sound import Ear
from teachtext.video.sound_file import hear_file


def heard(path: Path, most_s: float = 60.0) -> np.ndarray:
    parts: list[np.ndarray] = []
    container = open_sound(path)
    assert container is not None
    with container:
        hear_file(path, container, [Ear(SoundSampling(rate=16_000, most_s=most_s), parts.append)])
    return np.concatenate(parts)


@pytest.mark.parametrize("name", SOUNDS)
def test_a_sound_of_any_usual_kind_is_heard(name: str, tmp_path: Path):
    samples = heard(write_sound(tmp_path / name, seconds=2, hertz=440))
    assert abs(len(samples) - 32_000) < 1600
    spectrum = np.abs(np.fft.rfft(samples[8000:24_000].astype(float)))
    # one bin a hertz
    assert abs(int(spectrum.argmax()) - 440) <= 1


def test_no_more_is_heard_than_is_asked_for(tmp_path: Path):
    assert len(heard(write_sound(tmp_path / "a.wav"), most_s=0.5)) == 8000


def test_a_file_with_pictures_is_no_sound_and_a_text_is_neither(tmp_path: Path):
    assert open_sound(write_clip(tmp_path / "a.mp4", 0, sound=True)) is None
    (tmp_path / "a.mp3").write_text("no sound at all")
    with pytest.raises(InputError, match=r"a.mp3 is a text file, not a picture, a sound or a video: give the path of"):
        open_sound(tmp_path / "a.mp3")
