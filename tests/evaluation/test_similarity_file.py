import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teachtext.errors import InputError
from teachtext.evaluation.metrics import retrieval_metrics
from teachtext.evaluation.similarity_file import read_similarity


def test_a_square_matrix(tmp_path):
    scores = np.array([[0.9, 0.1], [0.8, 0.2]], np.float16)
    np.save(tmp_path / "s.npy", scores)
    (by_case,) = read_similarity(tmp_path / "s.npy").values()
    assert by_case.metrics() == retrieval_metrics(scores, np.arange(2))


@settings(deadline=None)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=5), st.integers(0, 2), st.integers(0, 9))
def test_slots_and_packed_rows_are_the_same_captions(tmp_path_factory, counts, spare, seed):
    path = tmp_path_factory.getbasetemp() / "s.npz"
    slots = max(counts) + spare
    padded = np.random.default_rng(seed).normal(size=(len(counts), slots, len(counts)))
    packed = np.concatenate([rows[:count] for rows, count in zip(padded, counts, strict=True)])
    for video, count in enumerate(counts):
        padded[video, count:] = np.nan
    for scores in (padded.reshape(-1, len(counts)), packed):
        np.savez(path, similarity=scores, captions_per_video=np.array(counts))
        (by_case,) = read_similarity(path).values()
        np.testing.assert_array_equal(by_case.similarity, packed)
        np.testing.assert_array_equal(by_case.video_of, np.repeat(np.arange(len(counts)), counts))


def test_cases(tmp_path):
    cases = {f"{case}/similarity": np.eye(2) for case in ("x", "y/z")}
    np.savez(tmp_path / "s.npz", **cases, **{f"{case}/captions_per_video": np.ones(2, int) for case in ("x", "y/z")})
    assert list(read_similarity(tmp_path / "s.npz")) == ["x", "y/z"]


def npy(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


ONES = np.ones(2, int)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "not a whole"),
        (b"nonsense", "not a whole"),
        (npy(np.eye(9))[:-8], "not a whole"),
        (npz(similarity=np.eye(9), captions_per_video=np.ones(9, int))[:-40], "not a whole"),
        (npy(np.array([{}]), allow_pickle=True), "not a whole"),
        (npz(similarity=np.array([[{}]]), captions_per_video=ONES), "not a whole"),
        (npy(np.zeros((2, 3))), "2 x 3 scores, not a square"),
        (npy(np.zeros(3)), "not a matrix of scores"),
        (npy(np.zeros((0, 0))), "not a matrix of scores"),
        (npy(np.array([["a"]])), "not a matrix of scores"),
        (npy(np.eye(2, dtype=complex)), "not a matrix of scores"),
        (npy(np.full((2, 2), np.nan)), "holds NaN"),
        (npz(scores=np.eye(2)), "holds no 'similarity'"),
        (npz(similarity=np.eye(2)), "no 'captions_per_video'"),
        (npz(similarity=np.full((2, 2), np.nan), captions_per_video=ONES), "holds NaN"),
        (npz(similarity=np.eye(2), captions_per_video=np.ones(3, int)), "not one count for each of 2 videos"),
        (npz(similarity=np.eye(2), captions_per_video=np.ones(2)), "not one count for each of 2 videos"),
        (npz(similarity=np.eye(2), captions_per_video=np.array([2, 0])), "not one count for each of 2 videos"),
        (npz(similarity=np.ones((5, 2)), captions_per_video=ONES), "5 rows for 2 captions of 2 videos"),
        (npz(similarity=np.ones((4, 2)), captions_per_video=np.array([3, 2])), "4 rows for 5 captions of 2 videos"),
        (npz(similarity=np.eye(2), captions_per_video=np.array([2**62] * 2)), "2 rows for "),
    ],
)
def test_bad_files(tmp_path, content, problem):
    path = tmp_path / "scores"
    path.write_bytes(content)
    with pytest.raises(InputError, match=problem) as caught:
        read_similarity(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"none\.npz does not exist: check the path"):
        read_similarity(tmp_path / "none.npz")
