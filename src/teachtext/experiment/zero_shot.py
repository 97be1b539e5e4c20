"""The model of an index without training, tested on the features of a run."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from teachtext.data.protocol import Caption
from teachtext.encoders.base import TextEncoder
from teachtext.encoders.zero_shot import ENCODER, EXPERTS, ClassNames
from teachtext.errors import InputError
from teachtext.experiment.stacked import stacked_videos
from teachtext.experiment.workspace import Workspace
from teachtext.models.similarity import TextEmbedding, similarity

_AT_ONCE = 256


def zero_shot_experts(workspace: Workspace) -> list[str]:
    """Return the experts of a run that the zero-shot model can use: with the names and settings of an index.

    Raises:
        InputError: `scene` is not among them.
    """
    usable = []
    for expert in workspace.config.experts:
        if expert.name in EXPERTS and not expert.settings:
            # a file of somebody else's features may have the same name
            provenance = workspace.features.expert(expert.name).provenance
            usable += [expert.name] if provenance.get("encoder") == expert.name else []
    if "scene" not in usable:
        raise InputError(
            "the run has no expert 'scene' with the features that TeachText extracts", "add it to 'experts'"
        )
    return sorted(usable)


def zero_shot_scores(workspace: Workspace, split: str) -> NDArray[np.float32]:
    """Score the queries of a split against its videos: (C, B).

    Raises:
        InputError: see `zero_shot_experts`; or a package is not installed.
    """
    experts = zero_shot_experts(workspace)
    dataset = workspace.dataset
    queries, videos = dataset.queries_of(split), dataset.splits[split]
    model = ClassNames(experts, device=workspace.config.device)
    by_video = model.embed_videos({name: workspace.features.expert(name) for name in experts}, videos)
    texts = torch.from_numpy(_encoded(workspace, model.encoder, queries))
    weights = torch.from_numpy(model.embed_query("a query").weights).expand(len(queries), -1)
    text = TextEmbedding(dict.fromkeys(experts, texts), weights)
    return similarity(text, stacked_videos(by_video, model.spaces)).numpy()


def _encoded(workspace: Workspace, encoder: TextEncoder, queries: Sequence[Caption]) -> NDArray[np.float32]:
    """Return the queries in the space of the zero-shot model, (C, D); those that the run has embedded are read."""
    if ENCODER in workspace.features.text_encoders:
        file = workspace.features.text(ENCODER)
        if file.provenance.get("settings") == encoder.settings:
            return np.concatenate([file.read(query.id) for query in queries]).astype(np.float32)
    texts = list(dict.fromkeys(query.text for query in queries))
    rows: dict[str, NDArray[np.float32]] = {}
    for start in range(0, len(texts), _AT_ONCE):
        piece = texts[start : start + _AT_ONCE]
        rows |= zip(piece, encoder.encode(piece), strict=True)
    return np.concatenate([rows[query.text] for query in queries]).astype(np.float32)
