"""The German words of the captions.

A noun stands after its gender (`m`, `f` or `n`), and after adjectives that end in `+` and are declined with it. An
adjective that ends in `=` is never declined. A deed is an infinitive phrase: `+` parts a separable prefix from its
verb. `@a` and `@d` are the place of the other thing in the accusative and dative, `%` of the new colour, `%+` of its
form before a masculine noun in the accusative, `$n` and `%n` of the names of the old and the new colour. Sounds are in
the accusative.
"""

from teachtext.playground.languages.wording import Lexicon, Wording, table

NOUNS = table("""
ball: m Ball, m Ball, m Spielball | f Kugel, f Sphäre
star: m Stern, m Stern, m Zackenstern | n Pentagramm, n Sternsymbol
heart: n Herz, n Herz, n Liebesherz | n Herzsymbol, n Liebessymbol
car: n Auto, n Auto, m Wagen | n Automobil, f Limousine
boat: n Boot, n Boot, n Segelboot | n Segelschiff, f Jacht
fish: m Fisch | f Forelle, n Meerestier
bird: m Vogel | m Singvogel, m Sperling
tree: m Baum | f Eiche, n Laubgewächs
house: n Haus, n Haus, n Wohnhaus | f Hütte, n Eigenheim
flower: f Blume, f Blume, f Blüte | n Gänseblümchen, f Margerite
balloon: m Luftballon, m Luftballon, m Ballon | m Heliumballon, m Partyballon
rocket: f Rakete, f Rakete, f Weltraumrakete | n Raumschiff, n Raumfahrzeug
clock: f Uhr, m Wecker | m Zeitmesser, n Chronometer
umbrella: m Regenschirm, m Schirm | m Sonnenschirm, m Knirps
cat: f Katze, f Katze, n Katzengesicht, f Mieze | n Kätzchen, m Stubentiger
butterfly: m Schmetterling | m Falter, n Fluginsekt
""")

VAGUE_NOUNS = table("""
ball: n Ding, n rund+ Ding, n Spielzeug | n kreisförmig+ Objekt
star: n Ding, f Form, f Figur | n Symbol
heart: n Ding, f Form | n Symbol
car: n Fahrzeug, n Ding | n Kraftfahrzeug
boat: n Ding, n Fahrzeug | n Wasserfahrzeug
fish: n Tier, n Ding | n Geschöpf
bird: n Tier, n Ding | n Geschöpf
tree: f Pflanze, n Ding | n Gewächs
house: n Gebäude, n Ding | n Bauwerk
flower: f Pflanze, n Ding | n Gewächs
balloon: n Ding, n Spielzeug | n Spielgerät
rocket: n fliegend+ Ding, n Fahrzeug | n Luftfahrzeug
clock: n Ding, n rund+ Ding | n Gerät
umbrella: n Ding, m Gegenstand | m Regenschutz
cat: n Tier, n Haustier | n Geschöpf
butterfly: n Insekt, n Tier | n Geschöpf
""")

COLOURS = table("""
red: rot, rot, knallrot | scharlachrot, karminrot
blue: blau, blau, tiefblau | kobaltblau, azurblau
green: grün, grün, leuchtend grün | smaragdgrün, jadegrün
yellow: gelb, gelb, leuchtend gelb | golden, senfgelb
orange: orangefarben | mandarinenfarben, bernsteinfarben
purple: lila=, violett | malvenfarben, lavendelfarben
pink: rosa=, hellrosa= | altrosa=, magentafarben
white: weiß | elfenbeinfarben, milchweiß
black: schwarz, schwarz, dunkel | ebenholzfarben, pechschwarz
""")

COLOUR_NAMES = {
    "red": "Rot", "blue": "Blau", "green": "Grün", "yellow": "Gelb", "orange": "Orange", "purple": "Violett",
    "pink": "Rosa", "white": "Weiß", "black": "Schwarz",
}  # fmt: skip

SIZES = table("""
small: klein, klein | winzig, zierlich
medium: mittelgroß | durchschnittlich groß
large: groß, groß | riesig, gewaltig
""")

