"""Results by direction: from text, video, sound or a pair of them to what they are not, twelve directions in all."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.data.arrays import DAMAGED
from teachtext.errors import InputError, first_of
from teachtext.evaluation.compare import Pair, compare_parts
from teachtext.evaluation.metrics import MRR, Metrics, metrics_from_ranked, reciprocal_rank
from teachtext.evaluation.ndcg import t2v_ndcg, v2t_ndcg
from teachtext.evaluation.query_ranks import QueryRanks
from teachtext.evaluation.ranks import Ranked, rank_t2v, rank_v2t
from teachtext.evaluation.results import DirectionResults
from teachtext.files import write_bytes

# two forms that have no modality in common; what has text has a row a caption, and stands on the left
_PAIRS = (
    ("text", "video"),
    ("text", "audio"),
    ("video", "audio"),
    ("text", "video + audio"),
    ("text + audio", "video"),
    ("text + video", "audio"),
)
FORMS = tuple(dict.fromkeys(form for pair in _PAIRS for form in pair))
"""Text, video, audio and their pairs, as they are asked and answered."""
DIRECTION_NAMES = tuple(
    f"{asked} to {answer}" for left, right in _PAIRS for asked, answer in ((left, right), (right, left))
)
"""The twelve directions."""
_ARRAYS = ("ranks", "ties", "ndcg", "video_of", "query_ids", "video_ids", "answers")


@dataclass(frozen=True, kw_only=True)
class EmbeddedForms:
    """C captions and B videos in one space.

    Attributes:
        vectors: by form (see `FORMS`), unit vectors: (C, D) where it has text, (B, D) elsewhere; anything where a
            modality is missing.
        has: by modality, (B,): whether a video has `video`, `audio`.
        video_of: (C,) column of each caption's own video.
        caption_ids: C ids.
        video_ids: B ids.
    """

    vectors: Mapping[str, NDArray[np.float32]]
    has: Mapping[str, NDArray[np.bool_]]
    video_of: NDArray[np.int64]
    caption_ids: Sequence[str]
    video_ids: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class DirectionRanks:
    """The ranks of one direction: N queries.

    Attributes:
        direction: one of `DIRECTION_NAMES`.
        ranks: (N,) 0-based ranks of the best right answer, ties averaged.
        ties: (N,) number of answers with exactly the score of that answer.
        ndcg: (N,) nDCG@10 of each query.
        video_of: (N,) column of the video of each query.
        query_ids: ids of captions or videos.
        video_ids: of the columns.
        answers: the number of items that are ranked.
    """

    direction: str
    ranks: NDArray[np.float64]
    ties: NDArray[np.int64]
    ndcg: NDArray[np.float64]
    video_of: NDArray[np.int64]
    query_ids: Sequence[str]
    video_ids: Sequence[str]
    answers: int

    @property
    def metrics(self) -> Metrics:
        """The metrics of the field, nDCG@10 and the mean reciprocal rank; of one query or more."""
        metrics = metrics_from_ranked(Ranked(self.ranks, self.ties), self.ndcg)
        return Metrics({**metrics, MRR: reciprocal_rank(self.ranks)}, metrics.ties)

    def as_dict(self) -> dict[str, Any]:
        """Return counts and metrics for files; without queries there are no metrics."""
        counts = {"queries": len(self.ranks), "answers": self.answers}
        return {**counts, **self.metrics} if len(self.ranks) else counts

    @property
    def as_query_ranks(self) -> QueryRanks:
        """The same as text-to-video ranks, for comparisons."""
        nothing = np.zeros((len(self.ranks), 0))
        return QueryRanks(
            t2v=self.ranks,
            v2t=np.zeros(len(self.video_ids)),
            top=nothing.astype(np.int64),
            top_scores=nothing.astype(np.float32),
            weights=nothing.astype(np.float32),
            video_of=self.video_of,
            caption_ids=self.query_ids,
            video_ids=self.video_ids,
            experts=[],
        )


def ranks_by_direction(forms: EmbeddedForms) -> list[DirectionRanks]:
    """Rank in all twelve directions, each of the videos that have all its modalities, and of their captions.

    Args:
        forms: captions and videos; every video has a caption.
    """
    return [ranks for left, right in _PAIRS for ranks in _both_ways(left, right, forms)]


def left_out(has: Mapping[str, NDArray[np.bool_]], video_ids: Sequence[str]) -> list[str]:
    """Return a sentence for each modality that some videos lack: how many, and of how many directions.

    >>> left_out({"video": np.array([True, True]), "audio": np.array([True, False])}, ["a", "b"])
    ["1 of 2 tested videos has no audio features and is left out of the 10 directions with audio: 'b'"]
    """
    sentences = []
    for modality, there in has.items():
        lacking = [video_id for video_id, is_there in zip(video_ids, there, strict=True) if not is_there]
        directions = sum(modality in name for name in DIRECTION_NAMES)
        if len(lacking) == len(video_ids):
            sentences.append(
                f"no tested video has {modality} features: the {directions} directions with {modality} are empty"
            )
        elif lacking:
            has_no, is_left = ("has", "is") if len(lacking) == 1 else ("have", "are")
            some = f"{len(lacking):,} of {len(video_ids):,} tested videos"
            sentences.append(
                f"{some} {has_no} no {modality} features and {is_left} left out of the {directions} directions with "
                f"{modality}: {first_of(lacking)}"
            )
    return sentences


def results_by_direction(
    pairs: Sequence[Pair], ranks: Mapping[str, Sequence[Sequence[DirectionRanks]]], **settings: Any
) -> list[DirectionResults]:
    """Return the results of a study for each direction. The comparisons of all directions are one family (Holm).

    Args:
        pairs: the compared rows, by their labels; those without ranks are left out.
        ranks: by label, on the test split, one a seed.
        settings: of `significance.compare`.
    """
    by_name = {
        name: {label: [seed[number] for seed in by_seed] for label, by_seed in ranks.items()}
        for number, name in enumerate(DIRECTION_NAMES)
    }
    first = {name: next(iter(by_label.values()))[0] for name, by_label in by_name.items()}
    asked = {name: by_label for name, by_label in by_name.items() if len(first[name].ranks)}
    compared = compare_parts(
        pairs,
        {
            name: {label: [seed.as_query_ranks for seed in by_seed] for label, by_seed in by_label.items()}
            for name, by_label in asked.items()
        },
        **settings,
    )
    return [
        DirectionResults(
            direction=name,
            queries=len(first[name].ranks),
            answers=first[name].answers,
            rows={label: [seed.metrics.as_dict() for seed in by_seed] for label, by_seed in by_label.items()}
            if name in asked
            else {},
            comparisons=compared.get(name, []),
        )
        for name, by_label in by_name.items()
    ]


def save_directions(path: Path, directions: Sequence[DirectionRanks]) -> None:
    """Write the ranks of all directions as an .npz file."""
    buffer = io.BytesIO()
    values = {f"{ranks.direction}/{name}": np.asarray(getattr(ranks, name)) for ranks in directions for name in _ARRAYS}
    np.savez_compressed(buffer, **values)  # type: ignore[arg-type]
    write_bytes(path, buffer.getbuffer())


def load_directions(path: Path) -> list[DirectionRanks]:
    """Read an .npz file.

    Raises:
        InputError: it is missing, truncated or not of this form.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            values = {
                direction: {name: file[f"{direction}/{name}"] for name in _ARRAYS} for direction in DIRECTION_NAMES
            }
    except DAMAGED as error:
        raise InputError(f"{path} is not a whole file of directions", "delete it and run again") from error
    return [
        DirectionRanks(
            direction=direction,
            **arrays
            | {"query_ids": arrays["query_ids"].tolist(), "video_ids": arrays["video_ids"].tolist()}
            | {"answers": int(arrays["answers"])},
        )
        for direction, arrays in values.items()
    ]


