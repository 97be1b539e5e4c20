"""Frozen teachers: their similarity matrices of a batch, from kept embeddings or from a model."""

import errno
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from teachtext.data.batch import Batch
from teachtext.data.features import Features
from teachtext.data.tensor_header import sort_metadata
from teachtext.errors import InputError
from teachtext.files import atomic_elsewhere, parse_json
from teachtext.learning.inference import embed_texts, embed_videos
from teachtext.models.retrieval import RetrievalModel
from teachtext.models.similarity import TextEmbedding, VideoEmbedding, similarity


class Teacher(Protocol):
    """Scores the captions of a batch against its videos: (B, B), without gradient."""

    def scores(self, batch: Batch) -> Tensor:
        """Return the teacher's similarity matrix, on the student's scale: mixture weights sum to 1.

        NaN marks the pairs that the teacher does not score.
        """
        ...

    def require(self, caption_ids: Sequence[str], video_ids: Sequence[str]) -> None:
        """Raise InputError unless the teacher can teach these captions and videos."""
        ...


class CachedTeacher:
    """A frozen teacher's embeddings, with mixture weights and presence, so that its scores are exact.

    The teacher's experts and text encoder need not be the student's: captions and videos are found by their ids. What
    is kept in float16 stays so in memory; scores are computed in float32.

    Args:
        caption_ids: C ids of the rows of `text`.
        text: C captions.
        video_ids: B ids of the rows of `video`.
        video: B videos.
        made_from: checksums of the model and the features behind it, where they are known.
        name: what errors call it: its file.
    """

    def __init__(
        self,
        *,
        caption_ids: Sequence[str],
        text: TextEmbedding,
        video_ids: Sequence[str],
        video: VideoEmbedding,
        made_from: Mapping[str, Any] | None = None,
        name: str = "the teacher",
    ) -> None:
        self.text = text
        self.video = video
        self.made_from = made_from
        self.name = name
        self._caption_row = {caption_id: row for row, caption_id in enumerate(caption_ids)}
        self._video_row = {video_id: row for row, video_id in enumerate(video_ids)}

    @property
    def caption_ids(self) -> list[str]:
        """Ids of the captions, in the order of the rows of `text`."""
        return list(self._caption_row)

    @property
    def video_ids(self) -> list[str]:
        """Ids of the videos, in the order of the rows of `video`."""
        return list(self._video_row)

    @torch.no_grad()
    def scores(self, batch: Batch) -> Tensor:
        """Return the teacher's similarity matrix (B, B) of a batch, on the batch's device; see `Teacher`.

        Raises:
            InputError: it does not know a caption or a video.
        """
        scores = self.table(batch.text.ids, batch.video.ids)
        is_described = self.video.select(self._videos(batch.video.ids)).described
        scores = scores.masked_fill(~is_described, torch.nan)
        return scores.to(batch.text.tokens.device)

    @torch.no_grad()
    def table(self, caption_ids: Sequence[str], video_ids: Sequence[str]) -> Tensor:
        """Return the scores (C, B) of captions against videos.

        Raises:
            InputError: it does not know one of them.
        """
        self.require(caption_ids, video_ids)
        text = self.text.select(torch.tensor([self._caption_row[caption_id] for caption_id in caption_ids]))
        video = self.video.select(self._videos(video_ids))
        return similarity(
            TextEmbedding(_single(text.vectors), text.weights.float()),
            VideoEmbedding(_single(video.vectors), video.present),
        )

    def require(self, caption_ids: Sequence[str], video_ids: Sequence[str]) -> None:
        """Raise InputError unless it knows all of these captions and videos."""
        require_ids(self.name, "caption", caption_ids, self._caption_row)
        require_ids(self.name, "video", video_ids, self._video_row)

    def _videos(self, video_ids: Sequence[str]) -> Tensor:
        return torch.tensor([self._video_row[video_id] for video_id in video_ids])

    def knows(self, caption_ids: Sequence[str], video_ids: Sequence[str]) -> bool:
        """Tell whether it knows all of these captions and videos."""
        return self._caption_row.keys() >= set(caption_ids) and self._video_row.keys() >= set(video_ids)

    def save(self, path: Path) -> None:
        """Write the cache as one safetensors file."""
        tensors = {f"text/{name}": vector for name, vector in self.text.vectors.items()}
        tensors |= {f"video/{name}": vector for name, vector in self.video.vectors.items()}
        tensors |= {"weights": self.text.weights, "present": self.video.present}
        metadata = {"captions": json.dumps(list(self._caption_row)), "videos": json.dumps(list(self._video_row))}
        if self.made_from is not None:
            metadata["made_from"] = json.dumps(self.made_from)
        with atomic_elsewhere(path) as temporary:
            try:
                # straight from the tensors: a cache can be larger than what is left of the memory
                save_file({name: value.contiguous() for name, value in tensors.items()}, temporary, metadata=metadata)
            except SafetensorError as error:
                full = errno.ENOSPC if "No space left" in str(error) else errno.EIO
                raise OSError(full, str(error)) from error
            sort_metadata(temporary)

    @classmethod
    def load(cls, path: Path) -> "CachedTeacher":
        """Read a cache.

        Raises:
            InputError: the file is missing, truncated or not such a cache, or it holds NaN.
        """
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata()
                names = [name.removeprefix("text/") for name in file.keys() if name.startswith("text/")]  # noqa: SIM118
                text = {name: file.get_tensor(f"text/{name}") for name in names}
                video = {name: file.get_tensor(f"video/{name}") for name in names}
                loaded = cls(
                    caption_ids=parse_json(metadata["captions"]),
                    text=TextEmbedding(text, file.get_tensor("weights")),
                    video_ids=parse_json(metadata["videos"]),
                    video=VideoEmbedding(video, file.get_tensor("present")),
                    made_from=parse_json(metadata.get("made_from", "null")),
                    name=str(path),
                )
            loaded._check()
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path} is not a whole teacher cache ({error})", "delete it and run again") from error
        return loaded

    @classmethod
    def of(
        cls,
        model: RetrievalModel,
        features: Features,
        caption_ids: Sequence[str],
        video_ids: Sequence[str],
        *,
        made_from: Mapping[str, Any] | None = None,
    ) -> "CachedTeacher":
        """Freeze a model: embed all captions and videos that the student will learn from."""
        return cls(
            caption_ids=caption_ids,
            text=embed_texts(model, features, caption_ids),
            video_ids=video_ids,
            video=embed_videos(model, features, video_ids),
            made_from=made_from,
        )

    def _check(self) -> None:
        """Raise ValueError where the parts do not belong together."""
        captions, videos, experts = len(self._caption_row), len(self._video_row), len(self.text.vectors)
        if not captions or not videos or not experts:
            raise ValueError("it holds no captions, videos or experts")
        wanted = {"weights": (self.text.weights, captions), "present": (self.video.present, videos)}
        for what, (table, rows) in wanted.items():
            if table.shape != (rows, experts):
                raise ValueError(f"'{what}' has shape {tuple(table.shape)}, not ({rows}, {experts})")
        for name, vector in self.text.vectors.items():
            other = self.video.vectors[name]
            if vector.ndim != 2 or vector.shape[0] != captions or other.shape != (videos, vector.shape[1]):
                raise ValueError(f"the vectors of '{name}' have shapes {tuple(vector.shape)} and {tuple(other.shape)}")
            # a missing expert has any vector, and a weight of zero: what it holds must be a number all the same
            if not vector.isfinite().all() or not other.isfinite().all():
                raise ValueError(f"the vectors of '{name}' hold NaN or infinite values")
        # a video without experts is one of which it knows nothing
        if not self.text.weights.isfinite().all():
            raise ValueError("weights that are no numbers")


