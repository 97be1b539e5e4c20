"""What is known of the published objectives."""

from dataclasses import replace

import pytest
import torch
from matrices import Fixed, batch_of, distillation, gradient, random_matrix, student_of
from torch.nn import functional as F

from teachtext.learning.distillation.objective import Distillation
from teachtext.learning.distillation.parts import Parts
from teachtext.learning.distillation.presets import PRESETS, preset
from teachtext.learning.losses import InfoNCE, MaxMarginRankingLoss

TEACHTEXT = preset("teachtext")


class TestC2KD:
    def test_it_is_the_sum_of_kullback_leibler_over_rows_and_columns(self):
        scores, one, other = random_matrix(6, count=3)
        parts = replace(preset("c2kd"), weight=1.0)
        pooled = torch.minimum(one, other)
        expected = sum(
            F.kl_div((ours / 0.1).log_softmax(1), (theirs / 0.1).softmax(1), reduction="batchmean")
            for ours, theirs in ((scores, pooled), (scores.T, pooled.T))
        )
        torch.testing.assert_close(distillation(parts, scores, one, other), expected)

    def test_its_code_takes_the_maximum_for_the_minimum(self):
        scores, one, other = random_matrix(6, count=3)
        code = distillation(preset("c2kd", preset_from="code"), scores, one, other)
        torch.testing.assert_close(code, distillation(preset("c2kd"), scores, torch.maximum(one, other)))

    def test_at_a_high_temperature_its_gradient_is_that_of_a_centred_mse(self):
        scores, teacher = random_matrix(6, count=2)
        tau = 1e4
        parts = replace(preset("c2kd"), temperature=tau, direction="rows", weight=1.0)
        apart = scores - teacher
        centred = apart - apart.mean(dim=1, keepdim=True)
        found = gradient(parts, scores, teacher)
        torch.testing.assert_close(found * tau**2 * 36, centred, atol=1e-3, rtol=1e-3)
        assert F.cosine_similarity(found.flatten() * tau**2, centred.flatten(), dim=0).item() == pytest.approx(
            1, abs=1e-6
        )


