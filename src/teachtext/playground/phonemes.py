"""The sounds of English that the voice can make, and the phonemes of its few words.

Resonances are (F1, F2, F3) in Hz, of a man's throat.
"""

Formants = tuple[float, float, float]

# Seconds, where the sound begins and where it ends.
VOWELS: dict[str, tuple[float, Formants, Formants]] = {
    "IY": (0.15, (290, 2250, 2950), (270, 2300, 3000)), "IH": (0.10, (400, 1900, 2570), (430, 1750, 2550)),
    "EH": (0.13, (550, 1770, 2500), (580, 1700, 2500)), "AE": (0.19, (650, 1720, 2450), (690, 1620, 2430)),
    "AA": (0.18, (720, 1180, 2550), (700, 1150, 2550)), "AO": (0.19, (590, 920, 2450), (600, 950, 2450)),
    "AH": (0.11, (630, 1220, 2550), (600, 1250, 2550)), "AX": (0.06, (500, 1450, 2500), (500, 1450, 2500)),
    "UH": (0.11, (450, 1050, 2300), (460, 1100, 2300)), "UW": (0.16, (330, 1100, 2250), (300, 900, 2250)),
    "ER": (0.17, (480, 1300, 1620), (460, 1300, 1600)), "OW": (0.18, (560, 1050, 2350), (400, 820, 2300)),
    "AY": (0.24, (720, 1200, 2550), (380, 2050, 2600)), "AW": (0.24, (700, 1250, 2550), (400, 850, 2350)),
}  # fmt: skip
# Seconds, resonances, loudness.
SONORANTS: dict[str, tuple[float, Formants, float]] = {
    "W": (0.070, (290, 640, 2200), 0.70), "Y": (0.060, (270, 2200, 3000), 0.60), "R": (0.080, (320, 1100, 1450), 0.65),
    "L": (0.075, (340, 1000, 2750), 0.60), "M": (0.075, (270, 1100, 2150), 0.40), "N": (0.070, (270, 1600, 2600), 0.40),
    "NG": (0.090, (270, 2000, 2700), 0.40),
}  # fmt: skip
# Whether voiced; seconds closed; (F2, F3) of its place, None where the vowel decides; its burst as
# (seconds, lower Hz, upper Hz, loudness); seconds until the voice sets in.
STOPS: dict[str, tuple[bool, float, tuple[float, float] | None, tuple[float, float, float, float], float]] = {
    "P": (False, 0.075, (950, 2150), (0.010, 400, 2500, 0.12), 0.045),
    "B": (True, 0.065, (850, 2100), (0.008, 300, 1800, 0.12), 0.006),
    "T": (False, 0.065, (1750, 2650), (0.018, 3200, 7500, 0.30), 0.050),
    "D": (True, 0.055, (1700, 2650), (0.010, 2800, 6000, 0.22), 0.010),
    "K": (False, 0.070, None, (0.024, 1500, 3500, 0.35), 0.060),
    "G": (True, 0.060, None, (0.018, 1400, 3200, 0.28), 0.018),
}
# Seconds, noise as (lower Hz, upper Hz, loudness), (F2, F3) of its place, loudness of the voice in it.
FRICATIVES: dict[str, tuple[float, tuple[float, float, float], tuple[float, float], float]] = {
    "S": (0.115, (4300, 7800, 0.30), (1500, 2600), 0.0), "Z": (0.085, (4300, 7800, 0.16), (1500, 2600), 0.35),
    "SH": (0.125, (2100, 6500, 0.32), (1800, 2700), 0.0), "ZH": (0.070, (2000, 5500, 0.16), (1800, 2700), 0.30),
    "F": (0.100, (1200, 7800, 0.06), (1000, 2150), 0.0), "DH": (0.045, (1400, 7000, 0.02), (1350, 2600), 0.50),
}  # fmt: skip
BREATH = {"HH": 0.075}

SAID = {
    "a": "AX", "an": "AX N", "the": "DH AX", "i": "AY", "is": "IH Z", "at": "AE T", "can": "K AE N", "see": "S IY",
    "this": "DH IH S", "there": "DH EH R", "look": "L UH K",
    "red": "R EH D", "blue": "B L UW", "green": "G R IY N", "yellow": "Y EH L OW", "orange": "AO R IH N D ZH",
    "purple": "P ER P AX L", "pink": "P IH NG K", "white": "W AY T", "black": "B L AE K",
    "ball": "B AO L", "star": "S T AA R", "heart": "HH AA R T", "car": "K AA R", "boat": "B OW T", "fish": "F IH SH",
    "bird": "B ER D", "tree": "T R IY", "house": "HH AW S", "flower": "F L AW ER", "balloon": "B AX L UW N",
    "rocket": "R AA K IH T", "clock": "K L AA K", "umbrella": "AX M B R EH L AX", "cat": "K AE T",
    "butterfly": "B AH T ER F L AY",
}  # fmt: skip
# Said faster and more softly.
WEAK_WORDS = frozenset({"a", "an", "the", "is", "at"})