class LiveTeacher:
    """A frozen model that scores every batch itself, from features of its own.

    Slower than a cache, but nothing is kept on disk or in memory beside the model.

    Args:
        model: never trained here.
        features: what it reads; captions and videos are found by their ids.
    """

    def __init__(self, *, model: RetrievalModel, features: Features) -> None:
        self.model = model.requires_grad_(False)
        self.features = features

    @torch.no_grad()
    def scores(self, batch: Batch) -> Tensor:
        """Return the teacher's similarity matrix (B, B) of a batch, on the batch's device.

        Raises:
            InputError: a caption or a video has no features.
        """
        batch_of_teacher = Batch(self.features.texts(batch.text.ids), self.features.videos(batch.video.ids))
        self.model.eval()
        embedded = self.model.embed(batch_of_teacher.to(next(self.model.parameters()).device))
        return embedded.scores.masked_fill(~embedded.video.described, torch.nan).to(batch.text.tokens.device)

    def require(self, caption_ids: Sequence[str], video_ids: Sequence[str]) -> None:
        """Raise InputError unless there are features of all of these captions and videos."""
        text, experts = self.features.text, self.features.experts.values()
        require_ids(str(text.folder), "caption", caption_ids, {i for i in caption_ids if text.rows_of(i)})
        described = {video_id for video_id in video_ids if any(file.rows_of(video_id) for file in experts)}
        require_ids(f"the features of {', '.join(self.features.experts)}", "video", video_ids, described)


def require_ids(name: str, kind: str, ids: Sequence[str], present: Collection[str]) -> None:
    """Raise InputError unless the teacher has all ids."""
    missing = [item for item in ids if item not in present]
    if missing:
        more = f" and {len(missing) - 1:,} others" if len(missing) > 1 else ""
        raise InputError(
            f"{name} knows nothing of {kind} '{missing[0]}'{more}",
            "make it again, with every training caption and video",
        )


def _single(vectors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: vector.float() for name, vector in vectors.items()}
