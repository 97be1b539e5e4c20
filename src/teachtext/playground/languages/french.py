"""French captions: agreement, elision, contracted articles, and compound past tenses."""

import re
from typing import ClassVar

from teachtext.playground.languages import french_words as words
from teachtext.playground.languages.facts import Naming
from teachtext.playground.languages.french_forms import (
    ITSELF,
    PRONOUN,
    WITH_ETRE,
    Deed,
    Noun,
    agreeing,
    definite,
    elided,
    of,
    participle,
    third_person,
    to,
)
from teachtext.playground.languages.wording import Wording
from teachtext.playground.languages.writer import Writer, capital, join
from teachtext.playground.scenes import Thing


class French(Writer):
    """A person who writes French."""

    quotes: ClassVar[tuple[str, str]] = ("«\u00a0", "\u00a0»")

    def terse(self) -> str:
        """Write a headline, without an article."""
        main = self.main()
        deed = self.deed(main.gender)
        return join(main.text, self.choose(f"qui {self.finite(deed)}", self.ongoing(deed)), self.where())

    def plain(self) -> str:
        """Write a plain sentence."""
        main = self.main()
        deed = self.deed(main.gender)
        verb = self.finite(deed) if self.chance(0.6) else f"est {self.ongoing(deed)}"
        return f"{join(main.indefinite, verb, self.where())}."

    def precise(self) -> str:
        """Write several sentences with all details."""
        main = self.main()
        deed = self.finite(self.deed(main.gender), self.pace())
        sentences = [f"{join(main.indefinite, deed, self.where())}{self.then(main)}."]
        if self.facts.side and self.scene.other and self.facts.other:
            left = self.scene.bystander_left
            side = self.choose(*(("à gauche", "du côté gauche") if left else ("à droite", "du côté droit")))
            other = self.noun(self.scene.other, self.facts.other)
            sentences.append(f"{other.indefinite} {self.pick(words.STAYS).replace('~', side)}.")
        if self.facts.sign:
            sentences.append(f"{self.reads('en haut' if self.scene.sign_at_top else 'en bas')}.")
        if self.facts.sounds is not None:
            sentences.append(self.sound())
        return " ".join([sentences[0], *map(capital, sentences[1:])])

    def chatty(self) -> str:
        """Write as people talk."""
        main = self.main()
        deed = join(self.finite(self.deed(main.gender), self.pace()), self.where())
        pronoun = PRONOUN[main.gender]
        return self.pick(words.CHAT).format(this=main.this, a=main.indefinite, pronoun=pronoun, deed=deed)

    def main_only(self) -> str:
        """Write of the main thing alone."""
        main = self.main()
        deed = self.deed(main.gender)
        return self.choose(
            f"il y a {main.indefinite} qui {self.finite(deed)}.",
            f"{main.indefinite} {self.ongoing(deed)}",
            f"{main.indefinite} {self.finite(deed)}.",
        )

    def place_first(self) -> str:
        """Begin with the place."""
        main = self.main()
        return f"{self.where()}, {main.indefinite} {self.finite(self.deed(main.gender))}{self.then(main)}."

    def listener(self) -> str:
        """Write what is heard."""
        main = self.main()
        text = f"{main.indefinite} {self.finite(self.deed(main.gender), self.pace())}"
        if self.facts.voice:
            return self.choose(f"{self.voice()} {elided('pendant que', text)}.", f"{text} et {self.voice()}.")
        if not self.facts.sounds:
            return f"{text} {self.pick(words.SILENTLY)}."
        heard = self.pick(words.HEARING).replace("{accompagné}", agreeing("accompagné", main.gender))
        return f"{text}{self.with_sounds(heard)}."

    def reader(self) -> str:
        """Write what the sign says."""
        main = self.main()
        deed = self.deed(main.gender)
        return self.choose(
            f"{main.indefinite} {self.finite(deed)}, et {self.reads()}.",
            f"{main.indefinite} {self.ongoing(deed)}, {self.signed(words.WITH)}",
            f"une vidéo {of(main.indefinite)} qui {self.finite(deed)}, {self.signed(words.WITH)}",
        )

    def in_order(self) -> str:
        """Write of deeds or things in their order."""
        main = self.main()
        if self.facts.then:
            deed = self.finite(self.deed(main.gender))
            opening = self.choose(
                f"d'abord, {main.indefinite} {deed}",
                f"tout commence avec {main.indefinite}\u00a0: {PRONOUN[main.gender]} {deed}",
                f"{main.indefinite} {deed} d'abord",
            )
            return f"{opening}{self.then(main)}."
        if self.scene.other and self.facts.other:
            other = self.noun(self.scene.other, self.facts.other)
            deed = self.finite(self.deed("f", "l'autre"))
            return f"il y a deux choses, {main.indefinite} et {other.indefinite}. La première {deed}."
        only = self.choose("seulement ", "juste ", "")
        deed = self.finite(self.deed(main.gender), self.pace())
        return f"toute la vidéo montre {only}{main.indefinite} qui {deed}."

    def remembering(self) -> str:
        """Write in the past tense."""
        main = self.main()
        deed = self.finished(self.deed(main.gender), main.gender)
        return f"{join(main.indefinite, deed, self.where())}{self.then(main, past=True)}."

    def film(self) -> str:
        """Write of the film that shows the scene."""
        main = self.main()
        film = self.pick(words.FILM).replace("de @", of(main.indefinite)).replace("@", main.indefinite)
        return join(film, "qui", self.finite(self.deed(main.gender), self.pace()), self.where())

    def vague(self) -> str:
        """Write without looking closely."""
        main = self.main()
        opening = self.choose("il y a", "je vois")
        return f"{opening} {main.indefinite} qui {join(self.finite(self.deed(main.gender)), self.where())}."

    def seeker(self) -> str:
        """Ask for the video."""
        main = self.main()
        return join(self.pick(words.SEEK), main.indefinite, self.finite(self.deed(main.gender)), self.where())

    def companion(self) -> str:
        """Write of the main thing and its neighbour."""
        main = self.main()
        return f"{join(main.indefinite, self.finite(self.deed(main.gender)), self.where())}{self.then(main)}."

    def speech(self) -> str:
        """Quote the voice alone."""
        return f"{self.voice()}."

    def sign(self) -> str:
        """Quote the sign alone."""
        return f"{self.reads()}."

    def sound(self) -> str:
        """Name the sounds in one or two sentences."""
        if not self.facts.sounds:
            return self.pick(words.SILENT)
        sentence = self.with_sounds(self.pick(words.HEARD))
        return f"{sentence} {capital(self.voice())}." if self.facts.voice else sentence

    def direction(self) -> str:
        """Name the deed alone, of something."""
        deed = self.deed("m")
        return self.choose(
            f"quelque chose {self.finite(deed)}.",
            f"quelque chose est {self.ongoing(deed)}.",
            f"il y a quelque chose qui {self.finite(deed)}.",
        )

    def noun(self, thing: Thing, naming: Naming) -> Noun:
        """Return a noun for a thing, with the adjectives that are to be named, in their places."""
        listed = self.pick((words.VAGUE_NOUNS if naming.vague else words.NOUNS)[thing.kind])
        gender, _, noun = listed.partition(" ")
        noun = noun if "~" in noun else f"{noun} ~"
        size = self.pick(words.SIZES[thing.size]) if naming.size else ""
        stands_before, size = size.startswith("<"), size and agreeing(size.removeprefix("<"), gender)
        colour = agreeing(self.pick(words.COLOURS[thing.colour]), gender) if naming.colour else ""
        noun = join(*noun.replace("~", colour).split())
        return Noun(join(size, noun) if stands_before else join(noun, size), gender)

    def main(self) -> Noun:
        """Return a noun for the main thing."""
        return self.noun(self.scene.main, self.facts.main)

    def deed(self, gender: str, other: str = "") -> Deed:
        """Return the deed of the main thing.

        Args:
            gender: of the subject.
            other: words for the other thing in a pair action, in place of its noun.
        """
        if not other and self.scene.is_pair and self.scene.other and self.facts.other:
            other = self.noun(self.scene.other, self.facts.other).indefinite
        return self._deed(self.scene.action, gender, other)

    def then(self, main: Noun, *, past: bool = False) -> str:
        """Return the second deed, beginning with a comma; empty where it is not named."""
        if not self.facts.then or not self.scene.then:
            return ""
        deed = self._deed(self.scene.then, main.gender)
        verb = self.finished(deed, main.gender) if past else self.finite(deed)
        return f", {self.pick(words.NEXT)} {PRONOUN[main.gender]} {verb}"

    def finite(self, deed: Deed, pace: str = "") -> str:
        """Return a deed in the present."""
        verb = third_person(deed.verb)
        # "devient plus grand à toute allure", but "devient vite plus grand"
        is_last = deed.verb == "devenir" and " " in pace
        return join(
            elided("se", verb) if deed.reflexive else verb, *((deed.rest, pace) if is_last else (pace, deed.rest))
        )

    def finished(self, deed: Deed, gender: str) -> str:
        """Return a deed in the past; with "être" the participle agrees with the subject."""
        past = participle(deed.verb)
        if not deed.reflexive and deed.verb not in WITH_ETRE:
            return join("a", past, deed.rest)
        return join("s'est" if deed.reflexive else "est", agreeing(past, gender), deed.rest)

    def ongoing(self, deed: Deed) -> str:
        """Return a deed after "en train de"."""
        infinitive = elided("se", deed.verb) if deed.reflexive else deed.verb
        return join("en train", elided("de", infinitive), deed.rest)

    def where(self) -> str:
        """Name the place, or the bystander as a neighbour; empty where neither is named."""
        if self.facts.place:
            return self.pick(words.PLACES[self.scene.background])
        if self.facts.other and self.scene.other and not self.scene.is_pair:
            near = self.pick(words.NEAR).removesuffix(" de")
            return f"{near} {of(self.noun(self.scene.other, self.facts.other).indefinite)}"
        return ""

    def pace(self) -> str:
        """Name the pace; empty where it is not named."""
        return self.pick(words.PACES[self.scene.pace]) if self.facts.pace else ""

    def with_sounds(self, wording: str) -> str:
        """Return a wording with the sounds in place of `@`, or of `de @`."""
        sounds = [self.pick(words.SOUNDS[sound]) for sound in self.facts.sounds or ()]
        return wording.replace("de @", " et ".join(map(of, sounds))).replace("@", " et ".join(sounds))

    def voice(self) -> str:
        """Quote the voice, as a clause."""
        return f"{self.pick(words.VOICE)} {self.pick(words.SAYS)}\u00a0: {self.quoted(self.scene.speech or '')}"

    def reads(self, at: str = "") -> str:
        """Quote the sign, as a clause."""
        return self.signed(words.READS).replace("~", at).strip()

    def signed(self, wording: Wording) -> str:
        """Quote the sign in a wording."""
        text, shown = self.pick(wording), self.facts.sign or ""
        if " " in shown:
            for single, many in words.MANY.items():
                text = text.replace(single, many)
        return text.replace("@", self.quoted(shown))

    def _deed(self, action: str, gender: str, other: str = "") -> Deed:
        verb, _, rest = self.pick_deed(words.DEEDS, action).partition(" ")
        reflexive = verb == "se" or verb.startswith("s'")
        if verb == "se":
            verb, _, rest = rest.partition(" ")
        verb = verb.removeprefix("s'")
        if other:
            rest = rest.replace("de @", of(other)).replace("@", other)
        rest = re.sub(r"\{(.*?)\}", lambda match: agreeing(match[1], gender), rest.replace("^", ITSELF[gender]))
        if self.scene.new_colour and action == "recolours":
            old, new = (words.COLOUR_NAMES[name] for name in (self.scene.main.colour, self.scene.new_colour))
            colour = self.pick(words.COLOURS[self.scene.new_colour])
            rest = rest.replace("$de", of(definite(old))).replace("%à", to(definite(new)))
            rest = rest.replace("%f", agreeing(colour, "f")).replace("%", agreeing(colour, gender))
        return Deed(verb, reflexive, rest)
