"""Captions of a scene, as different people would write them, in one language or in several.

Each caption has a describer, who decides which facts to name (see `languages.facts`). The same facts in the words of
another language make a parallel caption.
"""

import json
from collections.abc import Mapping, Sequence

import numpy as np

from teachtext.playground.languages import ENGLISH, LANGUAGES
from teachtext.playground.languages.english import describe
from teachtext.playground.languages.facts import ROLES, Facts
from teachtext.playground.scenes import Scene, part_of

_ATTEMPTS = 20
# describers who speak of nothing but what they see
_SEEING = ("terse", "plain", "place_first", "film", "companion")


def captions(scene: Scene, count: int, seed: int) -> list[tuple[str, Facts]]:
    """Return English captions of a scene and their facts, without repeats as far as twenty attempts can avoid repeats.

    Args:
        scene: the scene to describe. Captions of val and test scenes also use the fresh wordings.
        count: number of captions.
        seed: seed of the data set; the same seed and scene give the same captions.
    """
    number = int(scene.video.removeprefix("play"))
    rng = np.random.default_rng((seed, 4, number))
    written: list[tuple[str, Facts]] = []
    turn: list[str] = []
    for _ in range(count):
        if not turn:
            turn = [ROLES[place] for place in rng.permutation(len(ROLES))]
        role = turn.pop()
        for _ in range(_ATTEMPTS):
            text, facts = describe(scene, role, rng)
            if all(text != other for other, _ in written):
                break
        written.append((text, facts))
    return written


def stretch_caption(scene: Scene, start_s: float, end_s: float, seed: int) -> str:
    """Return an English caption of what can be seen in a stretch of a scene.

    Args:
        scene: the whole scene.
        start_s: start of the stretch in seconds.
        end_s: its end.
        seed: seed of the data set; the same seed, scene and stretch give the same caption.
    """
    rng = np.random.default_rng((seed, 10, *scene.video.encode(), round(1000 * start_s), round(1000 * end_s)))
    role = _SEEING[int(rng.integers(len(_SEEING)))]
    return describe(part_of(scene, start_s, end_s), role, rng)[0]


def parallel_captions(scene: Scene, facts: Sequence[Facts], language: str, seed: int) -> list[str]:
    """Return captions of a scene in another language than English, one for the facts of each English caption.

    Args:
        scene: the scene to describe.
        facts: what the captions name.
        language: a key of `LANGUAGES`.
        seed: seed of the data set. The captions do not depend on the other languages of the data set.
    """
    rng = np.random.default_rng((seed, 9, *f"{scene.video}.{language}".encode()))
    texts: list[str] = []
    for named in facts:
        for _ in range(_ATTEMPTS):
            text = LANGUAGES[language].writer(scene, named, rng).write()
            if text not in texts:
                break
        texts.append(text)
    return texts


def caption_texts(
    scenes: list[Scene],
    per_video: int,
    seed: int,
    wrong_share: float,
    per_train_video: int | None = None,
    languages: Sequence[str] = (ENGLISH,),
) -> tuple[dict[str, str], list[str]]:
    """Return the texts by caption id (`<video>#<number>[.<language>]`), and the ids of the wrong captions.

    A wrong caption is a true caption of another train scene whose main thing is of another kind. Its parallel captions
    are those of the other scene too. The wrong captions of a small share are wrong at every larger share too.
    """
    # by id without a language, the texts by language
    true: dict[str, dict[str, str]] = {}
    for scene in scenes:
        kept = per_video if per_train_video is None or scene.split != "train" else per_train_video
        written = in_languages(scene, captions(scene, per_video, seed)[:kept], languages, seed)
        for number in range(kept):
            true[f"{scene.video}#{number}"] = {language: texts[number] for language, texts in written.items()}
    by_video = {scene.video: scene for scene in scenes}
    train = [name for name in true if by_video[name.partition("#")[0]].split == "train"]
    rng = np.random.default_rng((seed, 7))
    order = [train[place] for place in rng.permutation(len(train))]
    texts = dict(true)
    for name in order[: round(wrong_share * len(train))]:
        kind = by_video[name.partition("#")[0]].main.kind
        while True:
            source = train[int(rng.integers(len(train)))]
            if by_video[source.partition("#")[0]].main.kind != kind:
                break
        texts[name] = true[source]
    wrong = sorted(order[: round(wrong_share * len(train))])
    by_id = {f"{name}{ending(language)}": text for name, said in texts.items() for language, text in said.items()}
    return by_id, [f"{name}{ending(language)}" for name in wrong for language in languages]


def in_languages(
    scene: Scene, written: Sequence[tuple[str, Facts]], languages: Sequence[str], seed: int
) -> dict[str, list[str]]:
    """Return English captions, and the captions that say the same, by language."""
    facts = [named for _, named in written]
    return {
        language: [text for text, _ in written]
        if language == ENGLISH
        else parallel_captions(scene, facts, language, seed)
        for language in languages
    }


def ending(language: str) -> str:
    """Return the ending of the ids of captions in a language."""
    return "" if language == ENGLISH else f".{language}"


def caption_lines(texts: Mapping[str, str]) -> str:
    """Return the lines of the captions file; English is not named, as in every captions file."""
    lines = []
    for name, text in texts.items():
        video, _, number = name.partition("#")
        language = number.partition(".")[2]
        entry = {"id": name, "video": video, "text": text} | ({"language": language} if language else {})
        lines.append(json.dumps(entry, ensure_ascii=False))
    return "\n".join(lines) + "\n"
