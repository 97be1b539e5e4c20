"""The formats of certain datasets: what their captions, ids, splits and remarks are, in files as they are published."""

import json
import random
from typing import Any

import pytest

from teachtext.data.readers.annotations import Annotations
from teachtext.data.readers.registry import FORMATS, read_file
from teachtext.errors import InputError


@pytest.fixture
def read(tmp_path):
    def read_as(name: str, content: Any) -> tuple[Annotations, list[tuple[str, str, str]], str]:
        """Write content under a name that says nothing, read it, and return it with its captions and its remarks."""
        path = tmp_path / "file"
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        form, annotations = read_file(path)
        assert form.name == name
        captions = [(caption.id, caption.text, caption.language) for caption in annotations.captions]
        return annotations, captions, "\n".join(remark.what for remark in annotations.remarks)

    return read_as


def test_vatex_has_english_and_chinese_captions(read):
    entries = [
        {"videoID": "Ptf_2VRj-V0_000122_000132", "enCap": [" A person climbs. ", "B."], "chCap": ["一个人。", "爬。"]},
        {"videoID": "a_000001_000011", "enCap": ["C."]},
        {"videoID": "b_000001_000011"},
    ]
    annotations, captions, remarks = read("vatex", entries)
    assert captions == [
        ("Ptf_2VRj-V0_000122_000132#0", "A person climbs.", "en"),
        ("Ptf_2VRj-V0_000122_000132#1", "B.", "en"),
        ("Ptf_2VRj-V0_000122_000132#2", "一个人。", "zh"),
        ("Ptf_2VRj-V0_000122_000132#3", "爬。", "zh"),
        ("a_000001_000011#0", "C.", "en"),
    ]
    assert "captions by language: en 3, zh 2" in remarks
    assert "1 videos have no caption (b_000001_000011)" in remarks
    assert [remark.is_loss for remark in annotations.remarks] == [False, True]
    lines = "".join(json.dumps(entry) + "\n" for entry in entries[:2])
    assert read("vatex", lines)[1] == captions, "an object a line"


def test_activitynet_sentences_keep_their_order(read):
    content = {
        "v_QOlSCBRmfWY": {
            "duration": 82.73,
            "timestamps": [[0.83, 19.86], [60.81, 17.37]],
            "sentences": ["A young woman.", " The girl dances."],
        },
        "v_ehGHCYKzyZ8": {"duration": 61.7, "timestamps": [[0.0, 3.1], [4.0, 5.0]], "sentences": ["The video starts."]},
    }
    _, captions, remarks = read("activitynet", content)
    assert [caption[:2] for caption in captions] == [
        ("v_QOlSCBRmfWY#0", "A young woman."),
        ("v_QOlSCBRmfWY#1", "The girl dances."),
        ("v_ehGHCYKzyZ8#0", "The video starts."),
    ]
    assert "the times of 3 sentences are not read" in remarks and "benchmark: activitynet" in remarks
    assert "unequal numbers of sentences and times (v_ehGHCYKzyZ8: 1 and 2)" in remarks


def test_descriptions_by_video_with_segments_and_splits(read):
    content = {
        "v0": {"title": "x", "descriptions": ["a", "b"], "segments": [[0, 1], [1, 2]], "subset": "validation"},
        "v1": {"descriptions": "c", "subset": "testing"},
    }
    annotations, captions, _ = read("video-objects", content)
    assert [caption[:2] for caption in captions] == [("v0#0", "a"), ("v0#1", "b"), ("v1#0", "c")]
    assert annotations.splits == {"main": {"val": ["v0"], "test": ["v1"]}}


