"""A small formant synthesiser: words to phonemes to sound, in NumPy.

The voice is a sum of harmonics of a moving pitch, shaped by resonances in cascade (Klatt, Journal of the Acoustical
Society of America, 1980). Breath has the same resonances; hisses and bursts are noise in a band. Resonances glide
from each consonant's place into the next vowel and out of the vowel: listeners distinguish consonants by these glides.
The voice is slow and mechanical, but speech recognisers understand most of its words.
"""

import numpy as np
import numpy.typing as npt

from teachtext.playground.articulation import Score

RATE = 16_000
# samples between two states of the voice
_STEP = 80
_BANDWIDTHS = (70.0, 90.0, 140.0)
_UPPER = ((3500.0, 250.0), (4500.0, 300.0), (5500.0, 400.0), (6500.0, 500.0), (7500.0, 600.0))
_HIGHEST = 7600.0
_VOICE, _BREATH, _NOISE = 0.25, 0.10, 0.6
# voices above this pitch have a shorter throat, and higher resonances
_LONG_THROAT_BELOW, _SHORT_THROAT = 160.0, 1.12

Wave = npt.NDArray[np.float64]


def speak(text: str, pitch: float, seed: int) -> npt.NDArray[np.float32]:
    """Return the sound of spoken text.

    Args:
        text: words of the small vocabulary, in lower case.
        pitch: pitch of the voice in Hz, about 100 (low) to 220 (high).
        seed: seed of the noise.

    Returns:
        (S,) float32 in -1..1, `RATE` samples a second.

    Raises:
        ValueError: a word is not in the vocabulary.
    """
    rng = np.random.default_rng((seed, 5))
    score = Score(text)
    samples = int((score.now + 0.12) * RATE)
    moments = np.arange(0, samples + _STEP, _STEP) / RATE
    throat = 1.0 if pitch < _LONG_THROAT_BELOW else _SHORT_THROAT
    formants = throat * np.stack([_smooth(track, 5) for track in score.formants_at(moments)])
    sound = _VOICE * _voiced(formants, _level(score.voice, moments), pitch, throat, samples)
    sound += _BREATH * _breathed(rng, formants, _level(score.breath, moments), throat, samples)
    for start, length, low, high, loudness in score.noises:
        begin = int(start * RATE)
        room = sound[begin : begin + int(length * RATE)]
        room += _NOISE * loudness * _hiss(rng, length, low, high)[: len(room)]
    return np.asarray(sound / max(float(np.abs(sound).max()), 1e-6) * 0.9, np.float32)


def _smooth(values: Wave, width: int) -> Wave:
    window = np.hanning(width + 2)[1:-1]
    padded = np.pad(values, width // 2, mode="edge")
    return np.asarray(np.convolve(padded, window / window.sum(), "valid"), np.float64)


def _level(points: list[tuple[float, float]], moments: Wave) -> Wave:
    times, levels = zip(*sorted(points), strict=True)
    return _smooth(np.interp(moments, times, levels), 3)


def _response(formants: Wave, frequencies: Wave, throat: float) -> npt.NDArray[np.complex128]:
    """Return (K, N): the response of all resonances in cascade, by frequency (K, N) or (K, 1) in Hz and by moment."""
    s = 2j * np.pi * frequencies
    moving = [(formants[n], width) for n, width in enumerate(_BANDWIDTHS)]
    fixed = [(np.full(formants.shape[1], throat * centre), width) for centre, width in _UPPER]
    response = np.ones((len(frequencies), formants.shape[1]), complex)
    for centre, width in moving + fixed:
        pole = -np.pi * width + 2j * np.pi * centre
        response *= np.abs(pole) ** 2 / ((s - pole) * (s - np.conj(pole)))
    return response


def _voiced(formants: Wave, level: Wave, pitch: float, throat: float, samples: int) -> Wave:
    """Return the voice: (samples,), of root mean square 1 where it is loud."""
    moments = np.arange(formants.shape[1]) * _STEP / RATE
    at = np.arange(samples) / RATE
    falling = pitch * (1.12 - 0.28 * moments / moments[-1] + 0.01 * np.sin(2 * np.pi * 4 * moments))
    phase = 2 * np.pi * np.cumsum(np.interp(at, moments, falling)) / RATE
    numbers = np.arange(1, int(_HIGHEST / pitch / 0.84) + 1)[:, None]
    frequencies: Wave = numbers * falling
    response = _response(formants, frequencies, throat)
    strength = np.where(frequencies < _HIGHEST, np.abs(response) / numbers * level, 0.0)
    delay = np.unwrap(np.angle(response), axis=1)
    sound = np.zeros(samples)
    for row, number in enumerate(numbers[:, 0]):
        sound += np.interp(at, moments, strength[row]) * np.sin(number * phase + np.interp(at, moments, delay[row]))
    loud = sound[np.interp(at, moments, level) > 0.5]
    return sound / max(float(np.sqrt(np.mean(loud**2))), 1e-9)


def _breathed(rng: np.random.Generator, formants: Wave, level: Wave, throat: float, samples: int) -> Wave:
    """Return the breath: (samples,), noise with the resonances of the throat but little of the lowest tones."""
    bins = np.fft.rfftfreq(256, 1 / RATE)
    gains = np.abs(_response(formants, bins[:, None].astype(np.float64), throat))
    gains *= np.clip((bins - 300) / 700, 0.05, 1)[:, None] * level / np.sqrt(np.mean(gains**2, axis=0))
    window = np.hanning(2 * _STEP + 2)[1:-1]
    sound = np.zeros(samples + 512)
    for moment in np.flatnonzero(level):
        spectrum = np.fft.rfft(rng.normal(0, 1, 2 * _STEP) * window, 256)
        room = sound[moment * _STEP : moment * _STEP + 256]
        room += np.fft.irfft(spectrum * gains[:, moment], 256)[: len(room)]
    return sound[:samples]


def _hiss(rng: np.random.Generator, length: float, low: float, high: float) -> Wave:
    """Return noise between two frequencies: a hiss that swells and ends, or a burst that dies away."""
    samples = max(24, int(length * RATE))
    spectrum = np.fft.rfft(rng.normal(0, 1, samples))
    frequencies = np.fft.rfftfreq(samples, 1 / RATE)
    spectrum *= np.clip((frequencies / low - 0.8) / 0.3, 0, 1) * np.clip((1.1 - frequencies / high) / 0.2, 0, 1)
    noise = np.fft.irfft(spectrum, samples)
    place = np.arange(samples)
    if length > 0.03:
        shape = np.minimum(1, np.minimum(place, place[::-1]) / min(0.02 * RATE, samples / 3))
    else:
        shape = np.exp(-2 * place / samples)
    return np.asarray(noise / max(float(np.std(noise)), 1e-9) * shape)