def _both_ways(left: str, right: str, forms: EmbeddedForms) -> list[DirectionRanks]:
    """Return the ranks of a pair of forms in both directions."""
    kept = np.logical_and.reduce([there for modality, there in forms.has.items() if modality in f"{left} {right}"])
    columns = np.flatnonzero(kept)
    if "text" in left:
        rows, owner, ids_of_rows = np.flatnonzero(kept[forms.video_of]), forms.video_of, forms.caption_ids
    else:
        rows, owner, ids_of_rows = columns, np.arange(len(kept)), forms.video_ids
    column_of = (np.cumsum(kept) - 1)[owner[rows]]
    of_videos = [forms.video_ids[column] for column in columns.tolist()]
    of_queries = [ids_of_rows[row] for row in rows.tolist()]
    ids = {f"{left} to {right}": of_queries, f"{right} to {left}": of_videos}
    nothing = Ranked(np.zeros(0), np.zeros(0, np.int64))
    ranked, ndcg = (nothing, nothing), (np.zeros(0), np.zeros(0))
    if len(columns):
        similarity = forms.vectors[left][rows] @ forms.vectors[right][columns].T
        ranked = rank_t2v(similarity, column_of), rank_v2t(similarity, column_of)
        ndcg = t2v_ndcg(ranked[0]), v2t_ndcg(similarity, column_of)
    return [
        DirectionRanks(
            direction=name,
            ranks=ranked[way].ranks,
            ties=ranked[way].ties,
            ndcg=ndcg[way],
            video_of=(column_of, np.arange(len(columns)))[way],
            query_ids=query_ids,
            video_ids=of_videos,
            answers=(len(columns), len(rows))[way],
        )
        for way, (name, query_ids) in enumerate(ids.items())
    ]
