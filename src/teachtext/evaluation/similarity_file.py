"""Files of similarity matrices: which rows are captions, and of which video."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.data.arrays import read_arrays
from teachtext.data.tensors import is_safetensors, is_torch, read_safetensors, read_torch
from teachtext.errors import InputError
from teachtext.evaluation.metrics import Metrics, retrieval_metrics
from teachtext.evaluation.ranks import Floats, Ints, not_finite
from teachtext.evaluation.score_table import ScoreTable, is_text, read_score_table

_MATRIX = "similarity"
_COUNTS = "captions_per_video"
_TEXT = (".csv", ".tsv", ".txt")


@dataclass(frozen=True)
class StoredScores:
    """The arguments of `retrieval_metrics`.

    Attributes:
        similarity: (C, B) scores, one row for each caption that exists.
        video_of: (C,) column of each caption's own video.
        caption_ids: of the C rows; empty where the file names none.
        video_ids: of the B columns; empty where the file names none.
        notes: how the file was understood, where it does not say so itself; a sentence each.
    """

    similarity: Floats
    video_of: Ints
    caption_ids: Sequence[str] = ()
    video_ids: Sequence[str] = ()
    notes: Sequence[str] = ()

    def metrics(self, *, ndcg: bool = False) -> dict[str, Metrics]:
        """Return the metrics by direction."""
        return retrieval_metrics(self.similarity, self.video_of, ndcg=ndcg)


def read_similarity(path: Path) -> dict[str, StoredScores]:
    """Read the similarity matrices of a file: .npy, .npz, .pt, .pth, .safetensors, or a table of text.

    The format is found by content. A matrix may have these forms; what has to be guessed is said in `notes`.

    - (N, N): text i belongs to video i.
    - (V, K, V): K captions for each of V videos. Rows of minus infinity behind the captions of a video fill up, as
      CLIP4Clip's evaluation does, and are left out.
    - (V * K, V) without counts: the rows go video by video, K each. (V, V * K) is the same transposed.
    - (C, V) with `captions_per_video` (V,) in the file: the rows go video by video, in one of two forms. Packed rows
      are the captions that exist. Slotted rows are (V * K): K slots a video, of which the first `captions_per_video`
      count and the rest are dropped.
    - a table whose rows and columns have names: a row belongs to the column of its name, or of its name before '#'.

    Numbers may be whole numbers of any width, truth values, or floating point of any width. A file of several arrays
    holds `similarity`, or several cases, `<case>/similarity` and `<case>/captions_per_video`.

    Args:
        path: a file.

    Returns:
        Scores by case. The name of a single case is empty.

    Raises:
        InputError: the file is damaged, a matrix holds NaN or infinity, or shapes and counts do not fit.
    """
    if path.is_file() and is_safetensors(path):
        return cases_of(read_safetensors(path), path)
    if path.is_file() and (is_torch(path) or (path.suffix in (".pt", ".pth") and not path.stat().st_size)):
        loaded = read_torch(path)
        return {"": scores_alone(loaded, str(path))} if isinstance(loaded, np.ndarray) else cases_of(loaded, path)
    if path.is_file() and (path.suffix.lower() in _TEXT or is_text(path)):
        return {"": _of_table(read_score_table(path), path)}
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is no file", "give a file of similarities")
    arrays = read_arrays(path)
    return {"": scores_alone(arrays, str(path))} if isinstance(arrays, np.ndarray) else cases_of(arrays, path)


def cases_of(arrays: Mapping[str, NDArray[Any]], path: Path) -> dict[str, StoredScores]:
    """Read the cases among named arrays (see `read_similarity`)."""
    names = [name for name in arrays if name == _MATRIX or name.endswith(f"/{_MATRIX}")]
    matrices = [name for name in arrays if arrays[name].ndim > 1]
    if not names and len(matrices) == 1 and _COUNTS not in arrays:
        # a file of one matrix needs no name
        scores = scores_alone(arrays[matrices[0]], f"{path}: '{matrices[0]}'" if len(arrays) > 1 else str(path))
        others = ", ".join(f"'{name}'" for name in arrays if name not in matrices)
        return {"": replace(scores, notes=[*scores.notes, *([f"not read: {others}"] if others else [])])}
    if not names:
        held = ", ".join(f"'{name}'" for name in list(arrays)[:5]) or "no array"
        raise InputError(f"{path} holds no '{_MATRIX}', but {held}", f"save '{_MATRIX}' and '{_COUNTS}' in it")
    return {name.removesuffix(_MATRIX).rstrip("/"): _case(arrays, name, path) for name in names}


def _case(arrays: Mapping[str, NDArray[Any]], name: str, path: Path) -> StoredScores:
    counted = name.removesuffix(_MATRIX) + _COUNTS
    if counted not in arrays:
        return scores_alone(arrays[name], f"{path}: '{name}'")
    what = f"{path}: '{name}'"
    scores, counts, notes = _flat(arrays[name], what), arrays[counted], list[str]()
    slots_said = arrays[name].shape[1] if arrays[name].ndim == 3 else None
    if counts.dtype.kind in "iu" and counts.shape == scores.shape[:1] != scores.shape[1:]:
        scores = scores.T
        notes.append(f"the {len(counts):,} rows of the file are videos, so the matrix was read transposed")
    rows, videos = scores.shape
    if counts.dtype.kind not in "iu" or counts.shape != (videos,) or counts.min() < 1:
        raise InputError(
            f"{path}: '{counted}' is not one count for each of {videos} videos", "save whole numbers from 1"
        )
    captions = sum(counts.tolist())
    used = np.arange(rows)
    if rows != captions:
        slots = rows // videos
        if rows % videos or slots < counts.max():
            raise InputError(
                f"{path}: '{name}' has {rows} rows for {captions} captions of {videos} videos",
                "save one row a caption, or the same number of slots for every video",
            )
        used = np.flatnonzero((np.arange(slots) < counts[:, None]).ravel())
    return StoredScores(
        _finite(scores, used, what, slots_said), np.repeat(np.arange(videos), counts), notes=tuple(notes)
    )


def scores_alone(array: NDArray[Any], what: str) -> StoredScores:
    """Understand a matrix by its shape alone (see `read_similarity`).

    Args:
        array: the matrix.
        what: its name in messages.

    Raises:
        InputError: it is no matrix of finite numbers, or the shape does not say which row belongs to which video.
    """
    scores, notes = _flat(array, what), list[str]()
    rows, videos = scores.shape
    slots = array.shape[1] if array.ndim == 3 else None
    if rows < videos and videos % rows == 0:
        scores = scores.T
        notes.append(f"the {rows:,} rows of the file are videos, so the matrix was read transposed")
        rows, videos = scores.shape
    if rows % videos:
        raise InputError(
            f"{what} holds {rows} x {videos} scores, not a square",
            f"save '{_MATRIX}' and '{_COUNTS}' in an .npz file, or (videos, captions a video, videos)",
        )
    each = rows // videos
    if each > 1:
        notes.append(f"{rows:,} rows, {videos:,} videos: each video has {each} captions, the rows go video by video")
    used: Ints = np.arange(rows)
    if slots is not None:
        used = _unfilled(array)
        if len(used) < rows:
            notes[:] = [f"{rows - len(used):,} rows of minus infinity fill up videos with fewer captions; left out"]
    return StoredScores(_finite(scores, used, what, slots), used // each, notes=tuple(notes))


def _unfilled(array: NDArray[Any]) -> Ints:
    """Return the rows of an array (V, K, V), flattened, but for those of minus infinity at the end of each video."""
    if array.dtype.kind != "f":
        return np.arange(array.shape[0] * array.shape[1])
    filling: NDArray[np.bool_] = np.all(np.isneginf(array), axis=-1)
    is_last = np.logical_and.accumulate(filling[:, ::-1], axis=1)[:, ::-1]
    # a video without a caption is no filling: its first row is refused
    is_last[:, 0] = False
    return np.flatnonzero(~is_last.ravel())


def _of_table(table: ScoreTable, path: Path) -> StoredScores:
    """Join the rows of a table to its columns by their names, or by their places."""
    rows, columns = table.row_names, table.column_names
    if rows is None or columns is None or len({*columns}) < len(columns):
        placed = scores_alone(table.scores, str(path))
        return placed if placed.similarity.shape != table.scores.shape else _named(placed, rows, columns)
    place = {name: column for column, name in enumerate(columns)}
    column_of = [place.get(name, place.get(name.rpartition("#")[0])) for name in rows]
    joined = [column for column in column_of if column is not None]
    if not joined:
        return _named(scores_alone(table.scores, str(path)), rows, columns)
    if len(joined) < len(column_of):
        name = rows[column_of.index(None)]
        lost = f"{len(column_of) - len(joined):,} of {len(column_of):,} rows do not"
        raise InputError(
            f"{path}: row '{name}' belongs to no column, {lost}",
            "name each row as the column of its video, or '<video>#<number>'",
        )
    scores = _finite(_flat(table.scores, str(path)), np.arange(len(rows)), str(path), None)
    note = () if np.array_equal(joined, np.arange(len(columns))) else ("rows belong to videos by their names",)
    ids = rows if len({*rows}) == len(rows) else [f"{name}#{number}" for number, name in enumerate(rows)]
    return StoredScores(scores, np.array(joined), ids, columns, note)


def _named(scores: StoredScores, rows: Sequence[str] | None, columns: Sequence[str] | None) -> StoredScores:
    captions, videos = (names if names and len({*names}) == len(names) else () for names in (rows, columns))
    return StoredScores(scores.similarity, scores.video_of, captions, videos, scores.notes)


def _flat(array: NDArray[Any], what: str) -> Floats:
    """Return a matrix of numbers, (V * K, V) of an array (V, K, V)."""
    if array.ndim not in (2, 3) or array.size == 0 or array.dtype.kind not in "fiub":
        raise InputError(f"{what} is not a matrix of scores but {array.dtype} {array.shape}", "save (captions, videos)")
    if array.ndim == 3 and array.shape[0] != array.shape[2]:
        raise InputError(
            f"{what} has the shape {array.shape}", "save (videos, captions a video, videos), or (captions, videos)"
        )
    return array.reshape(-1, array.shape[-1])


def _finite(scores: Floats, used: Ints, what: str, slots: int | None) -> Floats:
    """Return the used rows; refuse scores that are not finite, and name the first by its place in the file."""
    chosen = scores if len(used) == len(scores) else scores[used]
    if bad := not_finite(chosen):
        row = int(used[bad.row])
        place = str(bad._replace(row=row))
        if slots is not None:
            place = f"{bad.name} in caption {row % slots + 1} of video {row // slots + 1}, column {bad.column + 1}"
        raise InputError(f"{what} holds {place}", "check the features and the model that made it")
    return chosen
