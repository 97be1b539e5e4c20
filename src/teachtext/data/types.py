"""Videos, questions and datasets: the types that everything else passes around."""

import typing
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from teachtext.data.protocol import Caption, Protocol, is_cut, queries
from teachtext.errors import first_of


@dataclass(frozen=True)
class Video:
    """A video. `path` is None where the dataset has features of the video and no file."""

    id: str
    path: Path | None = None


class FeatureRows(typing.Protocol):
    """The rows of an encoder by id: a `teachtext.data.store.FeatureFile`, or a part of one."""

    @property
    def folder(self) -> Path:
        """The encoder's folder."""
        ...

    @property
    def dim(self) -> int:
        """D, the width of the rows."""
        ...

    def rows_of(self, item_id: str) -> int:
        """Return the number of rows of an item; 0 for a missing or unknown item."""
        ...

    def read(self, item_id: str, *, max_rows: int | None = None) -> NDArray[np.floating]:
        """Return the values of an item, (rows, D), at most the first `max_rows`."""
        ...

    def read_many(
        self, item_ids: Sequence[str], *, max_rows: int | None = None
    ) -> tuple[NDArray[np.floating], NDArray[np.int64]]:
        """Return the values of several items, one after the other, (all rows, D), and the rows of each, (N,)."""
        ...


@dataclass(frozen=True)
class Question:
    """A caption that is searched among a few videos.

    Attributes:
        caption: the query.
        kind: any word; results are counted by it.
        among: ids of the candidate videos, the caption's video among them.
    """

    caption: Caption
    kind: str
    among: Sequence[str]


@dataclass(frozen=True)
class Dataset:
    """Videos, captions, splits and a protocol.

    Attributes:
        name: name of the dataset.
        videos: videos by id.
        captions: all captions, of all splits.
        splits: video ids by split, without the videos that cannot be used.
        protocol: how captions become queries, and the purpose of each split.
        listed: number of videos that each split names, usable or not.
        notes: sentences about what was left out.
        chosen: by video id, the id of the caption that is the video's query, for protocols that choose.
        questions: captions that are searched among a few videos, beside the splits.
    """

    name: str
    videos: Mapping[str, Video]
    captions: Sequence[Caption]
    splits: Mapping[str, Sequence[str]]
    protocol: Protocol = field(default_factory=Protocol)
    listed: Mapping[str, int] = field(default_factory=dict)
    notes: Sequence[str] = ()
    chosen: Mapping[str, str] = field(default_factory=dict)
    questions: Sequence[Question] = ()

    def queries_of(self, split: str) -> list[Caption]:
        """Return the queries that the protocol makes of a split's captions, video by video."""
        use, max_words = self.protocol.captions_in(split), self.protocol.max_words
        return queries(self.captions, self.splits[split], use, max_words=max_words, chosen=self.chosen)

    def cut_queries(self, split: str) -> list[str]:
        """Return the ids of a split's queries that have more words than the protocol keeps, and are cut."""
        use, max_words = self.protocol.captions_in(split), self.protocol.max_words
        whole = queries(self.captions, self.splits[split], use, chosen=self.chosen) if max_words else []
        return [caption.id for caption in whole if is_cut(caption, max_words)]

    def only(self, video_ids: Container[str], note: str) -> "Dataset":
        """Return the dataset with its splits cut to `video_ids`, and with a note that names the videos left out."""
        splits = {split: [v for v in ids if v in video_ids] for split, ids in self.splits.items()}
        dropped = list(dict.fromkeys(v for ids in self.splits.values() for v in ids if v not in video_ids))
        notes = [*self.notes, f"left out, {note}: {len(dropped)} ({first_of(dropped)})"] if dropped else self.notes
        return replace(self, splits=splits, notes=notes)

    def with_train_captions(self, most: int) -> "Dataset":
        """Return the dataset with the first captions of each training video, so many in each language.

        A note counts the others. Videos of other splits keep all.
        """
        train, counts = set(self.splits[self.protocol.train]), Counter[tuple[str, str]]()
        kept = []
        for caption in self.captions:
            counts[caption.video_id, caption.language] += 1
            if caption.video_id not in train or counts[caption.video_id, caption.language] <= most:
                kept.append(caption)
        left_out = len(self.captions) - len(kept)
        note = f"of each training video the first {most} captions are used, {left_out:,} captions are left out"
        return replace(self, captions=kept, notes=[*self.notes, note] if left_out else self.notes)
