"""Test models with score normalisers: training captions are the query bank, the selecting split chooses beta."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from teachtext.data.features import Features
from teachtext.data.types import Dataset
from teachtext.errors import InputError
from teachtext.evaluation.query_bank import QueryBank
from teachtext.evaluation.ranks import mean_similarity
from teachtext.evaluation.score_normalisation import (
    BETAS,
    BetaChoice,
    Normalised,
    choose_beta,
    normalise,
    normalisers_named,
)
from teachtext.learning.inference import score_pieces
from teachtext.models.retrieval import RetrievalModel

Loaded = tuple[RetrievalModel, Features]
"""A model and the features that it reads."""
Scored = tuple[NDArray[np.float32], NDArray[np.int64]]
"""(C, B) similarities of a split's queries and videos, and (C,) the column of each query's own video."""


def normalise_models(
    models: Sequence[Loaded], dataset: Dataset, split: str, names: Sequence[str], *, beta: float | None = None
) -> list[Normalised]:
    """Test one model, or the mean of several, with score normalisers.

    Args:
        models: their similarities are averaged.
        dataset: its training captions are the query bank, and its selecting split chooses beta.
        split: the tested split.
        names: keys of `NORMALISERS`.
        beta: of all normalisers; by default it is chosen.

    Raises:
        InputError: an unknown name, a tested split that is also the bank or chooses beta, no split to choose on, or
            missing features.
    """
    normalisers = normalisers_named(names)
    fixed = None if beta is None else BetaChoice(beta)
    chosen_on = split if fixed else _selecting(dataset, split)
    scored = {name: score_split(models, dataset, name) for name in dict.fromkeys([split, chosen_on])}
    banks: Mapping[str, QueryBank] = {}
    if any(normaliser.needs_bank for normaliser in normalisers):
        banks = _banks(models, dataset, list(scored), [beta] if beta is not None else BETAS)
    results = []
    for normaliser in normalisers:
        choice = fixed or choose_beta(normaliser, *scored[chosen_on], banks.get(chosen_on))
        results.append(normalise(normaliser, *scored[split], choice, banks.get(split)))
    return results


def score_split(models: Sequence[Loaded], dataset: Dataset, split: str) -> Scored:
    """Score the queries of a split against its videos with one model, or with several and average."""
    queries, videos = dataset.queries_of(split), dataset.splits[split]
    column = {video_id: number for number, video_id in enumerate(videos)}
    similarity = np.empty((len(queries), len(videos)), np.float32)
    for rows, part in _pieces(models, [query.id for query in queries], videos):
        similarity[rows] = part
    return similarity, np.array([column[query.video_id] for query in queries])


def _banks(
    models: Sequence[Loaded], dataset: Dataset, splits: Sequence[str], betas: Sequence[float]
) -> dict[str, QueryBank]:
    """Make the bank of all training captions for the videos of each split; the captions are embedded once."""
    train = dataset.protocol.train
    if train in splits:
        raise InputError(f"the captions of split '{train}' are the query bank", "test on another split")
    captions = [caption.id for caption in dataset.queries_of(train)]
    videos = [video_id for split in splits for video_id in dataset.splits[split]]
    ends = np.cumsum([len(dataset.splits[split]) for split in splits])[:-1]
    banks = {split: QueryBank(betas) for split in splits}
    for _, part in _pieces(models, captions, videos):
        for split, columns in zip(splits, np.split(part, ends, axis=1), strict=True):
            banks[split].add(columns)
    return banks


def _selecting(dataset: Dataset, split: str) -> str:
    select = dataset.protocol.select
    if select is None or not dataset.splits.get(select):
        raise InputError("no split is there to choose beta on", "give '--beta'")
    if select == split:
        raise InputError(f"beta is chosen on split '{split}', so it cannot be tested there", "give '--beta'")
    return select


def _pieces(
    models: Sequence[Loaded], caption_ids: Sequence[str], video_ids: Sequence[str]
) -> Iterator[tuple[slice, NDArray[np.floating]]]:
    """Yield a slice of the captions, and their similarities to the videos, averaged over the models."""
    scored = [score_pieces(model, features, caption_ids, video_ids) for model, features in models]
    for pieces in zip(*scored, strict=True):
        yield pieces[0][0], mean_similarity([similarity for _, similarity, _ in pieces])
