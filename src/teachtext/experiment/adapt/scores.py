"""What several embedders say about sentences and videos: their embeddings, and the mean of their z-scores."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from teachtext.data.store import FeatureFile
from teachtext.encoders.embedder import Embedder, QueryVectors
from teachtext.experiment.artifacts import Artifact, artifact_path
from teachtext.experiment.stacked import stacked_videos
from teachtext.learning.teachers import CachedTeacher
from teachtext.models.similarity import TextEmbedding
from teachtext.progress import Progress

Scores = NDArray[np.float32]

_AT_ONCE = 256
# videos and sentences whose scores give a teacher's mean and deviation
_MOST_FOR_SCALE = 1000


def embed_all(
    embedder: Embedder,
    sentences: Sequence[str],
    files: Mapping[str, FeatureFile],
    video_ids: Sequence[str],
    folder: Path,
    progress: Progress,
) -> CachedTeacher:
    """Return the embeddings of sentences and videos by an embedder; they are computed once and then read.

    Args:
        embedder: the embedder.
        sentences: the sentences. They are their own ids.
        files: feature file by expert.
        video_ids: videos that the embedder can describe.
        folder: where the embeddings are kept.
        progress: called with the number of embedded sentences.
    """
    name = embedder.identity["name"]

    def build() -> CachedTeacher:
        queries: list[QueryVectors] = []
        for start in range(0, len(sentences), _AT_ONCE):
            progress(f"ask {name}", start, len(sentences))
            queries += embedder.embed_queries(sentences[start : start + _AT_ONCE])
        videos = embedder.embed_videos(files, video_ids)
        progress(f"ask {name}", len(sentences), len(sentences))
        spaces = sorted(embedder.spaces)
        return CachedTeacher(
            caption_ids=sentences,
            text=_texts(queries, spaces),
            video_ids=video_ids,
            video=stacked_videos(videos, embedder.spaces),
            name=name,
        )

    features = {expert: files[expert].checksum() for expert in embedder.experts}
    key = [embedder.identity["fingerprint"], features, list(sentences), list(video_ids)]
    return Artifact(
        path=artifact_path(folder, "embeddings", key, ".safetensors"),
        build=build,
        write=lambda path, teacher: teacher.save(path),
        read=CachedTeacher.load,
    ).get()


def _texts(queries: Sequence[QueryVectors], spaces: Sequence[str]) -> TextEmbedding:
    vectors = {name: torch.from_numpy(np.stack([query.vectors[name] for query in queries])) for name in spaces}
    return TextEmbedding(vectors, torch.from_numpy(np.stack([query.weights for query in queries])))


def mean_opinion(
    embedded: Sequence[CachedTeacher], sentences: Sequence[str], video_ids: Sequence[str]
) -> Iterator[Scores]:
    """Yield, for 256 sentences at a time, the mean of the embedders' z-scores: (256, B).

    The mean and the deviation of an embedder are those of its scores of some of these sentences and videos, so that all
    embedders count alike.
    """
    step = max(1, len(sentences) // _MOST_FOR_SCALE)
    scales = [_scale(teacher, sentences[::step], video_ids) for teacher in embedded]
    for start in range(0, len(sentences), _AT_ONCE):
        part = sentences[start : start + _AT_ONCE]
        scores = [
            (teacher.table(part, video_ids) - mean) / deviation
            for teacher, (mean, deviation) in zip(embedded, scales, strict=True)
        ]
        yield torch.stack(scores).mean(dim=0).numpy()


def _scale(teacher: CachedTeacher, sentences: Sequence[str], video_ids: Sequence[str]) -> tuple[float, float]:
    step = max(1, len(video_ids) // _MOST_FOR_SCALE)
    table = teacher.table(sentences, video_ids[::step])
    return float(table.mean()), max(float(table.std()), 1e-6)


def first_choices(opinion: Iterator[Scores], videos: int, sentences_per_video: int) -> list[tuple[int, int]]:
    """Return the pairs of sentence and video that teach most.

    They are the best video of each sentence, and the best sentences of each video. A sentence that fits every video is
    the best of none: of each score the mean of the sentence is taken off first.

    Args:
        opinion: scores of the sentences, (C, B), in parts.
        videos: B.
        sentences_per_video: the best sentences of each video.

    Returns:
        Numbers of sentence and video, sorted by video, each pair once.

    >>> first_choices(iter([np.array([[0.9, 0.1], [0.2, 0.3], [0.0, 0.8]])]), 2, 1)
    [(0, 0), (1, 1), (2, 1)]
    """
    pairs: set[tuple[int, int]] = set()
    best_scores = np.full((sentences_per_video, videos), -np.inf)
    best_rows = np.zeros((sentences_per_video, videos), np.int64)
    start = 0
    for scores in opinion:
        pairs.update((start + row, int(column)) for row, column in enumerate(scores.argmax(axis=1)))
        above_mean = scores - scores.mean(axis=1, keepdims=True)
        rows = np.broadcast_to(np.arange(start, start + len(scores))[:, None], above_mean.shape)
        all_scores, all_rows = np.concatenate([best_scores, above_mean]), np.concatenate([best_rows, rows])
        order = np.argsort(-all_scores, axis=0, kind="stable")[:sentences_per_video]
        best_scores = np.take_along_axis(all_scores, order, axis=0)
        best_rows = np.take_along_axis(all_rows, order, axis=0)
        start += len(scores)
    for column in range(videos):
        is_there = np.isfinite(best_scores[:, column])
        pairs.update((int(row), column) for row in best_rows[is_there, column])
    return sorted(pairs, key=lambda pair: (pair[1], pair[0]))
