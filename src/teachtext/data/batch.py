"""Padded batches of features: the border at which shapes and presence are checked.

Axes: B videos, C captions, M experts, T tokens of an expert, L words of a caption, D dimensions.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from teachtext.data.store import FeatureFile
from teachtext.data.types import FeatureRows
from teachtext.errors import InputError

Rows = slice | list[int]
"""Rows of a batch."""


@dataclass(frozen=True)
class VideoBatch:
    """Features of B videos.

    Attributes:
        ids: B video ids.
        experts: by expert, (B, T, D) float32, zero-padded; T is 1 for a pooled expert.
        lengths: by expert, (B,) int64 rows in use; 0 where the expert is missing.
    """

    ids: Sequence[str]
    experts: Mapping[str, Tensor]
    lengths: Mapping[str, Tensor]

    @property
    def present(self) -> Tensor:
        """(B, M) bool: whether an expert has features of a video; experts in the order of their sorted names."""
        return torch.stack([self.lengths[name] > 0 for name in sorted(self.lengths)], dim=1)

    def to(self, device: torch.device) -> "VideoBatch":
        """Return the batch on a device."""
        experts = {name: values.to(device) for name, values in self.experts.items()}
        return VideoBatch(self.ids, experts, {name: lengths.to(device) for name, lengths in self.lengths.items()})

    def rows(self, rows: Rows) -> "VideoBatch":
        """Return some of the videos, with padding as long as before."""
        experts = {name: values[rows] for name, values in self.experts.items()}
        return VideoBatch(
            _ids_of(self.ids, rows), experts, {name: lengths[rows] for name, lengths in self.lengths.items()}
        )


@dataclass(frozen=True)
class TextBatch:
    """Features of C captions.

    Attributes:
        ids: C caption ids.
        tokens: (C, L, D) float32, zero-padded; L is 1 for a sentence vector.
        lengths: (C,) int64 rows in use, at least 1.
    """

    ids: Sequence[str]
    tokens: Tensor
    lengths: Tensor

    def to(self, device: torch.device) -> "TextBatch":
        """Return the batch on a device."""
        return TextBatch(self.ids, self.tokens.to(device), self.lengths.to(device))

    def rows(self, rows: Rows) -> "TextBatch":
        """Return some of the captions, with padding as long as before."""
        return TextBatch(_ids_of(self.ids, rows), self.tokens[rows], self.lengths[rows])


@dataclass(frozen=True)
class Batch:
    """B captions and the video of each caption: row i of the text belongs to row i of the video.

    A video with several captions in the batch is repeated.
    """

    text: TextBatch
    video: VideoBatch

    @property
    def same_video(self) -> Tensor:
        """(B, B) bool: whether the caption of row i belongs to the video of column j, by video id.

        The diagonal is true; other entries are true where a video is repeated.
        """
        numbers = {video_id: number for number, video_id in enumerate(self.video.ids)}
        rows = torch.tensor([numbers[video_id] for video_id in self.video.ids], device=self.text.tokens.device)
        return rows[:, None] == rows

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on a device."""
        return Batch(self.text.to(device), self.video.to(device))

    def rows(self, rows: Rows) -> "Batch":
        """Return some of the pairs, with padding as long as before."""
        return Batch(self.text.rows(rows), self.video.rows(rows))


def _ids_of(ids: Sequence[str], rows: Rows) -> Sequence[str]:
    return ids[rows] if isinstance(rows, slice) else [ids[row] for row in rows]


def read_videos(
    files: Mapping[str, FeatureRows],
    ids: Sequence[str],
    *,
    max_tokens: Mapping[str, int] | None = None,
    fill: Collection[str] = (),
) -> VideoBatch:
    """Read the features of videos. A video without rows in any file lacks every expert.

    Args:
        files: feature files by expert.
        ids: B video ids.
        max_tokens: by expert, the most rows T of a sequence; an expert without an entry keeps all rows.
        fill: experts that are padded to their `max_tokens` in every batch, for models that take padding for tokens.
    """
    experts, lengths = {}, {}
    for name, file in files.items():
        experts[name], lengths[name] = _read(file, ids, (max_tokens or {}).get(name), name in fill)
    return VideoBatch(ids, experts, lengths)


def read_texts(
    file: FeatureFile, ids: Sequence[str], *, max_tokens: int | None = None, fill: bool = False
) -> TextBatch:
    """Read the features of captions.

    Args:
        file: the text encoder's feature file.
        ids: C caption ids.
        max_tokens: the most rows L of a caption; None keeps all rows.
        fill: pad to `max_tokens` in every batch, for models that take padding for tokens.

    Raises:
        InputError: a caption has no features.
    """
    tokens, lengths = _read(file, ids, max_tokens, fill)
    if (lengths == 0).any():
        caption_id = ids[int((lengths == 0).nonzero()[0])]
        raise InputError(f"{file.folder} has no features of caption '{caption_id}'", "embed the captions again")
    return TextBatch(ids, tokens, lengths)


def _read(file: FeatureRows, ids: Sequence[str], max_tokens: int | None, fill: bool) -> tuple[Tensor, Tensor]:
    rows, lengths = file.read_many(ids, max_rows=max_tokens)
    longest = max_tokens if fill and max_tokens else max(1, int(lengths.max(initial=0)))
    padded: NDArray[np.float32] = np.zeros((len(ids), longest, file.dim), np.float32)
    padded[np.arange(longest) < lengths[:, None]] = rows
    return torch.from_numpy(padded), torch.from_numpy(lengths)
