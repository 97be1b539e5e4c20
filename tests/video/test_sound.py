from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

av = pytest.importorskip("av")
from listening import sense  # noqa: E402

from teachtext.encoders.base import SoundSampling  # noqa: E402
from teachtext.errors import InputError  # noqa: E402
from teachtext.video.decode import sample_video  # noqa: E402
from teachtext.video.sampling import FrameSampling, Sound  # noqa: E402
from teachtext.video.sound import Ear, Listener, Pieces, is_silent  # noqa: E402

Make = Callable[..., Path]
PICTURE = FrameSampling(per_second=2, most=16, height=32, width=48)
SOUND = SoundSampling()
PCM = ("pcm_s16le", "s16", "mono", 16000)


def beeps(*moments: float, seconds: float = 3.0, rate: int = 16000, channels: int = 1) -> NDArray[np.float64]:
    """Silence with a short tone at each moment: (channels, samples)."""
    wave = np.zeros(round(seconds * rate))
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(round(0.05 * rate)) / rate)
    for moment in moments:
        wave[round(moment * rate) :][: len(tone)] += tone
    return np.tile(wave, (channels, 1))


def heard(sound: Sound) -> list[float]:
    """The moments at which it gets loud."""
    loud = np.flatnonzero(np.abs(sound.samples.astype(np.int32)) > 3000)
    starts = loud[np.flatnonzero(np.diff(loud, prepend=-sound.rate) > 0.03 * sound.rate)]
    return (starts / sound.rate).tolist()


