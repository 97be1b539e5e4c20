import json
from pathlib import Path

import numpy as np
import pytest

from teachtext.data import films as films_module
from teachtext.data.films import FilmSettings, make_films
from teachtext.data.folder import load_folder
from teachtext.data.places import read_places
from teachtext.data.protocol import Protocol
from teachtext.errors import InputError

pytest.importorskip("av")
pytest.importorskip("cv2")
from teachtext.video.decode import sample_video
from teachtext.video.joined import Clip, Shape, join_clips
from teachtext.video.sampling import FrameSampling, SoundSampling
from teachtext.video.sound import Ear

SMALL = FilmSettings(minutes=0.2, width=64, height=48, rate=10)
COLOURS = [(200, 40, 40), (40, 200, 40), (40, 40, 200), (200, 200, 40), (40, 200, 200), (200, 40, 200)]


def clip_of(make_video, name, colour, seconds=4.0, fps=10, size=(48, 64), tone=None):
    pictures = np.full((round(seconds * fps), *size, 3), colour, np.uint8)
    wave = 0.5 * np.sin(np.arange(round(seconds * 16_000)) * 2 * np.pi * (tone or 0) / 16_000)
    return make_video(name, pictures, fps=fps, sound=[(0.0, wave[None])] if tone else ())


@pytest.fixture
def dataset(make_video, tmp_path):
    """Six clips, each of one colour and of another length; two have a tone."""
    folder = tmp_path / "set"
    for number, colour in enumerate(COLOURS):
        tone = 440 if number in (1, 4) else None
        clip_of(make_video, f"set/videos/c{number}.mp4", colour, 3 + number / 2, tone=tone)
    captions = {f"c{number}": [f"colour {number}", f"a film of {number}"] for number in range(6)}
    (folder / "captions.json").write_text(json.dumps(captions))
    (folder / "splits.json").write_text(json.dumps({"train": ["c5"], "test": [f"c{number}" for number in range(5)]}))
    return folder


def pictures_of(path, per_second=10.0):
    (frames,) = sample_video(path, [FrameSampling(per_second=per_second, most=10_000, height=8, width=8)])
    return frames.pixels[:, 0].astype(float), frames.times


def sound_of(path):
    heard = []
    sample_video(path, [], [Ear(SoundSampling(), heard.append)])
    return np.concatenate(heard).astype(float) / 32768 if heard else np.zeros(0)


def content(folder: Path):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.slow
def test_captions_have_the_places_where_their_clips_are_shown(dataset, tmp_path):
    made = make_films(dataset, tmp_path / "films", SMALL, workers=1)
    places = read_places(tmp_path / "films")
    loaded = load_folder(tmp_path / "films", protocol=Protocol(train="test", select=None, test="test"))
    assert len(made.films) == 2
    assert made.captions == 10 == len(places.captions) == len(loaded.captions)
    assert {caption.video_id for caption in loaded.captions} == set(made.films)
    for caption in loaded.captions:
        place = places.captions[caption.id]
        assert place.film == caption.video_id
        pixels, times = pictures_of(tmp_path / "films" / "videos" / f"{place.film}.mp4")
        middle = int(np.argmin(np.abs(times - (place.start_s + place.end_s) / 2)))
        assert np.abs(pixels[middle].mean((0, 1)) - COLOURS[int(place.clip[1:])]).max() < 12
    for film, boundaries in places.boundaries.items():
        stretches = made.stretches[film]
        assert [boundary.at_s for boundary in boundaries] == [part["end_s"] for part in stretches[:-1]]
        assert stretches[-1]["end_s"] == pytest.approx(made.films[film])
    # two processes, and a second call, give the same bytes
    make_films(dataset, tmp_path / "again", SMALL, workers=2)
    assert content(tmp_path / "again") == content(tmp_path / "films")
    assert make_films(dataset, tmp_path / "films", SMALL) == made


