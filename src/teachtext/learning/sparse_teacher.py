"""A teacher that knows some pairs: a list of scored videos for each caption."""

import json
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from teachtext.data.batch import Batch
from teachtext.errors import InputError, first_of
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

    def remarks(self, video_of: Mapping[str, str], video_ids: Collection[str]) -> list[str]:
        """Return a sentence for each kind of id that the file and the training split do not share.

        Args:
            video_of: the training captions by id, each with the id of its own video.
            video_ids: of the training videos.

        Raises:
            InputError: a list of a training caption has no score of the caption's own video. Such a list would teach
                wrong pairs alone.
        """
        listed = {caption_id: self._list(caption_id) for caption_id in video_of if caption_id in self._row}
        lacking = [
            caption_id
            for caption_id, scores in listed.items()
            if math.isnan(scores.get(video_of[caption_id], math.nan))
        ]
        if lacking:
            raise InputError(
                f"{self.name} has no score of the right video for {len(lacking):,} of {len(listed):,} training "
                f"captions (first: '{lacking[0]}', video '{video_of[lacking[0]]}')",
                "score the right video of every listed caption too",
            )
        unlisted = [caption_id for caption_id in video_of if caption_id not in self._row]
        remarks = {
            "captions of the file are no training captions": [key for key in self._row if key not in video_of],
            "videos of the file are no training videos": [key for key in self._column if key not in video_ids],
            "training captions are not in the file": unlisted,
        }
        return [f"{self.name}: {len(ids):,} {what}: {first_of(ids)}" for what, ids in remarks.items() if ids]

    def save(self, path: Path) -> None:
        """Write it as `.jsonl`: a caption a line."""
        lines = []
        for caption_id in self._row:
            scored = self._list(caption_id)
            scores = [None if math.isnan(score) else score for score in scored.values()]
            entry = {"caption": caption_id, "videos": list(scored), "scores": scores}
            lines.append(json.dumps(entry, ensure_ascii=False) + "\n")
        write_text(path, "".join(lines))

    @classmethod
    def load(cls, path: Path, *, ids_of: Mapping[str, Sequence[str]] | None = None) -> "SparseTeacher":
        """Read a `.jsonl` file of lists or of pairs.

        A list is a line `{"caption": id, "videos": [ids], "scores": [numbers or null]}`. A pair is a line
        `{"caption": id or text, "video": id, "score": number}`; the pairs of a caption need not stand together.

        Args:
            path: the file.
            ids_of: the ids of the captions with a text, by text, for pairs that name a caption by its text.

        Raises:
            InputError: the file is missing, or of another form.
        """
        return cls(_lists(path, ids_of or {}), name=str(path))

    def _list(self, caption_id: str) -> dict[str, float]:
        """Return the scores of a caption that the file lists, by video id."""
        span = slice(self._offsets[self._row[caption_id]], self._offsets[self._row[caption_id] + 1])
        videos = [self._videos[column] for column in self._columns[span]]
        return dict(zip(videos, self._scores[span].tolist(), strict=True))

    @cached_property
    def _videos(self) -> list[str]:
        return list(self._column)

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


def _lists(path: Path, ids_of: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, list[str], list[float]]]:
    """Yield the lists of a file, and at its end those that its pairs make."""
    pairs: dict[str, tuple[list[str], list[float]]] = {}
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            entry: Any = parse_json(line)
            if "score" not in entry:
                yield _list_of(entry)
                continue
            caption, video_id, score = _pair_of(entry)
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise InputError(
                f"{path}, line {number} is no scored list or pair ({type(error).__name__}: {error})",
                'write {"caption": id, "videos": [ids], "scores": [numbers]}, '
                'or {"caption": id or text, "video": id, "score": number}',
            ) from error
        for caption_id in ids_of.get(caption, [caption]):
            videos, scores = pairs.setdefault(caption_id, ([], []))
            videos.append(video_id)
            scores.append(score)
    yield from ((caption_id, videos, scores) for caption_id, (videos, scores) in pairs.items())


def _list_of(entry: Any) -> tuple[str, list[str], list[float]]:
    caption_id, video_ids = entry["caption"], entry["videos"]
    listed = isinstance(video_ids, list) and isinstance(entry["scores"], list)
    if not listed or not all(isinstance(item, str) for item in (caption_id, *video_ids)):
        raise TypeError("ids are texts, videos and scores are lists")
    return caption_id, video_ids, [math.nan if score is None else float(score) for score in entry["scores"]]


def _pair_of(entry: Any) -> tuple[str, str, float]:
    caption, video_id, score = entry["caption"], entry["video"], entry["score"]
    if not isinstance(caption, str) or not isinstance(video_id, str):
        raise TypeError("caption and video are texts")
    if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
        raise TypeError("the score is no finite number")
    return caption, video_id, float(score)
