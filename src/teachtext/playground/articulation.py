"""From words to a plan of the voice: resonances, voice, breath and noises over time."""

import numpy as np
import numpy.typing as npt

from teachtext.playground.phonemes import (
    BREATH,
    FRICATIVES,
    SAID,
    SONORANTS,
    STOPS,
    VOWELS,
    WEAK_WORDS,
    Formants,
)  # fmt: skip

_SLOW, _LAST_SLOW, _WEAK_FAST = 1.08, 1.2, 0.75
_NEUTRAL: Formants = (500, 1500, 2500)


class Score:
    """The plan of an utterance: points in time, with straight lines between the points.

    Args:
        text: words of the small vocabulary.

    Attributes:
        formants: (seconds, resonances in Hz).
        voice: (seconds, loudness).
        breath: (seconds, loudness).
        noises: (seconds, length in seconds, lower Hz, upper Hz, loudness) of hisses and bursts.
        now: length of the utterance in seconds.

    Raises:
        ValueError: a word is not in the vocabulary.
    """

    def __init__(self, text: str) -> None:
        self.formants: list[tuple[float, Formants]] = []
        self.voice: list[tuple[float, float]] = [(0.0, 0.0)]
        self.breath: list[tuple[float, float]] = [(0.0, 0.0)]
        self.noises: list[tuple[float, float, float, float, float]] = []
        self.now = 0.08
        words = text.split()
        for word in words:
            if word not in SAID:
                raise ValueError(f"the voice has no word {word!r}")
        self.phonemes = [phoneme for word in words for phoneme in SAID[word].split()]
        place = 0
        for number, word in enumerate(words):
            for _ in SAID[word].split():
                self._say(place, weak=word in WEAK_WORDS, last=number == len(words) - 1)
                place += 1
        self.voice.append((self.now + 0.03, 0.0))

    def _say(self, place: int, *, weak: bool, last: bool) -> None:
        phoneme = self.phonemes[place]
        pace = _SLOW * (_WEAK_FAST if weak else 1.0)
        if phoneme in VOWELS:
            self._vowel(phoneme, pace * (_LAST_SLOW if last else 1.0), 0.8 if weak else 1.0)
        elif phoneme in SONORANTS:
            self._sonorant(place, pace)
        elif phoneme in STOPS:
            self._stop(place, pace)
        elif phoneme in FRICATIVES:
            self._fricative(place, pace)
        else:
            self._breathe(place, BREATH[phoneme] * pace)

    def formants_at(self, moments: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return (3, N) resonances in Hz."""
        times = np.array([time for time, _ in self.formants])
        resonances = np.array([formants for _, formants in self.formants], float)
        order = np.argsort(times, kind="stable")
        return np.stack([np.interp(moments, times[order], resonances[order, n]) for n in range(3)])

    def _vowel(self, phoneme: str, pace: float, loudness: float) -> None:
        seconds, begin, end = VOWELS[phoneme]
        seconds *= pace
        glide = min(0.05, 0.4 * seconds)
        self.formants += [(self.now + glide, begin), (self.now + seconds - glide, end)]
        self._sing(seconds, loudness)
        self.now += seconds

    def _sonorant(self, place: int, pace: float) -> None:
        seconds, formants, loudness = SONORANTS[self.phonemes[place]]
        seconds *= pace * (1.3 if self._is_last(place) else 1.0)
        self.formants += [(self.now + 0.35 * seconds, formants), (self.now + 0.65 * seconds, formants)]
        self._sing(seconds, loudness)
        self.now += seconds

    def _stop(self, place: int, pace: float) -> None:
        phoneme = self.phonemes[place]
        voiced, closed, _, (length, low, high, loudness), wait = STOPS[phoneme]
        before, after = self._vowel_before(place), self._vowel_after(place)
        if self._is_last(place):
            after = before
        if phoneme == "T" and self._near(place, -1) in VOWELS and self._near(place, 1) == "ER":
            self._tap(_locus("T", before), _locus("T", after))
            return
        closed *= pace
        self.voice += [
            (self.now + 0.008, 0.16 if voiced else 0.0),
            (self.now + closed - 0.002, 0.10 if voiced else 0.0),
        ]
        self.formants += [(self.now + 0.012, _locus(phoneme, before)), (self.now + closed, _locus(phoneme, after))]
        self.now += closed
        if STOPS[phoneme][2] is None:
            second = _locus(phoneme, after)[1]
            low, high = 0.8 * second, 1.6 * second
        follows = self._near(place, 1) in STOPS or self._near(place, 1) in FRICATIVES
        weak = self._is_last(place) or follows
        self.noises.append((self.now, length, low, high, loudness * (0.5 if weak else 1.0)))
        if voiced:
            self.voice.append((self.now + wait, 0.05))
        else:
            # after s the voice sets in without a breath
            wait = 0.01 if follows else 0.012 if self._near(place, -1) == "S" else wait
            self._blow(self.now + 0.003, wait + 0.009, 0.25 if self._is_last(place) else 0.55, 0.006)
            self.voice.append((self.now + wait - 0.004, 0.0))
        self.now += wait

    def _tap(self, before: Formants, after: Formants) -> None:
        """Add the t of "butter"."""
        self.formants += [(self.now + 0.01, before), (self.now + 0.03, after)]
        self.voice += [(self.now + 0.008, 0.25), (self.now + 0.022, 0.25)]
        self.now += 0.03

    def _fricative(self, place: int, pace: float) -> None:
        seconds, (low, high, loudness), (second, third), voice = FRICATIVES[self.phonemes[place]]
        seconds *= pace * (1.25 if self._is_last(place) else 1.0)
        into = 0.8 * second + 0.2 * self._vowel_after(place)[1]
        self.formants += [(self.now + 0.02, (300, second, third)), (self.now + seconds - 0.02, (300, into, third))]
        self.voice += [(self.now + 0.012, voice), (self.now + seconds - 0.008, voice)]
        self.noises.append((self.now, seconds, low, high, loudness))
        self.now += seconds

    def _breathe(self, place: int, seconds: float) -> None:
        after = self._vowel_after(place)
        self.formants += [(self.now, after), (self.now + seconds, after)]
        self.voice += [(self.now + 0.01, 0.0), (self.now + seconds - 0.01, 0.0)]
        self._blow(self.now, seconds + 0.02, 0.5, 0.02)
        self.now += seconds

    def _sing(self, seconds: float, loudness: float) -> None:
        self.voice += [(self.now + 0.012, loudness), (self.now + seconds - 0.012, loudness)]

    def _blow(self, start: float, seconds: float, loudness: float, edge: float) -> None:
        edge = min(edge, seconds / 3)
        self.breath += [
            (start, 0.0),
            (start + edge, loudness),
            (start + seconds - edge, loudness),
            (start + seconds, 0.0),
        ]

    def _is_last(self, place: int) -> bool:
        return place == len(self.phonemes) - 1

    def _near(self, place: int, step: int) -> str:
        """Return a neighbouring phoneme, "" beyond the ends."""
        return self.phonemes[place + step] if 0 <= place + step < len(self.phonemes) else ""

    def _vowel_after(self, place: int) -> Formants:
        return next((_begin(phoneme) for phoneme in self.phonemes[place + 1 :] if _has_formants(phoneme)), _NEUTRAL)

    def _vowel_before(self, place: int) -> Formants:
        return next((_end(phoneme) for phoneme in self.phonemes[:place][::-1] if _has_formants(phoneme)), _NEUTRAL)


def _has_formants(phoneme: str) -> bool:
    return phoneme in VOWELS or phoneme in SONORANTS


def _begin(phoneme: str) -> Formants:
    return VOWELS[phoneme][1] if phoneme in VOWELS else SONORANTS[phoneme][1]


def _end(phoneme: str) -> Formants:
    return VOWELS[phoneme][2] if phoneme in VOWELS else SONORANTS[phoneme][1]


def _locus(phoneme: str, vowel: Formants) -> Formants:
    """Return the resonances at a stop next to a vowel."""
    voiced, _, place, _, _ = STOPS[phoneme]
    first = 220.0 if voiced else 300.0
    if place is not None:
        return first, 0.7 * place[0] + 0.3 * vowel[1], place[1]
    second = min(2300.0, max(1250.0, vowel[1] + 350))
    return first, second, max(second + 350, 2000.0)
