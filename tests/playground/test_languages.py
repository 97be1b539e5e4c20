"""Contracts of every language, and the agreement of German, French and Spanish."""

import hashlib
import json
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from teachtext.data.check import check_folder
from teachtext.data.folder import load_folder
from teachtext.data.wrong_captions import read_wrong_captions
from teachtext.errors import InputError
from teachtext.playground import build, build_playground, scenes
from teachtext.playground.captions import caption_texts, captions, parallel_captions
from teachtext.playground.languages import LANGUAGES, LEXICONS
from teachtext.playground.languages import french_forms as french
from teachtext.playground.languages import french_words as fr
from teachtext.playground.languages import german_forms as german
from teachtext.playground.languages import german_words as de
from teachtext.playground.languages import spanish_forms as spanish
from teachtext.playground.languages import spanish_words as es
from teachtext.playground.languages.facts import QUESTION_ROLES, ROLES, Facts
from teachtext.playground.languages.wording import Wording
from teachtext.playground.questions import ask
from teachtext.playground.scenes import Scene, audible

CONCEPTS = {
    "nouns": scenes.KINDS,
    "vague_nouns": scenes.KINDS,
    "colours": scenes.COLOURS,
    "sizes": scenes.SIZES,
    "places": scenes.BACKGROUNDS,
    "deeds": scenes.ACTIONS,
    "paces": ("slow", "fast"),
    "sounds": LEXICONS["en"].sounds.keys(),
}
SCENES = scenes.sample_scenes(150, 3)
every_language = pytest.mark.parametrize("language", LANGUAGES)


def written(language: str, drawn: list[Scene] = SCENES, count: int = 14) -> Iterator[tuple[Scene, Facts, str]]:
    """Yield the captions of scenes, and of questions, in a language."""
    for scene in drawn:
        facts = [named for _, named in captions(scene, count, 3)]
        for named, text in zip(facts, parallel_captions(scene, facts, language, 3), strict=True):
            yield scene, named, text
    for question in ask(4, 3):
        yield question.scene, question.facts, parallel_captions(question.scene, [question.facts], language, 3)[0]


def unquoted(text: str) -> str:
    return re.sub(r"«.*?»|„.*?“|\".*?\"", "", text)


