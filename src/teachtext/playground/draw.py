"""The frames of a scene."""

import math
from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from teachtext.playground.backdrop import Backdrop
from teachtext.playground.motion import FPS, HEIGHT, WIDTH, Pose, poses
from teachtext.playground.pen import SIDE
from teachtext.playground.scenes import Scene, Thing
from teachtext.playground.sprites import sprite

Image = npt.NDArray[np.uint8]


def frames(scene: Scene) -> Iterator[Image]:
    """Yield the pictures of `scene`, `FPS` a second, each (HEIGHT, WIDTH, 3) uint8 RGB."""
    cv2.setNumThreads(1)
    backdrop = Backdrop(scene.background, scene.seed)
    count = round(scene.seconds * FPS)
    for number in range(count):
        image = backdrop.at(number / FPS)
        main, other = poses(scene, number / (count - 1))
        layers = [(scene.main, main, scene.new_colour)]
        if scene.other and other:
            # A hiding thing goes behind the other thing; other actions are in front of a bystander.
            layers.insert(1 if scene.action == "hides" else 0, (scene.other, other, None))
        for thing, pose, new_colour in layers:
            _lay(image, thing, pose, new_colour, number // 2 % 4)
        if scene.sign:
            _write(image, scene.sign, scene.sign_at_top)
        yield image


def _lay(image: Image, thing: Thing, pose: Pose, new_colour: str | None, phase: int) -> None:
    """Draw `thing` onto `image`, (HEIGHT, WIDTH, 3) uint8 RGB, in place."""
    # A turned thing stays within this square, cut at the edges of the picture.
    reach = math.ceil(0.72 * pose.size) + 1
    left, top = max(0, math.floor(pose.x) - reach), max(0, math.floor(pose.y) - reach)
    right, bottom = min(WIDTH, math.ceil(pose.x) + reach), min(HEIGHT, math.ceil(pose.y) + reach)
    if pose.opacity <= 0 or left >= right or top >= bottom:
        return
    picture = sprite(thing.kind, thing.colour, phase)
    if new_colour and pose.turned > 0:
        picture = picture * (1 - pose.turned) + sprite(thing.kind, new_colour, phase) * pose.turned
    if pose.flipped:
        picture = np.ascontiguousarray(picture[:, ::-1])
    matrix = cv2.getRotationMatrix2D((SIDE / 2 - 0.5, SIDE / 2 - 0.5), -pose.angle, pose.size / SIDE)
    matrix[:, 2] += (pose.x - SIDE / 2 - left, pose.y - SIDE / 2 - top)
    if pose.size < SIDE / 2.5:
        # Averaging before a strong reduction keeps thin lines from flickering.
        picture = cv2.resize(picture, (SIDE // 2, SIDE // 2), interpolation=cv2.INTER_AREA)
        matrix[:, :2] *= 2
    layer = cv2.warpAffine(picture, matrix, (right - left, bottom - top), flags=cv2.INTER_LINEAR)
    place = image[top:bottom, left:right]
    mixed = place * (1 - layer[..., 3:] * pose.opacity) + layer[..., :3] * pose.opacity
    place[:] = np.clip(mixed + 0.5, 0, 255).astype(np.uint8)


def _write(image: Image, sign: str, at_top: bool) -> None:
    font, size = cv2.FONT_HERSHEY_DUPLEX, 0.7
    (wide, high), _ = cv2.getTextSize(sign, font, size, 1)
    place = ((WIDTH - wide) // 2, 7 + high if at_top else HEIGHT - 8)
    cv2.rectangle(image, (place[0] - 5, place[1] - high - 4), (place[0] + wide + 5, place[1] + 5), (20, 20, 24), -1)
    cv2.putText(image, sign, place, font, size, (255, 255, 255), 1, cv2.LINE_AA)