PLACES = table(
    """
sky: am Himmel, an einem bewölkten Himmel, vor einem blauen Himmel mit Wolken
    | hoch oben in der Luft, hoch zwischen Haufenwolken
sea: auf dem Meer, auf See, vor dem blauen Meer, über dem Wasser | auf dem Ozean, über den Wellen
meadow: auf einer Wiese, auf einem grünen Feld, auf dem Gras | auf einer Weide, auf einer Rasenfläche
night: bei Nacht, in der Nacht, unter den Sternen, am Nachthimmel
    | nach Einbruch der Dunkelheit, unter einem mondhellen Himmel
city: in der Stadt, vor hohen Gebäuden, in einer Straße der Stadt
    | in der Innenstadt, vor einer Reihe von Wolkenkratzern
desert: in der Wüste, in einer Wüste mit einem Kaktus, auf dem Sand | zwischen den Dünen, in einer kargen Landschaft
snow: im Schnee, in einer verschneiten Gegend, bei Schneefall | in einer Winterlandschaft, im Schneesturm
room: in einem Zimmer, in einem Raum, vor einer Wand mit einem Fenster | in einem Innenraum, in der guten Stube
checkerboard: auf einem Schachbrett, vor grauen und weißen Quadraten, vor einem karierten Hintergrund
    | vor einem Schachbrettmuster, vor einem gekachelten Hintergrund
forest: im Wald, zwischen den Bäumen im Wald, vor vielen Bäumen | in einem Waldgebiet, mitten im dichten Gehölz
""".replace("\n    |", " |")
)

DEEDS = table(
    """
moves_left: sich nach links bewegen, nach links gleiten, nach links wandern, von rechts nach links ziehen
    | in Richtung der linken Seite schweben, zum linken Rand hin gleiten
moves_right: sich nach rechts bewegen, nach rechts gleiten, nach rechts wandern, von links nach rechts ziehen
    | in Richtung der rechten Seite schweben, zum rechten Rand hin gleiten
rises: auf+steigen, nach oben steigen, sich nach oben bewegen
    | empor+steigen, in die Höhe klettern, sich empor+schwingen
falls: herunter+fallen, nach unten fallen, zu Boden fallen | herab+stürzen, in die Tiefe sausen
bounces: hüpfen, auf und ab hüpfen, auf und ab springen | immer wieder ab+prallen, auf und nieder federn
spins: sich drehen, sich um sich selbst drehen, sich um die eigene Achse drehen | rotieren, wirbeln, kreiseln
grows: wachsen, größer werden, immer größer werden | sich aus+dehnen, an+schwellen, sich vergrößern
shrinks: schrumpfen, kleiner werden, immer kleiner werden | sich zusammen+ziehen, sich verkleinern, an Größe verlieren
fades: verschwinden, verblassen, unsichtbar werden | sich in nichts auf+lösen, entschwinden
appears: erscheinen, auf+tauchen, aus dem Nichts auf+tauchen | hervor+treten, zum Vorschein kommen
blinks: blinken, immer wieder blinken, immer wieder auf+leuchten | flackern, pulsieren
jumps: nach rechts springen, über den Bildschirm springen, drei Sprünge machen
    | quer durchs Bild hopsen, mit großen Sätzen voran+eilen
zigzags: im Zickzack über den Bildschirm ziehen, sich im Zickzack auf und ab bewegen
    | sich durchs Bild schlängeln, in Schlangenlinien durchs Bild laufen
swings: hin und her schwingen, nach links und rechts schwanken, hin und her schaukeln | pendeln, sich hin und her wiegen
shakes: zittern, wackeln, die ganze Zeit wackeln | vibrieren, beben, schlottern
recolours: % werden, sich % färben, sich % verfärben | von $n zu %n wechseln, einen %+ Ton an+nehmen
loops: sich im Kreis bewegen, im Kreis herum+fliegen, eine Schleife fliegen | einen Ring beschreiben, Kreise ziehen
chases: @a verfolgen, @d hinterher+laufen, @d folgen | @d nach+jagen, Jagd auf @a machen
collides: gegen @a stoßen, gegen @a prallen, mit @d zusammen+stoßen | mit @d kollidieren, gegen @a krachen
meets: @d begegnen, sich mit @d treffen, auf @a treffen | mit @d zusammen+kommen, frontal auf @a zu+steuern
passes: an @d vorbei+ziehen, an @d vorbei+kommen, an @d vorbei+gleiten | @a passieren, sich mit @d kreuzen
orbits: um @a kreisen, um @a herum+fliegen, sich um @a herum+bewegen | @a umkreisen, @a umrunden
leaps_over: über @a springen, über @a hüpfen | über @a hinweg+setzen, @a überspringen
hides: sich hinter @d verstecken, hinter @d verschwinden | hinter @d in Deckung gehen, hinter @d Zuflucht suchen
pushes: @a schieben, @a vor sich her+schieben, @a vorwärts+schieben | @a voran+stoßen, @a an+schubsen
""".replace("\n    |", " |")
)

PACES = table("""
slow: langsam | gemächlich, ohne Eile
fast: schnell | rasch, geschwind
""")

