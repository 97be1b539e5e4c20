"""The positions of all things at every moment of a scene, and the moments of their sounds.

Positions are pixels of a 192 x 144 picture, x to the right and y down; sizes are pixels across;
angles are degrees, clockwise; moments are fractions of the video, 0 at its start and 1 at its end.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from teachtext.playground.scenes import Scene, Thing

WIDTH, HEIGHT, FPS = 192, 144, 12
_PIXELS = {"small": 36.0, "medium": 54.0, "large": 80.0}
_CYCLES = {"slow": 2, "": 3, "fast": 5}


@dataclass(frozen=True)
class Pose:
    """The position and look of a thing at a moment.

    Attributes:
        x, y: centre in pixels.
        size: pixels across.
        angle: degrees, clockwise.
        opacity: 0 invisible to 1 solid.
        turned: share of the new colour, 0 to 1.
        flipped: whether the thing looks to the left.
    """

    x: float
    y: float
    size: float
    angle: float = 0.0
    opacity: float = 1.0
    turned: float = 0.0
    flipped: bool = False


def poses(scene: Scene, moment: float) -> tuple[Pose, Pose | None]:
    """Return the poses of the main thing and of the other thing, if any, at `moment` (0 to 1)."""
    if scene.is_pair:
        assert scene.other is not None
        main, other = _pair(scene, moment)
        if scene.mirrored:
            main, other = (replace(p, x=WIDTH - p.x, flipped=not p.flipped, angle=-p.angle) for p in (main, other))
        return main, other
    return _alone(scene, moment), _bystander(scene)


def moments_of_sound(scene: Scene) -> list[tuple[str, float, float]]:
    """Return (action, begin, end) for every sounding moment of the actions, in fractions of the video.

    Hits have `begin == end`; other sounds last.
    """
    spans = [(scene.action, 0.0, 0.5), (scene.then, 0.5, 1.0)] if scene.then else [(scene.action, 0.0, 1.0)]
    sounding = []
    for action, begin, end in spans:
        hits = _hits(action, _cycles(scene))
        if hits:
            sounding += [(action, at, at) for at in (begin + hit * (end - begin) for hit in hits)]
        else:
            sounding.append((action, begin, end))
    return sounding


def _cycles(scene: Scene) -> int:
    return 2 if scene.then else _CYCLES[scene.pace]


def _hits(action: str, cycles: int) -> list[float]:
    """Return the moments of an action of strikes, rings and beeps; empty if the action sounds throughout."""
    if action == "bounces":
        return [turn / cycles for turn in range(1, cycles)] + [0.98]
    if action == "jumps":
        return [turn / 3 for turn in range(3)]
    if action == "blinks":
        return [turn / 4 for turn in range(4)]
    if action == "swings":
        return [(turn + 0.25) / cycles for turn in range(cycles)]
    return {"collides": [0.45], "meets": [0.6], "appears": [0.1], "recolours": [0.4], "leaps_over": [0.3]}.get(
        action, []
    )


def _alone(scene: Scene, moment: float) -> Pose:
    start = _start(scene)
    cycles = _cycles(scene)
    # A fast move ends early, and the thing rests at its end.
    hurry = {"slow": 1.0, "": 0.8, "fast": 0.5}[scene.pace]
    if scene.then is None:
        return _solo(scene.action, moment, min(1.0, moment / hurry), start, cycles)
    if moment < 0.5:
        return _solo(scene.action, 2 * moment, min(1.0, 2 * moment / 0.9), start, cycles)
    middle = replace(_solo(scene.action, 1.0, 1.0, start, cycles), angle=0.0, flipped=False)
    late = 2 * moment - 1
    return _solo(scene.then, late, min(1.0, late / 0.9), middle, cycles)


def _start(scene: Scene) -> Pose:
    """Return the first pose of the main thing of a scene without a pair action."""
    size = _PIXELS[scene.main.size]
    room = size / 2 + 4
    jitter = np.random.default_rng((scene.seed, 2)).uniform(-1, 1, 2)
    x, y = WIDTH / 2 + 14 * jitter[0], HEIGHT / 2 + 6 * jitter[1]
    if scene.action == "moves_left":
        x = WIDTH - room
    elif scene.action in ("moves_right", "jumps", "zigzags"):
        x = room
    if scene.action in ("rises", "bounces", "jumps"):
        y = HEIGHT - room
    elif scene.action == "falls":
        y = room
    return Pose(float(x), float(y), size)


def _solo(action: str, time: float, way: float, start: Pose, cycles: int) -> Pose:
    """Return the pose within one solo action.

    Args:
        action: one of `SOLO_ACTIONS`.
        time: 0 to 1 over the action, for movements that last.
        way: 0 to 1, reaching 1 earlier in a fast action, for movements with a goal.
        start: the first pose.
        cycles: number of repeats.
    """
    room = start.size / 2 + 4
    wave = 2 * math.pi * cycles * time
    match action:
        case "moves_left":
            return replace(start, x=start.x + (room - start.x) * way, flipped=True)
        case "moves_right":
            return replace(start, x=start.x + (WIDTH - room - start.x) * way)
        case "rises":
            return replace(start, y=start.y + (room - start.y) * way)
        case "falls":
            return replace(start, y=start.y + (HEIGHT - room - start.y) * way**2)
        case "bounces":
            height = min(70.0, max(34.0, start.y - room))
            return replace(start, y=start.y - height * abs(math.sin(math.pi * cycles * time)))
        case "spins":
            return replace(start, angle=360 * time * max(1, cycles - 1))
        case "grows":
            size = start.size * (1 + 1.5 * way)
            # A thing at an edge moves inwards while it grows.
            x, y = (min(max(at, size / 2), side - size / 2) for at, side in ((start.x, WIDTH), (start.y, HEIGHT)))
            return replace(start, size=size, x=x, y=y)
        case "shrinks":
            return replace(start, size=start.size * (1 - 0.68 * way))
        case "fades":
            return replace(start, opacity=1 - way)
        case "appears":
            return replace(start, opacity=min(1.0, 1.6 * way))
        case "blinks":
            return replace(start, opacity=1.0 if (time * 4) % 1 < 0.5 else 0.0)
        case "jumps":
            x = start.x + (WIDTH - room - start.x) * time
            return replace(start, x=x, y=start.y - 48 * abs(math.sin(3 * math.pi * time)))
        case "zigzags":
            x = start.x + (WIDTH - room - start.x) * way
            return replace(start, x=x, y=HEIGHT / 2 + (HEIGHT / 2 - room) * _triangle(way * 2.5))
        case "swings":
            return replace(start, angle=38 * math.sin(wave), x=start.x + 16 * math.sin(wave))
        case "shakes":
            return replace(start, x=start.x + 5 * math.sin(40 * time), angle=7 * math.sin(53 * time))
        case "recolours":
            return replace(start, turned=min(1.0, max(0.0, (time - 0.35) / 0.15)))
        case "loops":
            turn = 2 * math.pi * max(1, cycles - 1) * time
            across, down = 92 - start.size / 2, 68 - start.size / 2
            ease = min(1.0, time * 6)
            x = start.x + ease * (WIDTH / 2 + 0.8 * across * math.sin(turn) - start.x)
            return replace(start, x=x, y=start.y + ease * (HEIGHT / 2 - down * math.cos(turn) - start.y))
    raise ValueError(f"{action!r} is not a solo action")


def _pair(scene: Scene, moment: float) -> tuple[Pose, Pose]:
    """Return the poses of the main thing, coming from the left, and of the other thing."""
    assert scene.other is not None
    a, b = _PIXELS[scene.main.size], _PIXELS[scene.other.size]
    touch, middle = 0.46 * (a + b), HEIGHT * 0.56
    way = min(1.0, moment / {"slow": 1.0, "": 0.9, "fast": 0.7}[scene.pace])
    match scene.action:
        case "chases":
            lead, tail = 76 + 106 * way, 14 + 106 * way
            return (
                Pose(tail, middle + 22 * math.sin(tail / 22), a),
                Pose(lead, middle + 22 * math.sin(lead / 22), b),
            )
        case "collides":
            strike = WIDTH * 0.62 - touch
            before, after = min(1.0, moment / 0.45), max(0.0, (moment - 0.45) / 0.55)
            recoil = 1 - (1 - after) ** 3
            wobble = 22 * math.exp(-4 * after) * math.sin(26 * after)
            x = -10 + (strike + 10) * before - 42 * recoil
            return Pose(x, middle, a, angle=-wobble), Pose(WIDTH * 0.62 + 36 * recoil, middle, b, angle=wobble)
        case "meets":
            near, nod = min(1.0, moment / 0.6), 4 * max(0.0, math.sin(24 * max(0.0, moment - 0.6)))
            left, right = WIDTH / 2 - touch * a / (a + b), WIDTH / 2 + touch * b / (a + b)
            return (
                Pose(8 + (left - 8) * near, middle - nod, a),
                Pose(WIDTH - 8 + (right - WIDTH + 8) * near, middle, b, flipped=True),
            )
        case "passes":
            return Pose(6 + 180 * way, 104, a), Pose(186 - 180 * way, 42, b, flipped=True)
        case "orbits":
            turn = 2 * math.pi * (2.2 if scene.pace == "fast" else 1.4) * moment
            return (
                Pose(WIDTH / 2 - 66 * math.cos(turn), HEIGHT / 2 - 50 * math.sin(turn), a),
                Pose(WIDTH / 2, HEIGHT / 2, b),
            )
        case "leaps_over":
            arc = min(1.0, max(0.0, (way - 0.25) / 0.5))
            y = HEIGHT - a / 2 - 4 - (b + 14) * math.sin(math.pi * arc)
            return Pose(4 + 184 * way, y, a), Pose(WIDTH / 2, HEIGHT - b / 2 - 4, b)
        case "hides":
            near = min(1.0, moment / 0.7)
            return Pose(10 + (WIDTH * 0.6 - 10) * near, middle + 6, a), Pose(WIDTH * 0.6, middle, b)
        case "pushes":
            contact = WIDTH * 0.45
            x = 6 + (WIDTH - 4 - b / 2 - touch - 6) * way
            return Pose(x, HEIGHT * 0.66, a), Pose(max(contact, x + touch), HEIGHT * 0.66, b)
    raise ValueError(f"{scene.action!r} is not a pair action")


def _bystander(scene: Scene) -> Pose | None:
    if scene.other is None:
        return None
    side = 26.0 if scene.bystander_left else WIDTH - 26.0
    return Pose(side, HEIGHT - 24.0, thing_pixels(scene.other))


def thing_pixels(thing: Thing) -> float:
    """Return the first size of `thing`, in pixels across."""
    return _PIXELS[thing.size]


def _triangle(turns: float) -> float:
    """Return a wave between -1 and 1 that begins at 0 and goes in straight lines."""
    return 2 / math.pi * math.asin(math.sin(2 * math.pi * turns))
