"""The whole objective: what must hold whatever the parts, and what is known of the published ones."""

import itertools
from dataclasses import replace

import pytest
import torch
from halves import slow
from hypothesis import given, settings
from hypothesis import strategies as st
from matrices import Fixed, batch_of, distillation, gradient, random_matrix, student_of
from torch.nn import functional as F

from teachtext.learning.distillation.objective import Distillation
from teachtext.learning.distillation.parts import TABLES
from teachtext.learning.distillation.presets import PRESETS, preset
from teachtext.learning.losses import MaxMarginRankingLoss
from teachtext.learning.teachtext import TeachText

TEACHTEXT = preset("teachtext")


VARIED = ("standardise", "pairs", "target", "distance", "direction", "reduction", "samples")


def sensible():
    """Every combination of these parts that is not refused, with one teacher."""
    for choice in itertools.product(*(TABLES[part] for part in VARIED)):
        try:
            yield replace(TEACHTEXT, candidates=2, temperature=0.3, **dict(zip(VARIED, choice, strict=True)))
        except ValueError:
            continue


EVERY = list(sensible())
# a prime, so that no choice of a part is passed over
SOME = EVERY[::23]


def told(parts):
    return "-".join(getattr(parts, part) for part in VARIED)


def test_the_combinations_are_many_and_some_of_them_have_every_choice():
    assert len(EVERY) > 1000
    for part in VARIED:
        assert {getattr(parts, part) for parts in SOME} == set(TABLES[part]) - {"nce"}


class TestTeachText:
    """The preset is the objective of the paper, to the bit."""

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    @settings(deadline=None, max_examples=30)
    @given(size=st.integers(2, 70), teachers=st.integers(1, 4), seed=st.integers(0, 999), videos=st.integers(2, 70))
    def test_all_losses_and_gradients_are_those_of_the_class_in_one_place(self, dtype, size, teachers, seed, videos):
        fixed = [Fixed(matrix) for matrix in random_matrix(size, seed, count=teachers, dtype=dtype)]
        batch = batch_of([0, *(1 + number % videos for number in range(size - 1))])
        ranking = MaxMarginRankingLoss(margin=0.3)
        objectives = (
            TeachText(teachers=fixed, margin=0.3),
            Distillation(ranking=ranking, parts=TEACHTEXT, teachers=fixed),
        )
        results = []
        for objective in objectives:
            scores = random_matrix(size, seed + 1, dtype=dtype).requires_grad_()
            losses = objective(student_of(scores), batch)
            sum(losses.values()).backward()
            results.append((losses["ranking"], losses["distillation"], scores.grad))
        for in_one_place, of_parts in zip(*results, strict=True):
            assert in_one_place.equal(of_parts)

    def test_a_wrong_part_is_noticed(self):
        teachers = [Fixed(matrix) for matrix in 3 * random_matrix(5, count=2)]
        student, batch = student_of(random_matrix(5, 7)), batch_of(5)
        loss = TeachText(teachers=teachers)(student, batch)["distillation"]
        for changes in (
            {"pool": "max"},
            {"threshold": 0.5},
            {"distance": "mse"},
            {"reduction": "sum"},
            {"weight": 2.0},
        ):
            objective = Distillation(
                ranking=MaxMarginRankingLoss(), parts=replace(TEACHTEXT, **changes), teachers=teachers
            )
            assert not objective(student, batch)["distillation"].equal(loss), changes

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    @settings(deadline=None, max_examples=30)
    @given(size=st.integers(2, 70), teachers=st.integers(1, 4), seed=st.integers(0, 999))
    def test_loss_and_gradient_are_those_of_the_formula_to_the_bit(self, dtype, size, teachers, seed):
        matrices = random_matrix(size, seed, count=teachers, dtype=dtype)
        scores = random_matrix(size, seed + 1, dtype=dtype)
        expected = scores.clone().requires_grad_()
        loss = F.huber_loss(expected, matrices.mean(dim=0), delta=1.0)
        loss.backward()
        assert distillation(TEACHTEXT, scores, *matrices).equal(loss)
        assert gradient(TEACHTEXT, scores, *matrices).equal(expected.grad)

    @pytest.mark.parametrize(
        ("pool", "how"),
        [
            ("mean", lambda matrices: matrices.sum(dim=0) / 3),
            ("min", lambda matrices: matrices.min(dim=0).values),
            ("max", lambda matrices: matrices.max(dim=0).values),
            ("median", lambda matrices: matrices.sort(dim=0).values[1]),
        ],
    )
    def test_pool_threshold_and_weight(self, pool, how):
        matrices, scores = random_matrix(5, count=3), random_matrix(5, 1)
        parts = replace(TEACHTEXT, pool=pool, threshold=0.1, weight=2.5)
        expected = 2.5 * F.huber_loss(scores, how(matrices), delta=0.1)
        torch.testing.assert_close(distillation(parts, scores, *matrices), expected)

    def test_the_ranking_loss_is_added_as_it_is(self):
        scores, ranking = random_matrix(4), MaxMarginRankingLoss(margin=0.3)
        objective = Distillation(ranking=ranking, parts=TEACHTEXT, teachers=[Fixed(random_matrix(4, 1))])
        losses = objective(student_of(scores), batch_of(4))
        assert losses.keys() == {"ranking", "distillation"}
        assert losses["ranking"].equal(ranking(scores))


