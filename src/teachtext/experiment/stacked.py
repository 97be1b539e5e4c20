"""Videos that an embedder has embedded one by one, as one embedding of tensors."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from teachtext.encoders.embedder import VideoVectors
from teachtext.models.similarity import VideoEmbedding


def stacked_videos(videos: Sequence[VideoVectors], spaces: Mapping[str, int]) -> VideoEmbedding:
    """Return B videos as one embedding; a space that a video lacks is marked as not present.

    Args:
        videos: the vectors of each video by space.
        spaces: dimension D by space.

    >>> stacked_videos([{"scene": np.ones(2, np.float32)}, {}], {"scene": 2}).present.tolist()
    [[True], [False]]
    """
    names = sorted(spaces)
    nothing = {name: np.zeros(spaces[name], np.float32) for name in names}
    vectors = {name: torch.from_numpy(np.stack([video.get(name, nothing[name]) for video in videos])) for name in names}
    return VideoEmbedding(vectors, torch.tensor([[name in video for name in names] for video in videos]))
