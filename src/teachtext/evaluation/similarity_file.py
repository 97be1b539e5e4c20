"""Files of similarity matrices: which rows are captions, and of which video."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.data.arrays import read_arrays
from teachtext.errors import InputError
from teachtext.evaluation.metrics import Metrics, retrieval_metrics
from teachtext.evaluation.ranks import Floats, Ints

_MATRIX = "similarity"
_COUNTS = "captions_per_video"


@dataclass(frozen=True)
class StoredScores:
    """The arguments of `retrieval_metrics`.

    Attributes:
        similarity: (C, B) scores, one row for each caption that exists.
        video_of: (C,) column of each caption's own video.
    """

    similarity: Floats
    video_of: Ints

    def metrics(self) -> dict[str, Metrics]:
        """Return the metrics by direction."""
        return retrieval_metrics(self.similarity, self.video_of)


def read_similarity(path: Path) -> dict[str, StoredScores]:
    """Read the similarity matrices of a file.

    An .npy file holds one square matrix: text i belongs to video i. An .npz file holds `similarity` and
    `captions_per_video` (V,). Its rows go video by video, in one of two forms. Packed rows are the captions that exist.
    Slotted rows are (V * C): C slots a video, of which the first `captions_per_video` count and the rest are dropped.
    A file may hold several cases, `<case>/similarity` and `<case>/captions_per_video`.

    Args:
        path: an .npy or .npz file.

    Returns:
        Scores by case. The name of a single case is empty.

    Raises:
        InputError: the file is damaged, a matrix holds NaN, or shapes and counts do not fit.
    """
    arrays = read_arrays(path)
    if isinstance(arrays, np.ndarray):
        scores = _matrix(arrays, str(path))
        if scores.shape[0] != scores.shape[1]:
            raise InputError(
                f"{path} holds {scores.shape[0]} x {scores.shape[1]} scores, not a square",
                f"save '{_MATRIX}' and '{_COUNTS}' in an .npz file",
            )
        return {"": StoredScores(_without_nan(scores, str(path)), np.arange(len(scores)))}
    return cases_of(arrays, path)


def cases_of(arrays: Mapping[str, NDArray[Any]], path: Path) -> dict[str, StoredScores]:
    """Read the cases among the arrays of an .npz file (see `read_similarity`)."""
    names = [name for name in arrays if name == _MATRIX or name.endswith(f"/{_MATRIX}")]
    if not names:
        raise InputError(f"{path} holds no '{_MATRIX}'", f"save '{_MATRIX}' and '{_COUNTS}' in it")
    return {name.removesuffix(_MATRIX).rstrip("/"): _case(arrays, name, path) for name in names}


def _case(arrays: Mapping[str, NDArray[Any]], name: str, path: Path) -> StoredScores:
    counted = name.removesuffix(_MATRIX) + _COUNTS
    if counted not in arrays:
        raise InputError(f"{path} holds '{name}' but no '{counted}'", "save how many captions each video has")
    scores, counts = _matrix(arrays[name], f"{path}: '{name}'"), arrays[counted]
    rows, videos = scores.shape
    if counts.dtype.kind not in "iu" or counts.shape != (videos,) or counts.min() < 1:
        raise InputError(
            f"{path}: '{counted}' is not one count for each of {videos} videos", "save whole numbers from 1"
        )
    captions = sum(counts.tolist())
    if rows != captions:
        slots = rows // videos
        if rows % videos or slots < counts.max():
            raise InputError(
                f"{path}: '{name}' has {rows} rows for {captions} captions of {videos} videos",
                "save one row a caption, or the same number of slots for every video",
            )
        scores = scores[(np.arange(slots) < counts[:, None]).ravel()]
    return StoredScores(_without_nan(scores, f"{path}: '{name}'"), np.repeat(np.arange(videos), counts))


def _matrix(array: NDArray[Any], what: str) -> Floats:
    if array.ndim != 2 or array.size == 0 or array.dtype.kind not in "fiu":
        raise InputError(f"{what} is not a matrix of scores but {array.dtype} {array.shape}", "save (captions, videos)")
    return array


def _without_nan(scores: Floats, what: str) -> Floats:
    if np.isnan(scores).any():
        raise InputError(f"{what} holds NaN", "check the features and the model that made it")
    return scores