class TestTheSame:
    """Where the student says what its teacher says there is nothing to learn."""

    @pytest.mark.parametrize("parts", [one for one in SOME if one.target != "rank"], ids=told)
    def test_every_distance_and_its_gradient_are_zero(self, parts):
        # the ranks of the teacher's matrix: no student can be given them, so that it must stand there already
        scores = random_matrix(5, 3).flatten().argsort().argsort().reshape(5, 5).double() / 24
        videos = [0, 1, 1, 2, 3]
        assert distillation(parts, scores, scores, videos=videos).item() == pytest.approx(0, abs=1e-12)
        if parts.distance != "l1":  # which has a gradient of 1 or -1 at the rounding of a zero
            assert gradient(parts, scores, scores, videos=videos).abs().max().item() == pytest.approx(0, abs=1e-9)

    @pytest.mark.parametrize("distance", ["huber", "mse", "l1", "pearson", "cosine"])
    def test_ranks_are_the_same_where_soft_ones_are_sharp(self, distance):
        reduction = "mean_lists"
        parts = replace(TEACHTEXT, target="rank", distance=distance, reduction=reduction, temperature=1e-4)
        scores = random_matrix(6, 3)
        assert distillation(parts, scores, scores).item() == pytest.approx(0, abs=1e-9)
        # and of the teacher its order is all that matters
        assert distillation(parts, scores, scores.exp() * 7 - 100).item() == pytest.approx(0, abs=1e-9)
        assert distillation(parts, scores, -scores).item() > 0.1

    @pytest.mark.parametrize("name", [name for name, one in PRESETS.items() if one.parts.source == "teachers"])
    @pytest.mark.parametrize("preset_from", ["paper", "code"])
    def test_so_are_the_published_ones(self, name, preset_from):
        scores = random_matrix(9, 3)
        # a teacher that is never wrong is the same only where it is right
        scores += 3 * torch.eye(9)
        parts = preset(name, preset_from=preset_from)
        assert distillation(parts, scores, scores, scores).item() == pytest.approx(0, abs=1e-9)
        assert distillation(parts, scores, random_matrix(9, 4), random_matrix(9, 5)).item() > 1e-4


@pytest.mark.slow
@settings(deadline=None, max_examples=150)
@given(
    parts=st.sampled_from(EVERY),
    size=st.integers(2, 6),
    seed=st.integers(0, 999),
    unknown=st.sampled_from([0.0, 0.3, 0.9]),
    videos=st.integers(1, 6),
    equal_rows=st.sets(st.sampled_from(["student", "teacher"])),
)
def test_losses_and_gradients_are_finite_whatever_the_matrices(parts, size, seed, unknown, videos, equal_rows):
    scores, teacher, dice = random_matrix(size, seed, count=3)
    if "student" in equal_rows:
        scores = scores[:1].expand(size, size)
    if "teacher" in equal_rows:
        teacher = teacher[:1].expand(size, size).clone()
    teacher[dice < 2 * unknown - 1] = torch.nan
    of = [0, *(1 + number % videos for number in range(size - 1))]
    loss = distillation(parts, scores, teacher, videos=of)
    assert loss.isfinite() and loss.item() > -1e-9
    assert gradient(parts, scores, teacher, videos=of).isfinite().all()


