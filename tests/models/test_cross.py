import pytest
import torch
from torch.nn import functional as F

from teachtext.data.batch import Batch, TextBatch, VideoBatch
from teachtext.models.cross import CrossAttention, CrossScorer
from teachtext.models.mmt import MMT
from teachtext.models.similarity import NOTHING_KNOWN, similarity

DIMS = {"audio": 3, "scene": 4}


def video(lengths_audio=(2, 0, 1, 0), lengths_scene=(1, 1, 1, 0)):
    torch.manual_seed(1)
    lengths = {"audio": torch.tensor(lengths_audio), "scene": torch.tensor(lengths_scene)}
    rows = {"audio": torch.randn(4, 2, 3), "scene": torch.randn(4, 1, 4)}
    return VideoBatch(["v1", "v2", "v3", "v4"], rows, lengths)


def text(count=4):
    torch.manual_seed(2)
    return TextBatch([f"c{i}" for i in range(count)], torch.randn(count, 5, 6), torch.tensor([5, 3, 1, 4])[:count])


def attention(**changes):
    torch.manual_seed(3)
    settings = {"expert_dims": DIMS, "text_dim": 6, "shared_dim": 8, "heads": 2, "feedforward": 8} | changes
    return CrossAttention(**settings).eval()


def scorer():
    torch.manual_seed(4)
    towers = MMT(expert_dims=DIMS, text_dim=6, shared_dim=8, layers=1, heads=2, feedforward=8)
    return CrossScorer(towers=towers, attention=attention()).eval()


def test_a_video_of_one_token_gives_every_word_the_same_vector():
    made = attention(expert_dims={"scene": 4})
    words = made.encode_text(text())
    # the row and the aggregate of an expert of one row are two tokens: one alone is left in the mask
    tokens = made.encode_video(VideoBatch(["v"], {"scene": torch.randn(1, 1, 4)}, {"scene": torch.tensor([1])}))
    tokens.mask[:, 1:] = False
    attended = F.normalize(made.attended(tokens.values[0, :, 0].flatten()), dim=0)
    expected = (words.weights * (words.vectors @ attended)).sum(dim=1)
    torch.testing.assert_close(made(words, tokens)[:, 0], expected)


def test_the_attention_is_that_of_its_formula():
    made = attention()
    words, tokens = made.encode_text(text()), made.encode_video(video())
    c, b = 1, 0
    heads = []
    for h in range(2):
        weights = (tokens.keys[b, h] @ words.queries[c, h].T / 2)[tokens.mask[b]].softmax(dim=0)
        heads.append(weights.T @ tokens.values[b, h][tokens.mask[b]])
    cosines = F.cosine_similarity(made.attended(torch.cat(heads, dim=1)), words.vectors[c], dim=1)
    torch.testing.assert_close(made(words, tokens)[c, b], (cosines * words.weights[c])[:3].sum())


def test_what_fills_up_a_batch_does_not_count():
    made, captions, videos = scorer(), text(), video()
    scores = made.embed(Batch(captions, videos)).scores
    captions.tokens[1, 3:] = 7.0
    videos.experts["audio"][1] = 5.0
    videos.experts["audio"][2, 1] = 5.0
    torch.testing.assert_close(made.embed(Batch(captions, videos)).scores, scores)


def test_short_lists_have_the_scores_of_all_pairs():
    made = scorer()
    captions, videos = made.encode_text(text()), made.encode_video(video())
    columns = torch.tensor([[0, 3], [2, 1], [1, 1], [3, 0]])
    torch.testing.assert_close(made.scores(captions, videos, columns), made.scores(captions, videos).gather(1, columns))


def test_the_score_is_the_mean_of_both_parts_and_nothing_is_known_of_a_video_without_experts():
    made = scorer()
    captions, videos = made.encode_text(text()), made.encode_video(video())
    scores = made.scores(captions, videos)
    parts = similarity(captions.embedding, videos.embedding), made.attention(captions.words, videos.tokens)
    torch.testing.assert_close(scores[:, :3], ((parts[0] + parts[1]) / 2)[:, :3])
    assert (scores[:, 3] == NOTHING_KNOWN).all() and (scores[:, :3].abs() <= 1).all()
    scores[:, :3].sum().backward()
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in made.parameters())


def test_gradients_are_those_of_finite_differences():
    made = scorer().double()
    captions, videos = text(2), video()
    scene = videos.experts["scene"].double()

    def scores(words, rows):
        batch = VideoBatch(videos.ids, {"audio": videos.experts["audio"].double(), "scene": rows}, videos.lengths)
        read = made.encode_text(TextBatch(captions.ids, words, captions.lengths))
        return made.scores(read, made.encode_video(batch))[:, :3]

    inputs = captions.tokens.double().requires_grad_(), scene.requires_grad_()
    assert torch.autograd.gradcheck(scores, inputs, eps=1e-6, atol=1e-6)


def test_heads_divide_the_width():
    with pytest.raises(ValueError, match="3 heads do not divide a shared_dim of 8"):
        attention(heads=3)
