"""Score normalisers: against the formulas as the literature writes them, by hand, and what must and must not change."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teachtext.errors import InputError
from teachtext.evaluation import ranks as ranking
from teachtext.evaluation.query_bank import QueryBank, inverted_softmax, qb_norm
from teachtext.evaluation.ranks import mean_similarity, t2v_ranks
from teachtext.evaluation.score_normalisation import (
    BETAS,
    NORMALISERS,
    BetaChoice,
    choose_beta,
    dual_softmax,
    hubness,
    normalise,
    normalise_stored,
    normalisers_named,
    sinkhorn,
)

draws = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def scene(random, *, captions=30, videos=8, bank=40, hub=0.0):
    """Scores of captions about every video and of a bank, float64; video 0 is near to everything by `hub`."""
    video_of = np.concatenate([np.arange(videos), random.integers(0, videos, captions - videos)])
    scores, of_bank = random.uniform(0, 0.5, (captions, videos)), random.uniform(0, 0.5, (bank, videos))
    scores[np.arange(captions), video_of] += 0.4
    scores[:, 0] += hub
    of_bank[:, 0] += hub
    return scores, video_of, of_bank


def literal(name, scores, beta, bank):
    """The formulas of the papers, as they stand there."""
    if name == "dual-softmax":
        return scores * np.exp(beta * scores) / np.exp(beta * scores).sum(axis=0)
    if name == "sinkhorn":
        plan = np.exp(beta * scores)
        for _ in range(500):
            plan /= plan.sum(axis=0) * plan.shape[1]
            plan /= plan.sum(axis=1, keepdims=True) * plan.shape[0]
        return plan
    normalised = np.exp(beta * scores) / np.exp(beta * bank).sum(axis=0)
    if name == "qb-norm":
        stays = ~np.isin(scores.argmax(1), bank.argmax(1))
        normalised[stays] = scores[stays]
    return normalised


@settings(deadline=None, max_examples=40)
@given(draws, st.sampled_from(list(NORMALISERS)), st.sampled_from([1.0, 5.0]), st.integers(8, 200))
def test_ranks_are_those_of_the_papers_formulas_in_pieces_of_any_size(random, name, beta, cells):
    scores, video_of, of_bank = scene(random, bank=5, hub=random.uniform(0, 0.4))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "_CELLS_AT_ONCE", cells)
        bank = QueryBank([beta])
        for part in np.array_split(of_bank, random.integers(1, 4)):
            bank.add(part)
        normalised = NORMALISERS[name].apply(scores, beta, bank)
    want = literal(name, scores, beta, of_bank)
    if name == "sinkhorn":
        np.testing.assert_allclose(np.exp(beta * normalised), want, rtol=0.05)
    else:
        np.testing.assert_array_equal(t2v_ranks(normalised, video_of), t2v_ranks(want, video_of))


def test_by_hand():
    scores, bank = np.array([[0.5, 0.6], [0.4, 0.1]]), QueryBank.of(np.array([[0.2, 0.8]]), [1.0])
    # sums e^0.2 and e^0.8, so 0.2 and 0.8 are subtracted, less their mean of 0.5
    np.testing.assert_allclose(inverted_softmax(scores, 1.0, bank), [[0.8, 0.3], [0.7, -0.2]])
    # the bank's only caption finds video 1; the second query does not, and stays
    np.testing.assert_allclose(qb_norm(scores, 1.0, bank), [[0.8, 0.3], [0.4, 0.1]])
    # softmax over queries of one column, beta = log 2 / 0.1: weights 2 : 1 and 32 : 1
    weights = np.array([[2 / 3, 32 / 33], [1 / 3, 1 / 33]])
    np.testing.assert_allclose(dual_softmax(scores, np.log(2) / 0.1), scores * weights)
    # four captions all find video 0 of four: deviations 3, -1, -1, -1, so 6 / 3^1.5
    assert hubness(np.tile([3.0, 2, 1, 0], (4, 1)), k=1) == pytest.approx(6 / 3**1.5)


@settings(deadline=None, max_examples=25)
@given(draws, st.sampled_from([1.0, 5.0]), st.integers(2, 12), st.integers(2, 12))
def test_sinkhorn_is_doubly_stochastic(random, beta, captions, videos):
    scores = random.uniform(-1, 1, (captions, videos)).astype(np.float32)
    plan = np.exp(beta * sinkhorn(scores, beta).astype(np.float64))
    np.testing.assert_allclose(plan.sum(1), 1 / captions, rtol=1e-3)
    np.testing.assert_allclose(plan.sum(0), 1 / videos, rtol=0.002)


@settings(deadline=None, max_examples=25)
@given(draws)
def test_sinkhorn_takes_away_whatever_belongs_to_a_video_or_to_a_caption(random):
    scores, _, _ = scene(random)
    moved = scores + random.normal(0, 0.3, (len(scores), 1)) + random.normal(0, 0.3, scores.shape[1])
    before, after = sinkhorn(scores, 5.0), sinkhorn(moved, 5.0)
    np.testing.assert_allclose(before, after, atol=0.002)


@pytest.mark.parametrize("name", list(NORMALISERS))
def test_the_order_of_captions_and_videos_does_not_matter(name):
    random = np.random.default_rng(0)
    scores, _, of_bank = scene(random)
    rows, columns = random.permutation(30), random.permutation(8)
    normalised = NORMALISERS[name].apply(scores, 20.0, QueryBank.of(of_bank, [20.0]))
    moved = NORMALISERS[name].apply(scores[rows][:, columns], 20.0, QueryBank.of(of_bank[::-1][:, columns], [20.0]))
    np.testing.assert_allclose(moved, normalised[rows][:, columns], atol=1e-12)


@pytest.mark.parametrize("name", list(NORMALISERS))
def test_a_hub_is_taken_down(name):
    scores, video_of, of_bank = scene(np.random.default_rng(1), captions=200, videos=40, bank=400, hub=0.6)
    normalised = NORMALISERS[name].apply(scores, 20.0, QueryBank.of(of_bank, [20.0]))
    before, after = (np.mean(t2v_ranks(matrix, video_of) == 0) for matrix in (scores, normalised))
    assert before < 0.25 and after > 0.5
    assert hubness(normalised) < 0.5 * hubness(scores)


@pytest.mark.parametrize("name", list(NORMALISERS))
def test_clear_answers_stay_right_both_ways(name):
    scores = np.random.default_rng(2).uniform(0, 0.3, (20, 20)).astype(np.float32) + np.eye(20, dtype=np.float32)
    bank = QueryBank.of(np.random.default_rng(3).uniform(0, 0.3, (50, 20)), BETAS)
    for beta in BETAS:
        normalised = normalise(NORMALISERS[name], scores, np.arange(20), BetaChoice(beta), bank)
        assert all(ranks.max() == 0 for ranks in normalised.ranks.values())
        assert all(metrics.r1 == 100 for metrics in normalised.metrics().values())
        assert normalised.ranks.keys() == ({"t2v"} if NORMALISERS[name].needs_bank else {"t2v", "v2t"})


@pytest.mark.parametrize("name", ["inverted-softmax", "qb-norm"])
def test_a_bank_that_says_nothing_changes_nothing(name):
    scores, _, _ = scene(np.random.default_rng(4))
    bank = QueryBank.of(np.full((10, 8), 0.3), [20.0])
    np.testing.assert_allclose(NORMALISERS[name].apply(scores, 20.0, bank), scores, atol=1e-15)


@pytest.mark.parametrize("name", ["inverted-softmax", "qb-norm"])
@pytest.mark.parametrize("bank", [None, QueryBank([20.0]), QueryBank.of(np.zeros((0, 8)), [20.0])])
def test_an_empty_bank_is_refused(name, bank):
    with pytest.raises(InputError, match="query bank is empty"):
        NORMALISERS[name].apply(np.ones((3, 8)), 20.0, bank)


def test_qb_norm_leaves_queries_alone_whose_first_video_the_bank_never_finds():
    scores, of_bank = np.eye(4)[[2, 3]], np.eye(4)[[0, 1, 1]]
    np.testing.assert_array_equal(qb_norm(scores, 20.0, QueryBank.of(of_bank, [20.0])), scores)


@pytest.mark.parametrize("name", list(NORMALISERS))
def test_large_scores_neither_overflow_nor_vanish(name):
    scores = np.random.default_rng(5).normal(100, 20, (30, 8)).astype(np.float32)
    normalised = NORMALISERS[name].apply(scores, 20.0, QueryBank.of(scores, [20.0]))
    assert normalised.dtype == np.float32 and np.isfinite(normalised).all()


def test_beta_is_what_serves_the_validation_split_best():
    scores, video_of, of_bank = scene(np.random.default_rng(6), captions=200, videos=40, bank=400, hub=0.6)
    bank = QueryBank.of(of_bank, BETAS)
    choice = choose_beta(NORMALISERS["qb-norm"], scores, video_of, bank)
    assert tuple(choice.tried) == BETAS
    assert choice.tried[choice.beta] == max(choice.tried.values()) > choice.tried[1.0]
    perfect = choose_beta(NORMALISERS["sinkhorn"], 9 * np.eye(12), np.arange(12), betas=(20.0, 5.0))
    assert perfect.beta == 5.0, "of equal ones the smallest"


def test_hubness_of_an_even_spread_is_zero():
    assert hubness(np.eye(6), k=1) == 0
    assert hubness(np.random.default_rng(7).random((30, 5)), k=10) == 0, "all videos are among the first ten"


def test_an_ensemble_is_the_mean():
    parts = np.random.default_rng(8).random((3, 4, 5)).astype(np.float32)
    np.testing.assert_allclose(mean_similarity(list(parts)), parts.mean(0), rtol=1e-6)
    with pytest.raises(InputError, match="no systems"):
        mean_similarity([])
    with pytest.raises(InputError, match="have no mean"):
        mean_similarity([np.ones((2, 3)), np.ones((2, 4))])


BANK = QueryBank.of(np.ones((2, 3)), [20.0])


@pytest.mark.parametrize(
    ("scores", "beta", "problem"),
    [
        (np.full((2, 3), np.nan), 20.0, "not all finite"),
        (np.full((2, 3), np.inf), 20.0, "not all finite"),
        (np.ones(3), 20.0, "no matrix"),
        (np.ones((2, 0)), 20.0, "no matrix"),
        (np.ones((2, 3)), 0.0, "beta cannot be 0"),
        (np.ones((2, 3)), float("nan"), "beta cannot be nan"),
    ],
)
@pytest.mark.parametrize("name", list(NORMALISERS))
def test_bad_input(name, scores, beta, problem):
    with pytest.raises(InputError, match=problem):
        NORMALISERS[name].apply(scores, beta, BANK)


def test_bad_banks_and_names():
    with pytest.raises(InputError, match="a bank of 3 videos is no bank of 4"):
        qb_norm(np.ones((2, 4)), 20.0, BANK)
    with pytest.raises(InputError, match="a bank of 3 videos is no bank of 4"):
        QueryBank.of(np.ones((2, 3)), [20.0]).add(np.ones((2, 4)))
    with pytest.raises(InputError, match="not made for beta 5"):
        inverted_softmax(np.ones((2, 3)), 5.0, BANK)
    with pytest.raises(InputError, match="no normaliser 'qbnorm'"):
        normalisers_named(["qb-norm", "qbnorm"])
    with pytest.raises(InputError, match="none is above zero"):
        dual_softmax(-np.ones((2, 3)), 20.0)


def test_stored_scores_need_a_beta_and_have_no_bank():
    scores = np.random.default_rng(9).random((6, 6))
    (normalised,) = normalise_stored(scores, np.arange(6), ["sinkhorn"], 20.0)
    np.testing.assert_array_equal(normalised.ranks["t2v"], t2v_ranks(sinkhorn(scores, 20.0), np.arange(6)))
    assert normalised.label.startswith("sinkhorn, beta 20, sees all test queries at once; hubness")
    for names, beta, problem in (
        (["sinkhorn"], None, "give '--beta'"),
        (["sinkhorn"], 0.0, "beta cannot be 0"),
        (["qb-norm"], 20.0, "'qb-norm' needs the scores of training captions: use 'teachtext evaluate'"),
        (["none"], 20.0, "no normaliser 'none'"),
    ):
        with pytest.raises(InputError, match=problem):
            normalise_stored(scores, np.arange(6), names, beta)


@pytest.mark.parametrize("dtype", ["u1", "i8", "bool"])
def test_whole_numbers_are_normalised_as_they_are(dtype):
    scores = np.random.default_rng(5).integers(0, 2 if dtype == "bool" else 250, (12, 4)).astype(dtype)
    names, own = ["dual-softmax", "sinkhorn"], np.repeat(np.arange(4), 3)
    for whole, real in zip(
        normalise_stored(scores, own, names, 0.1), normalise_stored(scores.astype(float), own, names, 0.1), strict=True
    ):
        np.testing.assert_array_equal(whole.ranks["t2v"], real.ranks["t2v"])
        np.testing.assert_array_equal(whole.ranks["v2t"], real.ranks["v2t"])