@pytest.fixture
def pictures(moving: Callable[..., NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return moving(count=45, dx=1)


def listen(path: Path, sampling: SoundSampling = SOUND) -> Sound:
    [sound] = sense(path, [sampling])
    assert isinstance(sound, Sound)
    return sound


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm"])
def test_one_pass_gives_pictures_and_sound_in_time(name: str, make_video: Make, pictures: NDArray[np.uint8]):
    webm = name == "a.webm"
    path = make_video(
        name,
        pictures,
        codec="libvpx" if webm else "libx264",
        sound=[(0, beeps(0.5, 1.25, 2.0, rate=48000 if webm else 16000))],
        sound_as=("libopus", "s16", "mono", 48000) if webm else ("aac", "fltp", "mono", 16000),
    )
    frames, sound, low = sense(path, [PICTURE, SOUND, SoundSampling(rate=8000)])
    assert np.array_equal(frames.pixels, sense(path, [PICTURE])[0].pixels), "sound changes no picture"
    assert np.allclose(heard(sound), [0.5, 1.25, 2.0], atol=0.015) and np.allclose(heard(low), heard(sound), atol=0.005)
    assert sound.samples.dtype == np.int16 and abs(len(sound.samples) / 16000 - 3) < 0.1
    assert np.array_equal(listen(path).samples, sound.samples), "pictures change no sound"


@pytest.mark.parametrize("pts", [[*range(30, 75)], [*range(45)]])
@pytest.mark.parametrize("start", [0.0, 0.5, 2.0])
def test_sound_begins_with_the_first_picture(pts, start, make_video: Make, pictures: NDArray[np.uint8]):
    path = make_video("late.mkv", pictures, pts=pts, sound=[(start, beeps(0.5, 2.5))], sound_as=PCM)
    expected = [start + moment - pts[0] / 15 for moment in (0.5, 2.5)]
    assert np.allclose(heard(listen(path)), [moment for moment in expected if moment >= 0], atol=0.01)


def test_holes_are_silent_and_what_follows_stays_in_time(make_video: Make, pictures: NDArray[np.uint8]):
    pieces = [(0.0, beeps(0.1, seconds=0.4)), (1.5, beeps(0.1, seconds=0.4)), (2.3, beeps(0.1, seconds=0.4))]
    sound = listen(make_video("holes.mkv", pictures, sound=pieces, sound_as=PCM))
    assert np.allclose(heard(sound), [0.1, 1.6, 2.4], atol=0.01)
    assert is_silent(sound.samples[9600:22400]) and not is_silent(sound.samples)


@pytest.mark.parametrize("seconds", [0.2, 1.0, 6.0])
def test_sound_may_be_shorter_or_longer_than_the_pictures(seconds, make_video: Make, pictures: NDArray[np.uint8]):
    path = make_video("x.mp4", pictures, sound=[(0, beeps(0.1, seconds=seconds))])
    frames, sound = sense(path, [PICTURE, SOUND])
    assert frames.times[-1] > 2.4 and abs(len(sound.samples) / 16000 - seconds) < 0.15


def test_no_more_than_most_is_heard_and_a_wild_time_stamp_fills_nothing(make_video: Make, pictures: NDArray[np.uint8]):
    path = make_video("x.mkv", pictures, sound=[(0.5, beeps(0.0, 1.0)), (5000, beeps(0.0))], sound_as=PCM)
    assert len(listen(path, SoundSampling(most_s=1.0)).samples) == 16000
    assert np.allclose(heard(listen(path, SoundSampling(most_s=2.0))), [0.5, 1.5], atol=0.01)
    notes: list[str] = []
    [sound] = sense(path, [SoundSampling(most_s=60)], note=notes.append)
    assert len(sound.samples) == 3.5 * 16000 and np.allclose(heard(sound), [0.5, 1.5], atol=0.01)
    assert notes == [f"{path}: sound that is said to come at 5003 s, after all else has ended, is left out"]


def test_sound_that_begins_wildly_or_comes_back_to_its_senses_is_heard_where_it_is_plausible():
    """As a damaged file tells it: frames of a second, of which two have a time that cannot be."""
    message: list[NDArray[np.int16]] = []
    listener = Listener(Ear(SoundSampling(rate=1000, most_s=60), message.append))
    listener.start = 10.0
    taken = []
    for number, time in enumerate([9000.0, 10.0, 11.0, 7000.0, 13.0, None, 16.0]):
        frame = av.AudioFrame.from_ndarray(
            np.full((1, 1000), 1000 * (number + 1), np.int16), format="s16", layout="mono"
        )
        frame.sample_rate = 1000
        taken.append(listener.hear(frame, time, end=70.0))
    listener.finish(10.0)
    assert taken == [False, True, True, False, True, True, True]
    seconds = np.concatenate(message).reshape(-1, 1000)
    assert seconds.mean(axis=1).tolist() == [2000, 3000, 0, 5000, 6000, 0, 7000]


def test_sound_is_handed_on_a_piece_at_a_time_and_holes_too(make_video: Make, moving: Callable[..., NDArray[np.uint8]]):
    pieces = [(0.0, beeps(0.5, seconds=4.0)), (150.0, beeps(0.5, seconds=1.0))]
    path = make_video("slow.mkv", moving(count=8), pts=[*range(0, 2400, 300)], sound=pieces, sound_as=PCM)
    lengths: list[int] = []
    sample_video(path, [], [Ear(SOUND, lambda samples: lengths.append(len(samples)))])
    assert sum(lengths) == 151 * 16000 and max(lengths) < 2.5 * 16000


@given(st.lists(st.integers(0, 40), max_size=20), st.integers(1, 30))
def test_pieces_do_not_depend_on_the_portions_they_come_in(portions: list[int], length: int):
    samples = np.arange(sum(portions), dtype=np.int16)
    taken: list[NDArray[np.int16]] = []
    pieces = Pieces(lambda rest: length if len(rest) > length else 0, taken.append)
    for portion in np.split(samples, np.cumsum(portions)):
        pieces.hear(portion)
    pieces.finish()
    assert np.array_equal(np.concatenate([samples[:0], *taken]), samples)
    assert [len(piece) for piece in taken[:-1]] == [length] * (len(taken) - 1) and all(map(len, taken))


@pytest.mark.parametrize(
    "kind",
    [
        ("pcm_u8", "u8", "mono", 8000),
        ("pcm_s16le", "s16", "stereo", 44100),
        ("pcm_s32le", "s32", "stereo", 96000),
        ("pcm_f32le", "flt", "5.1", 48000),
        ("pcm_f64le", "dbl", "7.1", 32000),
        ("flac", "s16", "quad", 22050),
        ("ac3", "fltp", "5.1", 48000),
        ("mp2", "s16", "stereo", 32000),
    ],
)
def test_odd_sample_formats_rates_and_channels(kind, make_video: Make, pictures: NDArray[np.uint8]):
    channels = {"mono": 1, "stereo": 2, "quad": 4, "5.1": 6, "7.1": 8}[kind[2]]
    path = make_video("x.mkv", pictures, sound=[(0, beeps(0.5, 2.0, rate=kind[3], channels=channels))], sound_as=kind)
    assert np.allclose(heard(listen(path)), [0.5, 2.0], atol=0.05)


def test_an_unknown_codec_is_an_error_of_pictures_and_silence_of_sound(make_video: Make, pictures: NDArray[np.uint8]):
    path = make_video("x.mp4", pictures, sound=[(0, beeps(0.5))])
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"mp4a", b"xxxx").replace(b"esds", b"xxxx"))
    notes: list[str] = []
    frames, sound = sense(path, [PICTURE, SOUND], note=notes.append)
    assert len(frames.pixels) == 6 and len(sound.samples) == 0
    assert notes == [f"{path}: sound is left out, for it is coded in a way that FFmpeg here cannot decode"]
    sense(path, [PICTURE], note=notes.append)
    assert len(notes) == 1, "nobody listens"
    path.write_bytes(whole.replace(b"avc1", b"xxxx").replace(b"avcC", b"xxxx"))
    with pytest.raises(InputError, match=r"cannot decode: convert it"):
        sense(path, [PICTURE])