@pytest.mark.slow
def test_seeds_change_the_order_and_fades_the_joins(dataset, tmp_path):
    def joins(**settings):
        made = make_films(
            dataset, tmp_path / str(settings), FilmSettings(**{"minutes": 5, "width": 64, "height": 48, **settings})
        )
        (stretches,) = made.stretches.values()
        return [part["clip"] for part in stretches], [part["join"] for part in stretches]

    assert set(joins(fades=0.0)[1]) == {"cut"}
    faded = joins(fades=1.0, seed=3)[1]
    assert faded[0] == "cut"
    assert set(faded[1:]) == {"cross-fade", "fade through black"}
    assert joins(fades=0.0)[0] != joins(fades=0.0, seed=1)[0]


@pytest.mark.slow
def test_a_cross_fade_mixes_and_a_fade_through_black_darkens(make_video, tmp_path):
    red = clip_of(make_video, "red.mp4", (220, 0, 0), tone=500)
    blue = clip_of(make_video, "blue.mp4", (0, 0, 220))
    shape = Shape(64, 48, 20)
    clips = [Clip(red), Clip(blue, "cross-fade", 1.0), Clip(red, "fade through black", 0.5)]
    first, second, third = join_clips(tmp_path / "film.mp4", clips, shape, left_out=pytest.fail)
    assert (first.start_s, first.end_s, second.start_s) == (0.0, 3.5, 3.5)
    assert (second.end_s, third.start_s, third.end_s) == (7.0, 7.0, 11.0)
    pixels, times = pictures_of(tmp_path / "film.mp4", 20.0)
    colour = pixels.mean((1, 2))

    def at(seconds):
        return colour[int(np.argmin(np.abs(times - seconds)))]

    assert at(2.9)[0] > 200
    assert at(2.9)[2] < 20
    assert 70 < at(3.5)[0] < 150
    assert 70 < at(3.5)[2] < 150
    assert at(4.1)[2] > 200
    assert at(7.0).max() < 40
    assert at(7.6)[0] > 200
    wave = sound_of(tmp_path / "film.mp4")
    assert len(wave) == pytest.approx(11 * 16_000, abs=4000)
    loud = [float(np.abs(wave[round(s * 16_000) :][:1600]).mean()) for s in (1.0, 3.5, 5.5, 9.0)]
    assert loud[0] > 0.2 < loud[3]
    assert loud[2] < 0.01
    assert 0.05 < loud[1] < 0.25


def test_shapes_rates_and_sound_of_clips_are_brought_together(make_video, tmp_path):
    tall = clip_of(make_video, "tall.mp4", (250, 250, 250), fps=5, size=(96, 32))
    fast = clip_of(make_video, "fast.mp4", (250, 250, 250), fps=50, size=(32, 96))
    parts = join_clips(tmp_path / "film.mp4", [Clip(tall), Clip(fast)], Shape(64, 64, 25), left_out=pytest.fail)
    assert [part.end_s - part.start_s for part in parts] == [pytest.approx(4, abs=0.05)] * 2
    pixels, times = pictures_of(tmp_path / "film.mp4", 5.0)
    brightness = pixels.mean((0, 3))
    early, late = pixels[times < 3.9].mean((0, 3)), pixels[times > 4.1].mean((0, 3))
    # black beside the tall one, and above and below the wide one
    assert brightness.shape == (8, 8)
    assert early[:, 0].max() < 40 < 200 < early[:, 4].min()
    assert late[0].max() < 40 < 200 < late[4].min()
    assert len(sound_of(tmp_path / "film.mp4")) == 0


def test_a_fade_takes_at_most_a_third_of_a_short_clip(make_video, tmp_path):
    long, short = clip_of(make_video, "long.mp4", (220, 0, 0)), clip_of(make_video, "short.mp4", (0, 0, 220), 0.6)
    clips = [Clip(long), Clip(short, "cross-fade", 1.5), Clip(long, "cross-fade", 1.5)]
    parts = join_clips(tmp_path / "film.mp4", clips, Shape(64, 48, 10), left_out=pytest.fail)
    assert [part.fade_s for part in parts] == [0.0, 0.2, 0.2]
    assert parts[-1].end_s == pytest.approx(4 + 0.6 + 4 - 0.4)


