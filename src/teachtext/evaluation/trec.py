"""Runs and qrels in the format of TREC, which trec_eval, ir-measures, ranx and others read.

A run has lines `query Q0 document rank score tag`, qrels have lines `query 0 document 1`. trec_eval ignores the ranks:
it sorts by score, as 32-bit numbers, and equal scores by the ids of the documents, the last id first. This program
averages over ties, so figures of tied queries differ.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from teachtext.evaluation.ranks import Floats, Ints
from teachtext.files import atomic

DEPTH = 1000
"""A run holds so many documents of each query, as is usual in TREC."""
_TAG = "teachtext"


def write_trec(
    folder: Path,
    similarity: Floats,
    video_of: Ints,
    caption_ids: Sequence[str] = (),
    video_ids: Sequence[str] = (),
    *,
    prefix: str = "",
) -> list[Path]:
    """Write `t2v.run`, `t2v.qrels`, `v2t.run` and `v2t.qrels`.

    Args:
        folder: of the files; made where it is missing.
        similarity: (C, B) scores of captions against videos, higher is better.
        video_of: (C,) column of each caption's own video.
        caption_ids: of the C rows; by default c0, c1, ... Spaces in ids are written as %20.
        video_ids: of the B columns; by default v0, v1, ...
        prefix: goes before the names of the files.

    Returns:
        The paths.

    Raises:
        InputError: the folder cannot be written to.
    """
    captions = _written(caption_ids or [f"c{row}" for row in range(similarity.shape[0])])
    videos = _written(video_ids or [f"v{column}" for column in range(similarity.shape[1])])
    pairs = {"t2v": (similarity, captions, videos), "v2t": (similarity.T, videos, captions)}
    right = {
        "t2v": [(captions[row], videos[column]) for row, column in enumerate(video_of)],
        "v2t": [(videos[video_of[row]], captions[row]) for row in np.argsort(video_of, kind="stable")],
    }
    paths = []
    for direction, (scores, queries, documents) in pairs.items():
        run, qrels = (folder / f"{prefix}{direction}.{kind}" for kind in ("run", "qrels"))
        _write_run(run, scores, queries, documents)
        with atomic(qrels) as temporary, temporary.open("w", encoding="utf-8") as file:
            file.writelines(f"{query} 0 {document} 1\n" for query, document in right[direction])
        paths += [run, qrels]
    return paths


def _write_run(path: Path, scores: Floats, queries: Sequence[str], documents: Sequence[str]) -> None:
    place_of_id = np.argsort(np.argsort(np.array(documents)))
    with atomic(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for query, row in zip(queries, scores, strict=True):
            order: NDArray[np.int64] = np.lexsort((place_of_id, row))[::-1][:DEPTH]
            file.writelines(
                f"{query} Q0 {documents[document]} {rank} {score} {_TAG}\n"
                for rank, (document, score) in enumerate(zip(order, _plain(row[order]), strict=True), start=1)
            )


def _plain(scores: NDArray[np.generic]) -> list[object]:
    # numbers of Python, whose text holds every digit
    return list((scores.astype(np.int8) if scores.dtype.kind == "b" else scores).tolist())


def _written(ids: Sequence[str]) -> list[str]:
    """Return ids without the spaces that separate the fields of a line."""
    return [re.sub(r"[\s%]", lambda mark: quote(mark[0]), str(name)) for name in ids]
