"""A trained model as an embedder of queries and videos, on a device."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from teachtext.data.batch import TextBatch
from teachtext.data.types import FeatureRows
from teachtext.devices import resolve_device
from teachtext.encoders.embedder import QueryVectors, VideoVectors, pad_rows
from teachtext.encoders.query import QueryEncoder
from teachtext.files import fingerprint
from teachtext.learning.checkpoint import load_model
from teachtext.learning.model_files import WEIGHTS

_BATCH = 256


class TrainedModel:
    """A model that was trained with TeachText, or imported (see `teachtext.encoders.embedder.Embedder`).

    Args:
        folder: the folder of the model.
        device: `auto`, `cpu`, `cuda`, `cuda:<number>` or `mps`.

    Attributes:
        folder: the folder of the model.
        device: the device that computes, as torch writes it.
        spec: the model's config.

    Raises:
        InputError: the folder holds no whole model (see `load_model`), or the device is not there.
    """

    def __init__(self, folder: str | Path, *, device: str = "auto") -> None:
        self.device = resolve_device(device)
        self.folder = Path(folder)
        model, self.spec = load_model(self.folder)
        self._model = model.to(self.device)
        self.experts = self.spec.experts
        self.expert_settings = self.spec.expert_settings
        with (self.folder / WEIGHTS).open("rb") as file:
            weights = hashlib.file_digest(file, "sha256").hexdigest()
        spec = self.spec
        settings = [spec.kind, dict(spec.arguments), spec.text_encoder, spec.max_words, dict(spec.max_tokens)]
        self.identity: Mapping[str, Any] = {
            "kind": "trained",
            "name": self.folder.resolve().name,
            "folder": str(self.folder.resolve()),
            "fingerprint": fingerprint([weights, settings]),
        }
        probe = self._embed([np.zeros((1, spec.arguments["text_dim"]), np.float32)])[0]
        self.spaces = {name: len(vector) for name, vector in probe.vectors.items()}

    def embed_query(self, text: str) -> QueryVectors:
        """Embed one query; see `QueryEmbedder.embed_query`."""
        return self.embed_queries([text])[0]

    def embed_queries(self, texts: Sequence[str]) -> list[QueryVectors]:
        """Embed C queries; see `QueryEmbedder.embed_queries`."""
        return [
            query
            for start in range(0, len(texts), _BATCH)
            for query in self._embed_texts(texts[start : start + _BATCH])
        ]

    def _embed_texts(self, texts: Sequence[str]) -> list[QueryVectors]:
        encoded = self._encoder.encode_all(texts)
        embedded = self._embed([query.rows for query in encoded])
        return [
            replace(vectors, read=query.read(self.spec.max_words), unread=query.unread)
            for vectors, query in zip(embedded, encoded, strict=True)
        ]

    @cached_property
    def _encoder(self) -> QueryEncoder:
        return QueryEncoder(self.spec.text_encoder, device=self.device)

    def _embed(self, captions: Sequence[NDArray[np.float32]]) -> list[QueryVectors]:
        """Embed the features of C captions, each (rows, D)."""
        tokens, lengths = pad_rows(captions, max_rows=self.spec.max_words, fill=self.spec.fill_words)
        batch = TextBatch([""] * len(captions), torch.from_numpy(tokens), torch.from_numpy(lengths))
        with torch.inference_mode():
            text = self._model.encode_text(batch.to(torch.device(self.device)))
        vectors = {name: values.cpu().numpy() for name, values in text.vectors.items()}
        weights = text.weights.cpu().numpy()
        return [
            QueryVectors({name: values[row] for name, values in vectors.items()}, weights[row])
            for row in range(len(captions))
        ]

    def embed_videos(self, files: Mapping[str, FeatureRows], video_ids: Sequence[str]) -> list[VideoVectors]:
        """Embed B videos; see `Embedder.embed_videos`."""
        return [
            vectors
            for start in range(0, len(video_ids), _BATCH)
            for vectors in self._embed_videos(files, video_ids[start : start + _BATCH])
        ]

    def _embed_videos(self, files: Mapping[str, FeatureRows], video_ids: Sequence[str]) -> list[VideoVectors]:
        with torch.inference_mode():
            video = self._model.encode_video(self.spec.videos(files, video_ids).to(torch.device(self.device)))
        vectors = {name: video.vectors[name].cpu().numpy() for name in sorted(video.vectors)}
        return [
            {name: vectors[name][row] for name, is_present in zip(vectors, present, strict=True) if is_present}
            for row, present in enumerate(video.present.tolist())
        ]
