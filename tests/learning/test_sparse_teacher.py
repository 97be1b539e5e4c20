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
        (GOOD + "[]", "line 2 is no scored list"),
        (GOOD + "{", "line 2 is no scored list"),
        ('{"caption": 3, "videos": ["v"], "scores": [0]}', "line 1 is no scored list"),
        ('{"caption": "c", "videos": "v", "scores": [0]}', "line 1 is no scored list"),
        ('{"caption": "c", "videos": ["v"], "scores": ["much"]}', "line 1 is no scored list"),
        ('{"caption": "c", "videos": ["v"]}', "line 1 is no scored list"),
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
