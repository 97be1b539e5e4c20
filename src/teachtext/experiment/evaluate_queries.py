"""A trained model on a split, by the number of queries that are asked for each caption."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from teachtext.data.batch import TextBatch
from teachtext.data.features import Features
from teachtext.data.folder import load_folder
from teachtext.data.protocol import Protocol
from teachtext.devices import AUTO, resolve_device
from teachtext.encoders.embedder import pad_rows
from teachtext.encoders.query import QueryEncoder
from teachtext.experiment.tested_split import TestedSplit
from teachtext.learning.checkpoint import load_model
from teachtext.learning.fused_queries import query_rows
from teachtext.learning.inference import embed_videos
from teachtext.models.retrieval import RetrievalModel
from teachtext.models.similarity import TextEmbedding, VideoEmbedding, similarity
from teachtext.progress import Progress, silent
from teachtext.rewriting.fusion import Fusion, fuse_scores
from teachtext.rewriting.quality import COUNTS, TIMED, QualityByQueries, check_counts, rank_by_queries
from teachtext.rewriting.writer import Writer


@dataclass(frozen=True)
class _Embedded:
    """Queries of a trained model (see `teachtext.rewriting.quality.AskedQueries`)."""

    text: TextEmbedding
    video: VideoEmbedding

    @property
    def rows(self) -> NDArray[np.float32]:
        return query_rows(self.text)

    def scores(self, places: Sequence[int]) -> NDArray[np.float32]:
        return similarity(self.text.select(torch.tensor(list(places))), self.video).numpy()


class _Gallery:
    """Embeds queries for the videos of a split.

    Args:
        model: the trained model.
        features: of the videos, and the longest caption.
        encoder: of the queries.
        video_ids: B videos.
        device: where the model computes.
    """

    def __init__(
        self, model: RetrievalModel, features: Features, encoder: QueryEncoder, video_ids: Sequence[str], device: str
    ) -> None:
        self._model, self._features, self._encoder, self._device = model, features, encoder, torch.device(device)
        self._video = embed_videos(model, features, video_ids)

    @torch.no_grad()
    def __call__(self, texts: Sequence[str]) -> _Embedded:
        rows = [self._encoder.encode(text) for text in texts]
        tokens, lengths = pad_rows(rows, max_rows=self._features.max_words, fill=self._features.fill_words)
        batch = TextBatch([""] * len(texts), torch.from_numpy(tokens), torch.from_numpy(lengths))
        text = self._model.encode_text(batch.to(self._device)).to(torch.device("cpu"))
        return _Embedded(text, self._video)


def evaluate_by_queries(
    model_folder: Path,
    dataset_folder: Path,
    features: Path,
    writer: Writer,
    *,
    split: str | None = None,
    language: str | None = None,
    counts: Sequence[int] = COUNTS,
    fuse: Fusion = "reciprocal",
    seconds: float = 10.0,
    device: str = AUTO,
    progress: Progress = silent,
) -> QualityByQueries:
    """Rank the videos of a split for each of its captions, with one and with several queries.

    Each caption is a query. The gallery is that of `evaluate_folder`. Written queries are embedded by the model's text
    encoder.

    Args:
        model_folder: a trained model.
        dataset_folder: captions and splits; the video files may be missing.
        features: folder with `video/<expert>`, and `text/<encoder>` where the model reads captions from there.
        writer: writes the queries.
        split: name of a split; by default `test`.
        language: the captions of this language alone are queries; by default all are.
        counts: numbers of queries, the caption itself among them.
        fuse: how the rankings of several queries become one.
        seconds: time limit of the writer for a caption.
        device: where the model computes (see `teachtext.devices`).
        progress: told how many captions are ranked.

    Raises:
        InputError: something is missing or does not fit; the split holds videos that the model was trained on.
    """
    numbers, device = check_counts(counts), resolve_device(device)
    dataset = load_folder(dataset_folder, protocol=Protocol(), missing_videos="keep", language=language)
    tested = TestedSplit(dataset, folder=dataset_folder, features=features, split=split)
    model, spec = load_model(model_folder)
    read = tested.features_of(spec, model_folder)
    # a query that is asked twice is encoded twice, or its time would not be measured
    encoder = QueryEncoder(spec.text_encoder, device=device, remember=0)
    video_ids, captions = tested.videos, tested.queries
    ask = _Gallery(model.to(device), read, encoder, video_ids, device)
    column = {video_id: number for number, video_id in enumerate(video_ids)}
    measured = rank_by_queries(
        captions,
        [column[caption.video_id] for caption in captions],
        ask,
        writer,
        counts=numbers,
        fuse=fuse,
        seconds=seconds,
        progress=progress,
    )
    search_ms = {count: _search_ms(ask, list(measured.asked.values()), count, fuse) for count in numbers}
    return replace(measured, search_ms=search_ms, notes=[*tested.notes, *measured.notes])


def _search_ms(ask: _Gallery, asked: Sequence[Sequence[str]], count: int, fuse: Fusion) -> float:
    """Return the median time to encode, score and fuse a number of queries, in milliseconds, over some captions."""
    taken = []
    for texts in asked[:TIMED]:
        begin = time.perf_counter()
        scores = ask(texts[:count]).scores(range(len(texts[:count])))
        if len(scores) > 1:
            fuse_scores(scores, fuse)
        taken.append(time.perf_counter() - begin)
    return 1000 * float(np.median(taken))
