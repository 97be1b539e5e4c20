"""Faces in a video: detected, embedded, and gathered by person."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import distribution, version
from pathlib import Path
from typing import Any

import cv2
import dlib
import numpy as np
from numpy.typing import NDArray

from teachtext.devices import AUTO
from teachtext.encoders.base import Rows
from teachtext.files import content_hash, fingerprint
from teachtext.video.sampling import Frames, FrameSampling

_WEIGHTS = "face-recognition-models"
_FOLDER = "face_recognition_models/models"
_LANDMARKS = "shape_predictor_5_face_landmarks.dat"
_NETWORK = "dlib_face_recognition_resnet_model_v1.dat"
_HEIGHT = 480
# two faces nearer than this are the same person, as the network was trained
_SAME = 0.6


@dataclass
class _Person:
    """Faces that are taken for one person's."""

    faces: list[NDArray[np.float32]]
    first: float
    last: float

    @property
    def mean(self) -> NDArray[np.float32]:
        return np.asarray(np.mean(self.faces, axis=0), np.float32)


class Faces:
    """dlib's face network (King, 2017; a ResNet of 29 layers), over faces that HOG and a linear classifier find.

    A row a person, (128,): the mean of the faces that are nearer than 0.6 to it. People with most faces come first. The
    times of a row are those of the first and the last face. A video without faces has no rows.

    Args:
        threads: as every expert takes it; dlib uses one.
        device: as every expert takes it; dlib chooses by itself.
        per_second: moments a second.
        most: moments a video, at most.
        people: rows, at most.
    """

    def __init__(
        self, *, threads: int = 1, device: str = AUTO, per_second: float = 1.0, most: int = 16, people: int = 8
    ) -> None:
        self.outputs: Mapping[str, int] = {"face": 128}
        self.sampling = FrameSampling(per_second=per_second, most=most, height=_HEIGHT, width=854)
        folder = Path(str(distribution(_WEIGHTS).locate_file(_FOLDER)))
        self.settings: Mapping[str, Any] = {
            "weights": f"{_WEIGHTS} {version(_WEIGHTS)}",
            "hash": fingerprint({name: content_hash(folder / name) for name in (_LANDMARKS, _NETWORK)}),
            "detector": f"dlib {version('dlib-bin')}, frontal faces, frames {_HEIGHT} high",
            "version": 1,
            "sampling": asdict(self.sampling),
            "face": f"mean over the faces of each person (nearer than {_SAME}), at most {people} people",
        }
        self._people = people
        self._find: Any = dlib.get_frontal_face_detector()
        self._landmarks: Any = dlib.shape_predictor(str(folder / _LANDMARKS))
        self._network: Any = dlib.face_recognition_model_v1(str(folder / _NETWORK))

    def encode(self, sampled: Frames) -> dict[str, Rows]:
        """Encode one video; see `VideoExpert.encode`."""
        size = (round(_HEIGHT * min(4.0, sampled.aspect)), _HEIGHT)
        people: list[_Person] = []
        for frame, time in zip(sampled.pixels, sampled.times.tolist(), strict=True):
            for face in self._look(cv2.resize(frame[0], size)):
                _add(people, face, time)
        kept = sorted(people, key=lambda person: -len(person.faces))[: self._people]
        return {
            "face": Rows(
                np.array([person.mean for person in kept], np.float32).reshape(-1, 128),
                np.array([[person.first, person.last] for person in kept], np.float32).reshape(-1, 2),
            )
        }

    def _look(self, image: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """Return the faces on a picture, (height, width, 3) RGB: (128,) each."""
        image = np.ascontiguousarray(image)
        shapes = [self._landmarks(image, box) for box in self._find(image)]
        return [np.array(self._network.compute_face_descriptor(image, shape), np.float32) for shape in shapes]


def _add(people: list[_Person], face: NDArray[np.float32], time: float) -> None:
    """Count a face to the person it is nearest to, or to somebody new."""
    distances = [float(np.linalg.norm(person.mean - face)) for person in people]
    nearest = int(np.argmin(distances)) if distances else 0
    if distances and distances[nearest] < _SAME:
        people[nearest].faces.append(face)
        people[nearest].last = time
    else:
        people.append(_Person([face], time, time))
