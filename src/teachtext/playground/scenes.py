"""The events of a generated video, and the videos that a split may hold.

A `Scene` is the whole truth about a video: pictures, sound and captions are made from the scene. Train never shows
some pairs (a kind in a colour, a kind doing an action), but shows both parts of every pair. Every scene of val and test
shows at least one such pair.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

Split = Literal["train", "val", "test", "questions"]

# New kinds, colours and actions go to the end: places in the tuples decide which pairs are held out.
KINDS = (
    "ball", "star", "heart", "car", "boat", "fish", "bird", "tree",
    "house", "flower", "balloon", "rocket", "clock", "umbrella", "cat", "butterfly",
)  # fmt: skip
COLOURS = ("red", "blue", "green", "yellow", "orange", "purple", "pink", "white", "black")
SIZES = ("small", "medium", "large")
BACKGROUNDS = ("sky", "sea", "meadow", "night", "city", "desert", "snow", "room", "checkerboard", "forest")
SOLO_ACTIONS = (
    "moves_left", "moves_right", "rises", "falls", "bounces", "spins", "grows", "shrinks", "fades",
    "appears", "blinks", "jumps", "zigzags", "swings", "shakes", "recolours", "loops",
)  # fmt: skip
PAIR_ACTIONS = ("chases", "collides", "meets", "passes", "orbits", "leaps_over", "hides", "pushes")
ACTIONS = SOLO_ACTIONS + PAIR_ACTIONS
SIGNS = ("HELLO", "STOP", "GO", "WOW", "SALE", "OPEN", "LUCKY", "NEWS", "LEVEL 2", "THE END", "WELCOME", "NOW")

_CLASHES = frozenset({
    ("sky", "blue"), ("sea", "blue"), ("meadow", "green"), ("forest", "green"), ("night", "black"),
    ("snow", "white"), ("desert", "yellow"), ("desert", "orange"), ("city", "black"),
})  # fmt: skip
_ONE_ACTION = 0.75
_PACELESS = frozenset({"shakes", "meets", "collides", "hides", "blinks", "appears", "recolours"})
_ACTION_SOUNDS = {
    "moves_left": "whoosh", "moves_right": "whoosh", "rises": "rising_tone", "falls": "falling_tone",
    "bounces": "thump", "spins": "whirr", "grows": "rising_tone", "shrinks": "falling_tone", "fades": "hum",
    "appears": "chime", "blinks": "beep", "jumps": "boing", "zigzags": "whoosh", "swings": "creak",
    "shakes": "rattle", "recolours": "chime", "loops": "hum", "chases": "footsteps", "collides": "bang",
    "meets": "ding", "passes": "whoosh", "orbits": "hum", "leaps_over": "boing", "hides": "footsteps",
    "pushes": "scrape",
}  # fmt: skip
_KIND_SOUNDS = {"car": "engine", "boat": "horn", "bird": "chirp", "rocket": "roar", "clock": "tick", "cat": "meow"}
_PLACE_SOUNDS = {
    "sky": "wind",
    "sea": "waves",
    "night": "crickets",
    "city": "traffic",
    "desert": "wind",
    "snow": "wind",
}


@dataclass(frozen=True)
class Thing:
    """A thing in the picture: one of `KINDS`, in one of `COLOURS` and one of `SIZES`."""

    kind: str
    colour: str
    size: str


@dataclass(frozen=True)
class Scene:
    """All facts about a video.

    Attributes:
        video: the id, such as "play0001".
        split: "train", "val", "test", or "questions" (see `teachtext.playground.questions`).
        main: the thing that acts.
        action: action of the main thing, one of `ACTIONS`.
        then: action of the main thing in the second half, one of `SOLO_ACTIONS`, or None.
        other: the second thing of a pair action, or a bystander, or None.
        new_colour: the new colour of `main` if it "recolours", else None.
        background: one of `BACKGROUNDS`.
        pace: "slow", "fast" or "" (neither).
        mirrored: whether a pair action runs from right to left.
        sign: text on the screen, or None.
        sign_at_top: whether the text is at the top instead of the bottom.
        sound: "sounds", "silent" (a track of zeros) or "none" (no track).
        speech: words of a voice, in lower case, or None.
        seconds: length of the video.
        seed: seed of the small details that no caption mentions.
        only_sound: the only sound of a scene with "sounds", whatever the pictures show; None for the sounds of the
            actions, the main thing and the place.
    """

    video: str
    split: Split
    main: Thing
    action: str
    then: str | None
    other: Thing | None
    new_colour: str | None
    background: str
    pace: str
    mirrored: bool
    sign: str | None
    sign_at_top: bool
    sound: str
    speech: str | None
    seconds: float
    seed: int
    only_sound: str | None = None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Main kind, main colour, action and background; no two scenes of a data set share a key."""
        return (self.main.kind, self.main.colour, self.action, self.background)

    @property
    def is_pair(self) -> bool:
        """Whether `other` takes part in the action."""
        return self.action in PAIR_ACTIONS

    @property
    def bystander_left(self) -> bool:
        """Whether a bystander stands on the left."""
        return self.seed % 2 == 1