def test_without_a_track_or_with_a_silent_one_nothing_is_heard(make_video: Make, pictures: NDArray[np.uint8]):
    assert len(listen(make_video("mute.mp4", pictures)).samples) == 0
    silent = listen(make_video("silent.mp4", pictures, sound=[(0, np.zeros((1, 48000)))]))
    assert len(silent.samples) > 40000 and is_silent(silent.samples)


def test_sixty_decibels_below_full_scale_is_silence():
    tone = np.sqrt(2) * np.sin(np.arange(16000) / 5)
    assert is_silent((tone * 32768 * 0.9e-3).astype(np.int16)) and not is_silent(
        (tone * 32768 * 1.2e-3).astype(np.int16)
    )


def test_broken_sound_costs_no_pictures_and_keeps_its_place(make_video: Make, pictures: NDArray[np.uint8]):
    path = make_video("x.mp4", pictures, sound=[(0, beeps(0.5, 1.3, 2.5))])
    places = [(packet.pos, packet.size) for packet in av.open(str(path)).demux(audio=0) if packet.size]
    data = bytearray(path.read_bytes())
    for position, size in places[16:24]:
        data[position : position + size] = b"\xff" * size
    path.write_bytes(data)
    frames, sound = sense(path, [PICTURE, SOUND])
    assert len(frames.pixels) == 6 and np.allclose([heard(sound)[0], heard(sound)[-1]], [0.5, 2.5], atol=0.1)
    for position, size in places:
        data[position : position + size] = b"\xff" * size
    path.write_bytes(data)
    assert is_silent(listen(path).samples), "all of it is broken"


@pytest.mark.parametrize("kind", ["missing", "empty", "folder", "text", "no_index", "half", "sound", "playlist"])
def test_bad_files_are_refused_when_only_sound_is_wanted(kind: str, bad_videos: dict[str, Path]):
    with pytest.raises(InputError, match=str(bad_videos[kind])):
        listen(bad_videos[kind])


@pytest.mark.parametrize(("codec", "pixels"), [("png", "rgb24"), ("mjpeg", "yuvj420p")])
def test_a_picture_named_as_a_video_is_refused(codec: str, pixels: str, tmp_path: Path, make_video: Make):
    image = np.full((20, 30, 3), 90, np.uint8)
    picture = make_video(
        "still.png" if codec == "png" else "still.jpg", [image], codec=codec, pixels=pixels, options={}
    )
    path = tmp_path / "still.mp4"
    path.write_bytes(picture.read_bytes())
    with pytest.raises(InputError, match=r"still.mp4 is a picture, not a video: leave it out"):
        sense(path, [PICTURE, SOUND])


@pytest.mark.parametrize(
    ("pixels", "codec"),
    [("gray", "ffv1"), ("yuv444p10le", "ffv1"), ("yuv411p", "ffv1"), ("bgra", "ffv1"), ("gray16le", "ffv1"),
     ("rgb48le", "ffv1"), ("yuvj422p", "mjpeg"), ("bgr0", "ffv1")],
)  # fmt: skip
@pytest.mark.parametrize("shape", [(48, 64), (1, 1)])
def test_odd_pixel_formats_and_sizes(pixels, codec, shape, make_video: Make):
    image = np.full((*shape, 3), 128, np.uint8)
    path = make_video("x.mkv", [image] * 6, pixels=pixels, codec=codec, options={"strict": "-2"})
    [frames] = sense(path, [PICTURE])
    assert frames.pixels.shape[2:] == (32, 48, 3) and np.abs(frames.pixels.astype(int) - 128).max() <= 4


def test_the_aspect_is_that_of_the_shown_picture(make_video: Make):
    image = np.zeros((48, 96, 3), np.uint8)
    for rotation, aspect in ((0, 2.0), (90, 0.5), (180, 2.0)):
        [frames] = sense(make_video("turned.mp4", [image] * 3, rotation=rotation), [PICTURE])
        assert frames.aspect == pytest.approx(aspect)
