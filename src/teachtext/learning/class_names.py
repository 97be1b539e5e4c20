"""Whether the names of classes count in a model: where they find the training videos, which they have not learned."""

import random
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from teachtext.data.features import Features
from teachtext.data.protocol import Caption
from teachtext.evaluation.ranks import t2v_ranks
from teachtext.learning.inference import score
from teachtext.models.class_names import EXPERT, NamedModel
from teachtext.models.retrieval import RetrievalModel

# of the score, where the names count
_SHARE = 0.6
# the names count where the median rank is in this share of the gallery; chance is 0.5
_GOOD_RANK = 0.1
# captions that are ranked
_CAPTIONS = 2000


@torch.no_grad()
def fit_class_names(
    model: RetrievalModel, names: NDArray[np.float32], features: Features, captions: Sequence[Caption]
) -> float:
    """Give a model the vectors of the class names, and the share in the score that they deserve.

    The names have learned nothing from the captions. Their ranks on training captions thus say how they rank others.

    Args:
        model: on the CPU; a model without the space of class names is left alone.
        names: (classes, D).
        features: of the model.
        captions: the training captions, of videos that the model can read.

    Returns:
        The share of the names in the score, 0 or 0.6.
    """
    if not isinstance(model, NamedModel):
        return 0.0
    model.class_names.names.copy_(torch.from_numpy(names))
    seen = [caption for caption in captions if features.experts[EXPERT].rows_of(caption.video_id)]
    queries = random.Random(0).sample(seen, min(_CAPTIONS, len(seen)))
    described = sorted({caption.video_id for caption in seen})
    if queries:
        scores = score(model.class_names, features, queries, described)
        rank = float(np.median(t2v_ranks(scores.similarity, scores.video_of)))
        model.share.fill_(_SHARE if rank <= _GOOD_RANK * len(described) else 0.0)
    return float(model.share)
