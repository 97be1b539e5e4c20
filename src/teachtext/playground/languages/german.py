"""German captions: cases, endings of adjectives, separable verbs, and the place of the verb."""

from typing import ClassVar

from teachtext.playground.languages import german_words as words
from teachtext.playground.languages.facts import Naming
from teachtext.playground.languages.german_forms import PRONOUN, RELATIVE, Deed, Noun, adjective, decline, third_person
from teachtext.playground.languages.wording import Wording
from teachtext.playground.languages.writer import Writer, capital, join
from teachtext.playground.scenes import Thing


class German(Writer):
    """A person who writes German."""

    quotes: ClassVar[tuple[str, str]] = ("„", "“")

    def terse(self) -> str:
        """Write a headline, without articles."""
        main = self.noun(self.scene.main, self.facts.main)
        return self.clause(decline(main, "nom", ""), self.deed(article=""), self.where())

    def plain(self) -> str:
        """Write a plain sentence."""
        main = decline(self.main(), "nom")
        if self.chance(0.3):
            return f"man sieht, wie {self.subordinate(main, self.deed(), self.where())}."
        return f"{self.clause(main, self.deed(), self.where())}."

    def precise(self) -> str:
        """Write several sentences with all details."""
        main = self.main()
        sentences = [f"{self.clause(decline(main, 'nom'), self.deed(), self.where(), self.pace())}{self.then(main)}."]
        if self.facts.side and self.scene.other and self.facts.other:
            left = self.scene.bystander_left
            side = self.choose(*(("links", "auf der linken Seite") if left else ("rechts", "auf der rechten Seite")))
            other = decline(self.noun(self.scene.other, self.facts.other), "nom")
            sentences.append(f"{other} {self.pick(words.STAYS).replace('~', side)}.")
        if self.facts.sign:
            edges = ("oben", "am oberen Rand") if self.scene.sign_at_top else ("unten", "am unteren Rand")
            sentences.append(f"{self.reads(self.choose(*edges))}.")
        if self.facts.sounds is not None:
            sentences.append(self.sound())
        return " ".join([sentences[0], *map(capital, sentences[1:])])

    def chatty(self) -> str:
        """Write as people talk."""
        main, deed, where, pace = self.main(), self.deed(), self.where(), self.pace()
        pronoun = PRONOUN[main.gender]
        return self.pick(words.CHAT).format(
            this=decline(main, "nom", "dies"),
            nom=decline(main, "nom"),
            acc=decline(main, "acc"),
            just=self.clause(pronoun, deed, join("einfach", where), pace),
            clause=self.clause(pronoun, deed, where, pace),
            relative=self.relative(main, deed, where, pace),
            subordinate=self.subordinate(decline(main, "nom"), deed, where, pace),
        )

    def main_only(self) -> str:
        """Write of the main thing alone."""
        main, deed = self.main(), self.deed()
        return self.choose(
            f"da ist {decline(main, 'nom')}, {self.relative(main, deed)}.",
            f"{decline(main, 'nom')}, {self.relative(main, deed)}",
            f"{self.clause(decline(main, 'nom'), deed)}.",
        )

    def place_first(self) -> str:
        """Begin with the place."""
        main = self.main()
        return f"{self.clause(decline(main, 'nom'), self.deed(), front=self.where())}{self.then(main)}."

    def listener(self) -> str:
        """Write what is heard."""
        main, deed, pace = decline(self.main(), "nom"), self.deed(), self.pace()
        if self.facts.voice:
            return self.choose(
                f"{self.voice()}, während {self.subordinate(main, deed, pace=pace)}.",
                f"{self.clause(main, deed, pace=pace)}, und {self.voice()}.",
            )
        if not self.facts.sounds:
            return f"{self.clause(main, deed, pace=self.pick(words.SILENTLY))}."
        return f"{self.clause(main, deed, pace=pace)}{self.pick(words.HEARING).replace('@', self.sounds())}."

    def reader(self) -> str:
        """Write what the sign says."""
        main, deed = decline(self.main(), "nom"), self.deed()
        labelled = self.signed(words.WITH)
        return self.choose(
            f"{self.clause(main, deed)}, und {self.reads('')}.",
            f"ein Video {labelled}, in dem {self.subordinate(main, deed)}",
            f"ein Video {labelled}: {capital(self.clause(main, deed))}.",
        )

    def in_order(self) -> str:
        """Write of deeds or things in their order."""
        main = self.main()
        if self.facts.then:
            subject, deed = decline(main, "nom"), self.deed()
            opening = self.choose(
                self.clause(subject, deed, front="zuerst"),
                f"{subject} macht den Anfang: {capital(self.clause(PRONOUN[main.gender], deed))}",
                self.clause(subject, deed, "zunächst"),
            )
            return f"{opening}{self.then(main)}."
        if self.scene.other and self.facts.other:
            other = self.noun(self.scene.other, self.facts.other)
            deed = self.deed(filled={"@a": "das andere", "@d": "dem anderen"})
            things = f"{decline(main, 'acc')} und {decline(other, 'acc')}"
            return f"es gibt zwei Dinge, {things}. {capital(self.clause('das erste', deed))}."
        only = self.choose("nur ", "bloß ", "")
        shown = f"{only}{decline(main, 'acc')}, {self.relative(main, self.deed(), pace=self.pace())}"
        return f"das ganze Video zeigt {shown}."

    def remembering(self) -> str:
        """Write in the past tense."""
        main = self.main()
        text = self.clause(decline(main, "nom"), self.deed(past=True), self.where())
        return f"{text}{self.then(main, past=True)}."

    def film(self) -> str:
        """Write of the film that shows the scene."""
        main = self.main()
        deed = self.relative(main, self.deed(), self.where(), self.pace())
        return f"{self.pick(words.FILM)} {decline(main, 'dat')}, {deed}"

    def vague(self) -> str:
        """Write without looking closely."""
        main = self.main()
        opening = self.choose(f"da ist {decline(main, 'nom')}", f"ich sehe {decline(main, 'acc')}")
        return f"{opening}, {self.relative(main, self.deed(), self.where())}."

    def seeker(self) -> str:
        """Ask for the video."""
        return f"{self.pick(words.SEEK)} {self.subordinate(decline(self.main(), 'nom'), self.deed(), self.where())}"

    def companion(self) -> str:
        """Write of the main thing and its neighbour."""
        main = self.main()
        return f"{self.clause(decline(main, 'nom'), self.deed(), self.where())}{self.then(main)}."

    def speech(self) -> str:
        """Quote the voice alone."""
        return f"{self.voice()}."

    def sign(self) -> str:
        """Quote the sign alone."""
        return f"{self.reads('')}."

    def sound(self) -> str:
        """Name the sounds in one or two sentences."""
        if not self.facts.sounds:
            return self.pick(words.SILENT)
        sentence = f"{self.pick(words.HEARD).replace('@', self.sounds())}."
        return f"{sentence} {capital(self.voice())}." if self.facts.voice else sentence

    def direction(self) -> str:
        """Name the deed alone, of something."""
        deed = self.deed()
        return self.choose(
            f"{self.clause('etwas', deed)}.",
            f"man sieht, wie {self.subordinate('etwas', deed)}.",
            f"da ist etwas, {self.subordinate('das', deed)}.",
        )

    def noun(self, thing: Thing, naming: Naming) -> Noun:
        """Return a noun for a thing, with the adjectives that are to be named."""
        gender, *parts = self.pick((words.VAGUE_NOUNS if naming.vague else words.NOUNS)[thing.kind]).split()
        adjectives = [self.pick(words.SIZES[thing.size])] if naming.size else []
        adjectives += [self.pick(words.COLOURS[thing.colour])] if naming.colour else []
        adjectives += [part[:-1] for part in parts if part.endswith("+")]
        return Noun(parts[-1], gender, tuple(adjectives))

    def main(self) -> Noun:
        """Return a noun for the main thing."""
        return self.noun(self.scene.main, self.facts.main)

    def deed(self, *, past: bool = False, article: str = "ein", filled: dict[str, str] | None = None) -> Deed:
        """Return the deed of the main thing.

        Args:
            past: whether the verb is in the past tense.
            article: of the other thing in a pair action.
            filled: by the marks of the table, words for the other thing in place of its noun.
        """
        if filled is None and self.scene.is_pair and self.scene.other and self.facts.other:
            other = self.noun(self.scene.other, self.facts.other)
            filled = {"@a": decline(other, "acc", article), "@d": decline(other, "dat", article)}
        return self._deed(self.scene.action, past, filled or {})

    def then(self, main: Noun, *, past: bool = False) -> str:
        """Return the second deed, beginning with a comma; empty where it is not named."""
        if not self.facts.then or not self.scene.then:
            return ""
        deed = self._deed(self.scene.then, past, {})
        return f", {self.clause(PRONOUN[main.gender], deed, front=self.pick(words.NEXT))}"

    def clause(self, subject: str, deed: Deed, where: str = "", pace: str = "", *, front: str = "") -> str:
        """Return a main clause, with the verb in its second place, behind the subject or behind `front`."""
        if not front:
            return join(subject, deed.verb, deed.reflexive, where, pace, deed.rest, deed.prefix)
        # a pronoun stands before "sich", a noun behind
        pair = (subject, deed.reflexive) if subject in PRONOUN.values() else (deed.reflexive, subject)
        return join(front, deed.verb, *pair, where, pace, deed.rest, deed.prefix)

    def subordinate(self, subject: str, deed: Deed, where: str = "", pace: str = "") -> str:
        """Return a subordinate clause, with the verb at its end, without the word that begins the clause."""
        pair = (subject, deed.reflexive) if subject in RELATIVE.values() else (deed.reflexive, subject)
        return join(*pair, where, pace, deed.rest, deed.prefix + deed.verb)

    def relative(self, noun: Noun, deed: Deed, where: str = "", pace: str = "") -> str:
        """Return a relative clause of a noun."""
        return self.subordinate(RELATIVE[noun.gender], deed, where, pace)

    def where(self) -> str:
        """Name the place, or the bystander as a neighbour; empty where neither is named."""
        if self.facts.place:
            return self.pick(words.PLACES[self.scene.background])
        if self.facts.other and self.scene.other and not self.scene.is_pair:
            return f"{self.pick(words.NEAR)} {decline(self.noun(self.scene.other, self.facts.other), 'dat')}"
        return ""

    def pace(self) -> str:
        """Name the pace; empty where it is not named."""
        return self.pick(words.PACES[self.scene.pace]) if self.facts.pace else ""

    def sounds(self) -> str:
        """Name the sounds, in the accusative."""
        return " und ".join(self.pick(words.SOUNDS[sound]) for sound in self.facts.sounds or ())

    def voice(self) -> str:
        """Quote the voice, as a main clause."""
        return f"{self.pick(words.VOICE)} {self.pick(words.SAYS)}: {self.quoted(self.scene.speech or '')}"

    def reads(self, at: str) -> str:
        """Quote the sign, as a main clause."""
        return self.signed(words.READS).replace("^", at or self.choose("im Bild", "auf dem Bildschirm"))

    def signed(self, wording: Wording) -> str:
        """Quote the sign in a wording."""
        text, shown = self.pick(wording), self.facts.sign or ""
        if " " in shown:
            for single, many in words.MANY.items():
                text = text.replace(single, many)
        return text.replace("@", self.quoted(shown))

    def _deed(self, action: str, past: bool, filled: dict[str, str]) -> Deed:
        *rest, verb = self.pick_deed(words.DEEDS, action).split()
        prefix, _, stem = verb.rpartition("+")
        reflexive = "sich" if rest[:1] == ["sich"] else ""
        text = " ".join(rest[1:] if reflexive else rest)
        if self.scene.new_colour and action == "recolours":
            new = self.pick(words.COLOURS[self.scene.new_colour])
            filled = {
                "$n": words.COLOUR_NAMES[self.scene.main.colour],
                "%n": words.COLOUR_NAMES[self.scene.new_colour],
                "%+": adjective(new, "en"),
                "%": adjective(new),
            }
        for mark, phrase in filled.items():
            text = text.replace(mark, phrase)
        return Deed(third_person(stem, past=past), prefix, text, reflexive)
