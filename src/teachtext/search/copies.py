"""Copies of videos in an index: equal files, and files that show the same in another encoding or size.

Videos of one length whose vectors are not far apart are candidates. Of these a few small pictures are compared, at
equal times. Clips of one source show the same place, but not the same movement: docs/methods/moments.md has figures.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from teachtext.data.feature_writer import FeatureWriter
from teachtext.data.store import FeatureFile
from teachtext.errors import InputError
from teachtext.packages import load
from teachtext.progress import Progress, silent
from teachtext.search.stores.base import Store
from teachtext.search.types import Item
from teachtext.search.vectors import Floats
from teachtext.video.sketch import HEIGHT, WIDTH, Sketch, is_copy, mean_look

MOST_VIDEOS = 50_000
"""In a larger index only equal files are copies."""

# Measured on re-encoded clips of MSVD-476: docs/methods/moments.md.
_LEAST_COSINE = 0.4
_LEAST_LIKENESS = 0.75
# lengths of copies differ by so many seconds, or by this share
_MOST_S, _MOST_SHARE = 0.3, 0.002
_BLOCK = 512
# faster work reports no progress
_PATIENCE_S = 1.0
_PROVENANCE = {"encoder": "sketch", "version": 1, "size": [HEIGHT, WIDTH]}

Groups = Sequence[Sequence[str]]


class Sketches:
    """Small pictures of the videos of an index, made once and kept by the hash of the file.

    Args:
        folder: where they are kept.
        path_of: returns the file of a video.
        threads: so many files are decoded at once.
    """

    def __init__(self, folder: Path, path_of: Callable[[str], Path], *, threads: int = 1) -> None:
        self._folder = folder
        self._path_of = path_of
        self._threads = threads

    def of(self, items: Sequence[Item], progress: Progress = silent) -> dict[str, Sketch]:
        """Return the sketches of videos by content. A video whose file cannot be decoded now has none."""
        file = None
        with suppress(InputError):
            file = FeatureFile(self._folder)
        lacking = {item.content: item for item in items if file is None or item.content not in file}
        if lacking:
            begin, is_slow = time.monotonic(), False
            with (
                FeatureWriter(self._folder, provenance=_PROVENANCE, dim=HEIGHT * WIDTH) as writer,
                ThreadPoolExecutor(self._threads) as pool,
            ):
                for number, drawn in enumerate(pool.map(self._draw, lacking.values())):
                    is_slow = is_slow or time.monotonic() - begin > _PATIENCE_S
                    if is_slow:
                        progress("copies", number, len(lacking))
                    if drawn is not None:
                        content, sketch = drawn
                        times = np.stack([sketch.times, sketch.times], axis=1)
                        rows = sketch.pixels.reshape(len(times), HEIGHT * WIDTH)
                        writer.add(content, rows, source=content, times=times)
            if is_slow:
                progress("copies", len(lacking), len(lacking))
            with suppress(InputError):
                file = FeatureFile(self._folder)
        if file is None:
            return {}
        return {item.content: _read(file, item.content) for item in items if file.rows_of(item.content)}

    def _draw(self, item: Item) -> tuple[str, Sketch] | None:
        make: Callable[[Path, float], Sketch] = load("teachtext.video.sketching:sketch", "video")
        try:
            return item.content, make(self._path_of(item.id), item.duration_s or 0.0)
        except (InputError, OSError):
            return None


def _read(file: FeatureFile, content: str) -> Sketch:
    times = file.times(content)
    assert times is not None
    return Sketch(times[:, 0], file.read(content).astype(np.uint8).reshape(-1, HEIGHT, WIDTH))


def copy_groups(
    store: Store,
    spaces: Mapping[str, int],
    sketches: Sketches,
    *,
    before: Groups | None = None,
    changed: Collection[str] = (),
    progress: Progress = silent,
) -> list[list[str]]:
    """Return the ids of videos that are copies of one another, in groups of at least two, sorted.

    Args:
        store: of the index.
        spaces: dimension by space.
        sketches: of its videos.
        before: the groups of an earlier run. None compares all videos.
        changed: ids of the videos that are new or have changed since then.
        progress: told how many videos are looked at.
    """
    by_content: dict[str, list[Item]] = {}
    for item in store.catalog():
        by_content.setdefault(item.content, []).append(item)
    first = [min(same, key=lambda item: item.id) for same in by_content.values()]
    content_of = {item.id: content for content, same in by_content.items() for item in same}
    joined = _Union(by_content)
    for group in before or ():
        kept = [content_of[name] for name in group if name in content_of and name not in changed]
        for content in kept[1:]:
            joined.join(kept[0], content)
    new = {
        content for content, same in by_content.items() if before is None or any(item.id in changed for item in same)
    }
    if new and len(first) <= MOST_VIDEOS:
        timed = sorted((item for item in first if item.duration_s), key=lambda item: (item.duration_s or 0.0, item.id))
        is_new = np.array([item.content in new for item in timed], bool)
        vectors, present = _means(store, spaces, [item.id for item in timed])
        is_candidate = np.zeros(len(timed), bool)
        for rows, columns in _alike(timed, is_new, vectors, present, _LEAST_COSINE):
            is_candidate[rows] = is_candidate[columns] = True
        drawn = sketches.of([timed[row] for row in np.flatnonzero(is_candidate).tolist()], progress)
        looks = np.stack([mean_look(drawn.get(item.content)) for item in timed]) if timed else vectors
        for rows, columns in _alike(timed, is_new, looks, np.ones((len(timed), 1), np.float32), _LEAST_LIKENESS):
            for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
                content, other_content = timed[row].content, timed[column].content
                # of many copies each is looked at once, not beside all others
                if not joined.are_one(content, other_content) and is_copy(drawn[content], drawn[other_content]):
                    joined.join(content, other_content)
    groups = [sorted(item.id for content in group for item in by_content[content]) for group in joined.groups()]
    return sorted(group for group in groups if len(group) > 1)


class _Union:
    """Names in groups, which are joined."""

    def __init__(self, names: Collection[str]) -> None:
        self._root = {name: name for name in names}

    def join(self, name: str, other: str) -> None:
        """Join the groups of two names."""
        self._root[self._find(name)] = self._find(other)

    def are_one(self, name: str, other: str) -> bool:
        """Return whether two names are in one group."""
        return self._find(name) == self._find(other)

    def groups(self) -> list[list[str]]:
        """Return all groups."""
        groups: dict[str, list[str]] = {}
        for name in self._root:
            groups.setdefault(self._find(name), []).append(name)
        return list(groups.values())

    def _find(self, name: str) -> str:
        while self._root[name] != name:
            self._root[name] = self._root[self._root[name]]
            name = self._root[name]
        return name


def _alike(
    timed: Sequence[Item], is_new: NDArray[np.bool_], vectors: Floats, present: Floats, least: float
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield the rows of pairs of videos of one length whose vectors are alike, at least one of each pair new.

    Args:
        timed: N videos in order of length.
        is_new: (N,).
        vectors: (N, D), of unit length in each space.
        present: (N, spaces), 1 where a video has a space.
        least: mean cosine in the common spaces.
    """
    lengths = np.array([item.duration_s for item in timed], np.float64)
    # the shorter of a pair comes first
    ends = np.searchsorted(lengths, np.maximum(lengths + _MOST_S, lengths / (1 - _MOST_SHARE)), side="right")
    for start in range(0, len(timed), _BLOCK):
        stop = min(start + _BLOCK, len(timed))
        end = int(ends[stop - 1])
        common = np.maximum(present[start:stop] @ present[start:end].T, 1)
        is_alike = vectors[start:stop] @ vectors[start:end].T / common >= least
        rows, columns = np.nonzero(is_alike & (is_new[start:stop, None] | is_new[None, start:end]))
        kept = (columns > rows) & (columns + start < ends[rows + start])
        yield rows[kept] + start, columns[kept] + start


def _means(store: Store, spaces: Mapping[str, int], ids: Sequence[str]) -> tuple[Floats, Floats]:
    """Return the mean vectors of N videos, all spaces side by side, (N, width), and which spaces they have."""
    rows = {name: row for row, name in enumerate(ids)}
    order = sorted(spaces)
    starts = dict(zip(order, np.cumsum([0, *(spaces[name] for name in order)])[:-1].tolist(), strict=True))
    means = np.zeros((len(ids), sum(spaces.values())), np.float32)
    present: NDArray[np.float32] = np.zeros((len(ids), len(order)), np.float32)
    for pattern in store.patterns():
        for block in store.read(pattern):
            chosen = np.array([number for number, name in enumerate(block.ids) if name in rows], np.intp)
            videos = np.array([rows[block.ids[number]] for number in chosen], np.intp)
            begin = 0
            for name in pattern:
                part = block.rows[chosen, begin : begin + spaces[name]]
                np.add.at(means[:, starts[name] : starts[name] + spaces[name]], videos, part)
                present[videos, order.index(name)] = 1
                begin += spaces[name]
    for name in order:
        part = means[:, starts[name] : starts[name] + spaces[name]]
        part /= np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-9)
    return means, present