def part_of(scene: Scene, start_s: float, end_s: float) -> Scene:
    """Return what a scene shows in a stretch: of two actions the one that fills three quarters of the stretch, or both.

    Args:
        scene: the whole scene.
        start_s: start of the stretch in seconds.
        end_s: its end.
    """
    if scene.then is None or end_s <= start_s:
        return scene
    first = (min(max(scene.seconds / 2, start_s), end_s) - start_s) / (end_s - start_s)
    if first >= _ONE_ACTION:
        return replace(scene, then=None)
    if first <= 1 - _ONE_ACTION:
        return replace(scene, action=scene.then, then=None)
    return scene


def held_out_look(kind: str, colour: str) -> bool:
    """Return whether train never shows `kind` in `colour`."""
    return (3 * KINDS.index(kind) + COLOURS.index(colour)) % 5 == 0


def held_out_deed(kind: str, action: str) -> bool:
    """Return whether train never shows `kind` doing `action`."""
    return (2 * KINDS.index(kind) + ACTIONS.index(action)) % 5 == 1


def held_out_pairs(scene: Scene) -> list[tuple[str, str]]:
    """Return the pairs (kind, colour) and (kind, action) of `scene` that train never shows."""
    looks = [(scene.main.kind, scene.main.colour)]
    if scene.new_colour:
        looks.append((scene.main.kind, scene.new_colour))
    if scene.other:
        looks.append((scene.other.kind, scene.other.colour))
    deeds = [(scene.main.kind, action) for action in (scene.action, scene.then) if action]
    return [pair for pair in looks if held_out_look(*pair)] + [pair for pair in deeds if held_out_deed(*pair)]


def audible(scene: Scene) -> tuple[str, ...]:
    """Return the sounds of `scene`: of its actions, its main thing and its place, in that order; or its only sound."""
    if scene.sound != "sounds":
        return ()
    if scene.only_sound:
        return (scene.only_sound,)
    named = [_ACTION_SOUNDS[scene.action]]
    if scene.then:
        named.append(_ACTION_SOUNDS[scene.then])
    named += [
        table[key]
        for table, key in ((_KIND_SOUNDS, scene.main.kind), (_PLACE_SOUNDS, scene.background))
        if key in table
    ]
    return tuple(dict.fromkeys(named))


def action_sound(action: str) -> str:
    """Return the name of the sound that `action` makes."""
    return _ACTION_SOUNDS[action]


