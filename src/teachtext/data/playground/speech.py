"""A small formant voice of our own: words to phonemes to sound, in NumPy alone.

Voiced sounds are sums of harmonics of a falling pitch, weighted by the resonances of the phoneme; hisses are
noise in a band. It speaks slowly and like a machine; the words can be guessed, not relied on, so a speech
recogniser will often fail on it.
"""

import numpy as np
import numpy.typing as npt

RATE = 16_000

# Voiced: (seconds, F1, F2, F3 in Hz, loudness). Glides name where they begin; the next phoneme is where they go.
_VOICED: dict[str, tuple[float, float, float, float, float]] = {
    "AA": (0.17, 730, 1090, 2440, 1.0), "AE": (0.17, 660, 1720, 2410, 1.0), "AH": (0.12, 640, 1190, 2390, 0.9),
    "AO": (0.18, 570, 840, 2410, 1.0), "EH": (0.14, 530, 1840, 2480, 1.0), "ER": (0.17, 490, 1350, 1690, 0.9),
    "IH": (0.11, 390, 1990, 2550, 0.9), "IY": (0.16, 270, 2290, 3010, 0.8), "OW": (0.12, 500, 900, 2400, 1.0),
    "UH": (0.12, 440, 1020, 2240, 0.9), "UW": (0.15, 300, 870, 2240, 0.8), "L": (0.08, 360, 1050, 2700, 0.5),
    "R": (0.09, 330, 1160, 1500, 0.55), "W": (0.08, 300, 650, 2200, 0.5), "Y": (0.07, 280, 2250, 3000, 0.5),
    "M": (0.09, 260, 1000, 2200, 0.35), "N": (0.08, 260, 1600, 2500, 0.35), "NG": (0.10, 260, 2000, 2600, 0.35),
    "DH": (0.06, 300, 1400, 2500, 0.25), "V": (0.07, 280, 1100, 2200, 0.25), "Z": (0.09, 280, 1700, 2600, 0.15),
}  # fmt: skip
# Noise: (seconds of silence before, seconds of noise, lower Hz, upper Hz, loudness).
_NOISE: dict[str, tuple[float, float, float, float, float]] = {
    "S": (0.0, 0.12, 4200, 7600, 0.30), "SH": (0.0, 0.13, 2000, 5600, 0.32), "F": (0.0, 0.10, 1500, 7000, 0.12),
    "Z": (0.0, 0.09, 3800, 7400, 0.14), "HH": (0.0, 0.07, 500, 3000, 0.14), "TH": (0.0, 0.09, 2500, 7000, 0.10),
    "P": (0.06, 0.03, 400, 2000, 0.30), "B": (0.05, 0.015, 200, 1200, 0.35), "T": (0.05, 0.04, 3000, 7000, 0.32),
    "D": (0.04, 0.02, 2200, 4800, 0.28), "K": (0.06, 0.04, 1400, 3200, 0.34), "G": (0.05, 0.02, 1100, 2600, 0.32),
}  # fmt: skip
_SAID = {
    "a": "AH", "an": "AE N", "is": "IH Z", "this": "DH IH S", "look": "L UH K", "hello": "HH EH L OW UH",
    "red": "R EH D", "blue": "B L UW", "green": "G R IY N", "yellow": "Y EH L OW UH", "orange": "AO R IH N D SH",
    "purple": "P ER P AH L", "pink": "P IH NG K", "white": "W AA IY T", "black": "B L AE K", "ball": "B AO L",
    "star": "S T AA R", "heart": "HH AA R T", "car": "K AA R", "boat": "B OW UH T", "fish": "F IH SH",
    "bird": "B ER D", "tree": "T R IY", "house": "HH AA UH S", "flower": "F L AA UH ER", "balloon": "B AH L UW N",
    "rocket": "R AA K AH T", "clock": "K L AA K", "umbrella": "AH M B R EH L AH", "cat": "K AE T",
    "butterfly": "B AH T ER F L AA IY",
}  # fmt: skip
_BANDWIDTHS = (80.0, 110.0, 170.0)
_PAUSE = 0.06


