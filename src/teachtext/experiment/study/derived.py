"""Rows that are computed from trained ones: ensembles at test time, and score normalisers behind a row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from teachtext.errors import InputError
from teachtext.evaluation.normalise import Normalised
from teachtext.evaluation.normalisers import NORMALISERS
from teachtext.evaluation.query_ranks import QueryRanks
from teachtext.evaluation.ranks import t2v_ranks, v2t_ranks
from teachtext.evaluation.results import Choice
from teachtext.experiment.normalise import normalise_models, score_split
from teachtext.experiment.study.rows import Derived
from teachtext.experiment.train import Training
from teachtext.files import fingerprint, read_json, write_json
from teachtext.learning.checkpoint import load_model

FOLDER = "derived"


@dataclass(frozen=True)
class Behind:
    """A derived row: its ranks seed by seed, where they are kept, and how beta was chosen where there is one."""

    ranks: Sequence[QueryRanks]
    paths: Sequence[Path]
    choice: Choice | None

    @staticmethod
    def sees(row: Derived) -> str:
        """Say what it may see at test time."""
        sees = NORMALISERS[row.normaliser].sees if row.normaliser else "query alone"
        return f"{sees}, {len(row.parts)} models" if len(row.parts) > 1 else sees


def compute(row: Derived, trainings: Mapping[str, Sequence[Training]], folder: Path) -> Behind:
    """Compute a row seed by seed; what is there is read.

    Beta is chosen for each seed on the validation split; the bank are the training captions. With a bank the ranks of
    videos' captions stay those of the models.

    Args:
        row: which.
        trainings: by label of a trained row, one a seed, all done.
        folder: of the study.

    Raises:
        InputError: the models are not tested on the same videos, or there is nothing to choose beta on.
    """
    ranks, paths, told = [], [], []
    for seeds in zip(*(trainings[part.label] for part in row.parts), strict=True):
        path = folder / FOLDER / f"{fingerprint(_made_from(row, seeds))}.npz"
        if not path.exists():
            _save(row, seeds, path)
        ranks.append(QueryRanks.load(path))
        paths.append(path)
        told.append(read_json(path.with_suffix(".json")))
    if row.normaliser is None:
        return Behind(ranks, paths, None)
    betas = {beta: float(np.mean([one["validation"][beta] for one in told])) for beta in told[0]["validation"]}
    chosen = "beta " + ", ".join(f"{one['beta']:g}" for one in told)
    return Behind(ranks, paths, Choice(label=row.label, tried=betas, chosen=chosen))


def _made_from(row: Derived, seeds: Sequence[Training]) -> list[object]:
    protocol = seeds[0].dataset.protocol
    queries = [[query.id for query in seeds[0].dataset.queries_of(split)] for split in protocol.splits]
    return [row.normaliser, [one.folder.name for one in seeds], queries]


def _save(row: Derived, seeds: Sequence[Training], path: Path) -> None:
    """Write the ranks, and before them what is to know of them."""
    dataset = seeds[0].dataset
    split = dataset.protocol.test
    for other in seeds[1:]:
        if other.dataset.splits[split] != dataset.splits[split]:
            raise InputError(f"'{row.parts[0].label}' and others are tested on different videos", "average others")
    models = [(load_model(one.folder)[0], one.features) for one in seeds]
    similarity, video_of = score_split(models, dataset, split)
    found: Normalised | None = None
    ranks = {"t2v": t2v_ranks(similarity, video_of), "v2t": v2t_ranks(similarity, video_of)}
    if row.normaliser:
        (found,) = normalise_models(models, dataset, split, [row.normaliser])
        ranks |= found.ranks
    count = len(video_of)
    queries = dataset.queries_of(split)
    write_json(path.with_suffix(".json"), {} if found is None else found.as_dict())
    QueryRanks(
        t2v=ranks["t2v"],
        v2t=ranks["v2t"],
        top=np.empty((count, 0), np.int64),
        top_scores=np.empty((count, 0), np.float32),
        weights=np.empty((count, 0), np.float32),
        video_of=video_of,
        caption_ids=[query.id for query in queries],
        video_ids=list(dataset.splits[split]),
        experts=[],
    ).save(path)