@pytest.mark.slow
def test_clips_that_cannot_be_decoded_are_left_out_by_name(dataset, tmp_path):
    (dataset / "videos" / "c2.mp4").write_text("not a video")
    made = make_films(dataset, tmp_path / "films", SMALL, workers=1)
    assert any("'c2'" in note and "is a text file" in note for note in made.notes)
    assert made.captions == 8
    assert make_films(dataset, tmp_path / "films", SMALL).notes == made.notes
    for number in range(5):
        (dataset / "videos" / f"c{number}.mp4").write_text("not a video")
    with pytest.raises(InputError, match="none of its 5 clips can be decoded"):
        make_films(dataset, tmp_path / "none", FilmSettings(minutes=9), workers=1)


@pytest.mark.slow
def test_a_stopped_call_goes_on_where_it_stopped(dataset, tmp_path, monkeypatch):
    whole = tmp_path / "whole"
    make_films(dataset, whole, SMALL, workers=1)
    join = films_module.join_clips
    joined = []

    def stop_at_second(path, *arguments, **settings):
        if joined:
            raise KeyboardInterrupt
        joined.append(path)
        return join(path, *arguments, **settings)

    monkeypatch.setattr(films_module, "join_clips", stop_at_second)
    with pytest.raises(KeyboardInterrupt):
        make_films(dataset, tmp_path / "films", SMALL, workers=1)
    assert not (tmp_path / "films" / "places.json").exists()
    with pytest.raises(InputError, match="other clips or settings"):
        make_films(dataset, tmp_path / "films", FilmSettings(minutes=1), workers=1)
    (first,) = joined
    written = first.stat().st_mtime_ns
    monkeypatch.setattr(films_module, "join_clips", join)
    make_films(dataset, tmp_path / "films", SMALL, workers=1)
    assert first.stat().st_mtime_ns == written
    assert content(tmp_path / "films") == content(whole)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"minutes": 0}, "minutes=0 is out of range"),
        ({"minutes": float("nan")}, "minutes=nan"),
        ({"fades": 1.1}, "fades=1.1 is not a share"),
        ({"seed": -1}, "seed=-1 is negative"),
        ({"width": 63}, "width=63"),
        ({"height": 100_000}, "height=100000"),
        ({"rate": 0}, "rate=0"),
        ({"split": "dev"}, "no split 'dev'"),
    ],
)
def test_wrong_settings_are_one_sentence_and_write_nothing(tmp_path, setting, message):
    dataset = tmp_path / "set"
    (dataset / "videos").mkdir(parents=True)
    (dataset / "videos" / "a.mp4").touch()
    (dataset / "captions.json").write_text('{"a": ["a dog"]}')
    (dataset / "splits.json").write_text('{"test": ["a"]}')
    with pytest.raises(InputError, match=message):
        make_films(dataset, tmp_path / "films", FilmSettings(**setting))
    assert not (tmp_path / "films").exists()


def test_folders_with_other_files_are_refused(make_video, tmp_path):
    clip_of(make_video, "set/videos/a.mp4", (1, 2, 3), seconds=0.5)
    dataset = tmp_path / "set"
    (dataset / "captions.json").write_text('{"a": ["a dog"]}')
    (dataset / "splits.json").write_text('{"test": ["a"]}')
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "mine.txt").touch()
    with pytest.raises(InputError, match=r"holds other files \(mine.txt\)"):
        make_films(dataset, tmp_path / "films", SMALL)
    with pytest.raises(InputError, match=r"places.json cannot be read"):
        read_places(tmp_path / "films")
    (tmp_path / "films" / "places.json").write_text('{"captions": {"a": 1}, "films": {}}')
    with pytest.raises(InputError, match="is not a file of places"):
        read_places(tmp_path / "films")
