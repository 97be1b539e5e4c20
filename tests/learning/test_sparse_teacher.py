import json
import math
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from teachtext.errors import InputError
from teachtext.learning.sparse_teacher import SparseTeacher

IDS = st.text(max_size=5)
SCORES = st.floats(-1, 1, width=32) | st.just(math.nan)
LISTS = st.dictionaries(IDS, st.dictionaries(IDS, SCORES, max_size=6), min_size=1, max_size=6)


def batch(captions, videos):
    text = SimpleNamespace(ids=captions, tokens=torch.zeros(1))
    return SimpleNamespace(text=text, video=SimpleNamespace(ids=videos))


def teacher(lists, name="the teacher"):
    return SparseTeacher(((caption, list(own), list(own.values())) for caption, own in lists.items()), name=name)


@pytest.mark.slow
@settings(deadline=None)
@given(LISTS.filter(lambda lists: any(lists.values())), st.data())
def test_scores_are_found_by_ids_and_all_else_is_not_known(tmp_path_factory, lists, data):
    captions = data.draw(st.lists(st.sampled_from([*lists, "no such caption"]), min_size=1, max_size=8))
    videos = [video for own in lists.values() for video in own]
    asked = data.draw(st.lists(st.sampled_from([*videos, "no such video"]), min_size=1, max_size=8))
    expected = torch.tensor([[lists.get(c, {}).get(v, math.nan) for v in asked] for c in captions])
    path = tmp_path_factory.mktemp("sparse") / "t.jsonl"
    made = teacher(lists)
    made.save(path)
    for one in (made, SparseTeacher.load(path)):
        torch.testing.assert_close(one.scores(batch(captions, asked)), expected, rtol=0, atol=0, equal_nan=True)


def test_it_must_be_about_the_captions_and_videos_that_are_learned_from():
    made = teacher({"c": {"v": 0.5}}, name="t.jsonl")
    made.require(["c", "d"], ["u", "v"])
    with pytest.raises(InputError, match=r"t\.jsonl knows none of the 2 training captions, not even 'd'"):
        made.require(["d", "e"], ["v"])
    with pytest.raises(InputError, match=r"t\.jsonl knows none of the 1 training videos, not even 'u'"):
        made.require(["c"], ["u"])


def test_pairs_make_the_lists_of_their_captions_wherever_they_stand(tmp_path):
    path = tmp_path / "pairs.jsonl"
    pairs = [("a", "v", 3), ("a dog", "w", 1.5), ("a", "w", -2), ("b", "v", 0)]
    path.write_text("".join(json.dumps({"caption": c, "video": v, "score": s}) + "\n" for c, v, s in pairs))
    read = SparseTeacher.load(path, ids_of={"a dog": ["b", "c"]})
    expected = torch.tensor([[3, -2], [0, 1.5], [math.nan, 1.5]])
    torch.testing.assert_close(read.scores(batch(["a", "b", "c"], ["v", "w"])), expected, equal_nan=True)


def test_what_the_file_and_the_training_split_do_not_share_is_counted():
    made = teacher({"c": {"v": 0.5, "u": 0.1}, "x": {"v": 0.5}}, name="t.jsonl")
    assert made.remarks({"c": "v", "d": "v"}, ["v", "w"]) == [
        "t.jsonl: 1 captions of the file are no training captions: 'x'",
        "t.jsonl: 1 videos of the file are no training videos: 'u'",
        "t.jsonl: 1 training captions are not in the file: 'd'",
    ]
    assert made.remarks({"c": "v", "x": "v"}, ["v", "u"]) == []


@pytest.mark.parametrize("scores", [{"u": 1.0}, {"u": 1.0, "v": math.nan}])
def test_a_list_without_its_right_pair_is_refused(scores):
    with pytest.raises(InputError, match=r"no score of the right video for 1 of 2 training captions \(first: 'c', "):
        teacher({"c": scores, "d": {"v": 1.0}}).remarks({"c": "v", "d": "v", "e": "v"}, ["v", "u"])


PAIR = '{"caption": "c", "video": "v", "score": %s}\n'
GOOD = '{"caption": "c", "videos": ["v"], "scores": [0.5]}\n'


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "scores no pair"),
        ('{"caption": "c", "videos": [], "scores": []}', "scores no pair"),
        (GOOD * 2, "caption 'c' stands twice"),
        ('{"caption": "c", "videos": ["v", "v"], "scores": [0, 1]}', "caption 'c' has a video twice"),
        ('{"caption": "c", "videos": ["v", "w"], "scores": [0]}', "caption 'c' has 2 videos and 1 scores"),
        ('{"caption": "c", "videos": ["v"], "scores": [1e999]}', "caption 'c' has an infinite score"),
        (GOOD + "[]", "line 2 is no scored list or pair"),
        (GOOD + "{", "line 2 is no scored list or pair"),
        ('{"caption": 3, "videos": ["v"], "scores": [0]}', "line 1 is no scored list or pair"),
        ('{"caption": "c", "videos": "v", "scores": [0]}', "line 1 is no scored list or pair"),
        ('{"caption": "c", "videos": ["v"], "scores": ["much"]}', "line 1 is no scored list or pair"),
        (PAIR % 1 + PAIR % 2, "caption 'c' has a video twice"),
        (GOOD + PAIR % 1, "caption 'c' stands twice"),
        *((PAIR % score, "the score is no finite number") for score in ("null", "true", "NaN", "1e999", '"1"')),
        ('{"caption": "c", "video": 1, "score": 1}', "caption and video are texts"),
        ('{"caption": "c", "videos": ["v"]}', "line 1 is no scored list or pair"),
    ],
)
def test_a_file_that_is_no_such_list_is_refused(tmp_path, content, told):
    path = tmp_path / "t.jsonl"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        SparseTeacher.load(path)
    assert str(path) in str(caught.value) and told in str(caught.value)
    with pytest.raises(InputError, match=r"gone\.jsonl cannot be read"):
        SparseTeacher.load(tmp_path / "gone.jsonl")
