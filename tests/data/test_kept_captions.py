import json
from collections import Counter
from pathlib import Path

import pytest

from teachtext.data.kept_captions import CAPTIONS, KeptCaption, KeptCaptions, load_captions, sample, save_captions
from teachtext.data.protocol import Caption
from teachtext.errors import InputError

KEPT = KeptCaptions(
    dataset="toy", training=[KeptCaption("a", "a dog"), KeptCaption("b", "été")], validation=[KeptCaption("c", "c")]
)


def captions(counts: dict[str, int]) -> list[Caption]:
    return [Caption(f"{video}#{n}", video, f"{video} {n}") for video, count in counts.items() for n in range(count)]


def test_a_sample_is_spread_over_the_videos():
    many = captions({"a": 100, "b": 3, "c": 1})
    assert Counter(video for video, _ in sample(many, most=9)) == {"a": 5, "b": 3, "c": 1}
    assert Counter(video for video, _ in sample(many, most=2)).most_common(1)[0][1] == 1, "no video twice"
    assert sorted(sample(many)) == sorted((caption.video_id, caption.text) for caption in many)


def test_a_sample_depends_on_its_seed_alone():
    many = captions({"a": 30, "b": 30})
    assert sample(many, most=10) == sample(list(many), most=10) != sample(many, most=10, seed=1)


def test_texts_that_no_encoder_reads_are_not_chosen():
    texts = ["fine", "", " \n", "x" * 10_001, "half \ud83d"]
    assert sample([Caption(str(n), "a", text) for n, text in enumerate(texts)]) == [("a", "fine")]


def test_captions_come_back_from_their_file(tmp_path: Path):
    save_captions(tmp_path, KEPT)
    assert load_captions(tmp_path / CAPTIONS) == KEPT
    assert "été" in (tmp_path / CAPTIONS).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "teachtext-captions-2"},
        {"dataset": 3},
        {"training": None},
        {"training": [["a", "a dog"]]},
        {"training": [{"video": "a"}]},
        {"training": [{"video": "a", "text": " "}]},
        {"training": [{"video": "a", "text": "\ud83d"}]},
        {"validation": [{"video": "a", "text": "x" * 10_001}]},
        {"validation": [{"video": "a", "text": "x"}] * 10_001},
    ],
)
def test_another_form_is_refused(tmp_path: Path, changes: dict[str, object]):
    save_captions(tmp_path, KEPT)
    content = json.loads((tmp_path / CAPTIONS).read_text(encoding="utf-8"))
    (tmp_path / CAPTIONS).write_text(json.dumps(content | changes))
    with pytest.raises(InputError, match=r"captions\.json does not hold the captions of a model"):
        load_captions(tmp_path / CAPTIONS)


@pytest.mark.parametrize("text", ["", "[]", "3", "null", "{", '"text"'])
def test_what_is_no_object_is_refused(tmp_path: Path, text: str):
    (tmp_path / CAPTIONS).write_text(text)
    with pytest.raises(InputError, match=r"captions\.json"):
        load_captions(tmp_path / CAPTIONS)
