"""Rows that are computed from trained rows: ensembles, and score normalisers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from teachtext.errors import InputError
from teachtext.evaluation.query_ranks import QueryRanks
from teachtext.evaluation.ranks import rank_t2v, rank_v2t
from teachtext.evaluation.results import Choice
from teachtext.evaluation.score_normalisation import NORMALISERS, Normalised
from teachtext.experiment.artifacts import Artifact, artifact_path
from teachtext.experiment.normalise import normalise_models, score_split
from teachtext.experiment.study.rows import Derived
from teachtext.experiment.train import Training
from teachtext.files import read_json, write_json

FOLDER = "derived"

Computed = tuple[QueryRanks, Mapping[str, Any]]
"""Ranks, and the choice of beta as JSON; empty without a normaliser."""


@dataclass(frozen=True)
class DerivedRanks:
    """The ranks of a derived row, one a seed.

    Attributes:
        ranks: on the test split.
        paths: the files of the ranks.
        choice: of beta; None for a row without one.
    """

    ranks: Sequence[QueryRanks]
    paths: Sequence[Path]
    choice: Choice | None


def sees(row: Derived) -> str:
    """Name what a derived row reads at test time."""
    read = NORMALISERS[row.normaliser].sees if row.normaliser else "query alone"
    return f"{read}, {len(row.parts)} models" if len(row.parts) > 1 else read


def compute(row: Derived, trainings: Mapping[str, Sequence[Training]], folder: Path) -> DerivedRanks:
    """Compute a row seed by seed, once.

    Beta is chosen for each seed on the validation split. The query bank has the training captions. With a bank the
    video-to-text ranks stay those of the models.

    Args:
        row: the row.
        trainings: by label of a trained row, one a seed, all done.
        folder: of the study.

    Raises:
        InputError: the models are not tested on the same videos, or no split can choose beta.
    """
    ranks, paths, choices = [], [], []
    for models in zip(*(trainings[part.label] for part in row.parts), strict=True):
        path = artifact_path(folder / FOLDER, "", _key(row, models), ".npz")
        computed, choice = Artifact(path=path, build=partial(_build, row, models), write=_write, read=_read).get()
        ranks.append(computed)
        paths.append(path)
        choices.append(choice)
    if row.normaliser is None:
        return DerivedRanks(ranks, paths, None)
    betas = {
        beta: float(np.mean([choice["validation"][beta] for choice in choices])) for beta in choices[0]["validation"]
    }
    chosen = "beta " + ", ".join(f"{choice['beta']:g}" for choice in choices)
    return DerivedRanks(ranks, paths, Choice(label=row.label, tried=betas, chosen=chosen))


def _key(row: Derived, models: Sequence[Training]) -> list[object]:
    dataset = models[0].data.dataset
    queries = [[query.id for query in dataset.queries_of(split)] for split in dataset.protocol.splits]
    return [row.normaliser, [model.folder.name for model in models], queries]


def _build(row: Derived, trainings: Sequence[Training]) -> Computed:
    dataset = trainings[0].data.dataset
    split = dataset.protocol.test
    for other in trainings[1:]:
        if other.data.dataset.splits[split] != dataset.splits[split]:
            raise InputError(f"'{row.parts[0].label}' and others are tested on different videos", "average others")
    models = [(training.load(), training.features) for training in trainings]
    similarity, video_of = score_split(models, dataset, split)
    normalised: Normalised | None = None
    ranked = {"t2v": rank_t2v(similarity, video_of), "v2t": rank_v2t(similarity, video_of)}
    if row.normaliser:
        (normalised,) = normalise_models(models, dataset, split, [row.normaliser])
        ranked |= normalised.ranked
    count = len(video_of)
    computed = QueryRanks(
        t2v=ranked["t2v"].ranks,
        v2t=ranked["v2t"].ranks,
        top=np.empty((count, 0), np.int64),
        top_scores=np.empty((count, 0), np.float32),
        weights=np.empty((count, 0), np.float32),
        video_of=video_of,
        caption_ids=[query.id for query in dataset.queries_of(split)],
        video_ids=list(dataset.splits[split]),
        experts=[],
        t2v_ties=ranked["t2v"].ties,
        v2t_ties=ranked["v2t"].ties,
    )
    return computed, {} if normalised is None else normalised.as_dict()


def _write(path: Path, computed: Computed) -> None:
    # the ranks last: their file says that both are there
    write_json(path.with_suffix(".json"), computed[1])
    computed[0].save(path)


def _read(path: Path) -> Computed:
    return QueryRanks.load(path), read_json(path.with_suffix(".json"))
