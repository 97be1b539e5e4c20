"""The nouns that everything passes around."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from teachtext.data.protocol import Caption, Protocol, queries


@dataclass(frozen=True)
class Video:
    """One video. `path` is None where only its features are at hand."""

    id: str
    path: Path | None = None


@dataclass(frozen=True)
class Question:
    """A caption that is asked among a few videos, its own one of them; `kind` says what it asks for."""

    caption: Caption
    kind: str
    among: Sequence[str]


@dataclass(frozen=True)
class Dataset:
    """Videos, captions, splits and a protocol. A benchmark is no more than that.

    `listed` says how many videos each split names, whether or not they can be used; `notes` what was left out;
    `chosen` the caption of a video that is its query, for protocols that choose; `questions` what is asked beside the
    splits.
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
        """Return the queries of a split: its captions as the protocol turns them into queries, video by video."""
        use, most = self.protocol.captions_in(split), self.protocol.max_words
        return queries(self.captions, self.splits[split], use, max_words=most, chosen=self.chosen)

    def only(self, video_ids: Container[str], note: str) -> "Dataset":
        """Return the dataset with its splits cut to `video_ids`, and a note of how many that leaves out."""
        splits = {split: [v for v in ids if v in video_ids] for split, ids in self.splits.items()}
        dropped = sum(map(len, self.splits.values())) - sum(map(len, splits.values()))
        notes = [*self.notes, f"left out, {note}: {dropped}"] if dropped else self.notes
        return replace(self, splits=splits, notes=notes)
