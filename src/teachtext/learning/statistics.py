"""Statistics of the training features, which a model that standardises keeps with its weights."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from teachtext.data.features import Features
from teachtext.models.scaling import ScaledFeatures

# videos that are read at once
_PIECE = 256


def fit_statistics(model: nn.Module, features: Features, video_ids: Sequence[str]) -> None:
    """Compute the statistics of a model that standardises its features; other models are left alone.

    Args:
        model: on the CPU.
        features: of its experts.
        video_ids: the training videos. Of an expert, those count that have the expert.
    """
    for part in model.modules():
        if isinstance(part, ScaledFeatures):
            for name in part.standardised:
                part.fit(name, lambda name=name: _rows(features, name, video_ids))  # type: ignore[misc]


def _rows(features: Features, expert: str, video_ids: Sequence[str]) -> Iterator[Tensor]:
    """Yield all rows of an expert, (n, D), as the model reads them."""
    file, most = features.experts[expert], (features.max_tokens or {}).get(expert)
    for start in range(0, len(video_ids), _PIECE):
        read = [torch.from_numpy(file.read(video_id, max_rows=most)) for video_id in video_ids[start : start + _PIECE]]
        yield torch.cat([rows.float() for rows in read])