def test_didemo_descriptions_of_a_video_stay_together_by_its_id(read):
    entry = {"annotation_id": 1, "num_segments": 6, "times": [[0, 0]], "dl_link": "https://x", "context": []}
    entries = [
        entry | {"video": "12090392@N02_13482799053_87ef417396.mov", "description": "a dog runs"},
        entry | {"video": "1@N0_2_3.avi", "description": "b"},
        entry | {"video": "12090392@N02_13482799053_87ef417396.mov", "description": "the dog, again"},
    ]
    _, captions, remarks = read("didemo", entries)
    assert [caption[:2] for caption in captions] == [
        ("12090392@N02_13482799053_87ef417396.mov#0", "a dog runs"),
        ("1@N0_2_3.avi#0", "b"),
        ("12090392@N02_13482799053_87ef417396.mov#1", "the dog, again"),
    ]
    assert "the times of 3 moments are not read" in remarks


def test_each_step_of_youcook2_is_a_video(read):
    steps = [
        {"segment": [90, 102], "id": 0, "sentence": "spread margarine"},
        {"segment": [114.5, 127], "id": 1, "sentence": "place cheese"},
    ]
    content = {
        "database": {
            "GLd3aX16zBg": {"duration": 241.6, "subset": "training", "recipe_type": "113", "annotations": steps},
            "9GX8f5EwwE4": {"duration": 9.6, "subset": "validation", "recipe_type": "2", "annotations": steps[:1]},
            "silent": {"subset": "testing", "annotations": [{"segment": [1, 2], "id": 0}]},
            "test": {"duration": 9.6, "subset": "testing", "recipe_type": "2"},
        }
    }
    annotations, captions, remarks = read("youcook2", content)
    assert [caption[:2] for caption in captions] == [
        ("GLd3aX16zBg_90_102#0", "spread margarine"),
        ("GLd3aX16zBg_114.5_127#0", "place cheese"),
        ("9GX8f5EwwE4_90_102#0", "spread margarine"),
    ]
    assert annotations.splits == {
        "main": {"train": ["GLd3aX16zBg_90_102", "GLd3aX16zBg_114.5_127"], "val": ["9GX8f5EwwE4_90_102"]}
    }
    assert "1 steps have no sentence and were left out (silent, step 0)" in remarks
    assert "<video>_<start>_<end>" in remarks and "1 videos have no step and were left out (test)" in remarks


def test_actions_with_labels_are_no_captions(tmp_path):
    path = tmp_path / "activity_net.v1-3.min.json"
    video = {"subset": "training", "annotations": [{"segment": [0, 1], "label": "Drinking"}]}
    path.write_text(json.dumps({"database": {"sJxn": video}}))
    with pytest.raises(InputError, match=r"activity_net.v1-3.min.json is in no known format.*the keys database"):
        read_file(path)


def test_lsmdc_sentences_with_commas_and_quotation_marks(read):
    times = "00.00.21.000\t00.00.23.333\t00.00.20.920\t00.00.23.405"
    text = (
        f'1001_Flight_00.00.21.000-00.00.23.333\t{times}\tA "plane, flies.\n'
        f"0003_CASABLANCA_00.03.13.066-00.03.16.000\t{times}\tSOMEONE's door;\topens.\n"
        f"0003_CASABLANCA_00.04.13.066-00.04.16.000\t{times}\t\n"
        "1005_Signs_00.00.01.000-00.00.02.000\t\t\t00.00.20.920\t00.00.23.405\tX.\n"
        f"0019_Pulp_Fiction_00.04.13.066-00.04.16.000\t{times}\n"
    )
    _, captions, remarks = read("lsmdc", text)
    assert [caption[:2] for caption in captions] == [
        ("1001_Flight_00.00.21.000-00.00.23.333#0", 'A "plane, flies.'),
        ("0003_CASABLANCA_00.03.13.066-00.03.16.000#0", "SOMEONE's door;\topens."),
        ("1005_Signs_00.00.01.000-00.00.02.000#0", "X."),
    ]
    assert "2 clips have no sentence and were left out (line 3, line 5)" in remarks


def test_an_lsmdc_line_that_is_something_else_is_named(tmp_path):
    path = tmp_path / "a.csv"
    line = "1001_Flight_00.00.21.000-00.00.23.333\t00.00.21.000\tA plane.\n"
    path.write_text(line * 60 + "not a clip\n")
    with pytest.raises(InputError, match=r"a\.csv, line 61: a caption needs"):
        read_file(path)