SOUNDS = table("""
whoosh: ein Zischen, ein Sausen | ein Schwirren
rising_tone: einen steigenden Ton, einen immer höheren Ton | einen aufsteigenden Klang
falling_tone: einen fallenden Ton, einen immer tieferen Ton | einen abfallenden Pfiff
thump: ein dumpfes Klopfen, dumpfe Schläge | ein Pochen
whirr: ein surrendes Geräusch, ein Surren | ein Schnarren
hum: ein Summen, einen leisen Ton | ein Dröhnen
chime: ein Klingen, einen hellen kurzen Klang | eine funkelnde Melodie
beep: ein Piepen, Pieptöne | elektronische Signaltöne
boing: ein Boing, ein federndes Geräusch | ein elastisches Schnalzen
creak: ein Knarren, ein Quietschen | ächzende Scharniere
rattle: ein Rattern, ein Klappern | ein Scheppern
footsteps: schnelle Schritte, Schritte | trippelnde Füße
bang: einen Knall, einen lauten Schlag | einen krachenden Aufprall
ding: ein Ping, ein Glöckchen | ein Bimmeln
scrape: ein Kratzen, ein kratzendes Geräusch | ein Schaben
engine: einen Motor, einen laufenden Motor | ein aufheulendes Triebwerk
horn: ein Horn, ein Schiffshorn | ein Nebelhorn
chirp: ein Zwitschern, Vogelgesang | ein Tschilpen
roar: ein Tosen, ein tosendes Geräusch | ein donnerndes Grollen
tick: ein Ticken, das Ticken einer Uhr | den Ticktack-Takt
meow: ein Miau, ein Miauen | ein schnurrendes Tier
wind: Wind, das Wehen des Windes | eine heulende Brise
waves: Wellen, das Rauschen von Wasser | die Brandung
crickets: Grillen, nächtliche Insekten | Zikaden
traffic: Verkehr, Straßenlärm | vorbeifahrende Lastwagen
""")

FILM = Wording(
    ("ein Video von", "ein kurzes Video von", "eine Animation mit", "ein Clip mit", "ein Zeichentrickfilm mit"),
    ("Filmaufnahmen von", "eine animierte Sequenz mit"),
)
SEEK = Wording(
    ("finde den Clip, in dem", "das Video, in dem", "zeig mir das Video, in dem", "gesucht ist das Video, in dem"),
    ("such die Szene heraus, in der", "ich suche die Aufnahme, in der"),
)
CHAT = Wording(
    (
        "also, da ist {this}, und {just}.",
        "schau mal, {nom}, {relative}!",
        "ich sehe {acc}, {relative}.",
        "okay, hier haben wir {acc}, und {clause}.",
    ),
    ("sieh an, {nom}, {relative}!", "lustiger kleiner Film, in dem {subordinate}."),
)
STAYS = Wording(("steht ~", "ist ~", "bleibt ~", "ist ~ zu sehen"), ("verharrt ~", "verweilt regungslos ~"))
HEARING = Wording(
    (", und man hört @", ", und dazu hört man @", ", und wir hören @"),
    (", und im Hintergrund vernimmt man @", ", und auf der Tonspur hört man @"),
)
HEARD = Wording(
    ("man hört @", "ich höre @", "man kann @ hören", "wir hören @"), ("die Tonspur enthält @", "das Ohr vernimmt @")
)
SILENTLY = Wording(("lautlos", "ohne Ton", "ohne jedes Geräusch"), ("geräuschlos", "mucksmäuschenstill"))
SILENT = Wording(
    ("es gibt keinen Ton.", "es ist still.", "man hört nichts."), ("die Tonspur ist stumm.", "es herrscht Totenstille.")
)
NEXT = Wording(("dann", "und dann", "und danach"), ("und anschließend", "und daraufhin"))
NEAR = Wording(("neben", "bei", "in der Nähe von"), ("unweit von", "an der Seite von"))
VOICE = Wording(("eine Stimme", "jemand"), ("ein Sprecher", "eine Erzählerin"))
SAYS = Wording(("sagt", "sagt gerade"), ("äußert", "spricht"))
# `^` is the place on the screen; the table of many words has plurals
READS = Wording(
    ("^ steht das Wort @", "^ kann man @ lesen", "^ ist der Text @ zu sehen", "^ steht @"),
    ("^ liest man die Aufschrift @", "^ ist in Buchstaben @ geschrieben"),
)
WITH = Wording(("mit dem Wort @", "mit dem Text @"), ("mit der Aufschrift @", "mit dem Schriftzug @"))
MANY = {"steht das Wort @": "stehen die Wörter @", "dem Wort @": "den Wörtern @"}

WORDS = Lexicon(
    nouns=NOUNS,
    vague_nouns=VAGUE_NOUNS,
    colours=COLOURS,
    sizes=SIZES,
    places=PLACES,
    deeds=DEEDS,
    paces=PACES,
    sounds=SOUNDS,
    closed=(
        "der die das dem den des ein eine einen einem einer und ist sich mit auf im am von vom zu man ich wir nach "
        "hier über vor hinter gegen um an in er sie es den ab aus wie wird"
    ),
)
