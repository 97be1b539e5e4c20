"""The query protocol: captions, how they become queries, and which split is for what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

CaptionUse = Literal["separate", "first", "fused", "chosen"]
"""How captions become queries: each one, a video's first, all of a video joined to one, or the one that is named."""


@dataclass(frozen=True)
class Caption:
    """One caption of one video; ids join everything, positions never do."""

    id: str
    video_id: str
    text: str
    language: str = "en"


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How captions become queries, and which split is for what.

    Args:
        captions: how captions become queries (see `CaptionUse`).
        select_captions: how they do in the split that selects, where it differs.
        test_captions: how they do in the test split, where it differs.
        max_words: keep at most so many words of a query; None keeps all.
        train: name of the split to learn from.
        select: name of the split whose t2v geometric mean selects the epoch; None keeps the last epoch.
        test: name of the split that is touched once, at the end.
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
        """The splits that it names, each once."""
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
    """Turn the captions of `video_ids` into queries, grouped by video in that order.

    Args:
        captions: of these and other videos.
        video_ids: whose captions become queries.
        use: how they do.
        max_words: keep at most so many words of a query.
        chosen: caption id by video, for `chosen`.
    """
    own: dict[str, list[Caption]] = {video_id: [] for video_id in video_ids}
    for caption in captions:
        if caption.video_id in own:
            own[caption.video_id].append(caption)
    found: list[Caption] = []
    for video_id, group in own.items():
        if use == "first":
            group = group[:1]
        elif use == "chosen":
            group = [caption for caption in group if caption.id == (chosen or {}).get(video_id)]
        elif use == "fused" and group:
            text = " ".join(caption.text for caption in group)
            group = [Caption(f"{video_id}#fused", video_id, text, group[0].language)]
        found.extend(cut(caption, max_words) for caption in group)
    return found


def cut(caption: Caption, max_words: int | None) -> Caption:
    """Return a caption with at most so many words; None keeps all."""
    words = caption.text.split()
    if max_words is None or len(words) <= max_words:
        return caption
    return Caption(caption.id, caption.video_id, " ".join(words[:max_words]), caption.language)
