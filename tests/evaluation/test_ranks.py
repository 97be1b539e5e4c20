"""Ranks of large matrices: the same in pieces, and without a second matrix. What a rank is: test_metrics.py."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teachtext.evaluation import ranks
from teachtext.evaluation.ranks import t2v_ranks, top_columns, v2t_ranks

# few different scores, so that many are equal; captions in any order, videos with any number of them
matrices = st.integers(1, 6).flatmap(
    lambda videos: st.tuples(
        st.integers(0, 2**32 - 1).map(np.random.default_rng),
        st.lists(st.integers(0, videos - 1), max_size=12).map(lambda more: [*range(videos), *more]),
        st.integers(1, 40),
    )
)


def position(scores, right):
    """Average position of all scores equal to the right one in a descending sort."""
    return float(np.mean(np.flatnonzero(np.sort(scores)[::-1] == right)))


@settings(deadline=None)
@given(matrices)
def test_pieces_of_any_size_give_the_ranks_of_the_whole(drawn):
    random, own_scores, cells = drawn
    video_of = random.permutation(own_scores)
    similarity = random.choice(np.float32([-1, 0, 0.5, np.inf]), size=(len(own_scores), max(own_scores) + 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranks, "_CELLS_AT_ONCE", cells)
        t2v, v2t, top = t2v_ranks(similarity, video_of), v2t_ranks(similarity, video_of), top_columns(similarity, 3)
    assert t2v.tolist() == [position(row, row[video]) for row, video in zip(similarity, video_of, strict=True)]
    assert v2t.tolist() == [
        min(position(column, score) for score in column[video_of == video]) for video, column in enumerate(similarity.T)
    ]
    np.testing.assert_array_equal(top, np.argsort(-similarity, axis=1, kind="stable")[:, :3])


@pytest.mark.parametrize("ranked", [t2v_ranks, v2t_ranks, lambda similarity, _: top_columns(similarity, 5)])
def test_a_large_matrix_is_not_copied(ranked):
    similarity = np.random.default_rng(0).random((16_000, 2_000), np.float32)
    tracemalloc.start()
    try:
        ranked(similarity, np.arange(16_000) % 2_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < similarity.nbytes / 4
