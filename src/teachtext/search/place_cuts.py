"""Cuts of the videos of an index into segments, and the vectors of these segments: its own cut, and others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from teachtext.data.store import FeatureFile
from teachtext.encoders.embedder import QueryVectors
from teachtext.encoders.registry import VIDEO_EXPERTS
from teachtext.search.searcher import Searcher
from teachtext.search.segments import Stretch, StretchRows, long_settings
from teachtext.search.types import Segment
from teachtext.search.vectors import Floats, PresencePattern, query_row, row_of

_WINDOW_S = 10.0


@dataclass(frozen=True)
class Cut:
    """N segments of videos.

    Attributes:
        name: of the cut.
        ids: (N,) the ids of their videos.
        start_s: (N,) seconds.
        end_s: (N,) seconds.
        rows: by presence pattern, the rows of segments, and the number of each row's segment.
        hubs: ids of the videos that correct a query if they come first.
    """

    name: str
    ids: NDArray[np.str_]
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    rows: Mapping[PresencePattern, tuple[Floats, NDArray[np.int64]]]
    hubs: frozenset[str] = frozenset()

    def scores(self, queries: Sequence[QueryVectors], spaces: Mapping[str, int]) -> NDArray[np.float64]:
        """Return the scores of C queries, (C, N), with hubs corrected where a hub comes first."""
        scores = self._scores(queries, spaces, correct=False)
        if self.hubs:
            first = self.ids[scores.argmax(axis=1)].tolist()
            numbers = [number for number, name in enumerate(first) if name in self.hubs]
            if numbers:
                scores[numbers] = self._scores([queries[number] for number in numbers], spaces, correct=True)
        return scores

    def _scores(
        self, queries: Sequence[QueryVectors], spaces: Mapping[str, int], *, correct: bool
    ) -> NDArray[np.float64]:
        scores = np.full((len(queries), len(self.ids)), -np.inf)
        for pattern, (rows, numbers) in self.rows.items():
            query_rows = np.stack([query_row(query, pattern, spaces, correct=correct) for query in queries])
            scores[:, numbers] = query_rows @ rows.astype(np.float64).T
        return np.round(scores, 9)


def cut_of_index(searcher: Searcher, name: str, hubs: frozenset[str]) -> Cut:
    """Return the segments of an index.

    Args:
        searcher: the opened index.
        name: of the cut.
        hubs: ids of the videos that correct a query if they come first; none for uncorrected scores.
    """
    blocks = [(pattern, block) for pattern in searcher.store.patterns() for block in searcher.store.read(pattern)]
    rows: dict[PresencePattern, tuple[Floats, NDArray[np.int64]]] = {}
    count = 0
    for pattern, block in blocks:
        numbers = np.arange(count, count + len(block.ids))
        before = rows.get(pattern)
        rows[pattern] = (
            (block.rows, numbers)
            if before is None
            else (np.concatenate([before[0], block.rows]), np.concatenate([before[1], numbers]))
        )
        count += len(block.ids)
    ids = np.array([video_id for _, block in blocks for video_id in block.ids])
    starts, ends = (np.concatenate([getattr(block, key) for _, block in blocks]) for key in ("start_s", "end_s"))
    return Cut(name, ids, starts, ends, rows, hubs)


def feature_files(searcher: Searcher, features: Path) -> dict[str, FeatureFile] | None:
    """Open the features of an index; None if some are not there."""
    manifest, experts = searcher.snapshot().manifest, list(searcher.model.experts)
    settings = long_settings(experts, searcher.model.expert_settings)
    folder = features / f"video-{manifest.detail}"
    folders = {name: folder / VIDEO_EXPERTS.folder_name(name, settings.get(name, {})) for name in experts}
    if not all(place.is_dir() for place in folders.values()):
        return None
    return {name: FeatureFile(place) for name, place in folders.items()}


def other_cuts(
    searcher: Searcher, files: Mapping[str, FeatureFile], index: Cut, true: Mapping[str, Sequence[Stretch]]
) -> list[Cut]:
    """Return windows of 10 s, true places and whole videos, with the vectors that the model gives them.

    Videos that are no films are cut as in the index, but for whole videos.

    Args:
        searcher: the opened index.
        files: features by expert of the model.
        index: its own cut.
        true: the true places of each film, by the film's id in the index.
    """
    ends = {name: float(index.end_s[index.ids == name].max()) for name in true}
    others = [
        Stretch(str(name), float(start), float(end))
        for name, start, end in zip(index.ids, index.start_s, index.end_s, strict=True)
        if name not in true
    ]
    windows = [Stretch(name, *span) for name, end in ends.items() for span in _windows(end)]
    whole = [
        Stretch(name, 0.0, float(index.end_s[index.ids == name].max())) for name in dict.fromkeys(index.ids.tolist())
    ]
    return [
        _embedded(searcher, files, f"windows of {_WINDOW_S:g} s", [*windows, *others]),
        _embedded(searcher, files, "true places", [*(part for parts in true.values() for part in parts), *others]),
        _embedded(searcher, files, "whole videos", whole),
    ]


def _windows(end_s: float) -> list[tuple[float, float]]:
    """Return windows of 10 s from 0 to an end; the last is longer or shorter by up to 5 s.

    >>> _windows(24.0), _windows(26.0)
    ([(0.0, 10.0), (10.0, 24.0)], [(0.0, 10.0), (10.0, 20.0), (20.0, 26.0)])
    """
    starts = np.arange(0.0, max(_WINDOW_S, end_s) - _WINDOW_S / 2, _WINDOW_S).tolist()
    return list(zip(starts, [*starts[1:], end_s], strict=True))


def _embedded(searcher: Searcher, files: Mapping[str, FeatureFile], name: str, stretches: Sequence[Stretch]) -> Cut:
    keys = {f"{part.video_id}/{number}": part for number, part in enumerate(stretches)}
    rows = {expert: StretchRows(expert, file, keys) for expert, file in files.items()}
    described = [key for key in keys if any(part.rows_of(key) for part in rows.values())]
    spaces = searcher.snapshot().manifest.spaces
    by_pattern: dict[PresencePattern, list[tuple[Floats, int]]] = {}
    for number, vectors in enumerate(searcher.model.embed_videos(rows, described)):
        segment = Segment(0.0, 0.0, vectors)
        by_pattern.setdefault(segment.pattern, []).append((row_of(segment, spaces), number))
    parts = [keys[key] for key in described]
    return Cut(
        name,
        np.array([part.video_id for part in parts]),
        np.array([part.start_s for part in parts]),
        np.array([part.end_s for part in parts]),
        {
            pattern: (np.stack([row for row, _ in pairs]), np.array([number for _, number in pairs]))
            for pattern, pairs in by_pattern.items()
        },
    )
