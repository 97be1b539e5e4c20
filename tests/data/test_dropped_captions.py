import json
import pickle

import numpy as np
import pytest

from teachtext.data import dropped_captions as dropped
from teachtext.data.protocol import Caption
from teachtext.data.types import Dataset, Video
from teachtext.errors import InputError
from teachtext.originals.archive.captions import read_mask
from teachtext.originals.denoising_masks import mask_ids, read_dropped, save_mask

COUNTS = {"a": 3, "b": 2, "c#1": 1, "v": 2, "t": 2}
SPLITS = {"train": ["a", "b", "c#1"], "val": ["v"], "test": ["t"]}


def without_dropped(whole, path, **options):
    return dropped.without_dropped(whole, read_dropped(path, whole), path=path, **options)


def dataset(name=lambda video, k: f"{video}#{k}"):
    captions = [Caption(name(video, k), video, "text") for video, count in COUNTS.items() for k in range(count)]
    return Dataset("tiny", {video: Video(video) for video in COUNTS}, captions, SPLITS)


@pytest.fixture
def write(tmp_path):
    def write(content, name="dropped.jsonl"):
        path = tmp_path / name
        if isinstance(content, str):
            path.write_text(content)
        elif path.suffix == ".jsonl":
            path.write_text("".join(json.dumps(entry) + "\n" for entry in content))
        elif path.suffix == ".json":
            path.write_text(json.dumps(content))
        else:
            path.write_bytes(pickle.dumps(content, 2))
        return path

    return write


def left(whole, path, **options):
    return [caption.id for caption in without_dropped(whole, path, **options).queries_of("train")]


FLAGS = {"a": np.array([1, 0, 1]), "b": np.array([0, 1]), "c#1": np.array([1])}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("dropped.jsonl", [{"id": "a#1", "video": "a", "noise": 0.9}, {"id": "b#0"}]),
        ("dropped.jsonl", '\ufeff{"id": "a#1"}\r\n\n{"id": "b#0"}'),
        ("dropped.json", ["a#1", "b#0"]),
        ("mask.json", {"name": "x", "kept": ["a#0", "a#2", "b#1", "c#1#0"], "dropped": ["a#1", "b#0"]}),
        ("mask.pkl", FLAGS),
        ("mask.pickle", {video: flags.tolist() for video, flags in FLAGS.items()}),
    ],
)
def test_every_form_of_list_drops_the_captions_that_it_names(write, name, content):
    result = without_dropped(dataset(), write(content, name))
    assert [caption.id for caption in result.queries_of("train")] == ["a#0", "a#2", "b#1", "c#1#0"]
    assert result.splits == SPLITS
    assert result.notes == [f"left out as noisy: 2 training captions ({name})"]


def test_other_splits_stay_as_they_are(write):
    whole = dataset()
    result = without_dropped(whole, write(["a#1", "t#0", "v#0", "v#1"], "d.json"))
    assert result.queries_of("val") == whole.queries_of("val") and result.queries_of("test") == whole.queries_of("test")
    assert "d.json names 3 captions of other splits, which stay" in result.notes


@pytest.mark.parametrize("form", ["imported", "as it is"])
def test_a_reduced_list_takes_videos_out_of_training(write, form):
    if form == "imported":
        path = write({"kept": ["a#0"], "dropped": ["a#1", "a#2", "b#0", "b#1"], "videos": ["a", "c#1"]}, "m.json")
    else:
        write("c#1\na\n", "m.txt")
        path = write({"a": [1, 0, 0], "b": [0, 0]}, "m.pkl")
    result = without_dropped(dataset(), path)
    assert result.splits["train"] == ["a", "c#1"] and left(dataset(), path) == ["a#0", "c#1#0"]
    assert f"left out as noisy: 1 training videos ({path.name})" in result.notes
    # its captions are not the other way round: without the reduced list the video has none left
    (path.with_suffix(".txt")).unlink(missing_ok=True)
    if form == "as it is":
        with pytest.raises(InputError, match=r"m\.pkl drops every caption of video 'b'.*take the video out of split"):
            without_dropped(dataset(), path)


def test_a_mask_of_places_fits_captions_with_ids_of_their_own(write):
    whole = dataset(lambda video, k: f"{k} of {video}")
    assert mask_ids(whole)["1 of b"] == "b#1"
    assert left(whole, write(FLAGS, "m.pkl")) == ["0 of a", "2 of a", "1 of b", "0 of c#1"]
    with pytest.raises(InputError, match=r"m\.pkl has no flag for caption '2 of a' of video 'a'"):
        without_dropped(whole, write(FLAGS | {"a": [1, 0]}, "m.pkl"))


