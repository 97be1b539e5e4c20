import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import normalize, softmax

from teachtext.learning.fused_queries import fused, query_rows
from teachtext.models.similarity import TextEmbedding, VideoEmbedding, similarity

EXPERTS = ("audio", "motion", "scene")


def made(seed, queries=6, videos=5):
    random = torch.Generator().manual_seed(seed)

    def units(rows):
        return {name: normalize(torch.randn(rows, 4, generator=random, dtype=torch.float64)) for name in EXPERTS}

    weights = softmax(torch.randn(queries, 3, generator=random, dtype=torch.float64), dim=1)
    text = TextEmbedding(units(queries), weights)
    present = torch.rand(videos, 3, generator=random) > 0.4
    present[:, 0] = True
    return text, VideoEmbedding(units(videos), present)


@given(seed=st.integers(0, 2**31), group=st.lists(st.integers(0, 5), min_size=1, max_size=6))
def test_the_score_is_the_mean_of_the_scores_of_the_group(seed, group):
    text, video = made(seed)
    everything = VideoEmbedding(video.vectors, torch.ones_like(video.present))
    together = similarity(fused(text, [group]), everything)
    torch.testing.assert_close(together[0], similarity(text, everything)[group].mean(dim=0), atol=1e-6, rtol=0)


@given(seed=st.integers(0, 2**31))
def test_of_a_video_without_an_expert_a_query_counts_by_the_weight_of_the_others(seed):
    text, video = made(seed)
    shares = text.weights @ video.present.double().T
    expected = (shares * similarity(text, video)).sum(dim=0) / shares.sum(dim=0)
    together = similarity(fused(text, [range(6)]), video)
    torch.testing.assert_close(together[0], expected, atol=1e-6, rtol=0)


def test_a_group_of_one_is_the_query_itself_and_the_order_does_not_matter():
    text, video = made(0)
    alone = similarity(fused(text, [[number] for number in range(6)]), video)
    torch.testing.assert_close(alone, similarity(text, video), atol=1e-6, rtol=0)
    one, other = fused(text, [[0, 3, 5], [5, 0, 3]]).vectors["scene"]
    torch.testing.assert_close(one, other)


def test_the_rows_have_the_cosines_of_scores():
    text, _ = made(1)
    rows = torch.from_numpy(query_rows(text))
    by_expert = [
        (text.vectors[name] @ text.vectors[name].T) * text.weights[:, [e]] * text.weights[:, e]
        for e, name in enumerate(EXPERTS)
    ]
    torch.testing.assert_close(rows @ rows.T, sum(by_expert), atol=1e-6, rtol=0)
