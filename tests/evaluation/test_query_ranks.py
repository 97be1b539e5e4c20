import numpy as np
import pytest

from teachtext.errors import InputError
from teachtext.evaluation.query_ranks import QueryRanks
from teachtext.evaluation.ranks import rank_t2v, rank_v2t


@pytest.fixture
def ranks():
    similarity, video_of = np.array([[3, 1], [2, 2], [2, 9]]), np.array([0, 0, 1])
    t2v, v2t = rank_t2v(similarity, video_of), rank_v2t(similarity, video_of)
    return QueryRanks(
        t2v=t2v.ranks,
        v2t=v2t.ranks,
        top=np.zeros((3, 1), np.int64),
        top_scores=np.zeros((3, 1), np.float32),
        weights=np.ones((3, 1), np.float32),
        video_of=video_of,
        caption_ids=["a", "b", "c"],
        video_ids=["x", "y"],
        experts=["e"],
        t2v_ties=t2v.ties,
        v2t_ties=v2t.ties,
    )


def test_a_cut_file_is_an_error_at_every_length(tmp_path, ranks):
    path = tmp_path / "test.npz"
    ranks.save(path)
    assert QueryRanks.load(path).metrics["t2v"].ties == ranks.metrics["t2v"].ties
    whole = path.read_bytes()
    for length in range(0, len(whole), 37):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"test\.npz is not a whole ranks file: delete it and run again"):
            QueryRanks.load(path)
    for place in range(60, len(whole), 41):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        try:
            QueryRanks.load(path)
        except InputError as error:
            assert "is not a whole ranks file" in str(error)


def test_a_file_of_an_earlier_version_has_no_ties(tmp_path, ranks):
    path = tmp_path / "test.npz"
    ranks.save(path)
    with np.load(path) as file:
        old = {name: file[name] for name in file.files if "ties" not in name and "ndcg" not in name}
    np.savez_compressed(path, **old)
    loaded = QueryRanks.load(path)
    assert loaded.t2v_ties is None and loaded.metrics["t2v"].ties is None
    assert loaded.metrics == ranks.metrics
