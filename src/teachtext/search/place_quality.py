"""How well an index finds places in long videos: captions whose places in films are known, among all segments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.data.places import Place, Places
from teachtext.data.protocol import Caption
from teachtext.data.types import Dataset
from teachtext.errors import InputError, first_of
from teachtext.evaluation.metrics import METRICS
from teachtext.evaluation.significance import Interval, interval
from teachtext.progress import Progress, silent
from teachtext.search.blend import with_shares
from teachtext.search.place_cuts import Cut, cut_of_index, feature_files, other_cuts
from teachtext.search.quality import VideoFinder
from teachtext.search.searcher import Searcher
from teachtext.search.segments import Stretch

RULES: Mapping[str, str] = {
    "overlap": "overlap of at least 0.5",
    "start": "starts within 2 s",
    "centre": "centre in the place",
}
"""When a segment is at the place of a caption. The overlap is the share of both together that both have."""

MISSED = 1e9
"""The rank of a place that no segment shows: behind everything."""

_OVERLAP, _START_S, _BOUNDARY_S = 0.5, 2.0, 1.0
_CAPTIONS = 128
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class PlaceRanks:
    """How well one cut of the films finds C captions.

    Attributes:
        name: of the cut.
        segments: number of segments of the films.
        mean_s: their mean length in seconds.
        ranks: by rule, (C,) 0-based ranks, among all segments of the index, of the first segment that is at the place
            of the caption, ties averaged; `MISSED` where none is.
        in_film: (C,) the same among the segments of the film, by overlap.
        film: (C,) rank of the film among all videos of the index, by its best segment.
    """

    name: str
    segments: int
    mean_s: float
    ranks: Mapping[str, NDArray[np.float64]]
    in_film: NDArray[np.float64]
    film: NDArray[np.float64]

    def as_dict(self) -> dict[str, Any]:
        """Return all figures, for files."""
        recalls = {"in_film": self.in_film, **self.ranks}
        return {
            "cut": self.name,
            "segments": self.segments,
            "mean_s": self.mean_s,
            **{rule: {key: METRICS[key].of(ranks) for key in ("r1", "r5", "r10")} for rule, ranks in recalls.items()},
            "film_mdr": METRICS["mdr"].of(self.film),
        }


@dataclass(frozen=True)
class PlaceQuality:
    """How well an index finds places.

    Attributes:
        place: folder or URL of the index.
        captions: the C captions whose film is in the index.
        clips: (C,) the number of each caption's clip.
        cuts: the cut of the index, first as a search uses it; and other cuts of the same features.
        boundaries: by kind of join, the share of the boundaries with a cut of the index within 1 s.
        precision: share of the cuts of the index with a boundary within 1 s.
        notes: remarks for readers of the numbers, a sentence each.
    """

    place: str
    captions: Sequence[Caption]
    clips: NDArray[np.int64]
    cuts: Sequence[PlaceRanks]
    boundaries: Mapping[str, float]
    precision: float | None
    notes: Sequence[str] = field(default=(), repr=False)

    def interval(self, ranks: NDArray[np.float64], statistic: str) -> Interval | None:
        """Return the 95 % interval of a recall over clips; None where the captions have a single clip."""
        if not self.clips.any():
            return None
        return interval([ranks], self.clips, statistic=statistic)

    def as_dict(self) -> dict[str, Any]:
        """Return all figures, for files."""
        bounds = self.interval(self.cuts[0].in_film, "r5")
        return {
            "captions": len(self.captions),
            "clips": len(set(self.clips.tolist())),
            "cuts": [cut.as_dict() for cut in self.cuts],
            "in_film_r5_interval": None if bounds is None else [bounds.low, bounds.high],
            "boundaries_found": dict(self.boundaries),
            "cuts_at_boundaries": self.precision,
            "notes": list(self.notes),
        }


def measure_places(
    searcher: Searcher,
    dataset: Dataset,
    split: str,
    places: Places,
    *,
    features: Path | None = None,
    progress: Progress = silent,
) -> PlaceQuality:
    """Rank the places of a split's captions among all segments of an index, by the model without words.

    With the features of the index, windows of 10 s, the true places and whole videos are ranked too. Their vectors are
    those that the model gives the same features, cut otherwise; hubs are not corrected.

    Args:
        searcher: the opened index, of the films and of any other videos.
        dataset: the folder of films (see `teachtext.data.films`).
        split: of the dataset.
        places: of the captions.
        features: folder of the features of the index.
        progress: told how many captions are ranked.

    Raises:
        InputError: the index holds none of the films, or a caption cannot be embedded.
    """
    manifest, store = searcher.snapshot().manifest, searcher.store
    items = sorted(store.catalog(), key=lambda item: item.id)
    finder = VideoFinder(items, manifest, dataset)
    films = {film: name for film in dataset.splits[split] if (name := finder.find(film))}
    captions = [caption for caption in dataset.queries_of(split) if caption.video_id in films]
    if not captions:
        raise InputError(
            f"the index {store.place} holds none of the {len(dataset.splits[split]):,} films of split '{split}' "
            f"({first_of(list(dataset.splits[split]))})",
            "index the films of this folder, or name another split",
        )
    if unplaced := [caption.id for caption in captions if caption.id not in places.captions]:
        raise InputError(
            f"{len(unplaced):,} captions of '{dataset.name}' have no place ({first_of(unplaced)})",
            "make the films anew with 'teachtext data film'",
        )
    hubs = frozenset(() if manifest.bank is None else manifest.bank.hubs)
    cuts = [cut_of_index(searcher, "segments, hubs corrected", hubs)] if hubs else []
    cuts.append(cut_of_index(searcher, "segments", frozenset()))
    notes: list[str] = []
    files = None if features is None else feature_files(searcher, features)
    if files is None:
        notes.append("other cuts are not measured, for the features of the index are not there: give '--features'")
    else:
        cuts += other_cuts(searcher, files, cuts[-1], _true_places(places, films))
    targets = [places.captions[caption.id] for caption in captions]
    ranked = _rank(searcher, cuts, captions, [films[caption.video_id] for caption in captions], targets, progress)
    boundaries, precision = _boundary_quality(cuts[0], places, films)
    clips = np.unique([target.clip for target in targets], return_inverse=True)[1]
    return PlaceQuality(store.place, captions, clips, ranked, boundaries, precision, notes)


def _true_places(places: Places, films: Mapping[str, str]) -> dict[str, list[Stretch]]:
    """Return the stretches of the clips of each film, by the film's id in the index."""
    stretches = {
        Stretch(films[place.film], place.start_s, place.end_s)
        for place in places.captions.values()
        if place.film in films
    }
    return {name: sorted(part for part in stretches if part.video_id == name) for name in films.values()}