def words_of(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", unquoted(text).lower())


def names(text: str, wording: Wording) -> bool:
    """Whether a text has the beginning of a wording's longest word."""
    longest = [max(re.findall(r"\w+", each), key=len).lower() for each in (*wording.common, *wording.fresh)]
    return any(word[: min(len(word) - 1, 4)] in unquoted(text).lower() for word in longest)


def forms_of(wording: Wording) -> str:
    """Return a pattern of the common words with their endings."""
    words = {each.split()[-1].removesuffix("=") for each in wording.common}
    return rf"\b({'|'.join(f'{word[:-1]}[oa]' if word.endswith('o') else word for word in sorted(words))})\w{{0,2}}\b"


@pytest.mark.parametrize("language", LEXICONS)
@pytest.mark.parametrize("table", CONCEPTS)
def test_a_lexicon_has_common_and_fresh_words_for_every_concept(language: str, table: str) -> None:
    wordings = getattr(LEXICONS[language], table)
    assert wordings.keys() == set(CONCEPTS[table])
    for concept, wording in wordings.items():
        assert wording.common and wording.fresh and all((*wording.common, *wording.fresh)), concept
        assert not set(wording.common) & set(wording.fresh), concept


@every_language
def test_every_describer_writes_clean_sentences(language: str) -> None:
    roles = set()
    for _, named, text in written(language):
        roles.add(named.role)
        assert text == text.strip() and not re.search(r"  |[@#~&%$^{}<>=+|*]| [.,]|\.\.|,,|,\.", text), text
        assert text[-1] in ".!“»" or text[-1].isalpha(), text
        if text[-1] in ".!":
            assert next(letter for letter in text if letter.isalpha()).isupper(), text
        for after in re.findall(r"[.!] \W*(\w)", text):
            assert after.isupper(), text
        assert not re.search(r"\b(\w+) \1\b", unquoted(text).lower()), text
    assert roles == {*ROLES, *QUESTION_ROLES}


@every_language
def test_no_caption_has_a_function_word_of_another_language(language: str) -> None:
    own_words = set(LEXICONS[language].closed.split())
    foreign = {word for code in LEXICONS for word in LEXICONS[code].closed.split()} - own_words
    used: set[str] = set()
    for _, _, text in written(language):
        assert not foreign & set(words_of(text)), text
        used |= set(words_of(text))
    assert len(used & own_words) > 0.7 * len(own_words), own_words - used


@every_language
def test_parallel_captions_name_the_facts_of_the_english_ones_and_no_others(language: str) -> None:
    lexicon = LEXICONS[language]
    for scene, named, text in written(language):
        things = [(scene.main, named.main)] + ([(scene.other, named.other)] if scene.other and named.other else [])
        coloured = {thing.colour for thing, naming in things if naming.colour}
        for colour in coloured:
            assert names(text, lexicon.colours[colour]), (colour, text)
        for thing, naming in things:
            assert naming.size <= names(text, lexicon.sizes[thing.size]), (thing, text)
        assert named.place <= any(each in text or each in text[0].lower() + text[1:] for each in places(lexicon, scene))
        if not named.place:
            assert not any(each in text for each in places(lexicon, scene)), text
        paces = [word for wording in lexicon.paces.values() for word in (*wording.common, *wording.fresh)]
        assert named.pace == any(re.search(rf"\b{word}\b", text) for word in paces), text
        if scene.new_colour and named.role in ROLES:
            assert names(text, lexicon.colours[scene.new_colour]), text
        if not (coloured or named.place or scene.new_colour):
            assert not re.search(forms_of(lexicon.colours[scene.main.colour]), text.lower()), text
        for sound in audible(scene) if named.sounds is None and not named.place else ():
            assert not any(each in text for each in lexicon.sounds[sound].common), (sound, text)
        for sound in named.sounds or ():
            assert names(text, lexicon.sounds[sound]), (sound, text)
        quoted = [quote for quote in (named.sign, scene.speech if named.voice else None) if quote]
        assert re.findall(r"[„«]\s*(.*?)\s*[“»]", text) == quoted, text


def places(lexicon, scene: Scene) -> tuple[str, ...]:
    wording = lexicon.places[scene.background]
    return (*wording.common, *wording.fresh)


@every_language
def test_captions_depend_on_seed_and_scene_alone(language: str) -> None:
    first, second = SCENES[:2]
    facts = [named for _, named in captions(first, 14, 3)]
    assert parallel_captions(first, facts, language, 3) == parallel_captions(first, facts, language, 3)
    assert parallel_captions(first, facts, language, 3) != parallel_captions(first, facts, language, 4)
    texts = [tuple(text for scene, _, text in written(language, [scene])) for scene in (first, second)]
    assert texts[0] != texts[1]
    assert len(set(parallel_captions(first, facts, language, 3))) == 14


@every_language
def test_train_captions_have_no_fresh_words(language: str) -> None:
    lexicon = LEXICONS[language]
    train = " ".join(
        unquoted(text).lower() for scene, _, text in written(language) if scene.split in ("train", "questions")
    )
    plain = [
        fresh.removeprefix("<").removesuffix("=").lower()
        for wordings in (lexicon.places, lexicon.sounds, lexicon.colours, lexicon.paces)
        for wording in wordings.values()
        for fresh in wording.fresh
    ]
    assert [fresh for fresh in plain if re.search(rf"(?<!\w){re.escape(fresh)}(?!\w)", train)] == []


GERMAN_ENDINGS = {
    ("m", "nom"): ("ein", "er"), ("m", "acc"): ("einen", "en"), ("m", "dat"): ("einem", "en"),
    ("f", "nom"): ("eine", "e"), ("f", "acc"): ("eine", "e"), ("f", "dat"): ("einer", "en"),
    ("n", "nom"): ("ein", "es"), ("n", "acc"): ("ein", "es"), ("n", "dat"): ("einem", "en"),
}  # fmt: skip


@pytest.mark.parametrize(("gender", "case"), GERMAN_ENDINGS)
def test_german_nouns_and_adjectives_agree(gender: str, case: str) -> None:
    article, ending = GERMAN_ENDINGS[gender, case]
    checked = 0
    for wording, colour in product(de.NOUNS.values(), de.COLOURS.values()):
        for listed, adjective in product((*wording.common, *wording.fresh), (*colour.common, *colour.fresh)):
            if listed.split()[0] == gender:
                words = german.decline(german.Noun(listed.split()[-1], gender, (adjective,)), case).split()
                assert words[0] == article
                assert " ".join(words[1:-1]).endswith(ending) or adjective.endswith("="), words
                checked += 1
    assert checked > 100


@pytest.mark.parametrize(
    ("noun", "case", "article", "text"),
    [
        (german.Noun("Ball", "m", ("groß", "rot")), "nom", "", "großer roter Ball"),
        (german.Noun("Blume", "f", ("rot",)), "dat", "", "roter Blume"),
        (german.Noun("Auto", "n", ("leuchtend grün",)), "acc", "ein", "ein leuchtend grünes Auto"),
        (german.Noun("Herz", "n", ("dunkel",)), "dat", "ein", "einem dunklen Herzen"),
        (german.Noun("Uhr", "f", ("lila=",)), "nom", "dies", "diese lila Uhr"),
        (german.Noun("Vogel", "m", ("blau",)), "acc", "dies", "diesen blauen Vogel"),
    ],
)
def test_german_cases(noun: german.Noun, case: str, article: str, text: str) -> None:
    assert german.decline(noun, case, article) == text


@pytest.mark.parametrize(
    ("language", "agreeing", "feminine"),
    [
        (french, "rouge vif=", "rouge vif"), (french, "bleu", "bleue"), (french, "blanc", "blanche"),
        (french, "violet", "violette"), (french, "laiteux", "laiteuse"), (french, "doré", "dorée"),
        (french, "gros", "grosse"), (french, "tout petit", "toute petite"), (french, "rose", "rose"),
        (spanish, "rojo", "roja"), (spanish, "azul", "azul"), (spanish, "verde", "verde"), (spanish, "rosa=", "rosa"),
        (spanish, "rojo vivo=", "rojo vivo"), (spanish, "pequeño", "pequeña"), (spanish, "gran=", "gran"),
    ],
)  # fmt: skip
def test_adjectives_have_their_feminine(language, agreeing: str, feminine: str) -> None:
    assert language.agreeing(agreeing, "f") == feminine
    assert language.agreeing(agreeing, "m") == agreeing.removesuffix("=")


@pytest.mark.parametrize(("module", "words"), [(french, fr), (spanish, es)])
def test_every_noun_and_adjective_agrees(module, words) -> None:
    feminine = ("e", "rose clair") if module is french else ("a", "e", "l", "í")
    for wording in (*words.COLOURS.values(), *words.SIZES.values()):
        for adjective in (*wording.common, *wording.fresh):
            form = module.agreeing(adjective, "f")
            assert adjective.endswith("=") or form.endswith(feminine), form
    for wording in (*words.NOUNS.values(), *words.VAGUE_NOUNS.values()):
        for listed in (*wording.common, *wording.fresh):
            assert listed.split()[0] in ("m", "f") and listed.count("~") <= 1, listed


@every_language
def test_articles_are_contracted_and_elided(language: str) -> None:
    wrong = {
        "fr": r"\b(de (le|les|un|une|des)|à les?|que (il|elle|un|une)|se (est|a)|[dlsq]e [aeiouéê]\w|ce [aeioé]\w)\b",
        "es": r"\b(de el|a el|y (i|hi)[^e]\w*)\b",
        "de": r"\b(in dem (Wald|Zimmer|Schnee)|an dem Himmel|von dem)\b",
    }
    for _, _, text in written(language):
        assert not re.search(wrong.get(language, r"(?!)"), unquoted(text).lower()), text


def test_participles_agree_in_french() -> None:
    subjects = set()
    for _, named, text in written("fr"):
        if named.role == "remembering":
            first, *others = text.split(", ")
            for subject, clause in [(first.split()[0].lower(), first), *((each, each) for each in others)]:
                participle = re.search(r"\b(?:s'est|est) (\w+)", clause)
                if participle:
                    is_feminine = bool(re.search(r"\b(une|elle)\b", subject))
                    assert participle[1].endswith("e") == is_feminine, text
                    subjects.add(re.search(r"\b(une?|elle|il)\b", subject)[1])
    assert subjects == {"un", "une", "il", "elle"}


def test_the_verb_stands_in_its_place_in_german() -> None:
    for _, named, text in written("de"):
        if named.role == "seeker":
            assert re.search(r", (in dem|in der) .*[td]$", text), text
        if named.role == "place_first":
            assert not re.search(r"^\w+ \w+, ", text), text


def test_english_captions_and_questions_are_what_they_were() -> None:
    """The hash is that of the captions before there were other languages."""
    texts, wrong = caption_texts(scenes.sample_scenes(60, 5), 15, 5, 0.2, 9)
    asked = {question.scene.video: question.text for question in ask(3, 5)}
    content = json.dumps([texts, wrong, asked]).encode()
    assert hashlib.sha256(content).hexdigest() == "96fc0c41e28ea01de3e7dc79327d7669315898a92f839f55ecec2a885461615b"


def test_a_data_set_of_several_languages_has_parallel_captions() -> None:
    drawn, codes = scenes.sample_scenes(24, 3), ("en", *LANGUAGES)
    english, english_wrong = caption_texts(drawn, 6, 3, 0.25, 4)
    texts, wrong = caption_texts(drawn, 6, 3, 0.25, 4, codes)
    assert list(texts) == [
        f"{name}{ending}" for name in english for ending in ("", *(f".{code}" for code in LANGUAGES))
    ]
    assert {name: text for name, text in texts.items() if name in english} == english
    assert wrong == [
        f"{name}{ending}" for name in english_wrong for ending in ("", *(f".{code}" for code in LANGUAGES))
    ]
    # a wrong caption says the same in all languages
    sources = {text: name for name, text in caption_texts(drawn, 6, 3, 0.0, 4, codes)[0].items()}
    for name in english_wrong:
        source = sources[texts[name]]
        assert source.partition("#")[0] != name.partition("#")[0]
        assert all(texts[f"{name}.{code}"] in sources for code in LANGUAGES)
        assert {sources[texts[f"{name}.{code}"]].partition("#")[0] for code in LANGUAGES} == {source.partition("#")[0]}
    assert caption_texts(drawn, 6, 3, 0.25, 4, ("de",))[0] == {
        name: text for name, text in texts.items() if name.endswith(".de")
    }


def test_a_folder_of_several_languages_is_read_language_by_language(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(build, "write_scene", lambda scene, path: path.write_text(scene.video))
    settings = {"videos": 12, "captions_per_video": 4, "questions": 1, "workers": 1}
    build_playground(tmp_path / "all", languages=("en", *LANGUAGES), wrong_captions=0.25, **settings)
    build_playground(tmp_path / "en", wrong_captions=0.25, **settings)
    english = load_folder(tmp_path / "en")
    datasets = {code: load_folder(tmp_path / "all", language=code) for code in ("en", *LANGUAGES, "all")}
    assert list(datasets["en"].captions) == list(english.captions)
    assert datasets["en"].splits == english.splits
    for code in LANGUAGES:
        captions_read = datasets[code].captions
        assert {caption.language for caption in captions_read} == {code}
        assert [caption.parallel_id for caption in captions_read] == [caption.id for caption in english.captions]
        assert len(datasets[code].questions) == len(english.questions) == 16
        assert f"'{code}' were left out" in " ".join(datasets[code].notes)
    assert len(datasets["all"].captions) == 4 * len(english.captions)
    wrong = read_wrong_captions(tmp_path / "all")
    assert wrong and {caption.id for caption in datasets["all"].captions} > wrong
    assert check_folder(tmp_path / "all").sound
    with pytest.raises(InputError, match="other settings"):
        build_playground(tmp_path / "all", languages=("en", "de"), wrong_captions=0.25, **settings)


def test_the_captions_of_the_manual_are_those_that_are_made() -> None:
    texts, _ = caption_texts(scenes.sample_scenes(360, 0)[:18], 12, 0, 0.0, None, ("en", *LANGUAGES))
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "own-dataset.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\| `(play\S+)` \| (.*) \|$", page, re.MULTILINE)
    assert [name for name, _ in shown] == [f"play0018#4{ending}" for ending in ("", ".de", ".fr", ".es")]
    assert all(texts[name] == text for name, text in shown)


@pytest.mark.parametrize("languages", [(), ("en", "en"), ("en", "xx")])
def test_unknown_languages_are_refused(tmp_path: Path, languages: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="use some of en, de, fr, es"):
        build_playground(tmp_path / "set", languages=languages)
    assert not (tmp_path / "set").exists()
