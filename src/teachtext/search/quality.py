"""How well an index finds videos: the ranks of captions whose videos are known, among all videos of the index."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from teachtext.data.folder import load_folder
from teachtext.data.protocol import Caption, Protocol
from teachtext.data.types import Dataset
from teachtext.errors import InputError, first_of
from teachtext.evaluation.metrics import Metrics, metrics_from_ranked
from teachtext.evaluation.ranks import Ranked, rank_t2v, top_columns
from teachtext.evaluation.significance import Difference, Interval, compare, interval
from teachtext.files import content_hash
from teachtext.packages import load
from teachtext.progress import Progress, silent
from teachtext.search.all_scores import AllScores
from teachtext.search.blend import identities_of, with_shares
from teachtext.search.blend_shares import columns_by_name
from teachtext.search.index_model import SHARED
from teachtext.search.manifest import Manifest
from teachtext.search.searcher import Searcher
from teachtext.search.types import Item

if TYPE_CHECKING:
    from teachtext.search.reranking import Reranker

COMPARED = ("r1", "geometric_mean")
"""The metrics in which two indexes are compared."""

# captions that are embedded at once, and scores that are in memory at once
_CAPTIONS, _SCORES = 128, 4_000_000
# more than any two scores are apart
_BEHIND = 10.0


@dataclass(frozen=True)
class SearchQuality:
    """The ranks of C captions among all N videos of an index, by the vectors of the model.

    Attributes:
        place: folder or URL of the index.
        split: of the dataset.
        captions: the captions whose video is in the index.
        ranked: (C,) 0-based ranks of their videos, ties averaged; and the ties.
        first_ids: C ids of the videos that come first.
        contents: hash of the file by id of all N videos.
        learned: ids of the videos of the index that the model has learned from; None where nothing says them.
        left_out: the captions whose video is not in the index.
        notes: remarks for readers of the numbers, a sentence each.
    """

    place: str
    split: str
    captions: Sequence[Caption]
    ranked: Ranked
    first_ids: Sequence[str]
    contents: Mapping[str, str]
    learned: Collection[str] | None = None
    left_out: Sequence[Caption] = ()
    notes: Sequence[str] = field(default=(), repr=False)

    @property
    def video_of(self) -> NDArray[np.int64]:
        """(C,) the number of each caption's video."""
        return np.unique([caption.video_id for caption in self.captions], return_inverse=True)[1]

    @property
    def metrics(self) -> Metrics:
        """Text-to-video metrics."""
        return metrics_from_ranked(self.ranked)

    def interval(self, statistic: str) -> Interval | None:
        """Return the 95 % interval of a metric over videos; None where the captions have a single video."""
        if not self.video_of.any():
            return None
        return interval([self.ranked.ranks], self.video_of, statistic=statistic)

    @property
    def learned_first(self) -> float | None:
        """The share of first places, in [0, 1], that are videos which the model has learned from."""
        return None if self.learned is None else float(np.mean([name in self.learned for name in self.first_ids]))

    @property
    def learned_gallery(self) -> float | None:
        """The share of such videos among all videos of the index."""
        return None if self.learned is None else len(self.learned) / len(self.contents)

    def as_dict(self) -> dict[str, Any]:
        """Return all figures, for files."""
        intervals = {key: self.interval(key) for key in ("r1", "r10")}
        return {
            "index": self.place,
            "captions": len(self.captions),
            "captioned_videos": len({caption.video_id for caption in self.captions}),
            "videos": len(self.contents),
            "t2v": self.metrics.as_dict(),
            "intervals": {key: [value.low, value.high] for key, value in intervals.items() if value},
            "learned": {"first_places": self.learned_first, "gallery": self.learned_gallery},
            "left_out": [caption.id for caption in self.left_out],
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class QualityDifference:
    """One index minus another, over the captions whose video is in both.

    Attributes:
        captions: number of these captions.
        differences: by metric; empty where the captions have a single video.
        notes: in what the two indexes differ, a sentence each.
    """

    captions: int
    differences: Mapping[str, Difference]
    notes: Sequence[str]


def read_split(folder: Path, split: str) -> Dataset:
    """Read a dataset folder in which every caption of a split is a query; other splits may be missing.

    Raises:
        InputError: the folder is not a dataset, or has no such split.
    """
    protocol = Protocol(train=split, select=None, test=split)
    return load_folder(folder, protocol=protocol, missing_videos="keep")


@dataclass(frozen=True)
class Findable:
    """The captions of a split whose video is in an index.

    Attributes:
        gallery: all N videos of the index.
        items: the videos, sorted by id.
        finder: finds the videos of the dataset in the index.
        captions: C captions.
        targets: (C,) the column of each caption's video in the gallery.
        left_out: the captions whose video is not in the index.
        notes: sentences on what was left out.
    """

    gallery: AllScores
    items: Sequence[Item]
    finder: "VideoFinder"
    captions: Sequence[Caption]
    targets: NDArray[np.intp]
    left_out: Sequence[Caption]
    notes: Sequence[str]


def find_captions(searcher: Searcher, dataset: Dataset, split: str) -> Findable:
    """Return the captions of a split whose video an index holds; see `measure_quality`.

    Raises:
        InputError: the index is empty, or no caption's video is in it.
    """
    manifest, store = searcher.snapshot().manifest, searcher.store
    gallery = AllScores(store, manifest.spaces, [] if manifest.bank is None else manifest.bank.hubs)
    if not gallery.ids:
        raise InputError(f"the index {store.place} holds no videos", "index a folder of videos first")
    columns = {name: column for column, name in enumerate(gallery.ids)}
    items = sorted((item for item in store.catalog() if item.id in columns), key=lambda item: item.id)
    finder = VideoFinder(items, manifest, dataset)
    item_of = {video_id: finder.find(video_id) for video_id in dataset.splits[split]}
    queries = dataset.queries_of(split)
    captions = [caption for caption in queries if item_of[caption.video_id]]
    left_out = [caption for caption in queries if not item_of[caption.video_id]]
    absent = list(dict.fromkeys(caption.video_id for caption in left_out))
    if not captions:
        raise InputError(
            f"the index {store.place} holds none of the {len(absent):,} videos of split '{split}' ({first_of(absent)})",
            "index the videos of this dataset, or name another split",
        )
    notes = list(dataset.notes)
    if left_out:
        notes.append(
            f"left out: {len(left_out):,} of {len(queries):,} captions, whose {len(absent):,} videos are not in "
            f"{store.place}: {first_of(absent)}"
        )
    targets = np.array([columns[item_of[caption.video_id] or ""] for caption in captions])
    return Findable(gallery, items, finder, captions, targets, left_out, notes)


def measure_quality(
    searcher: Searcher,
    dataset: Dataset,
    split: str,
    progress: Progress = silent,
    *,
    reranker: "Reranker | None" = None,
) -> SearchQuality:
    """Rank the videos of a split's captions among all videos of an index.

    Scores are those of a search by the model alone, and always exact. Hubs are corrected as in a search.

    Args:
        searcher: the opened index.
        dataset: captions and videos. A video is found in the index by its path, else by its content. A video without
            a file is found by its id, if the path of a single video of the index ends so.
        split: of the dataset.
        progress: told how many captions are ranked.
        reranker: ranks the first videos of each caption anew.

    Raises:
        InputError: the index is empty, no caption's video is in it, or a caption cannot be embedded.
    """
    snapshot = searcher.snapshot()
    manifest, store = snapshot.manifest, searcher.store
    findable = find_captions(searcher, dataset, split)
    gallery, captions, notes = findable.gallery, findable.captions, list(findable.notes)
    parts: list[Ranked] = []
    first_ids: list[str] = []
    cut: list[str] = []
    step = max(1, min(_CAPTIONS, _SCORES // len(gallery.ids)))
    for start in range(0, len(captions), step):
        progress("rank the captions", start, len(captions))
        batch = captions[start : start + step]
        embedded = searcher.model.embed_queries([caption.text for caption in batch])
        cut += [caption.id for caption, query in zip(batch, embedded, strict=True) if query.read]
        shared = [with_shares(query, manifest.blend) for query in embedded]
        scores = gallery.of(shared)
        if reranker is not None:
            for caption, query, row in zip(batch, shared, scores, strict=True):
                first = top_columns(row[None], reranker.shortlist)[0]
                ids = [gallery.ids[column] for column in first]
                places = searcher.best_places(query, ids, snapshot)
                blended = reranker.blended(caption.text, ids, row[first], places)
                # what is not ranked anew stays behind, in its order
                row -= _BEHIND
                row[first] = blended
        parts.append(rank_t2v(scores, findable.targets[start : start + step]))
        first_ids += [gallery.ids[column] for column in scores.argmax(axis=1)]
    progress("rank the captions", len(captions), len(captions))
    if cut:
        notes.append(f"{len(cut):,} of {len(captions):,} captions are long, and only their beginning was read")
    learned = _learned(searcher, findable.finder)
    if seen := [column for column in findable.targets.tolist() if gallery.ids[column] in (learned or ())]:
        notes.append(
            f"{len(seen):,} of {len(captions):,} captions are of videos that the model has learned from: "
            "the figures do not hold for other videos"
        )
    return SearchQuality(
        place=store.place if reranker is None else f"{store.place}, ranked anew",
        split=split,
        captions=captions,
        ranked=Ranked(*map(np.concatenate, zip(*parts, strict=True))),
        first_ids=first_ids,
        contents={item.id: item.content for item in findable.items},
        learned=learned,
        left_out=findable.left_out,
        notes=notes,
    )


def compare_quality(ours: SearchQuality, theirs: SearchQuality) -> QualityDifference:
    """Compare two indexes, measured on the same split, over the captions whose video is in both.

    Raises:
        InputError: no caption's video is in both indexes.
    """
    row_of = {caption.id: row for row, caption in enumerate(theirs.captions)}
    rows = [row for row, caption in enumerate(ours.captions) if caption.id in row_of]
    if not rows:
        raise InputError(
            f"{ours.place} and {theirs.place} hold no captioned video in common", "index the same folder in both"
        )
    notes = []
    all_ours, all_theirs = set(ours.contents.values()), set(theirs.contents.values())
    if all_ours != all_theirs:
        notes.append(
            f"the indexes hold different videos: {len(all_ours):,} and {len(all_theirs):,}, "
            f"{len(all_ours & all_theirs):,} in both; each ranks among all its own"
        )
    if dropped := len(ours.captions) + len(theirs.captions) - 2 * len(rows):
        notes.append(f"not compared: {dropped:,} captions, whose video is in one of the indexes only")
    both = ours.ranked.ranks[rows], theirs.ranked.ranks[[row_of[ours.captions[row].id] for row in rows]]
    video_of = ours.video_of[rows]
    if len(set(video_of.tolist())) < 2:
        notes.append("the captions have a single video, so there is no interval")
        return QualityDifference(len(rows), {}, notes)
    differences = {key: compare([both[0]], [both[1]], video_of, statistic=key) for key in COMPARED}
    return QualityDifference(len(rows), differences, notes)


class VideoFinder:
    """Finds the videos of a dataset among the items of an index."""

    def __init__(self, items: Sequence[Item], manifest: Manifest, dataset: Dataset) -> None:
        self._videos = dataset.videos
        self._by_name = {name: items[column].id for name, column in columns_by_name([i.id for i in items]).items()}
        self._by_content: dict[str, str] = {}
        self._by_path: dict[Path, str] = {}
        for item in items:
            self._by_content.setdefault(item.content, item.id)
            # an entry may be newer than the manifest
            if item.id.partition("/")[0] in manifest.roots:
                self._by_path[manifest.path_of(item.id).resolve()] = item.id

    def find(self, video_id: str) -> str | None:
        """Return the id in the index of a video, None where the index does not hold the video."""
        video = self._videos.get(video_id)
        if video is None or video.path is None:
            return self._by_name.get(video_id)
        if name := self._by_path.get(video.path.resolve()):
            return name
        with suppress(OSError):
            return self._by_content.get(content_hash(video.path))
        return None


def _learned(searcher: Searcher, finder: VideoFinder) -> set[str] | None:
    """Return the ids of the videos that the models have learned from; None where a model does not say so."""
    learned: set[str] = set()
    for identity in identities_of(searcher.model.identity):
        if identity["kind"] == SHARED:
            return None
        if "folder" not in identity:
            continue
        spec = load("teachtext.learning.checkpoint:load_spec", "index")(Path(identity["folder"]))
        if spec.trained_on is None:
            return None
        learned |= {name for video_id in spec.trained_on if (name := finder.find(video_id))}
    return learned
