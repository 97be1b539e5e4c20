import io
import os
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from teachtext.errors import InputError
from teachtext.evaluation.metrics import retrieval_metrics
from teachtext.evaluation.ranks import top_columns
from teachtext.evaluation.similarity_file import read_similarity


def test_a_square_matrix(tmp_path):
    scores = np.array([[0.9, 0.1], [0.8, 0.2]], np.float16)
    np.save(tmp_path / "s.npy", scores)
    (by_case,) = read_similarity(tmp_path / "s.npy").values()
    assert by_case.metrics() == retrieval_metrics(scores, np.arange(2))


@pytest.mark.slow
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
        (npz(scores=np.eye(2), others=np.eye(2)), "holds no 'similarity'"),
        (npz(similarity=np.ones((5, 2))), "5 x 2 scores, not a square: save 'similarity' and 'captions_per_video'"),
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


SCORES = np.random.default_rng(0).normal(size=(3, 3))


def written(tmp_path, name, content):
    path = tmp_path / name
    if isinstance(content, str):
        path.write_text(content)
    elif name.endswith(".npy"):
        np.save(path, content)
    elif name.endswith(".safetensors"):
        save_file(content, path)
    else:
        torch.save(content, path)
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("s.pt", torch.from_numpy(SCORES)),
        ("s.pth", SCORES),
        ("s.pt", {"sim": torch.from_numpy(SCORES), "epoch": 3}),
        ("s.pt", [SCORES]),
        ("s.safetensors", {"any": torch.from_numpy(SCORES)}),
        ("s.csv", "\n".join(",".join(map(repr, row)) for row in SCORES.tolist())),
        ("s.tsv", "\n".join("\t".join(map(repr, row)) for row in SCORES.tolist())),
        ("s.txt", "\ufeff" + "\r\n".join(" ".join(map(repr, row)) for row in SCORES.tolist())),
        ("s", "\n".join(";".join(str(x).replace(".", ",") for x in row) for row in SCORES.tolist())),
        ("s.csv", ",0,1,2\n" + "\n".join(f"{n}," + ",".join(map(repr, r)) for n, r in enumerate(SCORES.tolist()))),
        ("s.txt", "# three captions\n\n" + "\n".join(" ".join(map(repr, row)) for row in SCORES.tolist()) + "\n"),
        ("s.csv", "0,1,2\n" + "\n".join(",".join(map(repr, row)) for row in SCORES.tolist())),
    ],
)
def test_formats_are_told_apart_by_their_content(tmp_path, name, content):
    (by_case,) = read_similarity(written(tmp_path, name, content)).values()
    np.testing.assert_array_equal(by_case.similarity, SCORES)
    np.testing.assert_array_equal(by_case.video_of, np.arange(3))
    assert not by_case.notes


@pytest.mark.parametrize("dtype", ["bool", "u1", "i1", "i2", "u8", "i8", ">i4", "f2", ">f8", "g"])
def test_numbers_of_every_width_rank_as_they_are(tmp_path, dtype):
    scores = np.random.default_rng(1).integers(0, 2 if dtype == "bool" else 100, (12, 4)).astype(dtype)
    (by_case,) = read_similarity(written(tmp_path, "s.npy", scores)).values()
    expected = retrieval_metrics(scores.astype(float), np.repeat(np.arange(4), 3), ndcg=True)
    assert by_case.metrics(ndcg=True) == expected
    assert top_columns(scores, 2).tolist() == top_columns(scores.astype(float), 2).tolist()


def test_whole_numbers_beyond_the_digits_of_a_float_are_no_ties(tmp_path):
    scores = np.array([[2**53 + 1, 2**53], [2**53, 2**53 + 1]])
    text = "\n".join(",".join(map(str, row)) for row in scores.tolist())
    for name, content in (("s.npy", scores), ("s.csv", text), ("s.pt", torch.from_numpy(scores))):
        (by_case,) = read_similarity(written(tmp_path, name, content)).values()
        metrics = by_case.metrics()
        assert metrics["t2v"].r1 == metrics["v2t"].r1 == 100 and metrics["t2v"].ties.tied == 0, name


@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
def test_bfloat16_and_float16(tmp_path, suffix):
    scores = torch.tensor([[1.5, -2.0], [0.25, 3.0]])
    for dtype in (torch.bfloat16, torch.float16):
        (by_case,) = read_similarity(written(tmp_path, f"s.{suffix}", {"s": scores.to(dtype)})).values()
        np.testing.assert_array_equal(by_case.similarity, scores.numpy())


