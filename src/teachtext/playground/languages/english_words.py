"""The English words of the captions, and their forms.

A verb is the first word of its phrase, in its base form. `@` is the place of the other thing's name, `%` of the new
colour, `$` of the old colour.
"""

from teachtext.playground.languages.wording import Lexicon, table

NOUNS = table("""
ball: ball, ball, round ball | sphere, orb
star: star, star, five-pointed star | pentagram, star-shaped emblem
heart: heart, heart, love heart | valentine, valentine symbol
car: car, car, motor car | automobile, sedan
boat: boat, boat, sailboat | sailing ship, yacht
fish: fish | trout, sea creature
bird: bird | songbird, sparrow
tree: tree | oak, leafy plant
house: house, house, home | cottage, dwelling
flower: flower, flower, blossom | daisy, bloom
balloon: balloon, balloon, party balloon | helium balloon, inflatable
rocket: rocket, rocket, space rocket | spaceship, spacecraft
clock: clock, alarm clock | timepiece, timer
umbrella: umbrella | parasol, brolly
cat: cat, cat, cat face, kitty | kitten, feline
butterfly: butterfly | moth, winged insect
""")

# The words of a person who does not look closely.
VAGUE_NOUNS = table("""
ball: thing, round thing, toy | circular object
star: thing, shape, figure | symbol
heart: thing, shape | symbol
car: vehicle, thing | motor vehicle
boat: thing, vehicle | watercraft
fish: animal, thing | creature
bird: animal, thing | creature
tree: plant, thing | piece of vegetation
house: building, thing | construction
flower: plant, thing | piece of vegetation
balloon: thing, toy | plaything
rocket: flying thing, vehicle | aircraft
clock: thing, round thing | device
umbrella: thing, object | rain shelter
cat: animal, pet | creature
butterfly: insect, animal | creature
""")

COLOURS = table("""
red: red, red, bright red | scarlet, crimson
blue: blue, blue, deep blue | cobalt, azure
green: green, green, bright green | emerald, jade
yellow: yellow, yellow, bright yellow | golden, mustard
orange: orange | tangerine, amber
purple: purple, violet | mauve, lavender
pink: pink, light pink | rosy, magenta
white: white | ivory, milky
black: black, black, dark | ebony, inky
""")

SIZES = table("""
small: small, little | tiny, miniature
medium: medium-sized | average-sized
large: big, large | huge, enormous
""")

PLACES = table(
    """
sky: in the sky, in a cloudy sky, in front of a blue sky with clouds | up in the air, high among cumulus clouds
sea: on the sea, at sea, in front of the blue sea, over the water | on the ocean, above the waves
meadow: on a meadow, in a green field, on the grass | in a pasture, on a grassy lawn
night: at night, in the night, under the stars, in a night sky | after dusk, beneath a moonlit sky
city: in the city, in front of tall buildings, in a city street | downtown, before a row of skyscrapers
desert: in the desert, in a desert with a cactus, on the sand | among the dunes, in an arid landscape
snow: in the snow, in a snowy place, while it is snowing | in a wintry landscape, during a blizzard
room: in a room, inside a room, in front of a wall with a window | indoors, in the parlour
checkerboard: on a checkerboard, in front of grey and white squares, on a checked background
    | against a chequered pattern, on a tiled backdrop
forest: in the forest, in the woods, in front of many trees | in a woodland, amid dense timber
""".replace("\n    |", " |")
)

DEEDS = table("""
moves_left: move to the left, go left, slide to the left, go from right to left | glide leftward, travel leftwards
moves_right: move to the right, go right, slide to the right, go from left to right | glide rightward, travel rightwards
rises: rise, go up, move up, rise to the top | ascend, climb upwards, soar
falls: fall, fall down, drop to the ground | plummet, plunge down
bounces: bounce, bounce up and down | rebound again and again, spring up and down
spins: spin, spin around, turn around and around | rotate, whirl, twirl
grows: grow, get bigger, become larger | expand, swell, enlarge
shrinks: shrink, get smaller, become smaller | dwindle, contract, diminish
fades: fade away, disappear, fade out | vanish, dissolve into nothing
appears: appear, fade into view, show up out of nowhere | emerge, materialise
blinks: blink, blink on and off, flash on and off | flicker, pulsate
jumps: jump to the right, jump across the screen, make three jumps | bound across the picture, leap forward
zigzags: zigzag across the screen, go up and down in a zigzag | weave across the picture, swerve to and fro
swings: swing from side to side, sway left and right | rock back and forth, oscillate like a pendulum
shakes: shake, shake all the time, tremble | vibrate, quiver, shudder
recolours: change colour to %, turn %, become % | transform from $ into %, take on a % tint
loops: move in a circle, go round in circles, fly in a loop | trace a ring, circulate
chases: chase @, run after @, follow @ | pursue @, hunt @
collides: hit @, bump into @, crash into @ | collide with @, smash into @
meets: meet @, come up to @ and stop, come together with @ | encounter @, approach @ head-on
passes: pass @, move past @, go by @ the other way | cross paths with @, travel by @
orbits: circle around @, go around @, move around @ | orbit @, revolve around @
leaps_over: jump over @, hop over @ | leap over @, vault over @
hides: hide behind @, go behind @, disappear behind @ | take cover behind @, vanish behind @
pushes: push @, push @ along, push @ forward | shove @, nudge @ onward
""")