def _rank(
    searcher: Searcher,
    cuts: Sequence[Cut],
    captions: Sequence[Caption],
    films: Sequence[str],
    targets: Sequence[Place],
    progress: Progress,
) -> list[PlaceRanks]:
    manifest = searcher.snapshot().manifest
    ranks_of: list[dict[str, list[NDArray[np.float64]]]] = [{} for _ in cuts]
    for begin in range(0, len(captions), _CAPTIONS):
        progress("rank the places", begin, len(captions))
        batch = slice(begin, begin + _CAPTIONS)
        embedded = searcher.model.embed_queries([caption.text for caption in captions[batch]])
        queries = [with_shares(query, manifest.blend) for query in embedded]
        for cut, ranks in zip(cuts, ranks_of, strict=True):
            scores = cut.scores(queries, manifest.spaces)
            of_film = cut.ids == np.array(films[batch])[:, None]
            at_place = {rule: of_film & right for rule, right in _at_places(cut, targets[batch]).items()}
            for rule, right in at_place.items():
                ranks.setdefault(rule, []).append(_first_right(scores, right))
            inside = np.where(of_film, scores, -np.inf)
            ranks.setdefault("in_film", []).append(_first_right(inside, at_place["overlap"]))
            ranks.setdefault("film", []).append(_film_ranks(scores, cut.ids, of_film))
    progress("rank the places", len(captions), len(captions))
    of_films = [np.isin(cut.ids, sorted(set(films))) for cut in cuts]
    return [
        PlaceRanks(
            cut.name,
            int(inside.sum()),
            float((cut.end_s - cut.start_s)[inside].mean()),
            {rule: np.concatenate(ranks[rule]) for rule in RULES},
            np.concatenate(ranks["in_film"]),
            np.concatenate(ranks["film"]),
        )
        for cut, ranks, inside in zip(cuts, ranks_of, of_films, strict=True)
    ]


