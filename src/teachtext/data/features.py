"""The features that a model reads: a text encoder, some experts, and the most rows of a sequence."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from teachtext.data.batch import TextBatch, VideoBatch, read_texts, read_videos
from teachtext.data.store import FeatureFile
from teachtext.data.types import Dataset

_HELD_BYTES = 256 * 2**20


def described(video_ids: Iterable[str], files: Iterable[FeatureFile]) -> list[str]:
    """Return the videos with rows in at least one of the files, in the order of `video_ids`."""
    opened = list(files)
    return [video_id for video_id in video_ids if any(file.rows_of(video_id) for file in opened)]


def only_described(dataset: Dataset, files: Iterable[FeatureFile]) -> Dataset:
    """Return the dataset cut to the videos with rows in at least one of the files."""
    return dataset.only(set(described(dataset.videos, files)), "without features")


@dataclass(frozen=True, kw_only=True)
class Features:
    """Feature files and how to read them.

    Args:
        text: the text encoder's file, with caption ids.
        experts: files with video ids, by expert.
        max_words: the most rows of a caption (L); None keeps all rows.
        max_tokens: by expert, the most rows of a video (T); an expert without an entry keeps all rows.
        fill_words: pad captions to `max_words` in every batch (see `read_texts`).
        fill_tokens: experts that are padded to their `max_tokens` in every batch (see `read_videos`).
    """

    text: FeatureFile
    experts: dict[str, FeatureFile]
    max_words: int | None = None
    max_tokens: Mapping[str, int] | None = None
    fill_words: bool = False
    fill_tokens: Collection[str] = ()

    def hold(self) -> None:
        """Keep the values of small files in memory from now on: the smallest first, up to 256 MiB."""
        left = _HELD_BYTES
        for file in sorted((self.text, *self.experts.values()), key=lambda file: file.value_bytes):
            left -= file.value_bytes
            if left >= 0:
                file.hold()

    def texts(self, caption_ids: Sequence[str]) -> TextBatch:
        """Read captions (see `read_texts`)."""
        return read_texts(self.text, caption_ids, max_tokens=self.max_words, fill=self.fill_words)

    def videos(self, video_ids: Sequence[str]) -> VideoBatch:
        """Read videos (see `read_videos`)."""
        return read_videos(self.experts, video_ids, max_tokens=self.max_tokens, fill=self.fill_tokens)