def sample_scenes(videos: int, seed: int) -> list[Scene]:
    """Draw the scenes of a whole data set: about 2/3 train, 1/9 val, 2/9 test, no two with the same `key`.

    Args:
        videos: number of videos.
        seed: the same seed gives the same scenes.
    """
    rng = np.random.default_rng((seed, 1))
    n_test, n_val = round(videos * 2 / 9), max(1, round(videos / 9))
    counts: dict[Split, int] = {"test": n_test, "val": n_val, "train": videos - n_test - n_val}
    in_order = [split for split, count in counts.items() for _ in range(count)]
    splits = [in_order[place] for place in rng.permutation(videos)]
    taken: set[tuple[str, str, str, str]] = set()
    scenes = []
    kinds: dict[Split, list[str]] = {"train": [], "val": [], "test": []}
    for number, split in enumerate(splits, start=1):
        if not kinds[split]:
            kinds[split] = list(rng.permutation(KINDS))
        kind = str(kinds[split].pop())
        while True:
            scene = draw_scene(rng, f"play{number:04d}", split, kind)
            fits = bool(held_out_pairs(scene)) != (split == "train")
            if fits and scene.key not in taken:
                break
        taken.add(scene.key)
        scenes.append(scene)
    return scenes


def draw_scene(rng: np.random.Generator, video: str, split: Split, kind: str) -> Scene:
    """Draw a scene with a main thing of a kind, whether or not its pairs are held out."""
    background = _choose(rng, BACKGROUNDS)
    colours = [colour for colour in COLOURS if (background, colour) not in _CLASHES]
    action = _choose(rng, ACTIONS)
    pair = action in PAIR_ACTIONS
    then = None
    # A thing that has faded away cannot act, and a second appearance is invisible.
    if not pair and action != "fades" and rng.random() < 0.3:
        then = _choose(
            rng, [deed for deed in SOLO_ACTIONS if deed not in (action, "appears", "recolours", "jumps", "zigzags")]
        )
    colour, second_colour, new_colour = (str(choice) for choice in rng.choice(colours, 3, replace=False))
    main = Thing(kind, colour, _size(rng, action, then))
    other = None
    if pair or rng.random() < 0.3:
        other_kind = _choose(rng, [name for name in KINDS if name != kind])
        size = "large" if action == "hides" else "medium" if pair else "small"
        other = Thing(other_kind, second_colour, size)
    sound = _choose(rng, ("sounds",) * 8 + ("silent", "none"))
    return Scene(
        video=video,
        split=split,
        main=main,
        action=action,
        then=then,
        other=other,
        new_colour=new_colour if action == "recolours" else None,
        background=background,
        pace="" if action in _PACELESS or then else _choose(rng, ("slow", "fast", "")),
        mirrored=bool(rng.random() < 0.5),
        sign=_sign(rng, kind) if rng.random() < 0.3 else None,
        sign_at_top=_sign_at_top(rng, (action, then), other is not None and not pair),
        sound=sound,
        speech=_choose(rng, phrases(main.colour, main.kind)) if sound == "sounds" and rng.random() < 0.35 else None,
        seconds=float(rng.integers(36, 49)) / 12,
        seed=int(rng.integers(1 << 31)),
    )


def _choose(rng: np.random.Generator, options: tuple[str, ...] | list[str]) -> str:
    return options[int(rng.integers(len(options)))]


def _size(rng: np.random.Generator, action: str, then: str | None) -> str:
    """Choose a size that leaves room for the action."""
    if action == "shrinks":
        return "large"
    if "grows" in (action, then) or action in ("orbits", "hides"):
        return "small"
    if then == "shrinks":
        return "large"
    return _choose(rng, ("small", "medium") if action in PAIR_ACTIONS else SIZES)


def _sign(rng: np.random.Generator, kind: str) -> str:
    return kind.upper() if rng.random() < 0.35 else _choose(rng, SIGNS)


def _sign_at_top(rng: np.random.Generator, actions: tuple[str, str | None], bystander: bool) -> bool:
    """Choose the edge at which a sign covers least of the action."""
    at_random = bool(rng.random() < 0.5)
    if "rises" in actions:
        return False
    return at_random or bystander or not {"falls", "bounces", "jumps", "leaps_over"}.isdisjoint(actions)


def phrases(colour: str, kind: str) -> tuple[str, ...]:
    """Return the sentences that a voice can say of a thing."""
    name, article = f"{colour} {kind}", "an" if colour == "orange" else "a"
    spoken = (f"look at the {name}", f"this is {article} {name}", f"there is {article} {name}")
    return (*spoken, f"i can see {article} {name}")
