"""The sound of a scene: the sounds of its actions, its main thing and its place, and a voice."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from teachtext.playground.motion import moments_of_sound
from teachtext.playground.scenes import Scene, action_sound, audible
from teachtext.playground.speech import RATE, speak

Wave = npt.NDArray[np.float64]


def soundtrack(scene: Scene) -> npt.NDArray[np.int16] | None:
    """Return the sound of `scene`: (S,) int16, `RATE` samples a second, as long as the video.

    A silent scene has zeros; a scene without a track gives None.
    """
    if scene.sound == "none":
        return None
    samples = round(scene.seconds * RATE)
    mix = np.zeros(samples)
    if scene.sound == "sounds":
        rng = np.random.default_rng((scene.seed, 6))
        of_actions = set()
        for action, begin, end in () if scene.only_sound else moments_of_sound(scene):
            name = action_sound(action)
            of_actions.add(name)
            # A hit rings for at most half a second.
            length = 0.5 if begin == end else (end - begin) * scene.seconds
            _lay(mix, begin * scene.seconds, 0.5 * _VOICES[name](rng, length))
        for name in audible(scene):
            if name not in of_actions:
                _lay(mix, 0.0, _LOUDNESS.get(name, 0.5) * _VOICES[name](rng, scene.seconds))
        if scene.speech:
            mix *= 0.2
            _lay(mix, 0.1, 0.8 * speak(scene.speech, float(rng.choice([105.0, 130.0, 190.0])), scene.seed))
        mix = np.tanh(mix) * 0.9
    return (mix * 32767).astype(np.int16)


def _lay(mix: Wave, start: float, piece: npt.NDArray[np.floating]) -> None:
    begin = min(len(mix), int(start * RATE))
    room = mix[begin : begin + len(piece)]
    room += piece[: len(room)]


def _clock(seconds: float) -> Wave:
    return np.arange(max(1, int(seconds * RATE))) / RATE


def _tone(frequency: Wave | float, at: Wave, overtones: tuple[float, ...] = (1.0,)) -> Wave:
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(frequency, at.shape)) / RATE
    return np.asarray(sum(share * np.sin((n + 1) * phase) for n, share in enumerate(overtones)))


def _noise(rng: np.random.Generator, at: Wave, low: float, high: float) -> Wave:
    """Return noise between two frequencies in Hz, of standard deviation 1."""
    spectrum = np.fft.rfft(rng.normal(0, 1, len(at)))
    frequencies = np.fft.rfftfreq(len(at), 1 / RATE)
    spectrum[(frequencies < low) | (frequencies > high)] = 0
    noise = np.fft.irfft(spectrum, len(at))
    return np.asarray(noise / max(float(np.std(noise)), 1e-9))


def _arch(at: Wave) -> Wave:
    return np.asarray(np.sin(np.pi * at / max(at[-1], 1e-9)) ** 0.5)


def _decay(at: Wave, rate: float) -> Wave:
    return np.asarray(np.exp(-rate * at))


def _train(rng: np.random.Generator, seconds: float, every: float, piece: Callable[[], Wave]) -> Wave:
    """Return a track with `piece` every `every` seconds."""
    track = np.zeros(max(1, int(seconds * RATE)))
    for start in np.arange(0.05, max(0.06, seconds - 0.1), every):
        _lay(track, float(start), piece())
    return track


def _whoosh(rng: np.random.Generator, seconds: float) -> Wave:
    at = _clock(seconds)
    swell = np.sin(np.pi * at / at[-1]) ** 2
    low, high = _noise(rng, at, 300, 1400), _noise(rng, at, 900, 3200)
    return np.asarray(0.35 * swell * (low * (1 - swell) + high * swell))


def _sweep(begin: float, end: float) -> Callable[[np.random.Generator, float], Wave]:
    def voice(rng: np.random.Generator, seconds: float) -> Wave:
        at = _clock(seconds)
        return 0.4 * _arch(at) * _tone(begin * (end / begin) ** (at / at[-1]), at, (1.0, 0.3))

    return voice


def _thump(rng: np.random.Generator, seconds: float) -> Wave:
    at = _clock(min(seconds, 0.3))
    return 1.6 * _decay(at, 18) * _tone(60 + 90 * _decay(at, 30), at) + 0.3 * _decay(at, 90) * _noise(
        rng, at, 200, 2000
    )


def _whirr(rng: np.random.Generator, seconds: float) -> Wave:
    at = _clock(seconds)
    return 0.3 * _arch(at) * (0.6 + 0.4 * np.sin(2 * np.pi * 9 * at)) * _tone(170.0, at, (1.0, 0.6, 0.5, 0.3))


def _hum(rng: np.random.Generator, seconds: float) -> Wave:
    at = _clock(seconds)
    return 0.4 * _arch(at) * _tone(220.0, at, (1.0, 0.2)) * (0.8 + 0.2 * np.sin(2 * np.pi * 2 * at))


def _bell(*notes: float) -> Callable[[np.random.Generator, float], Wave]:
    def voice(rng: np.random.Generator, seconds: float) -> Wave:
        track = np.zeros(int(0.7 * RATE))
        for number, note in enumerate(notes):
            at = _clock(0.6 - 0.08 * number)
            _lay(track, 0.08 * number, 0.6 * _decay(at, 7) * (_tone(note, at) + 0.4 * _tone(2.76 * note, at)))
        return track

    return voice


def _beep(rng: np.random.Generator, seconds: float) -> Wave:
    at = _clock(0.12)
    return 0.5 * _arch(at) * _tone(880.0, at)


def _boing(rng: np.random.Generator, seconds: float) -> Wave:
    at = _clock(min(seconds, 0.45))
    return 0.7 * _decay(at, 6) * _tone(160 + 240 * at / at[-1] + 40 * np.sin(2 * np.pi * 18 * at), at, (1.0, 0.5, 0.3))


def _creak(rng: np.random.Generator, seconds: float) -> Wave:
    at = _clock(min(seconds, 0.4))
    return 0.4 * _arch(at) * _tone(420 + 180 * np.sin(2 * np.pi * 2.2 * at), at, (1.0, 0.7, 0.6, 0.5, 0.4))


def _bang(rng: np.random.Generator, seconds: float) -> Wave:
    at = _clock(0.5)
    return 1.2 * _decay(at, 12) * (_noise(rng, at, 80, 5000) * 0.7 + _tone(90.0, at))


def _scrape(rng: np.random.Generator, seconds: float) -> Wave:
    at = _clock(seconds)
    return 0.4 * _arch(at) * _noise(rng, at, 1200, 3500) * (0.5 + 0.5 * np.sign(np.sin(2 * np.pi * 14 * at)))


def _engine(rng: np.random.Generator, seconds: float) -> Wave:
    at = _clock(seconds)
    return 0.5 * _tone(62 + 10 * np.sin(2 * np.pi * 0.7 * at), at, (1.0, 0.8, 0.6, 0.5, 0.4)) + 0.15 * _noise(
        rng, at, 60, 500
    )


def _horn(rng: np.random.Generator, seconds: float) -> Wave:
    at = _clock(seconds)
    on = np.clip(np.minimum(at % 1.8 / 0.08, (1.0 - at % 1.8) / 0.15), 0, 1)
    return 0.8 * on * _tone(146.0, at, (1.0, 0.7, 0.5, 0.3))


def _roar(rng: np.random.Generator, seconds: float) -> Wave:
    at = _clock(seconds)
    return 0.9 * _noise(rng, at, 50, 600) * (0.8 + 0.2 * np.sin(2 * np.pi * 6 * at))


def _knocks(every: float, low: float, high: float, length: float) -> Callable[[np.random.Generator, float], Wave]:
    """Return a voice of short noises that repeat: ticks, steps, rattling."""

    def voice(rng: np.random.Generator, seconds: float) -> Wave:
        at = _clock(length)
        return _train(rng, seconds, every, lambda: 0.8 * _decay(at, 4 / length) * _noise(rng, at, low, high))

    return voice


def _calls(
    every: float, begin: float, top: float, end: float, length: float
) -> Callable[[np.random.Generator, float], Wave]:
    """Return a voice of short calls whose pitch goes from `begin` over `top` to `end` Hz: chirps, meows."""

    def voice(rng: np.random.Generator, seconds: float) -> Wave:
        at = _clock(length)
        pitch = np.interp(at / length, [0, 0.35, 1], [begin, top, end])
        return _train(rng, seconds, every, lambda: _arch(at) * _tone(pitch, at, (0.8, 0.4, 0.2)))

    return voice


def _wash(low: float, high: float, turns: float) -> Callable[[np.random.Generator, float], Wave]:
    """Return a voice of noise that swells and falls `turns` times a second: wind, waves, traffic."""

    def voice(rng: np.random.Generator, seconds: float) -> Wave:
        at = _clock(seconds)
        return _noise(rng, at, low, high) * (0.6 + 0.4 * np.sin(2 * np.pi * turns * at + rng.uniform(0, 6)))

    return voice


def _crickets(rng: np.random.Generator, seconds: float) -> Wave:
    at = _clock(seconds)
    return _tone(4300.0, at) * (np.sin(2 * np.pi * 32 * at) > 0) * (at % 0.6 < 0.32)


# things and places are softer than actions
_LOUDNESS = dict.fromkeys(("engine", "horn", "chirp", "roar", "tick", "meow"), 0.22) | dict.fromkeys(
    ("wind", "waves", "crickets", "traffic"), 0.09
)
_VOICES: dict[str, Callable[[np.random.Generator, float], Wave]] = {
    "whoosh": _whoosh, "rising_tone": _sweep(220, 880), "falling_tone": _sweep(880, 200), "thump": _thump,
    "whirr": _whirr, "hum": _hum, "chime": _bell(1047, 1319, 1568), "beep": _beep, "boing": _boing,
    "creak": _creak, "rattle": _knocks(0.07, 1500, 6000, 0.04), "footsteps": _knocks(0.2, 150, 900, 0.09),
    "bang": _bang, "ding": _bell(1760), "scrape": _scrape, "engine": _engine, "horn": _horn,
    "chirp": _calls(0.45, 2600, 4200, 3000, 0.11), "roar": _roar, "tick": _knocks(0.5, 2500, 6500, 0.02),
    "meow": _calls(1.2, 480, 780, 420, 0.55), "wind": _wash(150, 900, 0.4), "waves": _wash(200, 3500, 0.35),
    "crickets": _crickets, "traffic": _wash(50, 400, 0.2),
}  # fmt: skip
