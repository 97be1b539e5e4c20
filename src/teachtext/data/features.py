"""The features that one model reads: one text encoder, some experts, and how long a sequence may be."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from teachtext.data.batch import TextBatch, VideoBatch, read_texts, read_videos
from teachtext.data.store import FeatureFile
from teachtext.data.types import Dataset


def described(video_ids: Iterable[str], files: Iterable[FeatureFile]) -> list[str]:
    """Return the videos that at least one of the experts' files describes, in their order."""
    opened = list(files)
    return [video_id for video_id in video_ids if any(file.rows_of(video_id) for file in opened)]


def only_described(dataset: Dataset, files: Iterable[FeatureFile]) -> Dataset:
    """Return the dataset cut to the videos that at least one of the experts' files describes."""
    return dataset.only(set(described(dataset.videos, files)), "without features")


@dataclass(frozen=True, kw_only=True)
class Features:
    """Feature files and how to read them.

    Args:
        text: the text encoder's file, keyed by caption id.
        experts: by expert, files keyed by video id.
        max_words: keep at most the first so many rows of a caption (L).
        max_tokens: by expert, keep at most the first so many rows (T); all where it is not named.
        fill_words: pad captions to `max_words` whatever the batch (see `read_texts`).
        fill_tokens: experts that are padded to their `max_tokens` whatever the batch (see `read_videos`).
    """

    text: FeatureFile
    experts: dict[str, FeatureFile]
    max_words: int | None = None
    max_tokens: Mapping[str, int] | None = None
    fill_words: bool = False
    fill_tokens: Collection[str] = ()

    def texts(self, caption_ids: Sequence[str]) -> TextBatch:
        """Read captions (see `read_texts`)."""
        return read_texts(self.text, caption_ids, max_tokens=self.max_words, fill=self.fill_words)

    def videos(self, video_ids: Sequence[str]) -> VideoBatch:
        """Read videos (see `read_videos`)."""
        return read_videos(self.experts, video_ids, max_tokens=self.max_tokens, fill=self.fill_tokens)