PACES = table("""
slow: slowly | gradually, unhurriedly
fast: quickly, fast | rapidly, swiftly
""")

SOUNDS = table("""
whoosh: a whoosh, a rushing sound | a swish
rising_tone: a rising tone, a tone that gets higher | an ascending pitch
falling_tone: a falling tone, a tone that gets lower | a descending whistle
thump: thumps, dull knocks | thuds
whirr: a whirring sound, a whirr | a buzzing noise
hum: a hum, a soft tone | a droning noise
chime: a chime, a bright little sound | a twinkling melody
beep: beeps, beeping | electronic bleeps
boing: a boing, a springy sound | an elastic twang
creak: creaking, a creak | squeaky hinges
rattle: rattling, a rattle | clattering
footsteps: quick steps, footsteps | pattering feet
bang: a bang, a loud knock | a crashing impact
ding: a ding, a small bell | a tinkling noise
scrape: scraping, a scraping sound | a grating noise
engine: an engine, a running motor | a revving noise
horn: a horn, a ship's horn | a foghorn
chirp: chirping, birdsong | tweeting
roar: a roar, a roaring sound | a thunderous rumble
tick: ticking, a clock ticking | a tick-tock rhythm
meow: a meow, meowing | a purring animal
wind: wind, the wind blowing | a howling breeze
waves: waves, the sound of water | surf
crickets: crickets, insects at night | cicadas
traffic: traffic, street noise | passing lorries
""")

SAYS = table("""
says: says, is saying | utters, pronounces
voice: a voice, someone, somebody | a speaker, a narrator
""")

SIGNS = table("""
reads: the word @ is written, you can read @, there is the text @, it says @ | the caption reads @, lettering spells @
with: with the word @, with the text @ | with the inscription @, labelled @
""")

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
        "a an the and is are that there with of in on to it this i we you can hear me where which at from by not no "
        "its into out up down"
    ),
)

_PAST = {
    "go": "went", "rise": "rose", "fall": "fell", "spin": "spun", "grow": "grew", "get": "got", "become": "became",
    "shrink": "shrank", "show": "showed", "make": "made", "swing": "swung", "shake": "shook", "take": "took",
    "run": "ran", "hit": "hit", "meet": "met", "come": "came", "hide": "hid", "leap": "leapt",
    "weave": "wove", "swell": "swelled", "fly": "flew", "spring": "sprang",
    "slide": "slid",
}  # fmt: skip
_DOUBLED = frozenset({"drop", "spin", "get", "zigzag", "run", "hit", "hop", "stop", "travel"})


def inflect(phrase: str, form: str) -> str:
    """Return `phrase`, which begins with a verb in its base form, in another form.

    Args:
        phrase: such as "go up".
        form: "base", "s" (goes), "ing" (going) or "past" (went). A second verb after "and" follows the first.

    Raises:
        ValueError: the form is unknown.
    """
    first, *rest = phrase.split(" ")
    words = [_inflect_word(first, form), *rest]
    if rest[-2:] == ["and", "stop"]:
        words[-1] = _inflect_word("stop", form)
    return " ".join(words)


def _inflect_word(verb: str, form: str) -> str:
    doubled = verb + verb[-1] if verb in _DOUBLED else verb
    consonant_y = verb.endswith("y") and verb[-2] not in "aeiou"
    match form:
        case "base":
            return verb
        case "s":
            if consonant_y:
                return verb[:-1] + "ies"
            return verb + ("es" if verb.endswith(("s", "sh", "ch", "x", "z", "go")) else "s")
        case "ing":
            return (verb[:-1] if verb.endswith("e") and not verb.endswith("ee") else doubled) + "ing"
        case "past":
            if verb in _PAST:
                return _PAST[verb]
            if consonant_y:
                return verb[:-1] + "ied"
            return doubled + ("d" if verb.endswith("e") else "ed")
    raise ValueError(f"no verb form {form!r}")


_SILENT_H = ("hour", "honest", "honour", "heir")
_SPOKEN_CONSONANT = ("uni", "use", "euro", "one", "ukulele")


def with_article(phrase: str) -> str:
    """Return `phrase` after "a" or "an", by its first sound.

    >>> with_article("orange ball"), with_article("hourglass"), with_article("unicycle")
    ('an orange ball', 'an hourglass', 'a unicycle')
    """
    begins = phrase.lower()
    is_vowel = begins.startswith(_SILENT_H) or (begins[0] in "aeiou" and not begins.startswith(_SPOKEN_CONSONANT))
    return f"{'an' if is_vowel else 'a'} {phrase}"