class TestDCD:
    def test_with_all_candidates_and_uniform_weights_it_is_mse(self):
        scores, teacher = random_matrix(6, count=2)
        uniform = replace(preset("dcd"), samples="uniform", weight=1.0)
        torch.testing.assert_close(
            distillation(replace(uniform, candidates=5), scores, teacher), F.mse_loss(scores, teacher)
        )
        torch.testing.assert_close(
            distillation(replace(uniform, candidates=99), scores, teacher), F.mse_loss(scores, teacher)
        )

    def test_it_is_its_formula(self):
        """r = softmax over the batch of (1 - w)^2, w = H / sum of H, of the mean over candidates, per video."""
        scores, teacher = random_matrix(7, count=2)
        parts = replace(preset("dcd"), candidates=3, temperature=0.4)
        shares, means = [], []
        for video in range(7):
            wrong = sorted((text for text in range(7) if text != video), key=lambda text: -teacher[text, video])
            texts = [video, *wrong[:3]]
            p = (teacher[texts, video] / 0.4).softmax(0)
            shares.append(-(p * p.log()).sum())
            means.append((scores[texts, video] - teacher[texts, video]).square().mean())
        w = torch.stack(shares) / sum(shares)
        r = (1 - w).square().softmax(0)
        torch.testing.assert_close(distillation(parts, scores, teacher), 0.2 * (r * torch.stack(means)).sum())
        ranking = MaxMarginRankingLoss(margin=0.5)
        objective = Distillation(ranking=ranking, parts=parts, teachers=[Fixed(teacher)])
        torch.testing.assert_close(
            objective(student_of(scores), batch_of(7))["ranking"], 0.8 * ranking(scores, None, 7 * w)
        )

    def test_its_ranking_loss_sees_the_mined_candidates_alone(self):
        """Written out: each caption among the three videos that the teacher scores highest, each video likewise."""
        scores, teacher = random_matrix(7, count=2)
        parts = replace(preset("dcd"), candidates=3, ranking_pairs="top", ranking_samples="uniform")
        margin, temperature, hinge, entropies = 0.5, 0.2, [], []
        for ours, theirs in ((scores, teacher), (scores.T, teacher.T)):
            for i in range(7):
                wrong = sorted((j for j in range(7) if j != i), key=lambda j: -theirs[i, j])[:3]
                hinge += [(margin + ours[i, j] - ours[i, i]).clamp(min=0) for j in wrong]
                entropies.append(-(ours[i, [i, *wrong]] / temperature).log_softmax(0)[0])
        for ranking, expected in (
            (MaxMarginRankingLoss(margin=margin), sum(hinge) / len(hinge)),
            (InfoNCE(temperature=temperature), sum(entropies) / len(entropies)),
        ):
            objective = Distillation(ranking=ranking, parts=parts, teachers=[Fixed(teacher)])
            found = objective(student_of(scores), batch_of(7))["ranking"]
            torch.testing.assert_close(found, 0.8 * expected, check_dtype=False, rtol=1e-6, atol=1e-7)
            everything = replace(parts, candidates=6)
            objective = Distillation(ranking=ranking, parts=everything, teachers=[Fixed(teacher)])
            found = objective(student_of(scores), batch_of(7))["ranking"]
            torch.testing.assert_close(found, 0.8 * ranking(scores), check_dtype=False)

    @pytest.mark.parametrize("direction", ["rows", "columns"])
    def test_random_candidates_are_as_many_and_whatever_the_teacher_says(self, direction):
        teachers = random_matrix(9, count=2)
        scores = random_matrix(9, 3)
        mined, random = (
            [
                gradient(replace(preset("dcd"), direction=direction, candidates=3, pairs=pairs), scores, teacher) != 0
                for teacher in teachers
            ]
            for pairs in ("top", "random")
        )
        lists = 1 if direction == "rows" else 0
        for counted in (*mined, *random):
            assert counted.diagonal().all() and (counted.sum(dim=lists) == 4).all()
        assert (mined[0] != mined[1]).any() and (random[0] == random[1]).all()

    def test_a_confident_teacher_counts_more_and_its_label_less(self):
        teacher = torch.zeros(4, 4, dtype=torch.float64)
        teacher[:, 2] = torch.tensor([0.0, 0.0, 9.0, 0.0])
        scores = torch.zeros_like(teacher)
        for samples in ("entropy", "entropy_share"):
            parts = replace(preset("dcd"), samples=samples, ranking_samples=samples)
            uniform = replace(parts, samples="uniform")
            assert distillation(parts, scores, teacher) > distillation(uniform, scores, teacher)
            objective = Distillation(ranking=InfoNCE(), parts=parts, teachers=[Fixed(teacher)])
            weights = objective._ranking_weights(objective._pooled(teacher[None]), torch.eye(4, dtype=torch.bool))
            assert weights[2] < 0.01 < 1 < weights[0] and weights.mean().item() == pytest.approx(1)


class TestTeachCLIP:
    def test_its_losses_are_averaged_not_its_scores(self):
        scores, one, other = random_matrix(6, count=3)
        parts = preset("teachclip")
        alone = [distillation(parts, scores, teacher) for teacher in (one, other)]
        torch.testing.assert_close(distillation(parts, scores, one, other), sum(alone) / 2)

    def test_it_is_one_minus_the_correlation_of_softmaxes(self):
        scores, teacher = random_matrix(6, count=2)
        expected = 0.0
        for ours, theirs in ((scores, teacher), (scores.T, teacher.T)):
            for one, other in zip((ours / 0.01).softmax(1), (theirs / 0.01).softmax(1), strict=True):
                expected += (1 - torch.corrcoef(torch.stack([one, other]))[0, 1]) / 6
        torch.testing.assert_close(distillation(preset("teachclip"), scores, teacher), expected)

    def test_its_code_has_less_of_the_ranking_loss(self):
        assert preset("teachclip").ranking_weight == 1
        assert preset("teachclip", preset_from="code").ranking_weight == 0.2


def test_every_preset_says_its_direction_and_reduction_and_where_it_is_from():
    required = {"pool", "pairs", "target", "distance", "direction", "reduction", "weight"}
    with pytest.raises(TypeError):
        Parts(**{name: getattr(TEACHTEXT, name) for name in required - {"direction"}})
    for name, published in PRESETS.items():
        assert published.what.endswith(".") and len(published.what) > 40, name
        code, paper = (vars(preset(name, preset_from=version)) for version in ("code", "paper"))
        changed = {setting: value for setting, value in code.items() if value != paper[setting]}
        assert changed == published.code, name
