"""Which captions meet which videos in training."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from teachtext.data.batch import Batch
from teachtext.data.features import Features
from teachtext.data.protocol import Caption
from teachtext.errors import InputError


def ids_by_video(captions: Iterable[Caption]) -> dict[str, list[str]]:
    """Return the ids of captions by video id.

    >>> ids_by_video([Caption("a#0", "a", "a dog"), Caption("a#1", "a", "it runs")])
    {'a': ['a#0', 'a#1']}
    """
    ids: dict[str, list[str]] = {}
    for caption in captions:
        ids.setdefault(caption.video_id, []).append(caption.id)
    return ids


class CaptionPicks:
    """Batches of one epoch: every video once, with captions of its own picked at random.

    A video with several comes once for each, one after the other.

    What comes depends on the seed and the number of the epoch alone, so training resumes anywhere.

    Args:
        features: features of the videos and captions.
        captions: caption ids by video id; every video has at least one.
        batch_size: videos a batch; a tail of a single video, which no ranking loss can use, joins the batch before it.
        seed: of the order and the picks.
        captions_per_video: different captions that are picked of each video, or as many as it has.
        further: ids of further captions by video id; not every video has some.
        further_share: how likely a pick is one of them; None makes all captions of a video equally likely.

    Raises:
        InputError: fewer than two videos, a batch size of fewer than two, or no caption a video.
    """

    def __init__(
        self,
        *,
        features: Features,
        captions: Mapping[str, Sequence[str]],
        batch_size: int,
        seed: int,
        captions_per_video: int = 1,
        further: Mapping[str, Sequence[str]] = {},
        further_share: float | None = None,
    ) -> None:
        if len(captions) < 2:
            raise InputError(f"only {len(captions)} training videos", "a ranking needs at least two: add some")
        if batch_size < 2:
            raise InputError(f"batch_size is {batch_size}", "a ranking needs at least two videos a batch")
        if captions_per_video < 1:
            raise InputError(f"captions_per_video is {captions_per_video}", "a video needs one at least")
        self.features = features
        self.captions = captions
        self.batch_size = batch_size
        self.seed = seed
        self.captions_per_video = captions_per_video
        self.further = further
        self.further_share = further_share

    def __len__(self) -> int:
        return len(self._starts())

    def __call__(self, epoch: int) -> Iterator[Batch]:
        """Yield the batches of an epoch, numbered from 1."""
        random = np.random.default_rng([self.seed, epoch])
        order = self._order(random)
        picks = [self._pick(video_id, random) for video_id in order]
        starts = self._starts()
        for start, end in zip(starts, [*starts[1:], len(order)], strict=True):
            pairs = [(video_id, pick) for video_id, drawn in picks[start:end] for pick in drawn]
            video_ids, caption_ids = zip(*pairs, strict=True)
            yield Batch(self.features.texts(caption_ids), self.features.videos(video_ids))

    def _order(self, random: np.random.Generator) -> list[str]:
        """Return the videos of an epoch in the order of its batches."""
        order: list[str] = random.permutation(sorted(self.captions)).tolist()
        return order

    def _pick(self, video_id: str, random: np.random.Generator) -> tuple[str, list[str]]:
        left, further = list(self.captions[video_id]), list(self.further.get(video_id, ()))
        if self.further_share is None:
            left, further = [*left, *further], []
        count = min(self.captions_per_video, len(left) + len(further))
        picked = []
        for _ in range(count):
            pool = further if further and (not left or random.random() < (self.further_share or 0.0)) else left
            picked.append(pool.pop(int(random.integers(len(pool)))))
        return video_id, picked

    def _starts(self) -> list[int]:
        starts = list(range(0, len(self.captions), self.batch_size))
        return starts[:-1] if len(self.captions) - starts[-1] == 1 and len(starts) > 1 else starts


class MinedPicks(CaptionPicks):
    """Batches of videos that a model confuses with one another: the hard negatives of a video stand beside it.

    Videos come in groups: a video at random, then those of its neighbours that have not come yet.

    Args:
        neighbours: by video id, other videos, the hardest first.
        group: videos of a group, the first included. 1 is `CaptionPicks`.
        options: of `CaptionPicks`.

    Raises:
        InputError: see `CaptionPicks`.
    """

    def __init__(self, *, neighbours: Mapping[str, Sequence[str]], group: int, **options: Any) -> None:
        super().__init__(**options)
        self.neighbours = neighbours
        self.group = group

    def _order(self, random: np.random.Generator) -> list[str]:
        left = dict.fromkeys(super()._order(random))
        order: list[str] = []
        while left:
            first = next(iter(left))
            near = [video_id for video_id in self.neighbours.get(first, ()) if video_id in left and video_id != first]
            for video_id in (first, *near[: self.group - 1]):
                del left[video_id]
                order.append(video_id)
        return order