def speak(text: str, pitch: float, seed: int) -> npt.NDArray[np.float32]:
    """Say `text`.

    Args:
        text: words of the small vocabulary, in lower case.
        pitch: of the voice in Hz, about 100 (low) to 220 (high).
        seed: of the noise.

    Returns:
        (S,) float32 in -1..1, `RATE` samples a second.

    Raises:
        ValueError: a word is not in the vocabulary.
    """
    rng = np.random.default_rng((seed, 5))
    # One row per moment at which the voice is known: seconds, F1, F2, F3, loudness.
    track: list[tuple[float, float, float, float, float]] = []
    bursts: list[tuple[float, float, float, float, float]] = []
    now = 0.05
    for word in text.split():
        if word not in _SAID:
            raise ValueError(f"the voice has no word {word!r}")
        for phoneme in _SAID[word].split():
            if phoneme in _NOISE:
                wait, noise_length, low, high, loudness = _NOISE[phoneme]
                bursts.append((now + wait, noise_length, low, high, loudness))
            if phoneme in _VOICED:
                length, f1, f2, f3, loudness = _VOICED[phoneme]
                edge = min(0.025, length / 3)
                track += [(now + edge, f1, f2, f3, loudness), (now + length - edge, f1, f2, f3, loudness)]
                now += length
            else:
                wait, length = _NOISE[phoneme][:2]
                f1, f2, f3 = track[-1][1:4] if track else (400.0, 1500.0, 2500.0)
                track += [(now + 0.012, f1, f2, f3, 0.0), (now + wait + length - 0.008, f1, f2, f3, 0.0)]
                now += wait + length
        now += _PAUSE
    samples = int((now + 0.05) * RATE)
    sound = _voice(np.asarray(track), samples, pitch)
    for start, length, low, high, loudness in bursts:
        _add(sound, start, loudness * _hiss(rng, length, low, high))
    peak = float(np.abs(sound).max())
    return np.asarray(sound / max(peak, 1e-6) * 0.9, np.float32)


def _voice(track: npt.NDArray[np.float64], samples: int, pitch: float) -> npt.NDArray[np.float64]:
    """Return the voiced part: (samples,) float64. `track` is (moments, 5): seconds, F1..F3 in Hz, loudness."""
    at = np.arange(samples) / RATE
    falling = pitch * (1.12 - 0.3 * at / at[-1] + 0.015 * np.sin(2 * np.pi * 5 * at))
    phase = 2 * np.pi * np.cumsum(falling) / RATE
    # Outside the first and last moment the voice is still.
    known = np.concatenate([[0.0], track[:, 0], [at[-1]]])
    loudness = np.interp(at, known, np.concatenate([[0.0], track[:, 4], [0.0]]))
    formants = [np.interp(at, track[:, 0], track[:, column]) for column in (1, 2, 3)]
    sound = np.zeros(samples)
    for harmonic in range(1, int(4000 / pitch)):
        frequency = harmonic * falling
        strength = np.zeros(samples)
        for formant, bandwidth, share in zip(formants, _BANDWIDTHS, (1.0, 0.6, 0.3), strict=True):
            strength += share / (1 + ((frequency - formant) / bandwidth) ** 2)
        sound += (0.02 + strength) / harmonic**0.35 * np.sin(harmonic * phase)
    return np.asarray(sound * loudness)


def _hiss(rng: np.random.Generator, length: float, low: float, high: float) -> npt.NDArray[np.float64]:
    samples = max(16, int(length * RATE))
    spectrum = np.fft.rfft(rng.normal(0, 1, samples))
    frequencies = np.fft.rfftfreq(samples, 1 / RATE)
    spectrum[(frequencies < low) | (frequencies > high)] = 0
    noise = np.fft.irfft(spectrum, samples)
    shape = np.minimum(1, np.minimum(np.arange(samples), np.arange(samples)[::-1]) / (0.006 * RATE))
    return np.asarray(noise / max(float(np.std(noise)), 1e-9) * shape)


def _add(sound: npt.NDArray[np.float64], start: float, piece: npt.NDArray[np.float64]) -> None:
    begin = int(start * RATE)
    room = sound[begin : begin + len(piece)]
    room += piece[: len(room)]
