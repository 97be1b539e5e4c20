"""Spanish captions: agreement, contracted articles, the personal "a", gerunds, and subjects that are left out."""

import re
from dataclasses import dataclass
from typing import ClassVar

from teachtext.playground.languages import spanish_words as words
from teachtext.playground.languages.facts import Naming
from teachtext.playground.languages.wording import Wording
from teachtext.playground.languages.writer import Writer, capital, join
from teachtext.playground.scenes import Thing

_LIGHT_VERBS = ("hacer", "volver", "dar", "poner")
_ANIMALS = ("fish", "bird", "cat", "butterfly")

_FILM = Wording(
    ("un vídeo de", "un vídeo corto de", "una animación de", "un clip con", "unos dibujos animados con"),
    ("imágenes filmadas de", "una secuencia animada con"),
)
_SEEK = Wording(
    ("busca el clip donde", "el vídeo en el que", "enséñame el vídeo donde", "quiero el vídeo en el que"),
    ("recupera la escena en la que", "estoy buscando la grabación donde"),
)
_CHAT = Wording(
    (
        "bueno, pues está {this}, y simplemente {deed}.",
        "¡mira, {a} que {deed}!",
        "veo {a} que {deed}.",
        "vale, aquí tenemos {a}, y {deed}.",
    ),
    ("¡anda, {a} que {deed}!", "curiosa peliculita, con {a} que {deed}."),
)
_STAYS = Wording(("está ~", "permanece ~", "se encuentra ~", "se queda ~"), ("aguarda ~", "permanece inmóvil ~"))
_HEARING = Wording((", con @ de fondo", " y oímos @", " y puedes oír @"), (", {acompañado} de @", ", al son de @"))
_HEARD = Wording(
    ("puedes oír @.", "oigo @.", "oímos @.", "podemos oír @."), ("la banda sonora contiene @.", "percibo @.")
)
_SILENTLY = Wording(("sin ningún sonido", "en silencio", "sin sonido"), ("silenciosamente", "sin el menor ruido"))
_SILENT = Wording(
    ("no hay sonido.", "todo está en silencio.", "no se oye nada."), ("el audio está mudo.", "reina el silencio.")
)
_NEXT = Wording(("y luego", "y después", "y entonces"), ("y a continuación", "y acto seguido"))
_NEAR = Wording(("al lado de", "cerca de", "junto a"), ("en las inmediaciones de", "a poca distancia de"))
_VOICE = Wording(("una voz", "alguien"), ("un locutor", "una narradora"))
_SAYS = Wording(("dice", "está diciendo"), ("pronuncia", "declara"))
_READS = Wording(
    ("está escrita la palabra @ ~", "se puede leer @ ~", "aparece el texto @ ~", "se lee @ ~"),
    ("figura la inscripción @ ~", "unas letras forman @ ~"),
)
_WITH = Wording(("con la palabra @", "con el texto @"), ("con la inscripción @", "con el rótulo @"))
_MANY = {"está escrita la palabra @": "están escritas las palabras @", "la palabra @": "las palabras @"}


@dataclass(frozen=True)
class Noun:
    """A noun with its adjectives, without an article."""

    text: str
    gender: str

    @property
    def indefinite(self) -> str:
        """The noun after "un" or "una"."""
        return f"{'un' if self.gender == 'm' else 'una'} {self.text}"

    @property
    def this(self) -> str:
        """The noun after "este" or "esta"."""
        return f"{'este' if self.gender == 'm' else 'esta'} {self.text}"


@dataclass(frozen=True)
class Deed:
    """A verb phrase: the infinitive of the verb, whether it is reflexive, and the words behind an adverb."""

    verb: str
    reflexive: bool
    rest: str


def agreeing(adjective: str, gender: str) -> str:
    """Return an adjective in a gender; one that ends in `=` is invariable.

    >>> agreeing("rojo", "f"), agreeing("rojo vivo=", "f"), agreeing("verde", "f")
    ('roja', 'rojo vivo', 'verde')
    """
    if gender == "f" and adjective.endswith("o"):
        return f"{adjective[:-1]}a"
    return adjective.removesuffix("=")


def contracted(text: str) -> str:
    """Contract "de el" and "a el".

    >>> contracted("el sonido de el viento"), contracted("pasa de el rojo a el azul")
    ('el sonido del viento', 'pasa del rojo al azul')
    """
    return re.sub(r"\b(de|a) el\b", lambda match: "del" if match[1] == "de" else "al", text)


def both(first: str, second: str) -> str:
    """Join two phrases with "y", or with "e" before the sound of an i.

    >>> both("viento", "insectos"), both("viento", "olas")
    ('viento e insectos', 'viento y olas')
    """
    return f"{first} {'e' if re.match('h?i(?!e)', second) else 'y'} {second}"


