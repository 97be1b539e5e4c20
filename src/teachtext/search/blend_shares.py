"""The shares of several models in the score of an index: from the spread of their scores, and validation captions."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from teachtext.data.kept_captions import KeptCaption
from teachtext.search.blend import Blend, with_shares
from teachtext.search.hubness import EmbeddedBank
from teachtext.search.stores.base import Store

Floats = NDArray[np.float64]

# weights are multiples of one over this
_STEPS = 10
# Fewer validation videos choose no weights: by 22 videos of MSVD-476, weights were worse than equal ones on the test.
_LEAST_VIDEOS = 100
# captions and segments that say how far a model's scores spread, and captions that choose weights
_CAPTIONS, _SEGMENTS = 500, 10_000


class Shares(NamedTuple):
    """The share of each model in the score, by its name in the blend; and how the shares were chosen, a sentence."""

    by_model: Mapping[str, float]
    note: str


def choose_shares(
    store: Store, blend: Blend, captions: Sequence[str], validation: Sequence[KeptCaption]
) -> Shares | None:
    """Choose the shares of the models of an index that holds their vectors.

    Args:
        store: the store of the index.
        blend: the models.
        captions: texts that say how far the scores of a model spread. Without any, scores are added as they are.
        validation: captions that no model has learned from. Those whose videos are in the index choose the weights:
            the best mean reciprocal rank among these videos, and of equal ones the most even weights.

    Returns:
        The shares; None if no video is described by all models.
    """
    names = list(blend.models)
    if not captions:
        note = f"there are no captions, so the scores of {len(names)} models are added as they are"
        return Shares(dict.fromkeys(names, 1 / len(names)), note)
    ids, first, segments = _scores(store, blend, captions[:_CAPTIONS])
    if not ids:
        return None
    spreads = [np.maximum.reduceat(scores, first, axis=1) for scores in segments]
    spread = np.array([max(float(scores.std(axis=1).mean()), 1e-9) for scores in spreads])
    columns = columns_by_name(ids)
    pairs = [(caption.text, columns[caption.video_id]) for caption in validation if caption.video_id in columns]
    videos = sorted({column for _, column in pairs})
    weights, how = np.full(len(names), 1 / len(names)), "equal weights"
    if len(videos) >= _LEAST_VIDEOS:
        pairs = pairs[:_CAPTIONS]
        _, _, by_model = _scores(store, blend, [text for text, _ in pairs])
        targets = np.searchsorted(videos, [column for _, column in pairs])
        counts = np.diff([*first, by_model[0].shape[1]])
        kept = np.isin(np.repeat(np.arange(len(ids)), counts), videos)
        scaled = [scores[:, kept] / scale for scores, scale in zip(by_model, spread, strict=True)]
        weights = _best(scaled, np.cumsum([0, *counts[videos[:-1]]]), targets)
        how = f"weights chosen by {len(pairs):,} captions of {len(videos):,} validation videos"
    shares = weights / spread / (weights / spread).sum()
    listed = ", ".join(f"{name} {weight:.1f}" for name, weight in zip(names, weights, strict=True))
    note = f"the scores of {len(names)} models are standardised and added, with {how}: {listed}"
    return Shares(dict(zip(names, shares.tolist(), strict=True)), note)


def _scores(store: Store, blend: Blend, captions: Sequence[str]) -> tuple[list[str], NDArray[np.intp], list[Floats]]:
    """Return the N videos whose segments all models describe, and the scores of these S segments.

    Returns:
        N ids; (N,) the first segment of each video, whose segments stand side by side; and by model (captions, S).
    """
    queries = blend.embed_queries(captions)
    alone = [{name: float(name == model) for name in blend.models} for model in blend.models]
    banks = [EmbeddedBank([with_shares(query, shares) for query in queries], blend.spaces) for shares in alone]
    names: list[str] = []
    scores: list[list[NDArray[np.float32]]] = [[] for _ in banks]
    for pattern in store.patterns():
        if not blend.describes(pattern):
            continue
        for block in store.read(pattern):
            names += block.ids
            for of_model, bank in zip(scores, banks, strict=True):
                of_model.append(bank.scores(pattern, block.rows))
            if len(names) >= _SEGMENTS:
                break
    # the videos in the order in which they were read
    numbers: dict[str, int] = {}
    videos = np.array([numbers.setdefault(name, len(numbers)) for name in names], np.intp)
    order = np.argsort(videos, kind="stable")
    first = np.searchsorted(videos[order], np.arange(len(numbers)))
    return (
        list(numbers),
        first,
        [np.concatenate(of_model, axis=1)[:, order].astype(np.float64) for of_model in scores if of_model],
    )


def columns_by_name(ids: Sequence[str]) -> dict[str, int]:
    """Return the columns of videos by what a dataset may call them: the path without its ending, or its last parts.

    A name that two videos have is left out.
    """
    columns: dict[str, list[int]] = defaultdict(list)
    for column, item_id in enumerate(ids):
        parts = PurePosixPath(item_id).with_suffix("").parts
        for start in range(1, len(parts)):
            columns["/".join(parts[start:])].append(column)
    return {name: numbers[0] for name, numbers in columns.items() if len(numbers) == 1}


def _best(scores: Sequence[Floats], first: NDArray[np.intp], targets: NDArray[np.intp]) -> Floats:
    """Return the weights with the best mean reciprocal rank of the targets; of equal ones the most even ones.

    Args:
        scores: by model (captions, segments), the segments of a video side by side.
        first: the first segment of each video.
        targets: the video of each caption.
    """

    def quality(weights: Floats) -> tuple[float, float]:
        of_segments = np.einsum("m,mcs->cs", weights, np.stack(scores))
        together = np.maximum.reduceat(of_segments, first, axis=1)
        right = together[np.arange(len(targets)), targets][:, None]
        # half of the other videos with the same score stand before the target
        ranks = 1 + (together > right).sum(axis=1) + ((together == right).sum(axis=1) - 1) / 2
        return round(float((1 / ranks).mean()), 9), -float((weights**2).sum())

    return max(_grid(len(scores)), key=quality)


def _grid(models: int) -> Iterator[Floats]:
    """Yield the weights of a number of models: multiples of a tenth, with sum 1."""
    for counts in product(range(_STEPS + 1), repeat=models - 1):
        if sum(counts) <= _STEPS:
            yield np.array([*counts, _STEPS - sum(counts)]) / _STEPS
