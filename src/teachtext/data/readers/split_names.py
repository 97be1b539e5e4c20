"""The names of splits: what words in a file's name or in a column mean."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

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
# as TeachCLIP names its files; `latest` and `contest` hold no split
_SET_AND_SPLIT = re.compile(
    r"(?i)\b([a-z]*\d+[a-z]{0,2}?|msvd|msrvtt|vatex|tgif|lsmdc|didemo|anet|activitynet|youcook2?|queryd)"
    r"(train|val|test)(?![a-z])"
)

# `-00000-of-00002` and a hash, as the hub of Hugging Face names files; `-000001`, as WebDataset does; `_part1`
_SHARD = re.compile(
    r"(?i)[-_. ]*(?:\d+-of-\d+(?:-[0-9a-f]{4,})?|(?:part|shard|chunk)[-_. ]?\d+(?:[-_. ]?of[-_. ]?\d+)?|0\d{2,})$"
)


def split_of(word: str) -> str | None:
    """Return the split that a word means; None for other words.

    Example:
        >>> split_of("Validate"), split_of("train"), split_of("dog")
        ('val', 'train', None)
    """
    return _MEANING.get(word.strip().lower())


def without_shard(path: Path) -> str:
    """Return the name of a file without endings and without the number of a shard, whose files are one file in parts.

    Example:
        >>> without_shard(Path("train-00000-of-00002-3e0f2a.parquet")), without_shard(Path("test-000001.tar.gz"))
        ('train', 'test')
        >>> without_shard(Path("val_1.csv"))
        'val_1'
    """
    return _SHARD.sub("", Path(path.name.removesuffix(".gz")).stem)


def words_of(name: str) -> Iterator[str]:
    """Yield the words of a file's name, in small letters; numbers, and a split behind the name of a set, are words.

    Example:
        >>> list(words_of("MSRVTT_train.9k")), list(words_of("msrvtt10ktrain.caption"))
        (['msrvtt', 'train', '9k'], ['msrvtt', '10k', 'train', 'caption'])
        >>> list(words_of("trainVal2"))
        ['train', 'val', '2']
    """
    apart = _SET_AND_SPLIT.sub(r"\1 \2", name.replace("_", " "))
    for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+[A-Za-z]?\b|\d+", apart):
        yield word.lower()


def splits_by_folder(video_ids: Sequence[str]) -> dict[str, list[str]] | None:
    """Return the splits that the folders of videos name; None where a video is in no such folder, or all are in one.

    Example:
        >>> splits_by_folder(["train/a.mp4", "data/test/b.mp4"]), splits_by_folder(["train/a.mp4", "b.mp4"])
        ({'train': ['train/a.mp4'], 'test': ['data/test/b.mp4']}, None)
    """
    splits: dict[str, list[str]] = {}
    for video_id in video_ids:
        named = [split for folder in video_id.split("/")[:-1] if (split := split_of(folder))]
        if len(named) != 1:
            return None
        splits.setdefault(named[0], []).append(video_id)
    return splits if len(splits) > 1 else None


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
