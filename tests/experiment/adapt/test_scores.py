from collections.abc import Iterator

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from teachtext.experiment.adapt.agreement import agreement_of
from teachtext.experiment.adapt.scores import first_choices, mean_opinion
from teachtext.learning.teachers import CachedTeacher
from teachtext.models.similarity import TextEmbedding, VideoEmbedding


@st.composite
def tables(draw: st.DrawFn) -> NDArray[np.float64]:
    rows, columns = draw(st.integers(1, 12)), draw(st.integers(1, 8))
    seed = draw(st.integers(0, 10_000))
    # distinct scores, so that there is one right order
    return np.random.default_rng(seed).permutation(rows * columns).reshape(rows, columns).astype(float)


@given(tables(), st.integers(1, 4), st.integers(1, 5))
def test_first_choices_are_the_best_of_each_row_and_of_each_column(
    table: NDArray[np.float64], sentences_per_video: int, rows_at_once: int
):
    parts: Iterator[NDArray[np.float64]] = (
        table[start : start + rows_at_once] for start in range(0, len(table), rows_at_once)
    )
    pairs = first_choices(parts, table.shape[1], sentences_per_video)
    above_mean = table - table.mean(axis=1, keepdims=True)
    expected = {(row, int(scores.argmax())) for row, scores in enumerate(table)}
    for column in range(table.shape[1]):
        best = np.argsort(-above_mean[:, column], kind="stable")[:sentences_per_video]
        expected |= {(int(row), column) for row in best}
    assert set(pairs) == expected
    assert len(pairs) == len(expected)
    assert [video for _, video in pairs] == sorted(video for _, video in pairs)


def _teacher(scores: NDArray[np.float64]) -> CachedTeacher:
    """A teacher with these scores: the vectors of its videos are unit vectors."""
    texts, videos = scores.shape
    return CachedTeacher(
        caption_ids=[f"text {number}" for number in range(texts)],
        text=TextEmbedding({"space": torch.from_numpy(scores).float()}, torch.ones(texts, 1)),
        video_ids=[f"video {number}" for number in range(videos)],
        video=VideoEmbedding({"space": torch.eye(videos)}, torch.ones(videos, 1, dtype=torch.bool)),
    )


def test_teachers_count_alike_whatever_their_scale():
    random = np.random.default_rng(1)
    first, second = random.normal(size=(2, 30, 5))
    texts, videos = [f"text {number}" for number in range(30)], [f"video {number}" for number in range(5)]
    both = np.concatenate(list(mean_opinion([_teacher(first), _teacher(second)], texts, videos)))
    scaled = np.concatenate(list(mean_opinion([_teacher(3 + 100 * first), _teacher(second)], texts, videos)))
    np.testing.assert_allclose(both, scaled, atol=1e-4)


def test_agreement_is_whole_for_the_same_order_and_none_for_the_opposite():
    scores = np.random.default_rng(2).normal(size=(40, 10)).astype(np.float32)
    same, opposite = agreement_of(3 * scores - 1, scores), agreement_of(-scores, scores)
    assert (same.metrics["r1"], same.correlation) == (100.0, 1.0)
    assert (opposite.metrics["r1"], round(opposite.correlation, 6)) == (0.0, -1.0)
    assert same.chance["r1"] == 10.0
    assert same.interval is not None and same.interval.high == 100.0


def test_a_student_that_says_the_same_of_all_videos_agrees_by_chance():
    scores = np.random.default_rng(3).normal(size=(40, 10)).astype(np.float32)
    nothing = agreement_of(np.zeros_like(scores), scores)
    assert nothing.correlation == 0.0
    assert nothing.metrics["mdr"] == 5.5
