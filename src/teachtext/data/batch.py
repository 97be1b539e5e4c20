"""Padded batches of features: the border where shapes, presence and finiteness are checked, once.

Axes: B videos, C captions, M experts, T tokens of an expert, L words of a caption, D dimensions.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from teachtext.data.store import FeatureFile
from teachtext.errors import InputError


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
        """(B, M) bool: which experts, in the order of their sorted names, describe which videos."""
        return torch.stack([self.lengths[name] > 0 for name in sorted(self.lengths)], dim=1)

    def to(self, device: torch.device) -> "VideoBatch":
        """Return the batch on a device."""
        experts = {name: values.to(device) for name, values in self.experts.items()}
        return VideoBatch(self.ids, experts, {name: lengths.to(device) for name, lengths in self.lengths.items()})


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


@dataclass(frozen=True)
class Batch:
    """B captions and the video of each: row i of the text belongs to row i of the video.

    A video of which several captions are there comes as often as they.
    """

    text: TextBatch
    video: VideoBatch

    @property
    def same_video(self) -> Tensor:
        """(B, B) bool: whether row i's caption is one of column j's video, by its id.

        That is the diagonal, and more where a video comes twice.
        """
        numbers = {video_id: number for number, video_id in enumerate(self.video.ids)}
        of = torch.tensor([numbers[video_id] for video_id in self.video.ids], device=self.text.tokens.device)
        return of[:, None] == of

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on a device."""
        return Batch(self.text.to(device), self.video.to(device))


def read_videos(
    files: Mapping[str, FeatureFile],
    ids: Sequence[str],
    *,
    max_tokens: Mapping[str, int] | None = None,
    fill: Collection[str] = (),
) -> VideoBatch:
    """Read the features of videos. A video that no file describes is one that lacks every expert.

    Args:
        files: feature files by expert.
        ids: B video ids.
        max_tokens: by expert, keep at most the first T rows of a sequence; all where it is not named.
        fill: experts that are padded to their `max_tokens` whatever the batch, for models that take padding for tokens.
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
        max_tokens: keep at most the first L rows of a caption.
        fill: pad to `max_tokens` whatever the batch, for models that take padding for tokens.

    Raises:
        InputError: a caption without features.
    """
    tokens, lengths = _read(file, ids, max_tokens, fill)
    if (lengths == 0).any():
        caption_id = ids[int((lengths == 0).nonzero()[0])]
        raise InputError(f"{file.folder} has no features of caption '{caption_id}'", "embed the captions again")
    return TextBatch(ids, tokens, lengths)


def _read(file: FeatureFile, ids: Sequence[str], max_tokens: int | None, fill: bool) -> tuple[Tensor, Tensor]:
    items = [file.read(item_id, max_rows=max_tokens) for item_id in ids]
    lengths = np.array([len(item) for item in items], np.int64)
    longest = max_tokens if fill and max_tokens else max(1, int(lengths.max(initial=0)))
    padded: NDArray[np.float32] = np.zeros((len(items), longest, file.dim), np.float32)
    for row, item in zip(padded, items, strict=True):
        row[: len(item)] = item
    return torch.from_numpy(padded), torch.from_numpy(lengths)