def test_a_mask_may_know_captions_that_are_not_there(write):
    # an empty caption is left out at an import, and keeps its place in the mask
    path = write(FLAGS | {"a": [1, 0, 1, 0], "elsewhere": [0]}, "m.pkl")
    result = without_dropped(dataset(), path)
    assert len(result.queries_of("train")) == 4
    assert result.notes[-1] == "m.pkl names 2 captions that the dataset lacks (first: 'a#3')"
    with pytest.raises(InputError, match=r"m\.pkl names caption 'x#0' and 1 others, which the dataset does not have"):
        without_dropped(dataset(), write({"x": [0, 0]}, "m.pkl"))


@pytest.mark.parametrize("own_ids", [False, True])
@pytest.mark.parametrize("reduced", [False, True])
def test_a_saved_mask_reads_back_the_same(tmp_path, write, own_ids, reduced):
    whole = dataset(lambda video, k: f"{k} of {video}") if own_ids else dataset()
    ids = [caption.id for caption in whole.captions]
    mask = {"dropped": [ids[1], ids[3]], "kept": []} | ({"videos": ["a", "b"]} if reduced else {})
    kept = without_dropped(whole, write(mask, "m.json"))
    save_mask(tmp_path / "mask.pkl", whole, kept)
    again = without_dropped(whole, tmp_path / "mask.pkl")
    assert again.queries_of("train") == kept.queries_of("train") and again.splits == kept.splits
    mask = read_mask(tmp_path / "mask.pkl", {video: ["x"] * COUNTS[video] for video in SPLITS["train"]})
    assert mask["dropped"] == (["a#1", "b#0", "c#1#0"] if reduced else ["a#1", "b#0"])
    assert (tmp_path / "mask.txt").exists() == reduced


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("d.jsonl", [], "names no caption: leave 'dropped' out"),
        ("d.json", [], "names no caption"),
        ("d.jsonl", "\n\n", "names no caption"),
        ("d.jsonl", [{"id": "a#0"}, {"id": "b#0"}, {"id": "a#0"}], "names caption 'a#0' twice: delete one"),
        ("d.json", {"kept": [], "dropped": ["a#0", "a#0"]}, "names caption 'a#0' twice"),
        ("d.jsonl", [{"id": "a#0"}, {"id": "a#9"}, {"id": "z"}], "names caption 'a#9' and 1 others, which the dataset"),
        ("d.jsonl", [{"id": "a#0", "video": "b"}], "names caption 'a#0' of video 'b', but it is one of 'a'"),
        ("d.jsonl", [{"id": "b#0"}, {"id": "b#1"}], "drops every caption of video 'b': keep one of them"),
        ("d.json", {"kept": [], "dropped": [], "videos": ["v"]}, "leaves no video in split 'train'"),
        ("d.jsonl", '{"id": "a#0"', "line 1 is not valid JSON"),
        ("d.jsonl", '{"id": "a#0"}\n{"id": 3}', "line 2 names no caption"),
        ("d.jsonl", '{"id": "a#0", "video": 3}', "line 1 names no caption"),
        ("d.jsonl", '["a#0"]', "line 1 names no caption"),
        ("d.json", {"ids": ["a#0"]}, "is neither a list of caption ids nor a mask"),
        ("d.json", ["a#0", 3], "is neither a list of caption ids nor a mask"),
        ("d.json", {"kept": [], "dropped": "a#0"}, "'dropped' is not a list of ids"),
        ("d.txt", "a#0", "is no list of captions: give a file that ends in .jsonl, .json, .pkl"),
        ("d.pkl", {"a": [0, 2, 1]}, "mask of video 'a' is not of 0 and 1"),
        ("d.pkl", "no pickle", "is not a whole pickle"),
    ],
)
def test_a_list_that_cannot_be_is_refused(write, name, content, message):
    path = write(content, name)
    with pytest.raises(InputError) as caught:
        without_dropped(dataset(), path)
    assert str(path) in str(caught.value) and message in str(caught.value)


def test_the_runs_own_list_may_be_empty(write):
    whole = dataset()
    assert left(whole, write([]), may_be_empty=True) == [caption.id for caption in whole.queries_of("train")]
