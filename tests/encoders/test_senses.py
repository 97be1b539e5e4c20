"""What each sense makes of things that are known: voices and sounds of the playground, drawn words, filmed faces."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

cv2 = pytest.importorskip("cv2")
av = pytest.importorskip("av")
from teachtext.data.passages import Passage  # noqa: E402
from teachtext.data.store import FeatureFile  # noqa: E402
from teachtext.data.types import Video  # noqa: E402
from teachtext.encoders.base import VideoExpert  # noqa: E402
from teachtext.encoders.registry import build_video_experts  # noqa: E402
from teachtext.errors import InputError  # noqa: E402
from teachtext.extraction.extract import extract  # noqa: E402
from teachtext.playground import sound, speech  # noqa: E402
from teachtext.video.decode import sample_video  # noqa: E402
from teachtext.video.sampling import Frames, Sound  # noqa: E402

pytestmark = pytest.mark.slow


def build(name: str, **settings: Any) -> VideoExpert:
    try:
        return build_video_experts([name], settings={name: settings})[0]
    except InputError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def speaker() -> VideoExpert:
    return build("speech")


@pytest.fixture(scope="module")
def listener() -> VideoExpert:
    return build("audio")


def said(*phrases: tuple[float, str]) -> NDArray[np.int16]:
    """The voice of the playground, saying things at some moments."""
    wave = np.zeros(round((phrases[-1][0] + 3.5) * speech.RATE), np.float32)
    for start, phrase in phrases:
        voice = 0.7 * speech.speak(phrase, 130.0, 1)
        wave[round(start * speech.RATE) :][: len(voice)] += voice
    return (wave * 32767).astype(np.int16)


def test_speech_is_understood_at_its_time_also_beyond_one_look_of_the_recogniser(speaker: VideoExpert):
    phrases = ["look at the red flower", "look at the purple star", "look at the blue rocket"]
    starts = [0.5, 33.0, 59.0]
    actual = speaker.encode(Sound(said(*zip(starts, phrases, strict=True)), 16000))["speech"]
    assert actual.passages is not None and len(actual.passages) == len(actual.values) == 3
    for start, phrase, passage, times in zip(starts, phrases, actual.passages, actual.times, strict=True):
        assert passage.text.lower().strip(".") == phrase
        assert start - 0.6 < passage.start_s < start + 1 < passage.end_s < start + 4.5
        assert times.tolist() == pytest.approx([passage.start_s, passage.end_s])


@pytest.mark.parametrize("name", ["speech", "audio"])
def test_no_sound_and_silence_are_missing(name: str, request: pytest.FixtureRequest):
    expert = request.getfixturevalue({"speech": "speaker", "audio": "listener"}[name])
    hiss = np.random.default_rng(0).integers(-20, 20, 3 * expert.sampling.rate).astype(np.int16)
    for samples in (hiss[:0], 0 * hiss, hiss):
        rows = expert.encode(Sound(samples, expert.sampling.rate))[name]
        assert rows.values.shape == (0, expert.outputs[name]) and len(rows.times) == 0


def test_noise_and_music_are_not_taken_for_speech(speaker: VideoExpert):
    for name in ("wind", "engine", "chirp", "beep"):
        wave = sound._VOICES[name](np.random.default_rng(1), 4.0)
        samples = (0.5 * wave / np.abs(wave).max() * 32767).astype(np.int16)
        assert speaker.encode(Sound(samples, 16000))["speech"].passages == []


def test_the_same_sound_is_nearer_than_another(listener: VideoExpert):
    """Every other sound of the playground, three times: the nearest of all others is mostly of its kind."""
    from scipy.signal import resample_poly

    vectors = []
    for name, seed in itertools.product(sorted(sound._VOICES)[::2], range(3)):
        rng = np.random.default_rng(seed)
        wave = np.zeros(4 * 16000)
        piece = sound._VOICES[name](rng, rng.uniform(1.5, 3.5))
        wave[round(rng.uniform(0, 0.4) * 16000) :][: len(piece)] += piece * rng.uniform(0.2, 0.6)
        wave = resample_poly(np.tanh(wave + rng.normal(0, 0.003, len(wave))), 441, 160).clip(-1, 1)
        rows = listener.encode(Sound((wave * 32767).astype(np.int16), 44100))["audio"]
        vectors.append(rows.values.mean(axis=0) / np.linalg.norm(rows.values.mean(axis=0)))
    near = np.stack(vectors) @ np.stack(vectors).T - 2 * np.eye(len(vectors))
    right = (near.argmax(axis=1) // 3 == np.arange(len(vectors)) // 3).mean()
    assert right > 0.9


def test_sound_is_kept_over_time_in_no_more_rows_than_most(listener: VideoExpert):
    rng = np.random.default_rng(0)
    samples = rng.normal(0, 3000, 44100 * 20).astype(np.int16)
    samples[44100 * 5 : 44100 * 12] = 0
    rows = listener.encode(Sound(samples, 44100))["audio"]
    assert 10 < len(rows.values) < 16 and rows.times[0, 0] == 0 and rows.times[-1, 1] == pytest.approx(20, abs=0.01)
    assert not ((rows.times[:, 0] > 5) & (rows.times[:, 1] < 12)).any(), "silence has no rows"
    few = build("audio", most=3).encode(Sound(samples, 44100))["audio"]
    assert len(few.values) == 3 and np.allclose(few.values.sum(), rows.values.sum() * 3 / len(rows.values), rtol=0.2)


@pytest.mark.parametrize("name", ["speech", "audio"])
def test_it_does_not_matter_in_which_portions_sound_is_heard(name: str, request: pytest.FixtureRequest):
    expert = request.getfixturevalue({"speech": "speaker", "audio": "listener"}[name])
    rng = np.random.default_rng(3)
    samples = said((1.0, "look at the red flower"), (33.5, "look at the blue rocket"))
    if name == "audio":
        samples = np.concatenate([samples[: 9 * 16000], rng.normal(0, 900, 50_000).astype(np.int16)])
    for count in (len(samples), 70_000, 5_000, 0) if name == "audio" else (len(samples),):
        whole = expert.encode(Sound(samples[:count], expert.sampling.rate))[name]
        hearing = expert.begin()
        for portion in np.split(samples[:count], np.sort(rng.integers(0, count + 1, 30))):
            hearing.hear(portion)
        actual = hearing.finish()[name]
        assert np.array_equal(actual.values, whole.values) and np.array_equal(actual.times, whole.times)
        assert actual.passages == whole.passages and len(whole.values) == (
            0 if count in (0, 5_000) else len(whole.values)
        )


def written(*lines: str, height: int = 720, width: int = 1280) -> NDArray[np.uint8]:
    image = np.full((height, width, 3), (60, 90, 60), np.uint8)
    for number, line in enumerate(lines):
        cv2.putText(
            image, line, (80, 200 + 160 * number), cv2.FONT_HERSHEY_DUPLEX, 2.5, (255, 255, 255), 4, cv2.LINE_AA
        )
    return image


def test_text_is_read_once_for_as_long_as_it_stays():
    reader = build("ocr")
    pictures = [written(), written("THE END"), written("THE END"), written("HELLO", "LEVEL 2"), written()]
    times = np.arange(5, dtype=np.float32)
    rows = reader.encode(Frames(np.stack(pictures)[:, None], times, 16 / 9))["ocr"]
    assert rows.passages == [Passage(1, 2, "THE END"), Passage(3, 3, "HELLO LEVEL 2")]
    assert rows.values.shape == (2, 384) and rows.times.tolist() == [[1, 2], [3, 3]]


@pytest.mark.parametrize("aspect", [0.5625, 1.0, 2.39, 20.0])
def test_text_is_read_in_its_own_shape(aspect: float):
    reader = build("ocr")
    wide = written("OPEN", height=720, width=round(720 * max(aspect, 0.6)))
    frame = cv2.resize(wide, (1280, 720))[None, None]
    actual = reader.encode(Frames(frame, np.zeros(1, np.float32), max(aspect, 0.6)))["ocr"].passages
    assert aspect == 20.0 or [passage.text for passage in actual] == ["OPEN"]


def test_faces_of_one_person_are_one_row(msvd476_folder: Path):
    finder = build("face")
    clip = msvd476_folder / "videos" / "04Gt01vatkk_248_265.mp4"
    [observed] = sample_video(clip, [finder.sampling])
    rows = finder.encode(observed)["face"]
    assert len(rows.values) >= 1 and rows.times[0, 1] - rows.times[0, 0] > 10, "one face, nearly throughout"
    darker = np.concatenate([observed.pixels, (observed.pixels * 0.8).astype(np.uint8)])
    twice = finder.encode(Frames(darker, np.concatenate([observed.times, observed.times + 20]), observed.aspect))[
        "face"
    ]
    assert len(twice.values) == len(rows.values) and np.linalg.norm(twice.values[0] - rows.values[0]) < 0.3
    blank = Frames(np.full_like(observed.pixels, 90), observed.times, observed.aspect)
    assert finder.encode(blank)["face"].values.shape == (0, 128)


def test_extraction_stores_rows_times_and_words(tmp_path: Path, make_video: Any, moving: Any, speaker: VideoExpert):
    wave = said((0.3, "look at the purple star")).astype(np.float64)[None] / 32768
    clips = [
        make_video("mute.mp4", moving(count=45)),
        make_video("talk.mp4", moving(count=45, dx=1), sound=[(0, wave)]),
        make_video("silent.mp4", moving(count=45, dx=2), sound=[(0, 0 * wave)]),
    ]
    names = ["motion", "speech", "audio"]
    done = extract([Video(clip.stem, clip) for clip in clips], names, tmp_path / "store")
    assert (done.done, done.failed) == (3, ())
    for name in ("speech", "audio"):
        file = FeatureFile(tmp_path / "store" / name, verify=True)
        assert [file.rows_of(clip.stem) > 0 for clip in clips] == [False, True, False]
        assert file.times("talk").shape == (file.rows_of("talk"), 2) and file.times("mute") is None
    spoken = FeatureFile(tmp_path / "store" / "speech").passages()
    assert list(spoken) == ["talk"] and "purple star" in spoken["talk"][0].text.lower()
    again = extract([Video(clip.stem, clip) for clip in clips], names, tmp_path / "store")
    assert (again.done, again.reused) == (0, 3), "missing is known, not tried again"
