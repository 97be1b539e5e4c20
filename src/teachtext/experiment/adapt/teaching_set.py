"""The data set that teachers make of videos without captions: their first choices, and a part that is held out."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from teachtext.experiment.adapt.scores import Scores, first_choices, mean_opinion
from teachtext.files import write_json, write_text
from teachtext.learning.teachers import CachedTeacher
from teachtext.models.similarity import TextEmbedding

SENTENCES_PER_VIDEO = 5
_HELD_OUT = 5


@dataclass(frozen=True)
class Parts:
    """Sentences and videos to learn from, and those that are held out.

    Attributes:
        texts: sentences to learn from.
        videos: ids of the videos to learn from.
        held_texts: sentences that are held out.
        held_videos: ids of the videos that are held out.
    """

    texts: Sequence[str]
    videos: Sequence[str]
    held_texts: Sequence[str]
    held_videos: Sequence[str]

    @classmethod
    def of(cls, texts: Sequence[str], videos: Sequence[str]) -> "Parts":
        """Hold a fifth of the sentences and of the videos out, always the same ones of a list.

        >>> parts = Parts.of([f"a {n}" for n in range(20)], [f"{n}.mp4" for n in range(10)])
        >>> len(parts.texts), len(parts.held_texts), len(parts.videos), len(parts.held_videos)
        (16, 4, 8, 2)
        """
        rng = np.random.default_rng(0)
        held_texts, held_videos = (
            set(rng.permutation(len(names))[: len(names) // _HELD_OUT]) for names in (texts, videos)
        )
        return cls(
            [text for number, text in enumerate(texts) if number not in held_texts],
            [video for number, video in enumerate(videos) if number not in held_videos],
            [text for number, text in enumerate(texts) if number in held_texts],
            [video for number, video in enumerate(videos) if number in held_videos],
        )

    def held_scores(self, embedded: Sequence[CachedTeacher]) -> Scores:
        """Return the mean z-scores of the held-out sentences and videos, (C, B), by models that know them all."""
        return np.concatenate(list(mean_opinion(embedded, self.held_texts, self.held_videos)))


def write_teaching_set(
    folder: Path, teacher_files: Sequence[Path], teachers: Sequence[CachedTeacher], parts: Parts
) -> None:
    """Write a data set whose captions are the teachers' first choices, and each teacher's embeddings of the captions.

    Args:
        folder: of the data set.
        teacher_files: for the embeddings of each teacher.
        teachers: know all sentences and videos.
        parts: what is learned from, and what is held out as the split `test`.
    """
    lines: list[dict[str, str]] = []
    for texts, videos in ((parts.texts, parts.videos), (parts.held_texts, parts.held_videos)):
        pairs = first_choices(mean_opinion(teachers, texts, videos), len(videos), SENTENCES_PER_VIDEO)
        lines += [
            {"id": str(number), "video": videos[video], "text": texts[row]}
            for number, (row, video) in enumerate(pairs, start=len(lines))
        ]
    folder.mkdir(exist_ok=True)
    write_text(folder / "captions.jsonl", "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines))
    write_json(folder / "splits.json", {"train": list(parts.videos), "test": list(parts.held_videos)})
    for path, teacher in zip(teacher_files, teachers, strict=True):
        _of_captions(teacher, lines).save(path)


def _of_captions(teacher: CachedTeacher, lines: Sequence[Mapping[str, str]]) -> CachedTeacher:
    """Return a teacher of sentences as a teacher of captions, which are known by their ids."""
    rows = {text: number for number, text in enumerate(teacher.caption_ids)}
    text = teacher.text.select(torch.tensor([rows[line["text"]] for line in lines]))
    return CachedTeacher(
        caption_ids=[line["id"] for line in lines],
        text=TextEmbedding({name: vector.half() for name, vector in text.vectors.items()}, text.weights),
        video_ids=teacher.video_ids,
        video=teacher.video,
        name=teacher.name,
    )
