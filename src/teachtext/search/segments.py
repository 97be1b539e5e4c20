"""The segments of a video: stretches of its pieces, and the features inside each."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from teachtext.data.store import FeatureFile, joined_rows
from teachtext.encoders.embedder import Embedder
from teachtext.encoders.registry import VIDEO_EXPERTS, joins_of
from teachtext.encoders.spec import Joins
from teachtext.search.types import Segment
from teachtext.video.segments import cut

CUTTING_VERSION = 1
"""Rises with every change that cuts the same features otherwise, so that an index is made anew."""
# the experts whose pictures show best where a video changes, best first
_CUTTERS = ("appearance", "scene")


# a share of the time, for rows that have no length
_LEAST_S = 1e-3
_OVERLAP_S = 0.5


class Stretch(NamedTuple):
    """A part of a video: its id, and its seconds."""

    video_id: str
    start_s: float
    end_s: float


def stretches_of(files: Mapping[str, FeatureFile], video_id: str) -> list[Stretch]:
    """Return the segments of a video, in order of time.

    A video is cut where its pictures change. A video of a single piece, and one whose experts see no pictures, is a
    single segment.

    Args:
        files: features by expert, with times.
        video_id: id of the video.
    """
    spans = {name: file.times(video_id) for name, file in files.items()}
    end_s = max((float(times.max()) for times in spans.values() if times is not None and len(times)), default=0.0)
    for name in sorted(files, key=lambda name: (name not in _CUTTERS, name)):
        times = spans[name]
        if joins_of(name) and times is not None and len(times) > 1:
            pieces = cut(files[name].read(video_id).astype(np.float32), times)
            # segments follow one another without gaps
            starts = [0.0, *(float(times[first, 0]) for first, _ in pieces[1:].tolist())]
            return [Stretch(video_id, *span) for span in zip(starts, [*starts[1:], end_s], strict=True)]
    return [Stretch(video_id, 0.0, end_s)]


def embed_stretches(
    model: Embedder, files: Mapping[str, FeatureFile], stretches: Mapping[str, Sequence[Stretch]]
) -> dict[str, list[Segment]]:
    """Return the embedded segments of videos by id. Those that no expert of the model describes are left out.

    Args:
        model: embeds.
        files: features by expert.
        stretches: see `stretches_of`, by video id.
    """
    keys = {f"{name}/{number}": part for name, parts in stretches.items() for number, part in enumerate(parts)}
    rows = {name: StretchRows(name, files[name], keys) for name in model.experts}
    described = [key for key in keys if any(part.rows_of(key) for part in rows.values())]
    vectors = model.embed_videos(rows, described) if described else []
    segments: dict[str, list[Segment]] = {}
    for key, embedded in zip(described, vectors, strict=True):
        segments.setdefault(keys[key].video_id, []).append(Segment(keys[key].start_s, keys[key].end_s, embedded))
    return segments


class StretchRows:
    """The rows of an expert inside stretches of videos, read like a file of features (see `FeatureRows`).

    An expert that gives a clip one row gives a stretch one row: the rows of its pieces, each by its share of the time.
    Any other row counts for a stretch if they overlap by half a second, or by half of the shorter of the two.

    Args:
        name: of the expert.
        file: its features.
        stretches: by the id under which they are read.

    Attributes:
        folder: of the file.
        dim: D.
    """

    def __init__(self, name: str, file: FeatureFile, stretches: Mapping[str, Stretch]) -> None:
        self.folder: Path = file.folder
        self.dim: int = file.dim
        self._file = file
        settings = file.provenance.get("settings")
        # such rows are a sequence, which the model reads as it is
        are_moments = isinstance(settings, Mapping) and settings.get("rows") == "moments"
        self._joins = None if are_moments else joins_of(name)
        self._stretches = stretches
        self._read = ("", np.zeros((0, file.dim), np.float32), np.zeros((0, 2), np.float32))

    def rows_of(self, item_id: str) -> int:
        """Return the number of rows of a stretch."""
        count = int(self._inside(item_id)[0].sum())
        return min(count, 1) if self._joins else count

    def read(self, item_id: str, *, max_rows: int | None = None) -> NDArray[np.floating]:
        """Return the rows of a stretch, (rows, D)."""
        inside, shares = self._inside(item_id)
        rows = self._rows(self._stretches[item_id].video_id)[0][inside]
        return _joined(rows, shares[inside], self._joins)[:max_rows] if self._joins else rows[:max_rows]

    def read_many(
        self, item_ids: Sequence[str], *, max_rows: int | None = None
    ) -> tuple[NDArray[np.floating], NDArray[np.int64]]:
        """Return the rows of several stretches, one after the other, and the number of rows of each."""
        return joined_rows(self, item_ids, max_rows)

    def _inside(self, item_id: str) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """Return which rows of its video count for a stretch, (rows,), and the seconds that each has in it."""
        stretch = self._stretches[item_id]
        _, times = self._rows(stretch.video_id)
        starts, ends = times[:, 0], times[:, 1]
        seconds = np.minimum(ends, stretch.end_s) - np.maximum(starts, stretch.start_s)
        shorter = np.minimum(ends - starts, stretch.end_s - stretch.start_s)
        # a picture has no length
        stretch_end_s = max(stretch.end_s, stretch.start_s + _LEAST_S)
        is_instant = (ends <= starts) & (starts >= stretch.start_s) & (starts < stretch_end_s)
        overlaps = (seconds > 0) & ((seconds >= _OVERLAP_S) | (2 * seconds >= shorter))
        return overlaps | is_instant, np.maximum(seconds, _LEAST_S)

    def _rows(self, video_id: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the rows of a video, (rows, D), and their times, (rows, 2)."""
        if self._read[0] != video_id:
            values = self._file.read(video_id).astype(np.float32)
            times = self._file.times(video_id)
            whole = np.tile(np.array([0.0, np.inf], np.float32), (len(values), 1))
            self._read = (video_id, values, whole if times is None else times)
        return self._read[1:]


def _joined(rows: NDArray[np.float32], shares: NDArray[np.float32], joins: Joins) -> NDArray[np.float32]:
    """Return the one row of a stretch, (1, D), or none."""
    if len(rows) <= 1:
        return rows
    weights = shares / shares.sum()
    if joins == "mean":
        return np.asarray(weights @ rows, np.float32)[None]
    return np.sqrt(np.asarray(weights @ rows**2, np.float32))[None]


def with_cutter(experts: Collection[str]) -> list[str]:
    """Return the experts of an index, with the one by whose rows videos are cut where it costs nothing more.

    >>> with_cutter(["motion", "scene"]), with_cutter(["audio"])
    (['appearance', 'motion', 'scene'], ['audio'])
    """
    networks = {VIDEO_EXPERTS[VIDEO_EXPERTS.parse(name).name].target for name in experts}
    return sorted({*experts, *(name for name in _CUTTERS[:1] if VIDEO_EXPERTS[name].target in networks)})


def long_settings(experts: Sequence[str], settings: Mapping[str, Mapping[str, object]]) -> dict[str, dict[str, object]]:
    """Return the settings of experts for videos of any length: those of `VideoEntry.long`, and a model's own."""
    merged = {
        name: {**VIDEO_EXPERTS[VIDEO_EXPERTS.parse(name).name].long, **settings.get(name, {})} for name in experts
    }
    return {name: values for name, values in merged.items() if values}
