import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from teachtext.models.similarity import (
    NOTHING_KNOWN,
    Embedded,
    TextEmbedding,
    VideoEmbedding,
    concat_text,
    concat_video,
    similarity,
)

# not in sorted order, of different widths, with names that sort in ASCII
DIMS = {"z": 2, "a-b": 3, "a.b": 1, "Z": 4}


def embeddings(captions, present, dims=DIMS):
    names = list(dims)[: len(present[0])]

    def vectors(count):
        return {name: F.normalize(torch.randn(count, dims[name], dtype=torch.float64), dim=1) for name in names}

    weights = (3 * torch.randn(captions, len(names), dtype=torch.float64)).softmax(dim=1)
    return TextEmbedding(vectors(captions), weights), VideoEmbedding(vectors(len(present)), torch.tensor(present))


def naive(text, video):
    """The formula with a C x B x M tensor in mind, element by element."""
    names = sorted(text.vectors)
    scores = torch.zeros(len(text.weights), len(video.present), dtype=text.weights.dtype)
    for c, b in itertools.product(range(scores.shape[0]), range(scores.shape[1])):
        exist = [e for e in range(len(names)) if video.present[b, e]]
        if not exist:
            scores[c, b] = NOTHING_KNOWN
            continue
        total = sum(text.weights[c, e] for e in exist)
        for e in exist:
            cosine = text.vectors[names[e]][c] @ video.vectors[names[e]][b]
            scores[c, b] += text.weights[c, e] / total * cosine
    return scores


presences = st.integers(1, 4).flatmap(
    lambda experts: st.lists(st.lists(st.booleans(), min_size=experts, max_size=experts), min_size=1, max_size=4)
)


@settings(deadline=None, max_examples=60)
@given(presences, st.integers(1, 3))
def test_similarity_equals_the_triple_loop(present, captions):
    text, video = embeddings(captions, present)
    scores = similarity(text, video)
    torch.testing.assert_close(scores, naive(text, video))
    assert scores.shape == (captions, len(present))
    assert (scores.abs() <= 1 + 1e-12)[:, video.described].all()


@settings(deadline=None, max_examples=30)
@given(presences)
def test_vectors_of_missing_experts_mean_nothing(present):
    text, video = embeddings(2, present)
    changed = {
        name: torch.where(video.present[:, e, None], vector, torch.full_like(vector, 1e9))
        for e, (name, vector) in enumerate(sorted(video.vectors.items()))
    }
    other = VideoEmbedding(changed, video.present)
    torch.testing.assert_close(similarity(text, other), similarity(text, video), atol=0, rtol=0)


def test_a_video_of_which_nothing_is_known_is_below_every_other_and_hurts_nobody():
    text, video = embeddings(3, [[True, False], [False, False], [True, True], [False, False]])
    opposite = {name: -text.vectors[name][:1].expand(4, -1) for name in text.vectors}
    scores = similarity(text, VideoEmbedding(opposite, video.present))
    assert scores[:, [1, 3]].eq(NOTHING_KNOWN).all()
    assert scores[0, [0, 2]].tolist() == pytest.approx([-1, -1]), "the lowest cosine there is"
    assert scores[:, [1, 3]].max() < scores[:, [0, 2]].min() - 0.5
    leaves = [text.weights, *text.vectors.values(), *video.vectors.values()]
    for leaf in leaves:
        leaf.requires_grad_()
    similarity(text, video).sum().backward()
    assert all(leaf.grad.isfinite().all() for leaf in leaves)
    assert all(vector.grad[~video.described].abs().max() == 0 for vector in video.vectors.values())


def test_the_bounds_are_reached():
    _, video = embeddings(3, [[True, False, True], [True, True, True], [False, True, False]])
    weights = torch.tensor([0.7, 0.2, 0.1]).double().expand(3, 3)
    for sign in (1, -1):
        text = TextEmbedding({name: sign * vector for name, vector in video.vectors.items()}, weights)
        torch.testing.assert_close(similarity(text, video).diagonal(), sign * torch.ones(3).double())


@pytest.mark.parametrize("certainty", [50.0, 80.0, 120.0, 1e4])
def test_a_caption_that_trusts_missing_experts_alone_is_scored_by_the_others(certainty):
    # the softmax of the weights underflows to zero
    logits = torch.tensor([[certainty, 0.0, 0.0]], requires_grad=True)
    vectors = {name: F.normalize(torch.randn(1, 3), dim=1).requires_grad_() for name in "abc"}
    others = {name: F.normalize(torch.randn(2, 3), dim=1) for name in "abc"}
    video = VideoEmbedding(others, torch.tensor([[False, True, True], [False, False, True]]))
    scores = similarity(TextEmbedding(vectors, logits.softmax(dim=1)), video)
    cosines = {name: (vectors[name] @ others[name].T)[0] for name in "bc"}
    expected = torch.stack([(cosines["b"][0] + cosines["c"][0]) / 2, cosines["c"][1]])[None]
    torch.testing.assert_close(scores, expected)
    scores.sum().backward()
    assert logits.grad.isfinite().all()
    assert all(vectors[name].grad.isfinite().all() for name in "bc")


def test_gradients_of_similarity():
    text, video = embeddings(3, [[True, False, True], [True, True, True], [False, True, False]])
    names = list(text.vectors)

    def run(weights, *vectors):
        halves = vectors[: len(names)], vectors[len(names) :]
        left, right = (dict(zip(names, half, strict=True)) for half in halves)
        return similarity(TextEmbedding(left, weights), VideoEmbedding(right, video.present))

    values = [text.weights, *text.vectors.values(), *video.vectors.values()]
    assert torch.autograd.gradcheck(run, [value.requires_grad_() for value in values])


@pytest.mark.parametrize("rows", [torch.tensor([2, 0, 2]), torch.tensor([True, False, True])])
def test_a_selection_scores_as_its_rows_do(rows):
    text, video = embeddings(3, [[True, False], [True, True], [False, True]])
    scores = similarity(text, video)
    torch.testing.assert_close(similarity(text.select(rows), video), scores[rows])
    torch.testing.assert_close(similarity(text, video.select(rows)), scores[:, rows])


def test_pieces_put_together_score_as_the_whole():
    text, video = embeddings(3, [[True, False], [True, True], [False, True]])
    texts = concat_text([text.select(torch.tensor([0])), text.select(torch.tensor([1, 2]))])
    videos = concat_video([video.select(torch.tensor([0, 1])), video.select(torch.tensor([2]))])
    torch.testing.assert_close(similarity(texts, videos), similarity(text, video), atol=0, rtol=0)
    moved = similarity(text.to(torch.device("cpu")), video.to(torch.device("cpu")))
    torch.testing.assert_close(moved, similarity(text, video), atol=0, rtol=0)


def test_logits_of_rows_go_with_a_batch_and_are_not_kept():
    text, video = embeddings(2, [[True, True], [True, False]])
    frames = {"z": torch.randn(2, 5, requires_grad=True), "a-b": torch.randn(2, 3)}
    video = VideoEmbedding(video.vectors, video.present, frames=frames)
    matrices, unpack = Embedded(text, video).packed()
    back = unpack([matrix.to(torch.float64) for matrix in matrices])
    assert {name: logits.tolist() for name, logits in back.video.frames.items()} == {
        name: logits.tolist() for name, logits in frames.items()
    }
    assert back.video.present.equal(video.present) and back.text.weights.equal(text.weights)
    assert video.select(torch.tensor([1])).frames["z"].equal(frames["z"][1:])
    assert not video.detach().frames["z"].requires_grad
    assert concat_video([video, video]).frames == {}
