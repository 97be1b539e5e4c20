import numpy as np
import pytest
import torch

from teachtext.data.batch import Batch, read_texts, read_videos
from teachtext.data.feature_writer import FeatureWriter
from teachtext.data.features import Features
from teachtext.data.store import FeatureFile
from teachtext.errors import InputError

# rows by expert and video; None is written as missing, 'd' is unknown to 'motion.x'
ROWS = {
    "scene": {"a": 1, "b": 1, "c": None, "d": 1, "nothing": None},
    "motion.x": {"a": 3, "b": None, "c": 5, "nothing": None},
}
WIDTH = {"scene": 2, "motion.x": 3}


def values_of(name, item, rows, width):
    return np.random.default_rng([len(name), ord(item[0])]).normal(size=(rows, width)).astype(np.float16)


@pytest.fixture
def files(tmp_path):
    for name, rows in ROWS.items():
        with FeatureWriter(tmp_path / name, provenance={}, dim=WIDTH[name], shard_items=2) as writer:
            for item, count in rows.items():
                writer.add(item, None if count is None else values_of(name, item, count, WIDTH[name]))
    return {name: FeatureFile(tmp_path / name) for name in ROWS}


@pytest.fixture
def words(tmp_path):
    with FeatureWriter(tmp_path / "words", provenance={}, dim=4) as writer:
        for item, count in {"a0": 2, "b0": 6, "c0": 1}.items():
            writer.add(item, values_of("words", item, count, 4))
        writer.add("empty", None)
    return FeatureFile(tmp_path / "words")


@pytest.mark.parametrize("ids", [["a", "b", "c", "d"], ["c", "a"], ["b", "d"], ["d"], ["a", "a"]])
@pytest.mark.parametrize("max_tokens", [None, 1, 4, 9])
def test_videos_are_padded_with_zeros_to_the_longest(files, ids, max_tokens):
    batch = read_videos(files, ids, max_tokens=max_tokens and dict.fromkeys(files, max_tokens))
    assert batch.ids == ids
    for name, rows in ROWS.items():
        lengths = [min(rows.get(item) or 0, max_tokens or 99) for item in ids]
        padded, row_counts = batch.experts[name], batch.lengths[name]
        assert (padded.dtype, row_counts.dtype) == (torch.float32, torch.int64)
        assert row_counts.tolist() == lengths
        assert padded.shape == (len(ids), max(1, *lengths, 0), WIDTH[name])
        for row, item, length in zip(padded.numpy(), ids, lengths, strict=True):
            expected = values_of(name, item, rows.get(item) or 0, WIDTH[name])[:length]
            np.testing.assert_array_equal(row[:length], expected)
            np.testing.assert_array_equal(row[length:], 0)


def test_presence_is_derived_and_in_the_order_of_names(files):
    for order in (["scene", "motion.x"], ["motion.x", "scene"]):
        batch = read_videos({name: files[name] for name in order}, ["a", "b", "c", "d"])
        assert batch.present.dtype == torch.bool
        assert batch.present.tolist() == [[True, True], [False, True], [True, False], [False, True]]


def test_a_sequence_can_be_padded_the_same_in_every_batch(files, words):
    for ids in (["a"], ["a", "c"], ["d"]):
        batch = read_videos(files, ids, max_tokens={"motion.x": 4}, fill=["motion.x"])
        assert batch.experts["motion.x"].shape == (len(ids), 4, 3)
        assert batch.experts["scene"].shape == (len(ids), 1, 2)
    plain = read_videos(files, ["a"], max_tokens={"motion.x": 4})
    filled = read_videos(files, ["a"], max_tokens={"motion.x": 4}, fill=["motion.x"])
    torch.testing.assert_close(filled.experts["motion.x"][:, :3], plain.experts["motion.x"])
    assert filled.experts["motion.x"][:, 3:].abs().max() == 0
    assert (filled.lengths["motion.x"].item(), filled.present.tolist()) == (3, [[True, True]])
    assert read_texts(words, ["c0"], max_tokens=5, fill=True).tokens.shape == (1, 5, 4)


@pytest.mark.parametrize("ids", [["a", "nothing", "b"], ["unheard of", "nothing"], ["nothing"]])
def test_a_video_that_no_expert_describes_lacks_them_all(files, ids):
    batch = read_videos(files, ids)
    described = torch.tensor([item in ("a", "b") for item in ids])
    assert batch.present.any(dim=1).equal(described)
    for name, rows in batch.experts.items():
        assert rows.shape[1] >= 1 and rows[~described].abs().max() == 0
        assert batch.lengths[name][~described].max() == 0


@pytest.mark.parametrize("max_tokens", [None, 1, 4])
def test_captions_are_padded_and_cut(words, max_tokens):
    batch = read_texts(words, ["b0", "c0", "a0"], max_tokens=max_tokens)
    lengths = [min(count, max_tokens or 99) for count in (6, 1, 2)]
    assert batch.ids == ["b0", "c0", "a0"]
    assert batch.lengths.tolist() == lengths
    assert batch.tokens.shape == (3, max(lengths), 4)
    for row, item, length, count in zip(batch.tokens.numpy(), batch.ids, lengths, (6, 1, 2), strict=True):
        np.testing.assert_array_equal(row[:length], values_of("words", item, count, 4)[:length])
        np.testing.assert_array_equal(row[length:], 0)


@pytest.mark.parametrize("item", ["empty", "unheard of"])
def test_a_caption_without_features_is_refused(words, item):
    with pytest.raises(InputError, match=f"words has no features of caption '{item}'"):
        read_texts(words, ["a0", item])


def test_features_read_as_they_are_told(files, words):
    features = Features(text=words, experts=files, max_words=2, max_tokens=dict.fromkeys(files, 3))
    assert features.texts(["b0"]).lengths.tolist() == [2]
    assert features.videos(["c"]).lengths["motion.x"].tolist() == [3]
    whole = Features(text=words, experts=files)
    assert whole.texts(["b0"]).lengths.tolist() == [6]
    assert whole.videos(["c"]).lengths["motion.x"].tolist() == [5]


def test_a_batch_moves_whole(files, words):
    batch = Batch(read_texts(words, ["a0", "c0"]), read_videos(files, ["a", "c"])).to(torch.device("meta"))
    tensors = [batch.text.tokens, batch.text.lengths, *batch.video.experts.values(), *batch.video.lengths.values()]
    assert {tensor.device.type for tensor in tensors} == {"meta"}
    assert (batch.text.ids, batch.video.ids) == (["a0", "c0"], ["a", "c"])