class Spanish(Writer):
    """A person who writes Spanish."""

    quotes: ClassVar[tuple[str, str]] = ("«", "»")

    def terse(self) -> str:
        """Write a headline, without an article."""
        main = self.main()
        deed = self.deed(main.gender)
        return join(main.text, self.choose(f"que {self.finite(deed)}", self.ongoing(deed)), self.where())

    def plain(self) -> str:
        """Write a plain sentence."""
        main = self.main()
        deed = self.deed(main.gender)
        verb = self.finite(deed) if self.chance(0.6) else self.progressive(deed)
        return f"{join(main.indefinite, verb, self.where())}."

    def precise(self) -> str:
        """Write several sentences with all details."""
        main = self.main()
        deed = self.finite(self.deed(main.gender), self.pace())
        sentences = [f"{join(main.indefinite, deed, self.where())}{self.then(main)}."]
        if self.facts.side and self.scene.other and self.facts.other:
            left = self.scene.bystander_left
            sides = ("a la izquierda", "en el lado izquierdo") if left else ("a la derecha", "en el lado derecho")
            other = self.noun(self.scene.other, self.facts.other)
            sentences.append(f"{other.indefinite} {self.pick(_STAYS).replace('~', self.choose(*sides))}.")
        if self.facts.sign:
            at_top = ("arriba", "en la parte superior")
            edges = at_top if self.scene.sign_at_top else ("abajo", "en la parte inferior")
            sentences.append(f"{self.reads(self.choose(*edges))}.")
        if self.facts.sounds is not None:
            sentences.append(self.sound())
        return " ".join([sentences[0], *map(capital, sentences[1:])])

    def chatty(self) -> str:
        """Write as people talk."""
        main = self.main()
        deed = join(self.finite(self.deed(main.gender), self.pace()), self.where())
        return self.pick(_CHAT).format(this=main.this, a=main.indefinite, deed=deed)

    def main_only(self) -> str:
        """Write of the main thing alone."""
        main = self.main()
        deed = self.deed(main.gender)
        return self.choose(
            f"hay {main.indefinite} que {self.finite(deed)}.",
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
            return self.choose(f"{self.voice()} mientras {text}.", f"{text} y {self.voice()}.")
        if not self.facts.sounds:
            return f"{text} {self.pick(_SILENTLY)}."
        heard = self.pick(_HEARING).replace("{acompañado}", agreeing("acompañado", main.gender))
        return f"{text}{self.with_sounds(heard)}."

    def reader(self) -> str:
        """Write what the sign says."""
        main = self.main()
        deed = self.deed(main.gender)
        return self.choose(
            f"{main.indefinite} {self.finite(deed)} y {self.reads()}.",
            f"{main.indefinite} {self.ongoing(deed)}, {self.signed(_WITH)}",
            f"un vídeo de {main.indefinite} que {self.finite(deed)}, {self.signed(_WITH)}",
        )

    def in_order(self) -> str:
        """Write of deeds or things in their order."""
        main = self.main()
        if self.facts.then:
            deed = self.finite(self.deed(main.gender))
            opening = self.choose(
                f"primero, {main.indefinite} {deed}",
                f"{main.indefinite} empieza así: {deed}",
                f"al principio, {main.indefinite} {deed}",
            )
            return f"{opening}{self.then(main)}."
        if self.scene.other and self.facts.other:
            other = self.noun(self.scene.other, self.facts.other)
            deed = self.finite(self.deed("f", "la otra"))
            return f"hay dos cosas, {both(main.indefinite, other.indefinite)}. La primera {deed}."
        only = self.choose("solo ", "únicamente ", "")
        deed = self.finite(self.deed(main.gender), self.pace())
        return f"todo el vídeo muestra {only}{main.indefinite} que {deed}."

    def remembering(self) -> str:
        """Write in the past tense."""
        main = self.main()
        deed = self.finite(self.deed(main.gender), past=True)
        return f"{join(main.indefinite, deed, self.where())}{self.then(main, past=True)}."

    def film(self) -> str:
        """Write of the film that shows the scene."""
        main = self.main()
        deed = self.finite(self.deed(main.gender), self.pace())
        return join(self.pick(_FILM), main.indefinite, "que", deed, self.where())

    def vague(self) -> str:
        """Write without looking closely."""
        main = self.main()
        opening = self.choose("hay", "veo")
        return f"{opening} {main.indefinite} que {join(self.finite(self.deed(main.gender)), self.where())}."

    def seeker(self) -> str:
        """Ask for the video."""
        main = self.main()
        return join(self.pick(_SEEK), main.indefinite, self.finite(self.deed(main.gender)), self.where())

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
            return self.pick(_SILENT)
        sentence = self.with_sounds(self.pick(_HEARD))
        return f"{sentence} {capital(self.voice())}." if self.facts.voice else sentence

    def direction(self) -> str:
        """Name the deed alone, of something."""
        deed = self.deed("m")
        return self.choose(
            f"algo {self.finite(deed)}.", f"algo {self.progressive(deed)}.", f"hay algo que {self.finite(deed)}."
        )

    def noun(self, thing: Thing, naming: Naming) -> Noun:
        """Return a noun for a thing, with the adjectives that are to be named, in their places."""
        listed = self.pick((words.VAGUE_NOUNS if naming.vague else words.NOUNS)[thing.kind])
        gender, _, noun = listed.partition(" ")
        noun = noun if "~" in noun else f"{noun} ~"
        size = agreeing(self.pick(words.SIZES[thing.size]), gender) if naming.size else ""
        colour = agreeing(self.pick(words.COLOURS[thing.colour]), gender) if naming.colour else ""
        if size.startswith("<"):
            noun, size = f"{size[1:]} {noun}", ""
        elif size.startswith("de "):
            # a size of several words stands behind all others
            noun, size = f"{noun} {size}", ""
        return Noun(join(*noun.replace("~", join(colour, size)).split()), gender)

    def main(self) -> Noun:
        """Return a noun for the main thing."""
        return self.noun(self.scene.main, self.facts.main)

    def deed(self, gender: str, other: str = "") -> Deed:
        """Return the deed of the main thing.

        Args:
            gender: of the subject.
            other: words for the other thing in a pair action, in place of its noun.
        """
        animal = bool(other)
        if not other and self.scene.is_pair and self.scene.other and self.facts.other:
            other = self.noun(self.scene.other, self.facts.other).indefinite
            animal = self.scene.other.kind in _ANIMALS and not self.facts.other.vague
        return self._deed(self.scene.action, gender, other, animal)

    def then(self, main: Noun, *, past: bool = False) -> str:
        """Return the second deed, beginning with a comma; empty where it is not named."""
        if not self.facts.then or not self.scene.then:
            return ""
        return f", {self.pick(_NEXT)} {self.finite(self._deed(self.scene.then, main.gender), past=past)}"

    def finite(self, deed: Deed, pace: str = "", *, past: bool = False) -> str:
        """Return a deed in the present or the past."""
        verb = words.third_person(deed.verb, past=past)
        # "se hace más grande despacio": an adverb does not part a light verb from its complement
        parts = (deed.rest, pace) if deed.verb in _LIGHT_VERBS else (pace, deed.rest)
        return join("se" if deed.reflexive else "", verb, *parts)

    def progressive(self, deed: Deed) -> str:
        """Return a deed after "está"."""
        return join("se" if deed.reflexive else "", "está", words.gerund(deed.verb), deed.rest)

    def ongoing(self, deed: Deed) -> str:
        """Return a deed as a gerund."""
        return join(words.gerund(deed.verb, reflexive=deed.reflexive), deed.rest)

    def where(self) -> str:
        """Name the place, or the bystander as a neighbour; empty where neither is named."""
        if self.facts.place:
            return self.pick(words.PLACES[self.scene.background])
        if self.facts.other and self.scene.other and not self.scene.is_pair:
            return f"{self.pick(_NEAR)} {self.noun(self.scene.other, self.facts.other).indefinite}"
        return ""

    def pace(self) -> str:
        """Name the pace; empty where it is not named."""
        return self.pick(words.PACES[self.scene.pace]) if self.facts.pace else ""

    def with_sounds(self, wording: str) -> str:
        """Return a wording with the sounds in place of `@`."""
        first, *others = (self.pick(words.SOUNDS[sound]) for sound in self.facts.sounds or ())
        return contracted(wording.replace("@", both(first, others[0]) if others else first))

    def voice(self) -> str:
        """Quote the voice, as a clause."""
        return f"{self.pick(_VOICE)} {self.pick(_SAYS)}: {self.quoted(self.scene.speech or '')}"

    def reads(self, at: str = "") -> str:
        """Quote the sign, as a clause."""
        return self.signed(_READS).replace("~", at).strip()

    def signed(self, wording: Wording) -> str:
        """Quote the sign in a wording."""
        text, shown = self.pick(wording), self.facts.sign or ""
        if " " in shown:
            for single, many in _MANY.items():
                text = text.replace(single, many)
        return text.replace("@", self.quoted(shown))

    def _deed(self, action: str, gender: str, other: str = "", animal: bool = False) -> Deed:
        verb, _, rest = self.pick_deed(words.DEEDS, action).partition(" ")
        rest = rest.replace("@a", f"a {other}").replace("@q", f"a {other}" if animal else other).replace("@", other)
        rest = rest.replace("^", agreeing("sí mismo", gender))
        rest = re.sub(r"\{(.*?)\}", lambda match: agreeing(match[1], gender), rest)
        if self.scene.new_colour and action == "recolours":
            old, new = (words.COLOUR_NAMES[name] for name in (self.scene.main.colour, self.scene.new_colour))
            colour = self.pick(words.COLOURS[self.scene.new_colour])
            rest = contracted(rest.replace("$de", f"de el {old}").replace("%a", f"a el {new}"))
            rest = rest.replace("%m", agreeing(colour, "m")).replace("%", agreeing(colour, gender))
        reflexive = verb.endswith("se")
        return Deed(verb[:-2] if reflexive else verb, reflexive, rest)
