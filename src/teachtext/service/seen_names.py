"""What a video looks like, in words: the likeliest class names of the image network, from the features of an index."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from teachtext.data.store import FeatureFile
from teachtext.encoders.class_names import TEMPLATE, class_name_texts
from teachtext.errors import InputError

_MOST = 3


class SeenName(NamedTuple):
    """A class name and its probability."""

    name: str
    probability: float


class SeenNames:
    """Class names of the videos of an index. Threads may share it. Where `scene` was not extracted, there are none.

    Args:
        features: folder of the features of the index; None where its model does not go by these names, so that they
            may be wrong for its videos.
    """

    def __init__(self, features: Path | None) -> None:
        self._features = features
        self._lock = threading.Lock()
        self._file: FeatureFile | None = None
        self._names: Sequence[str] | None = None

    def of(self, video_id: str, start_s: float | None = None, end_s: float | None = None) -> list[SeenName]:
        """Return the likeliest names, at most three.

        Args:
            video_id: id of the video.
            start_s: looks from this second; by default, and where features have no times, at the whole video.
            end_s: looks until this second.
        """
        if self._features is None:
            return []
        with self._lock:
            try:
                rows, times = self._read(self._features, video_id)
            except (InputError, OSError, ValueError):
                # an extraction that is under way, or a folder that was removed
                self._file = None
                return []
            names = self._names or ()
        if rows is None or rows.shape[1] != len(names):
            return []
        if times is not None and start_s is not None and end_s is not None:
            inside = (times[:, 0] < end_s) & (times[:, 1] > start_s)
            rows = rows[inside] if inside.any() else rows
        probabilities = np.square(rows.astype(np.float64).mean(axis=0))
        likeliest = np.argsort(-probabilities, kind="stable")[:_MOST]
        return [SeenName(names[place], float(probabilities[place])) for place in likeliest]

    def _read(self, features: Path, video_id: str) -> tuple[np.ndarray | None, np.ndarray | None]:
        if self._names is None:
            start = TEMPLATE.format("")
            self._names = [text.removeprefix(start) for text in class_name_texts()]
        if self._file is None:
            self._file = FeatureFile(_scene_folder(features))
        if video_id not in self._file:
            self._file.refresh()
        if video_id not in self._file or not self._file.rows_of(video_id):
            return None, None
        return self._file.read(video_id), self._file.times(video_id)


def _scene_folder(features: Path) -> Path:
    """Return the folder of `scene`, the newest of several: indexes of other detail or settings have other names."""
    folders = [path for path in features.glob("video*/scene*") if path.name.partition("-")[0] == "scene"]
    return max(folders, key=lambda path: path.stat().st_mtime_ns, default=features / "video" / "scene")