def test_layouts_that_had_to_be_guessed_are_said(tmp_path):
    scores = np.random.default_rng(2).normal(size=(4, 3, 4))
    packed, own = scores.reshape(12, 4), np.repeat(np.arange(4), 3)
    for layout, note in (
        (scores, "each video has 3 captions"),
        (packed, "each video has 3 captions"),
        (packed.T, "the 4 rows of the file are videos, so the matrix was read transposed"),
    ):
        (by_case,) = read_similarity(written(tmp_path, "s.npy", layout)).values()
        np.testing.assert_array_equal(by_case.similarity, packed)
        np.testing.assert_array_equal(by_case.video_of, own)
        assert note in by_case.notes[0]
    counts = np.array([1, 3, 2, 1])
    used = np.concatenate([rows[:count] for rows, count in zip(scores, counts, strict=True)])
    for stored in (scores, packed, used, used.T):
        np.savez(tmp_path / "s.npz", similarity=stored, captions_per_video=counts)
        (by_case,) = read_similarity(tmp_path / "s.npz").values()
        np.testing.assert_array_equal(by_case.similarity, used)
        assert ("transposed" in "".join(by_case.notes)) == (stored.shape == (4, 7))


def test_rows_of_a_table_belong_to_the_columns_of_their_names(tmp_path):
    table = "caption;cat;dog\ndog#0;0,1;0,9\ncat#0;0,8;1\ncat#1;1;0\n"
    (by_case,) = read_similarity(written(tmp_path, "s.csv", table)).values()
    assert by_case.video_of.tolist() == [1, 0, 0] and by_case.similarity[0].tolist() == [0.1, 0.9]
    assert (by_case.caption_ids, by_case.video_ids) == (["dog#0", "cat#0", "cat#1"], ["cat", "dog"])
    assert by_case.notes == ("rows belong to videos by their names",)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("s.csv", "1,2\n3,x\n", "has 'x', which is no number, in line 2, column 2"),
        ("s.csv", "# two captions\n\n1,2\n\n3,x\n", "has 'x', which is no number, in line 5, column 2"),
        ("s.csv", "1,2\n3\n", "has 1 fields in line 2 and 2 in the lines before"),
        ("s.csv", "1,2\n3,4,5\n", "has 3 fields in line 2 and 2 in the lines before"),
        ("s.csv", "a,b\n1,2\n3,\n", "has nothing in line 3, column 2"),
        ("s.csv", "1,2\n3,nan\n", "holds NaN in row 2, column 2"),
        ("s.csv", "1,2\n3,1e999\n", "holds inf in row 2, column 2"),
        ("s.csv", ",a,b\na,1,2\nc,3,4\n", "row 'c' belongs to no column, 1 of 2 rows do not"),
        ("s.csv", "", "is empty"),
        ("s.pt", {"state": "words"}, "holds no tensor"),
        ("s.pt", "cut", "not a whole"),
        ("s.npy", np.array([[1, np.inf], [0, np.nan]]), r"holds inf in row 1, column 2 \(2 scores are not finite\)"),
        ("s.npy", np.where(np.arange(18).reshape(3, 2, 3) == 10, -np.inf, 1), "-inf in caption 2 of video 2, column 2"),
        ("s.npy", np.zeros((2, 3, 4)), r"has the shape \(2, 3, 4\): save \(videos, captions a video, videos\)"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(tmp_path, name, content, problem):
    path = written(tmp_path, name, content)
    with pytest.raises(InputError, match=problem) as caught:
        read_similarity(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_no_code_of_a_file_runs(tmp_path):
    path, mark = tmp_path / "s.pt", tmp_path / "mark"

    class Touch:
        def __reduce__(self):
            return (type(mark).touch, (mark,))

    torch.save({"similarity": torch.eye(2), "x": Touch()}, path)
    with pytest.raises(InputError, match=r"s\.pt "):
        read_similarity(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    "begin", [b"\x10\0\0\0\0\0\0\0{", b"\xff\xff\0\0\0\0\0\0{}", b"\x80\x02", b"PK\x03\x04 data.pkl"]
)
def test_damaged_files_of_tensors(tmp_path, begin):
    path = tmp_path / "s"
    path.write_bytes(begin + b"\0" * 20)
    with pytest.raises(InputError, match="not a whole"):
        read_similarity(path)


def test_rows_that_fill_up_videos_with_fewer_captions_are_left_out(tmp_path):
    scores = np.random.default_rng(0).normal(size=(4, 3, 4))
    scores[0, 1:] = scores[2, 2:] = -np.inf
    np.save(tmp_path / "s.npy", scores)
    stored = read_similarity(tmp_path / "s.npy")[""]
    assert stored.video_of.tolist() == [0, 1, 1, 1, 2, 2, 3, 3, 3] and stored.similarity.shape == (9, 4)
    assert list(stored.notes) == ["3 rows of minus infinity fill up videos with fewer captions; left out"]
    packed = np.concatenate([scores[0, :1], scores[1], scores[2, :2], scores[3]])
    np.savez(tmp_path / "s.npz", similarity=packed, captions_per_video=[1, 3, 2, 3])
    assert read_similarity(tmp_path / "s.npz")[""].metrics() == stored.metrics()
    for place in ((0, 0), (1, 1), (2, 2, 1)):
        broken = scores.copy()
        broken[2, 2] = 0
        broken[place] = -np.inf
        np.save(tmp_path / "s.npy", broken)
        with pytest.raises(InputError, match="holds -inf in caption"):
            read_similarity(tmp_path / "s.npy")


@pytest.mark.parametrize(
    ("text", "shape", "first"),
    [
        ("0,1\n1,0\n", (2, 2), 0),
        ("0,1,2\n1,0,2\n2,1,0\n", (3, 3), 0),
        ("0,1\n0.5,0.1\n0.2,0.3\n", (2, 2), 0.5),
        ("caption,0,1\na,0.5,0.1\nb,0.2,0.3\n", (2, 2), 0.5),
        ("caption,0,1\na,5,1\nb,2,3\n", (2, 2), 5),
    ],
)
def test_a_first_line_of_numbers_is_a_header_where_it_numbers_the_columns(tmp_path, text, shape, first):
    (tmp_path / "s.csv").write_text(text)
    similarity = read_similarity(tmp_path / "s.csv")[""].similarity
    assert similarity.shape == shape and similarity[0, 0] == first


def test_a_fault_in_the_first_row_is_named_and_the_row_is_no_header(tmp_path):
    for row, what in (("1,,3", "nothing"), ("1,n/a,3", "'n/a', which is no number,")):
        (tmp_path / "s.csv").write_text(f"{row}\n1,2,3\n1,2,3\n1,2,3\n")
        with pytest.raises(InputError, match=f"has {what} in line 1, column 2"):
            read_similarity(tmp_path / "s.csv")


def test_the_only_matrix_of_a_file_is_read_and_the_other_arrays_named(tmp_path):
    np.savez(tmp_path / "s.npz", sims=np.eye(2), captions=["a", "b"], videos=["v", "w"])
    stored = read_similarity(tmp_path / "s.npz")[""]
    assert stored.similarity.tolist() == np.eye(2).tolist()
    assert list(stored.notes) == ["not read: 'captions', 'videos'"]
    np.savez(tmp_path / "s.npz", t2v=np.eye(2), v2t=np.eye(2))
    with pytest.raises(InputError, match="holds no 'similarity', but 't2v', 'v2t'"):
        read_similarity(tmp_path / "s.npz")


def test_a_folder_a_pipe_and_a_device_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(InputError, match="is no file"):
            read_similarity(path)


@pytest.mark.slow
@pytest.mark.parametrize("lies", [False, True], ids=["honest", "states a small size"])
def test_a_small_file_that_unpacks_to_gigabytes_is_refused_without_the_memory(tmp_path, lies):
    """400 MB of zeros as 390 kB: the stated size is checked, and no more than that is unpacked."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("similarity.npy", "w") as member:
            np.lib.format.write_array_header_1_0(
                member, {"descr": "<f4", "fortran_order": False, "shape": (10_000, 10_000)}
            )
            for _ in range(400):
                member.write(bytes(10**6))
        packed_size = archive.infolist()[0].compress_size
    data = bytearray(packed.getvalue())
    if lies:
        place = data.rfind(b"PK\x01\x02") + 24
        data[place : place + 4] = (10**6).to_bytes(4, "little")
    path = tmp_path / "x.npz"
    path.write_bytes(data)
    assert packed_size < 10**6
    tracemalloc.start()
    try:
        reason = "is not a whole .npz file" if lies else r"has [\d,]+ bytes and would become 400,000,128"
        with pytest.raises(InputError, match=rf"x\.npz {reason}"):
            read_similarity(path)
        assert lies or tracemalloc.get_traced_memory()[1] < 20 * 10**6
    finally:
        tracemalloc.stop()
