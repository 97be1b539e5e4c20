"""How much lists count."""

import math
from dataclasses import replace

import pytest
import torch
from matrices import Fixed, batch_of, random_matrix, student_of

from teachtext.learning.distillation.compare import SAMPLES, list_entropies, mistrust, trust
from teachtext.learning.distillation.objective import Distillation
from teachtext.learning.distillation.presets import preset


def test_entropies_are_of_what_counts_and_the_highest_where_nothing_does():
    teacher = random_matrix(4)
    counted = torch.tensor([[1, 1, 1, 1], [1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]]).bool()
    entropies, pairs = list_entropies(teacher, counted, 0.5)
    assert pairs.tolist() == [4, 2, 1, 0]
    for row in (0, 1, 2):
        p = (teacher[row, counted[row]] / 0.5).softmax(0)
        assert entropies[row].item() == pytest.approx(-(p * p.log()).sum().item())
    unsure, _ = list_entropies(torch.zeros(1, 4), torch.zeros(1, 4, dtype=torch.bool), 0.5)
    assert unsure.item() == pytest.approx(math.log(4)), "whatever stands at pairs that nobody knows"


def test_doubts_are_between_none_and_all_whatever_the_number_of_pairs():
    entropies = torch.tensor([math.log(4), math.log(2), math.log(2), 0.0, 0.0])
    pairs = torch.tensor([4.0, 4.0, 2.0, 3.0, 1.0])
    # of one pair alone nothing can be told
    assert SAMPLES["entropy"](entropies, pairs).tolist() == pytest.approx([1, 0.5, 1, 0, 1])
    assert SAMPLES["entropy_share"](entropies, pairs).tolist() == pytest.approx([0.5, 0.25, 0.25, 0, 0])
    assert SAMPLES["entropy_share"](torch.zeros(3), torch.ones(3)).tolist() == [0, 0, 0]
    assert SAMPLES["uniform"](entropies, pairs).tolist() == [0] * 5


def test_trust_and_mistrust_have_a_mean_of_one():
    doubts = torch.tensor([0.9, 0.1, 0.5])
    assert trust(doubts).mean().item() == mistrust(doubts).mean().item() == pytest.approx(1)
    assert trust(doubts).argsort().tolist() == [0, 2, 1] and mistrust(doubts).argsort().tolist() == [1, 2, 0]
    assert mistrust(torch.zeros(3)).tolist() == [1, 1, 1]
    assert mistrust(doubts).tolist() == pytest.approx([1.8, 0.2, 1.0])


@pytest.mark.parametrize("direction", ["rows", "columns", "both", "both_halved"])
def test_the_ranking_loss_is_weighed_by_the_lists_that_are_read(direction):
    teachers = random_matrix(5, count=2)
    told = []

    class Ranking(torch.nn.Module):
        def forward(self, scores, same_video, weights):
            told.append(weights)
            return scores.sum() * 0

    samples = {"ranking_samples": "entropy", "temperature": 0.2}
    parts = replace(preset("teachtext"), pool="none", direction=direction, **samples)
    objective = Distillation(ranking=Ranking(), parts=parts, teachers=[Fixed(matrix) for matrix in teachers])
    objective(student_of(random_matrix(5, 3)), batch_of(5))
    lists = {"rows": [*teachers], "columns": [matrix.T for matrix in teachers]}
    read = lists.get(direction, lists["rows"] + lists["columns"])
    everything = torch.ones(5, 5, dtype=torch.bool)
    weights = [mistrust(SAMPLES["entropy"](*list_entropies(one, everything, 0.2))) for one in read]
    assert told[0].tolist() == pytest.approx((sum(weights) / len(weights)).tolist())
