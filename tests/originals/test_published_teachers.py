import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from archives import NAN, python2

from teachtext.errors import InputError
from teachtext.learning.teachers import CachedTeacher
from teachtext.originals.published_teachers import import_teacher, read_published_teacher

EXPERTS = {"audio": 6, "rgb.0": 9, "r2p1d.r2p1d-ig65m-kinetics.0": 300}
CAPTIONS = {"v1": ["a", "b"], "v0": ["c"], "v2": ["d", "e", "f"], "elsewhere": ["g"]}


def embeddings(seed=0, *, counts=None, lists=False, dtype="f4"):
    rng = np.random.default_rng(seed)
    counts = counts or {video: len(CAPTIONS[video]) for video in ("v1", "v0", "v2")}
    made = {}
    for video, count in counts.items():
        text = {expert: rng.normal(size=(count, dim)).astype(dtype) for expert, dim in EXPERTS.items()}
        made[video] = {
            "vid_embds": {expert: rng.normal(size=dim).astype(dtype) for expert, dim in EXPERTS.items()},
            "text_embds": {expert: list(rows) for expert, rows in text.items()} if lists else text,
        }
    return made


def authors_scores(content, captions, videos):
    """The published format: S = sum over experts of text times video, a caption by its place."""
    scores = np.zeros((len(captions), len(videos)))
    for row, (video, k) in enumerate(captions):
        for column, other in enumerate(videos):
            for expert in EXPERTS:
                scores[row, column] += np.dot(
                    np.asarray(content[video]["text_embds"][expert])[k].astype("f8"),
                    np.asarray(content[other]["vid_embds"][expert]).astype("f8"),
                )
    return scores


def scored(teacher, caption_ids, video_ids):
    text = SimpleNamespace(ids=caption_ids, tokens=torch.zeros(1))
    return teacher.scores(SimpleNamespace(text=text, video=SimpleNamespace(ids=video_ids)))


@pytest.mark.parametrize("writes", [python2, lambda content: pickle.dumps(content, 2), lambda c: pickle.dumps(c, 4)])
@pytest.mark.parametrize("options", [{}, {"lists": True}, {"dtype": "f2"}], ids=str)
def test_scores_are_those_of_the_authors_trainer(tmp_path, writes, options):
    content = embeddings(**options)
    path = tmp_path / "teacher.pkl"
    path.write_bytes(writes(content))
    ids = import_teacher(path, tmp_path / "t.safetensors", captions=CAPTIONS, fused=False)
    assert sorted(ids) == ["v0#0", "v1#0", "v1#1", "v2#0", "v2#1", "v2#2"]
    teacher = CachedTeacher.load(tmp_path / "t.safetensors")
    scores = scored(teacher, ["v2#1", "v0#0", "v1#1"], ["v2", "v0", "v1"])
    expected = authors_scores(content, [("v2", 1), ("v0", 0), ("v1", 1)], ["v2", "v0", "v1"])
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=2e-5)


def test_nested_lists_of_numbers(tmp_path):
    path = tmp_path / "teacher.pkl"
    content = {"v0": {"vid_embds": {"a": [1.0, 2.0]}, "text_embds": {"a": [[3.0, 4.0]]}}}
    path.write_bytes(pickle.dumps(content, 2))
    teacher, ids = read_published_teacher(path, captions={}, fused=False)
    assert ids == ["v0#0"]
    torch.testing.assert_close(scored(teacher, ids, ["v0"]), torch.tensor([[11.0]]))


def test_fused_captions_are_one_query(tmp_path):
    content = embeddings(counts={"v1": 1, "v2": 1})
    path = tmp_path / "teacher.pkl"
    path.write_bytes(pickle.dumps(content, 2))
    teacher, ids = read_published_teacher(path, captions=CAPTIONS, fused=True)
    assert ids == ["v1#fused", "v2#fused"]
    expected = authors_scores(content, [("v1", 0), ("v2", 0)], ["v1", "v2"])
    np.testing.assert_allclose(scored(teacher, ids, ["v1", "v2"]), expected, rtol=1e-5, atol=2e-5)


def spoil(part, expert, value):
    def change(content):
        content["v0"][part][expert] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (spoil("vid_embds", "audio", np.full(6, np.nan, "f4")), "expert 'audio' of video 'v0' holds NaN or infinite"),
        (spoil("vid_embds", "audio", NAN), r"expert 'audio' of video 'v0' has shape \(1, 1\), not \(1, 6\)"),
        (spoil("text_embds", "audio", np.ones((1, 7), "f4")), r"of video 'v0' has shape \(1, 7\), not \(1, 6\)"),
        (spoil("text_embds", "rgb.0", np.ones((2, 9), "f4")), r"of video 'v0' has shape \(2, 9\), not \(1, 9\)"),
        (spoil("text_embds", "rgb.0", "words"), "expert 'rgb.0' of video 'v0' has shape None"),
        (spoil("vid_embds", "other", np.ones(3)), "has other experts for some videos than for others"),
        (lambda content: content["v0"].pop("vid_embds"), "video 'v0' has no dicts 'vid_embds' and 'text_embds'"),
        (lambda content: content.update(v0=3), "video 'v0' has no dicts"),
        (lambda content: content.clear(), "holds no video"),
        (lambda c: c.update(embeddings(counts={"v1": 3})), "has 3 captions of video 'v1', the raw captions have 2"),
    ],
)
def test_bad_teachers(tmp_path, change, message):
    content = embeddings()
    change(content)
    path = tmp_path / "teacher.pkl"
    path.write_bytes(pickle.dumps(content, 2))
    with pytest.raises(InputError, match=message) as error:
        import_teacher(path, tmp_path / "t.safetensors", captions=CAPTIONS, fused=False)
    assert str(path) in error.value.problem
    assert not (tmp_path / "t.safetensors").exists()


def test_another_count_than_one_of_fused_captions(tmp_path):
    (tmp_path / "teacher.pkl").write_bytes(pickle.dumps(embeddings(), 2))
    with pytest.raises(InputError, match="has 2 captions of video 'v1', the raw captions have 1"):
        read_published_teacher(tmp_path / "teacher.pkl", captions=CAPTIONS, fused=True)
