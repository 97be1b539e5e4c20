"""The twelve directions of a model with one space for text, video and sound."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from teachtext.data.features import Features
from teachtext.data.protocol import Caption
from teachtext.evaluation.by_direction import (
    DirectionRanks,
    left_out,
    load_directions,
    ranks_by_direction,
    save_directions,
)
from teachtext.experiment.artifacts import Artifact
from teachtext.experiment.train import Training
from teachtext.learning.modalities import embed_forms
from teachtext.models.omni import experts_by_modality
from teachtext.models.retrieval import RetrievalModel


def directions_of(
    model: RetrievalModel, features: Features, captions: Sequence[Caption], video_ids: Sequence[str], *, name: str
) -> tuple[list[DirectionRanks], list[str]]:
    """Return the ranks in all twelve directions, and a sentence for each modality that videos lack.

    Args:
        model: with one space for text, video and sound.
        features: of captions and videos.
        captions: the queries, each of a video of the gallery.
        video_ids: the gallery.
        name: of the model, in messages.

    Raises:
        InputError: the model has no such space.
    """
    forms = embed_forms(model, features, captions, video_ids, name=name)
    return ranks_by_direction(forms), left_out(forms.has, video_ids)


def directions_on_test(training: Training, ranks: Path) -> list[DirectionRanks]:
    """Return the ranks of a trained model on the test split of the run in all directions, computed once.

    Args:
        training: of a model of kind `omni`.
        ranks: the file of its text-to-video ranks, beside which these are kept.
    """
    dataset = training.workspace.dataset
    split = dataset.protocol.test

    def build() -> list[DirectionRanks]:
        queries, videos = dataset.queries_of(split), dataset.splits[split]
        return directions_of(training.load(), training.features, queries, videos, name=training.label)[0]

    path = ranks.with_name(f"directions-{ranks.name}")
    return Artifact(path=path, build=build, write=save_directions, read=load_directions).get()


def left_out_on_test(training: Training) -> list[str]:
    """Return a sentence for each modality that test videos lack."""
    workspace, plan = training.workspace, training.plan
    videos = workspace.dataset.splits[workspace.dataset.protocol.test]
    experts_of = experts_by_modality(plan.experts, plan.model.sound)
    has = {name: np.isin(videos, workspace.readable(videos, experts)) for name, experts in experts_of.items()}
    return left_out(has, videos)
