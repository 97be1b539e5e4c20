import pytest
import torch

from teachtext.data.batch import Batch, TextBatch, VideoBatch
from teachtext.models.concat import Concat

DIMS = {"b": 4, "a": 3, "c": 2}
# of a and c; the sequence b is missing from the second video, a from the third
LENGTHS = {"a": [2, 3, 0], "b": [1, 1, 1], "c": [3, 0, 1]}


def make_model(text_dim, **changes):
    arguments = {"expert_dims": DIMS, "expert_clusters": {"a": 2, "c": 2}, "text_dim": text_dim, "text_clusters": 2}
    return Concat(**(arguments | changes))


def make_batch(text_dim):
    video = {name: torch.randn(3, 1 if name == "b" else 3, dim, dtype=torch.float64) for name, dim in DIMS.items()}
    lengths = {name: torch.tensor(found) for name, found in LENGTHS.items()}
    text = TextBatch("xyz", torch.randn(3, 2, text_dim, dtype=torch.float64), torch.tensor([1, 2, 2]))
    return Batch(text, VideoBatch("uvw", video, lengths))


# the video's vector has 6 + 4 + 4 places, the caption's 6, 14 or 40
@pytest.mark.parametrize("text_dim", [3, 7, 20])
@pytest.mark.parametrize("mask_padding", [True, False])
@torch.no_grad()
def test_scores_are_cosines_of_what_both_sides_have(lived_in, text_dim, mask_padding):
    model = lived_in(make_model(text_dim, mask_padding=mask_padding))
    batch = make_batch(text_dim)
    captions = model.text(batch.text.tokens, batch.text.lengths)
    pooled = dict(zip("abc", model.pooling(batch.video), strict=True))
    for b in range(3):
        parts = [
            pooled[name][b] / pooled[name][b].norm() if LENGTHS[name][b] else torch.zeros_like(pooled[name][b])
            for name in "abc"
        ]
        video = torch.cat(parts)
        shared = min(len(video), captions.shape[1])
        for c in range(3):
            expected = video[:shared] @ captions[c, :shared] / video.norm() / captions[c].norm()
            torch.testing.assert_close(model(batch)[c, b], expected)


@pytest.mark.parametrize("text_dim", [3, 20])
@torch.no_grad()
def test_the_video_side_is_never_silent(lived_in, text_dim):
    scores = lived_in(make_model(text_dim))(make_batch(text_dim))
    assert (scores.std(dim=1) > 1e-3).all(), "equal scores of all videos are what the published row measured"


@torch.no_grad()
def test_the_scale_of_an_expert_means_nothing(lived_in):
    model, batch = lived_in(make_model(20)), make_batch(20)
    scaled = batch.video.experts | {"b": 1000 * batch.video.experts["b"]}
    found = model(Batch(batch.text, VideoBatch("uvw", scaled, batch.video.lengths)))
    torch.testing.assert_close(found, model(batch))


def test_pooled_experts_and_sentence_vectors_leave_nothing_to_learn():
    with pytest.raises(ValueError, match="one must be a sequence"):
        make_model(7, expert_clusters={}, text_clusters=0)
    assert list(make_model(7, expert_clusters={}).parameters())
    assert list(make_model(7, text_clusters=0).parameters())
