"""Frame weights: a teacher's scores of single rows of the right video, and the loss that teaches them (TeachCLIP)."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from teachtext.data.batch import Batch, VideoBatch
from teachtext.data.features import Features
from teachtext.errors import InputError
from teachtext.files import parse_json, write_bytes
from teachtext.learning.inference import embed_texts
from teachtext.models.pooling import length_mask
from teachtext.models.retrieval import RetrievalModel
from teachtext.models.similarity import VideoEmbedding, concat_video, similarity

FrameReduction = Literal["sum", "mean"]

# rows that are embedded at once
_ROWS = 2048


class FrameScores:
    """A teacher's scores of captions against the single rows of their own videos.

    Args:
        caption_ids: C ids.
        scores: by expert, (C, T) float32; NaN beyond the rows of the caption's video.
        made_from: checksums of the model and the features behind them.
        name: what errors call them: their file.
    """

    def __init__(
        self,
        *,
        caption_ids: Sequence[str],
        scores: Mapping[str, Tensor],
        made_from: Mapping[str, Any] | None = None,
        name: str = "the teacher",
    ) -> None:
        self.scores = scores
        self.made_from = made_from
        self.name = name
        self._row = {caption_id: row for row, caption_id in enumerate(caption_ids)}

    def of(self, batch: Batch, expert: str) -> Tensor:
        """Return the scores (B, T) of the captions of a batch, on the batch's device; anything in the padding.

        Raises:
            InputError: the teacher has read other rows of the videos than the batch has.
        """
        rows, lengths = batch.video.experts[expert], batch.video.lengths[expert]
        scores = self.scores[expert][[self._row[caption_id] for caption_id in batch.text.ids]]
        counts = (~scores.isnan()).sum(dim=1)
        if (counts != lengths.cpu()).any():
            i = int((counts != lengths.cpu()).nonzero()[0])
            raise InputError(
                f"{self.name} has scores of {int(counts[i])} rows of '{expert}' of video '{batch.video.ids[i]}', and "
                f"the student reads {int(lengths[i])}",
                "give teacher and student the same 'max_tokens'",
            )
        padded = torch.zeros(len(scores), rows.shape[1])
        width = min(rows.shape[1], scores.shape[1])
        padded[:, :width] = scores[:, :width].nan_to_num()
        return padded.to(rows.device)

    def save(self, path: Path) -> None:
        """Write the scores as one safetensors file."""
        metadata = {"captions": json.dumps(list(self._row)), "made_from": json.dumps(self.made_from)}
        write_bytes(path, save({name: values.contiguous() for name, values in self.scores.items()}, metadata))

    @classmethod
    def load(cls, path: Path) -> "FrameScores":
        """Read scores that `save` wrote.

        Raises:
            InputError: the file is missing, truncated or of another form.
        """
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata()
                captions = parse_json(metadata["captions"])
                scores = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                made_from = parse_json(metadata["made_from"])
            if not scores or any(values.ndim != 2 or len(values) != len(captions) for values in scores.values()):
                raise ValueError("its tables do not fit its captions")
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path} is no whole file of frame scores ({error})", "delete it and run again") from error
        return cls(caption_ids=captions, scores=scores, made_from=made_from, name=str(path))

    @classmethod
    @torch.no_grad()
    def made_by(
        cls,
        model: RetrievalModel,
        features: Features,
        video_of: Mapping[str, str],
        experts: Sequence[str],
        *,
        made_from: Mapping[str, Any] | None = None,
    ) -> "FrameScores":
        """Score every caption against each row of its own video, as if the video were this one row.

        Args:
            model: put in evaluation mode.
            features: what the model reads.
            video_of: by caption id, the id of its video.
            experts: whose rows are scored; the model reads them.
            made_from: see the class.
        """
        captions_of: dict[str, list[int]] = {}
        for row, video_id in enumerate(video_of.values()):
            captions_of.setdefault(video_id, []).append(row)
        text = embed_texts(model, features, list(video_of))
        scores = {}
        for expert in experts:
            longest = max((features.experts[expert].rows_of(video_id) for video_id in captions_of), default=0)
            most = min(longest, (features.max_tokens or {}).get(expert, longest))
            scores[expert] = torch.full((len(video_of), most), torch.nan)
            for video_id, captions in captions_of.items():
                frames = embed_rows(model, features, video_id, expert)
                if frames is not None:
                    rows = torch.tensor(captions)
                    scores[expert][rows, : len(frames.present)] = similarity(text.select(rows), frames)
        return cls(caption_ids=list(video_of), scores=scores, made_from=made_from)


@torch.no_grad()
def embed_rows(model: RetrievalModel, features: Features, video_id: str, expert: str) -> VideoEmbedding | None:
    """Embed each row of an expert as a video of that row alone; None where the video lacks the expert.

    Args:
        model: in evaluation mode.
        features: what the model reads.
        video_id: the video.
        expert: whose rows are embedded.
    """
    video = features.videos([video_id])
    rows = video.experts[expert][0, : int(video.lengths[expert][0])]
    if not len(rows):
        return None
    device = next(model.parameters()).device
    pieces = [_videos_of(piece, video, expert, features) for piece in torch.split(rows, _ROWS)]
    return concat_video([model.encode_video(piece.to(device)).to(torch.device("cpu")) for piece in pieces])


def _videos_of(rows: Tensor, video: VideoBatch, expert: str, features: Features) -> VideoBatch:
    """Return a video for each row (R, D), which has this row of the expert and nothing else."""
    experts, lengths = {}, {}
    for name, values in video.experts.items():
        # models that take padding for rows find as much of it as in a batch
        width = values.shape[1] if name in features.fill_tokens else 1
        experts[name] = values.new_zeros(len(rows), width, values.shape[2])
        lengths[name] = torch.full((len(rows),), int(name == expert))
    experts[expert][:, 0] = rows
    return VideoBatch([video.ids[0]] * len(rows), experts, lengths)


def frame_loss(
    logits: Tensor, teacher: Tensor, lengths: Tensor, *, temperature: float, reduction: FrameReduction
) -> Tensor:
    """Return the cross-entropy of the student's frame weights with the teacher's, for each video.

        l = - sum over rows t of p_t log q_t,    p = softmax(teacher / temperature), q = softmax(logits)

    Args:
        logits: (B, T) of the student, before the 0.1 of `teachtext.models.pooling.weighted_rows`.
        teacher: (B, T), scores of the rows.
        lengths: (B,) rows in use.
        temperature: of the teacher's softmax.
        reduction: `sum` as written, `mean` divides by the number of rows in use.

    Returns:
        (B,); 0 for a video without rows.

    >>> logits, teacher = torch.tensor([[0.0, 0.0, 9.0]]), torch.tensor([[1.0, 1.0, 9.0]])
    >>> frame_loss(logits, teacher, torch.tensor([2]), temperature=1.0, reduction="sum")
    tensor([0.6931])
    """
    mask = length_mask(lengths, logits.shape[1])
    counted = mask | ~mask.any(dim=1, keepdim=True)
    log_q = logits.masked_fill(~counted, -torch.inf).log_softmax(dim=1).masked_fill(~mask, 0)
    p = (teacher / temperature).masked_fill(~counted, -torch.inf).softmax(dim=1)
    losses = -(p * log_q).sum(dim=1)
    return losses if reduction == "sum" else losses / lengths.clamp(min=1)