def test_coco_annotations_are_joined_with_the_names_of_files(read):
    content = {
        "images": [{"id": 9, "file_name": "000000000009.jpg"}, {"id": 25, "file_name": "a/25.jpg"}],
        "annotations": [
            {"image_id": 25, "id": 1, "caption": "A giraffe. "},
            {"image_id": 9, "id": 2, "caption": "Food."},
            {"image_id": 25, "id": 3, "caption": "Trees."},
            {"image_id": 77, "id": 4, "caption": "Who?"},
        ],
    }
    _, captions, remarks = read("coco", content)
    assert [caption[:2] for caption in captions] == [
        ("a/25.jpg#0", "A giraffe."),
        ("000000000009.jpg#0", "Food."),
        ("a/25.jpg#1", "Trees."),
        ("77#0", "Who?"),
    ]
    assert "1 annotations are of videos without a name in the file (annotation 4)" in remarks


def test_coco_without_a_list_of_videos_and_karpathys_lists(read):
    _, captions, _ = read(
        "coco", {"annotations": [{"video_id": "v0", "caption": "a"}, {"video_id": 3, "caption": "b"}]}
    )
    assert [caption[0] for caption in captions] == ["v0#0", "3#0"]
    images = [
        {"filename": "1.jpg", "imgid": 0, "split": "train", "sentences": [{"raw": "A dog.", "tokens": ["a", "dog"]}]},
        {"filename": "2.jpg", "imgid": 1, "split": "restval", "sentences": [{"raw": "B."}, {"raw": "C."}]},
    ]
    annotations, captions, _ = read("coco", {"images": images, "dataset": "flickr30k"})
    assert [caption[:2] for caption in captions] == [("1.jpg#0", "A dog."), ("2.jpg#0", "B."), ("2.jpg#1", "C.")]
    assert annotations.splits["main"]["train"][0] == "1.jpg"


_JSON = [form for form in FORMATS.values() if form.shows.startswith(("{", "["))]


@pytest.mark.slow
@pytest.mark.parametrize("form", _JSON, ids=[form.name for form in _JSON])
def test_a_document_with_a_foreign_value_anywhere_is_read_or_refused_in_a_sentence(form, tmp_path):
    path = form.write_example(tmp_path)
    text = path.read_text(encoding="utf-8")
    lines = path.suffix == ".jsonl"
    documents = [json.loads(line) for line in text.splitlines()] if lines else json.loads(text)
    spots = list(_spots(documents))
    chance = random.Random(0)
    for container, key in chance.sample(spots, min(40, len(spots))):
        kept = container[key]
        for value in (None, 7, 0.5, True, "", "x", [], [[]], {}, {"a": [1]}, ["a", 3], [{"raw": 3}], 10**400):
            container[key] = value
            path.write_text("\n".join(map(json.dumps, documents)) if lines else json.dumps(documents))
            try:
                read_file(path)
                read_file(path, form.name)
            except InputError as error:
                assert str(path) in str(error)
        container[key] = kept


def _spots(value: Any):
    """Yield every place in a document as a container and a key."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in list(items):
        yield value, key
        yield from _spots(part)


def test_the_times_of_charades_sta_are_no_part_of_its_sentences(tmp_path):
    path = tmp_path / "charades_sta_test.txt"
    path.write_text("3MSZA 24.3 30.4##person turn a light on.\n3MSZA 0 7##a person, alone\n")
    form, annotations = read_file(path)
    assert form.name == "charades-sta"
    assert [(caption.video_id, caption.text) for caption in annotations.captions] == [
        ("3MSZA", "person turn a light on."),
        ("3MSZA", "a person, alone"),
    ]
    path.write_text("3MSZA 24.3 30.4##a light\n" * 60 + "no times here\n")
    with pytest.raises(InputError, match="line 61: a caption needs"):
        read_file(path)
