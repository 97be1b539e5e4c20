"""Frozen teachers: whatever can say what it thinks of a batch."""

import errno
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from teachtext.data.batch import Batch
from teachtext.data.features import Features
from teachtext.errors import InputError
from teachtext.files import atomic
from teachtext.learning.inference import embed_texts, embed_videos
from teachtext.models.retrieval import RetrievalModel
from teachtext.models.similarity import TextEmbedding, VideoEmbedding, similarity


class Teacher(Protocol):
    """Scores the captions of a batch against its videos: (B, B), without gradient."""

    def scores(self, batch: Batch) -> Tensor:
        """Return the teacher's similarity matrix, on the student's scale: mixture weights sum to 1.

        NaN in the column of a video of which it knows nothing: it has no opinion, and is not asked.
        """
        ...


class CachedTeacher:
    """A frozen teacher's embeddings, with mixture weights and presence, so that its scores are exact.

    The teacher's experts and text encoder need not be the student's: captions and videos are found by their ids.

    Args:
        caption_ids: C ids of the rows of `text`.
        text: C captions.
        video_ids: B ids of the rows of `video`.
        video: B videos.
    """

    def __init__(
        self, *, caption_ids: Sequence[str], text: TextEmbedding, video_ids: Sequence[str], video: VideoEmbedding
    ) -> None:
        self.text = text
        self.video = video
        self._caption_row = {caption_id: row for row, caption_id in enumerate(caption_ids)}
        self._video_row = {video_id: row for row, video_id in enumerate(video_ids)}

    def require(self, *, caption_ids: Iterable[str], video_ids: Iterable[str], source: Path) -> None:
        """Check that the teacher knows all that a student learns from; by ids, in whatever order.

        Args:
            caption_ids: of the student's captions.
            video_ids: of the student's videos.
            source: where the teacher is from, for the error.

        Raises:
            InputError: naming the first caption or video that it does not know.
        """
        for what, needed, known in (
            ("caption", caption_ids, self._caption_row),
            ("video", video_ids, self._video_row),
        ):
            missing = [one for one in needed if one not in known]
            if missing:
                raise InputError(
                    f"{source} does not know {what} '{missing[0]}'"
                    + (f" and {len(missing) - 1} more" if missing[1:] else ""),
                    "make that teacher anew, from the captions and videos that the student learns from",
                )

    @torch.no_grad()
    def scores(self, batch: Batch) -> Tensor:
        """Return the teacher's similarity matrix (B, B) of a batch, on the batch's device; see `Teacher`."""
        captions = torch.tensor([self._caption_row[caption_id] for caption_id in batch.text.ids])
        videos = torch.tensor([self._video_row[video_id] for video_id in batch.video.ids])
        video = self.video.select(videos)
        found = similarity(self.text.select(captions), video).masked_fill(~video.known, torch.nan)
        return found.to(batch.text.tokens.device)

    def save(self, path: Path) -> None:
        """Write the cache as one safetensors file."""
        tensors = {f"text/{name}": vector for name, vector in self.text.vectors.items()}
        tensors |= {f"video/{name}": vector for name, vector in self.video.vectors.items()}
        tensors |= {"weights": self.text.weights, "present": self.video.present}
        ids = {"captions": json.dumps(list(self._caption_row)), "videos": json.dumps(list(self._video_row))}
        with atomic(path) as temporary:
            try:
                # straight from the tensors: a cache can be larger than what is left of the memory
                save_file({name: value.contiguous() for name, value in tensors.items()}, temporary, metadata=ids)
            except SafetensorError as error:
                full = errno.ENOSPC if "No space left" in str(error) else errno.EIO
                raise OSError(full, str(error)) from error

    @classmethod
    def load(cls, path: Path) -> "CachedTeacher":
        """Read a cache.

        Raises:
            InputError: the file is missing, truncated or not such a cache.
        """
        try:
            with safe_open(path, framework="pt") as file:
                ids = file.metadata()
                names = [name.removeprefix("text/") for name in file.keys() if name.startswith("text/")]  # noqa: SIM118
                text = {name: file.get_tensor(f"text/{name}") for name in names}
                video = {name: file.get_tensor(f"video/{name}") for name in names}
                return cls(
                    caption_ids=json.loads(ids["captions"]),
                    text=TextEmbedding(text, file.get_tensor("weights")),
                    video_ids=json.loads(ids["videos"]),
                    video=VideoEmbedding(video, file.get_tensor("present")),
                )
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path} is not a whole teacher cache ({error})", "delete it and run again") from error

    @classmethod
    def of(
        cls, model: RetrievalModel, features: Features, caption_ids: Sequence[str], video_ids: Sequence[str]
    ) -> "CachedTeacher":
        """Freeze a model: embed all captions and videos that the student will learn from."""
        return cls(
            caption_ids=caption_ids,
            text=embed_texts(model, features, caption_ids),
            video_ids=video_ids,
            video=embed_videos(model, features, video_ids),
        )
