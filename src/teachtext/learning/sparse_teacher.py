"""A teacher that knows some pairs: a list of scored videos for each caption."""

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from teachtext.data.batch import Batch
from teachtext.errors import InputError
from teachtext.files import parse_json, read_text, write_text


class SparseTeacher:
    """Scores of some videos for some captions; of every other pair it knows nothing, which is NaN.

    Such lists come from whatever is too slow to score all pairs: a model that reads text and video together, or people.
    Captions and videos are found by their ids.

    Args:
        candidates: for each caption its id, the ids of its videos, and their scores on the student's scale; a score of
            NaN is the same as no score.
        name: what errors call it: its file.

    Raises:
        InputError: a caption or one of its videos comes twice, or scores and videos differ in number, or one is
            infinite; nothing is scored.
    """

    def __init__(
        self, candidates: Iterable[tuple[str, Sequence[str], Sequence[float]]], *, name: str = "the teacher"
    ) -> None:
        self.name = name
        self._row: dict[str, int] = {}
        self._column: dict[str, int] = {}
        offsets, columns, scores = [0], [], []
        for caption_id, video_ids, values in candidates:
            self._check(caption_id, video_ids, values)
            self._row[caption_id] = len(self._row)
            columns.append(
                np.array([self._column.setdefault(video_id, len(self._column)) for video_id in video_ids], np.int64)
            )
            scores.append(np.array(values, np.float32))
            offsets.append(offsets[-1] + len(values))
        if not offsets[-1]:
            raise InputError(f"{name} scores no pair of caption and video", "make it again")
        self._offsets = offsets
        self._columns, self._scores = np.concatenate(columns), np.concatenate(scores)

    def scores(self, batch: Batch) -> Tensor:
        """Return the teacher's scores (B, B) of a batch, NaN for pairs without a score, on the batch's device."""
        # the last column stands for videos that the file does not list
        table = np.full((len(batch.text.ids), len(self._column) + 1), np.nan, np.float32)
        for line, caption_id in enumerate(batch.text.ids):
            row = self._row.get(caption_id)
            if row is not None:
                span = slice(self._offsets[row], self._offsets[row + 1])
                table[line, self._columns[span]] = self._scores[span]
        columns = [self._column.get(video_id, len(self._column)) for video_id in batch.video.ids]
        return torch.from_numpy(table[:, columns]).to(batch.text.tokens.device)

    def require(self, caption_ids: Sequence[str], video_ids: Sequence[str]) -> None:
        """Raise InputError where the file lists none of these captions or none of these videos."""
        for kind, ids, row_of in (("caption", caption_ids, self._row), ("video", video_ids, self._column)):
            if row_of.keys().isdisjoint(ids):
                raise InputError(
                    f"{self.name} knows none of the {len(ids):,} training {kind}s, not even '{ids[0]}'",
                    f"give its {kind}s the ids of the dataset",
                )

    def save(self, path: Path) -> None:
        """Write it as `.jsonl`: a caption a line."""
        videos = list(self._column)
        lines = []
        for caption_id, row in self._row.items():
            span = slice(self._offsets[row], self._offsets[row + 1])
            scores = [None if math.isnan(score) else score for score in self._scores[span].tolist()]
            entry = {"caption": caption_id, "videos": [videos[column] for column in self._columns[span]]}
            lines.append(json.dumps(entry | {"scores": scores}, ensure_ascii=False) + "\n")
        write_text(path, "".join(lines))

    @classmethod
    def load(cls, path: Path) -> "SparseTeacher":
        """Read a `.jsonl` file, in each line `{"caption": id, "videos": [ids], "scores": [numbers or null]}`.

        Raises:
            InputError: the file is missing or not of this form.
        """
        lines = read_text(path).split("\n")
        return cls(
            (_candidates(path, number, line) for number, line in enumerate(lines, start=1) if line.strip()),
            name=str(path),
        )

    def _check(self, caption_id: str, video_ids: Sequence[str], values: Sequence[float]) -> None:
        problem = None
        if caption_id in self._row:
            problem = "stands twice"
        elif len(set(video_ids)) < len(video_ids):
            problem = "has a video twice"
        elif len(video_ids) != len(values):
            problem = f"has {len(video_ids)} videos and {len(values)} scores"
        elif any(math.isinf(value) for value in values):
            problem = "has an infinite score"
        if problem:
            raise InputError(f"{self.name}: caption '{caption_id}' {problem}", "correct that entry")


def _candidates(path: Path, number: int, line: str) -> tuple[str, list[str], list[float]]:
    try:
        entry: Any = parse_json(line)
        caption_id, video_ids = entry["caption"], entry["videos"]
        listed = isinstance(video_ids, list) and isinstance(entry["scores"], list)
        if not listed or not all(isinstance(item, str) for item in (caption_id, *video_ids)):
            raise TypeError("ids are texts, videos and scores are lists")
        return caption_id, video_ids, [math.nan if score is None else float(score) for score in entry["scores"]]
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise InputError(
            f"{path}, line {number} is no scored list ({type(error).__name__}: {error})",
            'write {"caption": id, "videos": [ids], "scores": [numbers]}',
        ) from error
