"""English captions of a scene, as different people would write them.

Some describers are terse or chatty, some name only the moving thing, listen, read the sign, or describe events in
order. Describers choose their words (see `english_words`) and leave out details.
"""

from collections.abc import Callable, Mapping

import numpy as np

from teachtext.playground.languages.english_phrases import Describer, capital, join
from teachtext.playground.languages.english_words import with_article
from teachtext.playground.languages.facts import Facts
from teachtext.playground.languages.wording import Wording
from teachtext.playground.scenes import Scene

_FILM = Wording(
    ("a video of", "a short video of", "an animation of", "a clip with", "a cartoon of"),
    ("footage of", "an animated sequence featuring"),
)
_SEEK = Wording(
    ("find the clip where", "the video in which", "show me the video where", "the one where"),
    ("retrieve the scene wherein", "seeking the recording in which"),
)
_CHAT = Wording(
    (
        "So there is this & and it just #.",
        "Look, @ is ~!",
        "I can see @ that is ~.",
        "Okay, so here we have @ and it #.",
    ),
    ("Behold, @ that #!", "Funny little film, @ #."),
)
_STAYS = Wording(("stands", "is", "stays", "can be seen"), ("lingers", "remains motionless"))
_HEARING = Wording(
    ("with the sound of", "and we hear", "and you can hear"), ("accompanied by", "to the accompaniment of")
)
_SILENTLY = Wording(("without any sound", "in silence", "with no sound"), ("noiselessly", "mutely"))


def describe(scene: Scene, role: str, rng: np.random.Generator) -> tuple[str, Facts]:
    """Return an English caption of a scene, and the facts that the caption names.

    Args:
        scene: the scene to describe. Captions of val and test scenes also use the fresh wordings.
        role: the describer, one of `facts.ROLES` or `facts.QUESTION_ROLES`.
        rng: chooses facts and wordings.
    """
    describer = Describer(scene, rng, role)
    text = _DESCRIBERS[role](describer)
    return _finish(text, rng), describer.facts_of(text)


def _finish(text: str, rng: np.random.Generator) -> str:
    """Capitalise a text, or leave out capital and full stop, as some people do."""
    if rng.random() < 0.25 and ". " not in text:
        return text.removesuffix(".")
    return text[0].upper() + text[1:]


def _terse(d: Describer) -> str:
    place = d.place() if d.chance(0.6) else ""
    return join(d.name(d.scene.main, d.choose("full", "colour")), d.deed("ing", article=False), place)


def _plain(d: Describer) -> str:
    deed = d.deed("s") if d.chance(0.6) else f"is {d.deed('ing')}"
    return f"{join(d.a(d.scene.main), deed, d.place())}."


def _precise(d: Describer) -> str:
    sentence = f"{join(d.a(d.scene.main, 'full'), d.deed('s', 'full', pace=True), d.place())}{d.then('s')}."
    if d.scene.other and not d.scene.is_pair:
        side = d.side()
        sentence += f" {capital(d.a(d.scene.other, 'full'))} {d.pick(_STAYS)} {side}."
    if d.scene.sign:
        sentence += f" {capital(d.sign('reads'))} {'at the top' if d.scene.sign_at_top else 'at the bottom'}."
    return f"{sentence} {d.heard(2)}" if d.chance(0.5) else sentence


def _chatty(d: Describer) -> str:
    main = d.name(d.scene.main, d.choose("full", "colour"))
    sentence = d.pick(_CHAT).replace("@", with_article(main)).replace("&", main)
    sentence = sentence.replace("#", d.deed("s", pace=True)).replace("~", d.deed("ing", pace=True))
    more = d.place() if d.chance(0.6) else d.company()
    return f"{sentence[:-1]} {more}{sentence[-1]}" if more else sentence


def _main_only(d: Describer) -> str:
    main = d.a(d.scene.main, d.choose("bare", "colour", "colour"))
    return d.choose(
        f"There is {main} that {d.deed('s', 'bare')}.",
        f"{main} {d.deed('ing', 'bare')}",
        f"{main} {d.deed('s', 'bare')}.",
    )


def _place_first(d: Describer) -> str:
    return f"{capital(d.place())}, {join(d.a(d.scene.main, d.choose('full', 'colour')), d.deed('s'))}{d.then('s')}."


def _listener(d: Describer) -> str:
    main, deed = d.a(d.scene.main), d.deed("s", pace=d.scene.sound == "sounds" and d.chance(0.5))
    if d.scene.speech and d.chance(0.6):
        return d.choose(f"{d.voice()} while {main} {deed}.", f"{main} {deed} and {d.voice()}.")
    sounds = d.sounds(2)
    if not sounds:
        return f"{main} {deed} {d.pick(_SILENTLY)}."
    return f"{main} {deed} {d.pick(_HEARING)} {sounds}."


def _reader(d: Describer) -> str:
    if not d.scene.sign:
        return _main_only(d)
    main = d.a(d.scene.main)
    if d.chance(0.5):
        return f"{main} {d.deed('s')} and {d.sign('reads')}."
    return f"{d.choose('', 'a video of ')}{main} {d.deed('ing')} {d.sign('with')}"


def _in_order(d: Describer) -> str:
    main = d.a(d.scene.main)
    if d.scene.then:
        opening = d.choose(
            f"first {main} {d.deed('s')}", f"{main} starts out: it {d.deed('s')}", f"{main} {d.deed('s')} at first"
        )
        return f"{opening}{d.then('s')}."
    if d.scene.other and d.scene.is_pair:
        return f"there are two things, {main} and {d.a(d.scene.other)}. The first one {d.deed('s', 'other')}."
    return f"the whole video shows {d.choose('only ', 'just ', '')}{main} that {d.deed('s', pace=True)}."


def _remembering(d: Describer) -> str:
    return f"{join(d.a(d.scene.main, d.choose('full', 'colour')), d.deed('past'), d.place())}{d.then('past')}."


def _film(d: Describer) -> str:
    sentence = f"{d.pick(_FILM)} {d.a(d.scene.main, d.choose('full', 'colour'))} {d.deed('ing', pace=d.chance(0.5))}"
    return join(sentence, d.company() if d.chance(0.5) else d.place())


def _vague(d: Describer) -> str:
    opening = f"{d.choose('there is', 'I see')} {d.a(d.scene.main, 'vague')}"
    return f"{opening} that {d.deed('s', 'vague')} {d.place()}."


def _seeker(d: Describer) -> str:
    return join(d.pick(_SEEK), d.a(d.scene.main), d.deed("s"), d.place() if d.chance(0.5) else "")


def _companion(d: Describer) -> str:
    return f"{join(d.a(d.scene.main, d.choose('full', 'colour')), d.deed('s', 'full'), d.company())}{d.then('s')}."


def _direction(d: Describer) -> str:
    return d.choose(
        f"something {d.deed('s')}.",
        f"something is {d.deed('ing')}.",
        f"there is something that {d.deed('s')}.",
    )


_DESCRIBERS: Mapping[str, Callable[[Describer], str]] = {
    "terse": _terse,
    "plain": _plain,
    "precise": _precise,
    "chatty": _chatty,
    "main_only": _main_only,
    "place_first": _place_first,
    "listener": _listener,
    "reader": _reader,
    "in_order": _in_order,
    "remembering": _remembering,
    "film": _film,
    "vague": _vague,
    "seeker": _seeker,
    "companion": _companion,
    "speech": lambda d: f"{d.voice()}.",
    "sign": lambda d: f"{capital(d.sign('reads'))}.",
    "sound": lambda d: d.heard(1),
    "direction": _direction,
}
