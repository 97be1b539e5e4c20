import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from teachtext.learning import inference
from teachtext.learning.inference import captions_at_once, embed_texts, score

MODELS = {
    "masked": {},
    "filled": {"gating": "sequential", "mask_padding": False},
    "ghosts": {"kind": "moee", "ghost_clusters": 1, "experts": ("flow", "audio", "rgb.0")},
    "sentences": {"text": "sentences"},
}


@pytest.fixture(scope="module", params=MODELS)
def taught(request, world):
    """A model whose batch statistics are not those of a fresh one, and what it reads."""
    spec = world.spec(**MODELS[request.param])
    torch.manual_seed(0)
    model, features = spec.build(), world.features(spec)
    with torch.no_grad():
        model(world.batch(features, [world.by_video[video][0] for video in world.videos], list(world.videos)))
    return model.eval(), features


@torch.no_grad()
def dense(model, features, caption_ids, video_ids):
    """All captions and videos at once, and the weighted mean of cosines, pair by pair and expert by expert."""
    text, video = model.encode_text(features.texts(caption_ids)), model.encode_video(features.videos(video_ids))
    cosines = torch.stack([text.vectors[name] @ video.vectors[name].T for name in model.experts], dim=2)
    weights = text.weights[:, None] * video.present[None]
    return ((cosines * weights).sum(dim=2) / weights.sum(dim=2)).numpy()


@settings(deadline=None, max_examples=15)
@given(data=st.data())
def test_scores_in_pieces_are_the_scores_of_the_whole(world, taught, data):
    model, features = taught
    videos = data.draw(st.lists(st.sampled_from(world.videos), min_size=1, unique=True))
    asked = [caption for caption in world.captions if caption.video_id in videos]
    captions = data.draw(st.lists(st.sampled_from(asked), min_size=1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inference, "_MOST_CAPTIONS", data.draw(st.integers(1, 30)))
        found = score(model, features, captions, videos, batch_size=data.draw(st.none() | st.integers(1, 30)))
    expected = dense(model, features, [caption.id for caption in captions], videos)
    assert (found.similarity.dtype, found.similarity.flags.c_contiguous) == (np.float32, True)
    np.testing.assert_allclose(found.similarity, expected, atol=1e-6, rtol=0)
    assert [videos[column] for column in found.video_of] == [caption.video_id for caption in captions]
    weights = embed_texts(model, features, found.caption_ids).weights
    np.testing.assert_allclose(found.weights, weights.numpy(), atol=1e-6, rtol=0)


@pytest.mark.parametrize("budget", [1, 1_000, 10**9])
def test_a_piece_fits_in_the_budget(world, taught, monkeypatch, budget):
    model, features = taught
    monkeypatch.setattr(inference, "_BUDGET_BYTES", budget)
    pieces = []

    def encode(text):
        pieces.append(text.tokens)
        return type(model).encode_text(model, text)

    monkeypatch.setattr(model, "encode_text", encode)
    score(model, features, world.captions, world.videos)
    assert sum(map(len, pieces)) == len(world.captions)
    assert all(piece.nbytes <= budget or len(piece) == 1 for piece in pieces)
    assert (len(pieces) == 1) == (budget == 10**9)


def test_padding_that_is_read_counts(world):
    at_once = {}
    for mask_padding in (True, False):
        spec = world.spec(mask_padding=mask_padding)
        features = world.features(spec)
        at_once[mask_padding] = [
            captions_at_once(spec.build(), type(features)(**{**vars(features), "max_words": words}), world.caption_ids)
            for words in (3, 100_000)
        ]
    # a caption has 7 rows at most: where padding is left out more are never read
    assert at_once[True][1] > 10 * at_once[False][1]
    assert at_once[True][0] == at_once[False][0]


def test_wide_layers_take_fewer_captions_at_once(world, monkeypatch):
    monkeypatch.setattr(inference, "_BUDGET_BYTES", 10**6)
    features = world.features(world.spec())
    narrow, wide = (
        captions_at_once(world.spec(shared_dim=width).build(), features, world.caption_ids) for width in (8, 800)
    )
    assert narrow > 2 * wide > 2
