"""Which parts make no sense together."""

from dataclasses import replace

import pytest
import torch
from matrices import Fixed

from teachtext.learning.distillation.objective import Distillation
from teachtext.learning.distillation.presets import preset
from teachtext.learning.losses import MaxMarginRankingLoss

TEACHTEXT = preset("teachtext")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"distance": "kl"}, "'distance: kl' compares probabilities: it needs 'target: softmax', not 'raw'"),
        ({"distance": "kl", "target": "rank"}, "needs 'target: softmax', not 'rank'"),
        ({"distance": "nce", "reduction": "mean_lists"}, "'source: teachers' has none: use 'momentum' or 'own'"),
        ({"distance": "margin_mse", "target": "softmax"}, "it needs 'target: raw', not 'softmax'"),
        ({"standardise": "rank"}, "which have no gradient: use 'target: rank'"),
        ({"distance": "pearson"}, "is one number a list: use 'reduction: mean_lists' or 'sum'"),
        ({"label_share": 0.5}, "'label_share' is mixed into probabilities"),
        ({"pool": "weighted"}, "needs 'pool_weights'"),
        ({"pool_weights": [1.0]}, "are not used by 'pool: mean'"),
        ({"pool": "weighted", "pool_weights": [0.0, 0.0]}, "must be 0 or more, and one of them more"),
        ({"pool": "weighted", "pool_weights": [2.0, -1.0]}, "must be 0 or more"),
        ({"pool": "weighted", "pool_weights": []}, "must be 0 or more"),
        ({"source": "own"}, "compares a matrix with itself: use 'views: experts'"),
        ({"source": "captions", "direction": "both"}, "use 'direction: rows'"),
        ({"source": "momentum", "frame_weight": 1.0}, "'frame_weight' takes the teachers' scores of rows"),
        ({"source": "momentum", "pool": "learned"}, "'pool: learned' weighs teachers"),
        (
            {"source": "own", "distance": "nce", "reduction": "mean_lists", "standardise": "z_score"},
            "needs 'standardise: none'",
        ),
    ],
)
def test_parts_that_make_no_sense_together_are_refused(changes, told):
    with pytest.raises(ValueError, match=told.replace("'", "['\"]")) as caught:
        replace(TEACHTEXT, **changes)
    assert "\n" not in str(caught.value)


def test_the_number_of_teachers_is_checked():
    parts = replace(TEACHTEXT, pool="weighted", pool_weights=[1.0, 1.0])
    with pytest.raises(ValueError, match="has 2 numbers, there are 1 teachers"):
        Distillation(ranking=MaxMarginRankingLoss(), parts=parts, teachers=[Fixed(torch.eye(2))])
    with pytest.raises(ValueError, match="needs a teacher"):
        Distillation(ranking=MaxMarginRankingLoss(), parts=TEACHTEXT)
    with pytest.raises(ValueError, match="needs teachers that score rows"):
        Distillation(
            ranking=MaxMarginRankingLoss(), parts=replace(TEACHTEXT, frame_weight=1.0), teachers=[Fixed(torch.eye(2))]
        )
    with pytest.raises(ValueError, match="needs the student"):
        Distillation(ranking=MaxMarginRankingLoss(), parts=preset("momentum"))
