"""A trained slow scorer at work: one query against a few videos, whose features it reads."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from teachtext.data.batch import TextBatch
from teachtext.data.types import FeatureRows
from teachtext.devices import resolve_device
from teachtext.encoders.embedder import pad_rows
from teachtext.encoders.query import QueryEncoder
from teachtext.errors import InputError
from teachtext.learning.checkpoint import load_scorer
from teachtext.models.similarity import NOTHING_KNOWN


class SlowScorer:
    """A slow scorer of a run, and the text encoder that its words come from.

    Args:
        folder: `scorer-...` of a run.
        device: `auto`, `cpu`, `cuda`, `cuda:<number>` or `mps`.

    Attributes:
        spec: the scorer's config; `spec.experts` are the experts that it reads.

    Raises:
        InputError: the folder holds no whole scorer; its text encoder is not installed, or encodes otherwise now.
    """

    def __init__(self, folder: Path, *, device: str = "auto") -> None:
        self.device = resolve_device(device)
        scorer, self.spec = load_scorer(folder)
        self._scorer = scorer.to(self.device)
        self._encoder = QueryEncoder(self.spec.text_encoder, device=self.device)
        if self._encoder.dim != self.spec.arguments["text_dim"]:
            raise InputError(
                f"{folder} reads words of width {self.spec.arguments['text_dim']}, and '{self.spec.text_encoder}' "
                f"gives {self._encoder.dim}",
                "use the version of the encoder that the scorer was trained with",
            )

    @torch.inference_mode()
    def scores(self, text: str, files: Mapping[str, FeatureRows], video_ids: Sequence[str]) -> NDArray[np.float32]:
        """Score a query against M videos.

        Args:
            text: the query.
            files: features by expert.
            video_ids: M ids in these files.

        Returns:
            (M,), in [-1, 1]; NaN for a video that no expert of the scorer describes.

        Raises:
            InputError: the query is empty, or features are of another width than the scorer reads.
        """
        rows = self._encoder.encode(text)
        tokens, lengths = pad_rows([rows], max_rows=self.spec.max_words, fill=self.spec.fill_words)
        device = torch.device(self.device)
        words = TextBatch(["query"], torch.from_numpy(tokens), torch.from_numpy(lengths)).to(device)
        video = self._scorer.encode_video(self.spec.videos(files, video_ids).to(device))
        scores = self._scorer.scores(self._scorer.encode_text(words), video)[0].cpu().numpy()
        return np.where(scores == NOTHING_KNOWN, np.nan, scores).astype(np.float32)
