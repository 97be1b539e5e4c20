"""The query protocol: captions, how they become queries, and which split is for what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

CaptionUse = Literal["separate", "first", "fused", "chosen"]
"""How captions become queries.

`separate`: each caption is a query. `first`: the first caption of a video. `fused`: all captions of a video, joined.
`chosen`: the caption that a list names for its video.
"""


@dataclass(frozen=True)
class Caption:
    """A caption of a video. Captions and videos are joined by ids, never by positions.

    Example:
        >>> [Caption("a#0", "a", "a dog").parallel_id, Caption("a#0.de", "a", "ein Hund", "de").parallel_id]
        ['a#0', 'a#0']
    """

    id: str
    video_id: str
    text: str
    language: str = "en"

    @property
    def parallel_id(self) -> str:
        """The id without a final `.<language>`; captions that say the same in several languages share this id."""
        return self.id.removesuffix(f".{self.language}")


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How captions become queries, and which split is for what.

    Args:
        captions: how captions become queries (see `CaptionUse`).
        select_captions: the same for the split that selects the epoch, where it differs.
        test_captions: the same for the test split, where it differs.
        max_words: the most words of a query; further words are cut off. None keeps all words.
        train: name of the split to learn from.
        select: name of the split whose t2v geometric mean selects the epoch; None keeps the last epoch.
        test: name of the split that is read once, at the end.

    Example:
        >>> Protocol(captions="fused", select=None).splits
        ['train', 'test']
        >>> Protocol(select_captions="first").captions_in("val")
        'first'
    """

    captions: CaptionUse = "separate"
    select_captions: CaptionUse | None = None
    test_captions: CaptionUse | None = None
    max_words: int | None = None
    train: str = "train"
    select: str | None = "val"
    test: str = "test"

    @property
    def splits(self) -> list[str]:
        """The names of the splits, without repeats."""
        return [split for split in dict.fromkeys([self.train, self.select, self.test]) if split is not None]

    def captions_in(self, split: str) -> CaptionUse:
        """Return how captions become queries in a split."""
        if split == self.test:
            return self.test_captions or self.captions
        return (self.select_captions if split == self.select else None) or self.captions


def queries(
    captions: Sequence[Caption],
    video_ids: Sequence[str],
    use: CaptionUse,
    *,
    max_words: int | None = None,
    chosen: Mapping[str, str] | None = None,
) -> list[Caption]:
    """Turn the captions of some videos into queries.

    Args:
        captions: captions of these and perhaps of other videos.
        video_ids: the videos whose captions become queries.
        use: how captions become queries.
        max_words: the most words of a query; None keeps all words.
        chosen: caption ids by video id, for the use `chosen`.

    Returns:
        The queries, grouped by video in the order of `video_ids`.

    Example:
        >>> captions = [Caption("a#0", "a", "a dog"), Caption("a#1", "a", "it runs"), Caption("b#0", "b", "a cat")]
        >>> [query.text for query in queries(captions, ["b", "a"], "fused")]
        ['a cat', 'a dog it runs']
    """
    by_video: dict[str, list[Caption]] = {video_id: [] for video_id in video_ids}
    for caption in captions:
        if caption.video_id in by_video:
            by_video[caption.video_id].append(caption)
    result: list[Caption] = []
    for video_id, group in by_video.items():
        if use == "first":
            group = group[:1]
        elif use == "chosen":
            group = [caption for caption in group if caption.id == (chosen or {}).get(video_id)]
        elif use == "fused" and group:
            text = " ".join(caption.text for caption in group)
            group = [Caption(f"{video_id}#fused", video_id, text, group[0].language)]
        result.extend(cut(caption, max_words) for caption in group)
    return result


def is_cut(caption: Caption, max_words: int | None) -> bool:
    """Return whether a caption has more than `max_words` words."""
    return max_words is not None and len(caption.text.split()) > max_words


def cut(caption: Caption, max_words: int | None) -> Caption:
    """Return a caption with its first `max_words` words; None keeps all words."""
    if not is_cut(caption, max_words):
        return caption
    text = " ".join(caption.text.split()[:max_words])
    return Caption(caption.id, caption.video_id, text, caption.language)