@pytest.mark.parametrize("parts", [*SOME[::12], *slow(SOME[3::12] + SOME[6::12] + SOME[9::12])], ids=told)
def test_all_that_can_be_bad_at_once(parts):
    for scores in (torch.zeros(2, 2), torch.eye(2), torch.ones(3, 3)):
        scores = scores.double()
        size = len(scores)
        for teacher in (scores, torch.zeros_like(scores), torch.full_like(scores, torch.nan), 1 - scores):
            for videos in (range(size), [0] * (size - 1) + [1]):
                assert distillation(parts, scores, teacher, videos=videos).isfinite()
                assert gradient(parts, scores, teacher, videos=videos).isfinite().all()


class TestUnknownPairs:
    @pytest.mark.parametrize("parts", [*SOME[::4], *slow(SOME[1::4] + SOME[2::4] + SOME[3::4])], ids=told)
    def test_of_nothing_known_nothing_is_learned(self, parts):
        unknown = torch.full((4, 4), torch.nan, dtype=torch.float64)
        assert distillation(parts, random_matrix(4), unknown).item() == 0
        assert (gradient(parts, random_matrix(4), unknown) == 0).all()

    @pytest.mark.parametrize("parts", [one for one in SOME if one.standardise in ("none", "rank")], ids=told)
    def test_what_no_teacher_knows_is_left_out(self, parts):
        teacher = random_matrix(5, 1)
        teacher[1, 3] = teacher[2, 2] = torch.nan
        teacher[4] = torch.nan
        assert (gradient(parts, random_matrix(5), teacher)[teacher.isnan()] == 0).all()

    def test_the_others_are_averaged_over_those_that_are_known(self):
        scores, teacher = random_matrix(3, count=2)
        known = torch.tensor([[True, False, True], [False, True, False], [False, False, False]])
        squares = (scores - teacher).square()
        teacher[~known] = torch.nan
        found = {
            reduction: distillation(replace(TEACHTEXT, distance="mse", reduction=reduction), scores, teacher)
            for reduction in ("mean_pairs", "mean_lists", "sum")
        }
        torch.testing.assert_close(found["mean_pairs"], squares[known].mean())
        torch.testing.assert_close(found["mean_lists"], squares[known].sum() / 2)
        torch.testing.assert_close(found["sum"], squares[known].sum())

    @pytest.mark.parametrize("pool", ["mean", "min", "max", "median", "weighted", "learned", "none"])
    def test_a_teacher_has_no_say_in_what_it_does_not_know(self, pool):
        one, other, third = random_matrix(4, count=3)
        weights = [1.0, 2.0, 0.5] if pool == "weighted" else None
        silent = torch.full_like(third, torch.nan)
        parts = replace(TEACHTEXT, pool=pool, pool_weights=weights)
        two = replace(parts, pool_weights=weights and weights[:2])
        expected = distillation(two, random_matrix(4, 5), one, other)
        found = distillation(parts, random_matrix(4, 5), one, other, silent)
        # losses are averaged over teachers, also over one that says nothing at all
        torch.testing.assert_close(found, expected * 2 / 3 if pool == "none" else expected)

    def test_pairs_known_to_some_are_pooled_over_those(self):
        one, other = random_matrix(4, count=2)
        pooled = torch.stack([other[0], one[1], (one[2] + other[2]) / 2, (one[3] + other[3]) / 2])
        one[0], other[1] = torch.nan, torch.nan
        scores = random_matrix(4, 8)
        torch.testing.assert_close(distillation(TEACHTEXT, scores, one, other), F.huber_loss(scores, pooled))
