"""The names of splits: what words in a file's name or in a column mean."""

import re
from collections.abc import Iterator

from teachtext.data.readers.annotations import MAIN

_MEANING = {
    "train": "train",
    "training": "train",
    "trn": "train",
    "trainset": "train",
    "trainlist": "train",
    "val": "val",
    "valid": "val",
    "validate": "val",
    "validation": "val",
    "dev": "val",
    "valset": "val",
    "vallist": "val",
    "test": "test",
    "tst": "test",
    "testing": "test",
    "testset": "test",
    "testlist": "test",
    # as LSMDC spells its file
    "publictect": "test",
}  # fmt: skip


def split_of(word: str) -> str | None:
    """Return the split that a word means; None for other words.

    Example:
        >>> split_of("Validate"), split_of("train"), split_of("dog")
        ('val', 'train', None)
    """
    return _MEANING.get(word.strip().lower())


def words_of(name: str) -> Iterator[str]:
    """Yield the words of a file's name, in small letters; digits at the end of a word are a word.

    Example:
        >>> list(words_of("MSRVTT_train.9k"))
        ['msrvtt', 'train', '9k']
        >>> list(words_of("trainVal2"))
        ['train', 'val', '2']
    """
    for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+[A-Za-z]?\b|\d+", name.replace("_", " ")):
        yield word.lower()


class SplitLists:
    """Collects the split of each video from a column or field.

    Example:
        >>> splits = SplitLists()
        >>> for video, word in [("v0", "training"), ("v0", "training"), ("v1", "test"), ("v2", "")]:
        ...     splits.add(video, word)
        >>> splits.finish()
        {'main': {'train': ['v0'], 'test': ['v1']}}
    """

    def __init__(self) -> None:
        self._splits: dict[str, dict[str, None]] = {}

    def add(self, video_id: object, word: object) -> None:
        """Add a video to the split that a word names. Without a word the video is in no split."""
        if isinstance(word, str) and word.strip() and isinstance(video_id, str) and video_id.strip():
            self._splits.setdefault(split_of(word) or word.strip(), {})[video_id.strip()] = None

    def finish(self) -> dict[str, dict[str, list[str]]]:
        """Return the video ids of each split as the main splits; nothing where no video has a split."""
        return {MAIN: {split: list(ids) for split, ids in self._splits.items()}} if self._splits else {}
