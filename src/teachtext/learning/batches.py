"""Which captions meet which videos in training."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from teachtext.data.batch import Batch
from teachtext.data.features import Features
from teachtext.errors import InputError


class CaptionPicks:
    """Batches of one epoch: every video once, with one of its captions picked at random.

    What comes depends on the seed and the number of the epoch alone, so training resumes anywhere.

    Args:
        features: features of the videos and captions.
        captions: caption ids by video id; every video has at least one.
        batch_size: B; a tail of a single video, which no ranking loss can use, joins the batch before it.
        seed: of the order and the picks.

    Raises:
        InputError: fewer than two videos, or a batch size of fewer than two.
    """

    def __init__(
        self, *, features: Features, captions: Mapping[str, Sequence[str]], batch_size: int, seed: int
    ) -> None:
        if len(captions) < 2:
            raise InputError(f"only {len(captions)} training videos", "a ranking needs at least two: add some")
        if batch_size < 2:
            raise InputError(f"batch_size is {batch_size}", "a ranking needs at least two videos a batch")
        self.features = features
        self.captions = captions
        self.batch_size = batch_size
        self.seed = seed

    def __len__(self) -> int:
        return len(self._starts())

    def __call__(self, epoch: int) -> Iterator[Batch]:
        """Yield the batches of an epoch, numbered from 1."""
        random = np.random.default_rng([self.seed, epoch])
        order = random.permutation(sorted(self.captions)).tolist()
        picks = [self.captions[video_id][int(random.integers(len(self.captions[video_id])))] for video_id in order]
        starts = self._starts()
        for start, end in zip(starts, [*starts[1:], len(order)], strict=True):
            yield Batch(self.features.texts(picks[start:end]), self.features.videos(order[start:end]))

    def _starts(self) -> list[int]:
        starts = list(range(0, len(self.captions), self.batch_size))
        return starts[:-1] if len(self.captions) - starts[-1] == 1 and len(starts) > 1 else starts