def _at_places(cut: Cut, targets: Sequence[Place]) -> dict[str, Bools]:
    """Return by rule which segments are at the times of the places, (C, N), whatever their video."""
    starts, ends = (np.array([getattr(target, key) for target in targets])[:, None] for key in ("start_s", "end_s"))
    both = np.minimum(cut.end_s, ends) - np.maximum(cut.start_s, starts)
    either = np.maximum(cut.end_s, ends) - np.minimum(cut.start_s, starts)
    middle = (cut.start_s + cut.end_s) / 2
    return {
        "overlap": both >= _OVERLAP * either,
        "start": np.abs(cut.start_s - starts) <= _START_S,
        "centre": (middle >= starts) & (middle <= ends),
    }


def _first_right(scores: NDArray[np.float64], right: Bools) -> NDArray[np.float64]:
    """Return the 0-based rank of the best right segment, (C,), behind half of the wrong ones of its score.

    >>> scores = np.array([[0.5, 0.9, 0.7], [0.5, 0.9, 0.7]])
    >>> _first_right(scores, np.array([[True, False, True], [False, False, False]])).tolist()
    [1.0, 1000000000.0]
    """
    best = np.where(right, scores, -np.inf).max(axis=1, keepdims=True)
    wrong = np.where(right, -np.inf, scores)
    ranks = (wrong > best).sum(axis=1) + (wrong == best).sum(axis=1) / 2
    return np.where(right.any(axis=1), ranks, MISSED)


def _film_ranks(scores: NDArray[np.float64], ids: NDArray[np.str_], of_film: Bools) -> NDArray[np.float64]:
    """Return the 0-based rank of the film among all videos, (C,), by the best segment of each."""
    numbers = np.unique(ids, return_inverse=True)[1]
    order = np.argsort(numbers, kind="stable")
    firsts = np.flatnonzero(np.diff(numbers[order], prepend=-1))
    best = np.maximum.reduceat(scores[:, order], firsts, axis=1)
    right = np.where(of_film, scores, -np.inf).max(axis=1, keepdims=True)
    return np.asarray((best > right).sum(axis=1) + ((best == right).sum(axis=1) - 1) / 2, np.float64)


def _boundary_quality(cut: Cut, places: Places, films: Mapping[str, str]) -> tuple[dict[str, float], float | None]:
    """Return the share of boundaries with a cut within 1 s, by kind of join; and of cuts with a boundary."""
    hit: dict[str, list[bool]] = {}
    precise: list[bool] = []
    for film, name in films.items():
        cuts = np.sort(cut.start_s[cut.ids == name])[1:]
        boundaries = places.boundaries[film]
        times = np.array([boundary.at_s for boundary in boundaries])
        for boundary in boundaries:
            hit.setdefault(boundary.join, []).append(_is_near(cuts, boundary.at_s))
        precise += [_is_near(times, at_s) for at_s in cuts.tolist()]
    return {join: float(np.mean(near)) for join, near in sorted(hit.items())}, float(
        np.mean(precise)
    ) if precise else None


def _is_near(times: NDArray[np.float64], at_s: float) -> bool:
    return bool(len(times)) and float(np.abs(times - at_s).min()) <= _BOUNDARY_S
