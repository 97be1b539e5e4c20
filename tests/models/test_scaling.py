"""Features on one scale: right statistics, and none that a few values or few rows can spoil."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from teachtext.errors import InputError
from teachtext.models.build import build_model
from teachtext.models.scaling import Standardise

ROWS = torch.from_numpy(np.random.default_rng(3).normal(5, [1.0, 3.0, 0.5, 2.0], (4000, 4)).astype(np.float32))
ALL = torch.tensor([len(ROWS)])


def fitted(rows, exponent=1.0, pieces=7):
    layer = Standardise(dim=rows.shape[1], exponent=exponent)
    layer.fit(lambda: rows.chunk(pieces))
    return layer


def applied(layer, rows):
    return layer(rows[None], torch.tensor([len(rows)]))[0]


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
def test_training_rows_have_mean_0_and_mean_variance_1(exponent):
    scaled = applied(fitted(ROWS, exponent), ROWS)
    assert scaled.mean(dim=0).abs().max() < 0.01
    assert scaled.var(dim=0).mean() == pytest.approx(1, abs=0.05)
    # a dimension keeps the share of its deviation that the exponent leaves
    proportion = (scaled[:, 1].std() / scaled[:, 0].std()).item()
    assert proportion == pytest.approx(3 ** (1 - exponent), rel=0.1)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 1000), pieces=st.integers(1, 9), rows=st.integers(1, 30))
def test_pieces_change_nothing(seed, pieces, rows):
    values = torch.from_numpy(np.random.default_rng(seed).normal(3, 2, (rows, 5)).astype(np.float32))
    torch.testing.assert_close(applied(fitted(values, 0.5, pieces), values), applied(fitted(values, 0.5, 1), values))


def test_a_constant_dimension_stays_near_0_in_training_and_is_bounded_elsewhere():
    rows = torch.cat([ROWS, torch.full((len(ROWS), 1), 7.0)], dim=1)
    layer = fitted(rows)
    assert applied(layer, rows)[:, 4].abs().max() == 0
    other = applied(layer, torch.full((1, 5), 1e6))
    assert other.isfinite().all() and other.abs().max() <= 10


@pytest.mark.parametrize("value", [1e6, -1e6])
def test_an_absurd_value_does_not_make_the_statistics(value):
    spoilt = ROWS.clone()
    spoilt[17, 1] = value
    torch.testing.assert_close(fitted(spoilt).mean, fitted(ROWS).mean, atol=0.1, rtol=0)
    torch.testing.assert_close(fitted(spoilt).scale, fitted(ROWS).scale, atol=0, rtol=0.05)


def test_few_rows_say_little_about_single_dimensions():
    few, many = fitted(ROWS[:2]), fitted(ROWS)
    spread = [float(layer.scale.max() / layer.scale.min()) for layer in (few, many)]
    assert spread[0] < 2 < 5 < spread[1]


@pytest.mark.parametrize("rows", [torch.zeros(0, 3), torch.zeros(1, 3), torch.full((9, 3), 2.5)])
def test_nothing_and_constants_give_finite_numbers(rows):
    scaled = applied(fitted(rows), torch.randn(4, 3))
    assert scaled.isfinite().all()


def test_rows_that_do_not_count_are_zeros():
    scaled = fitted(ROWS)(torch.full((2, 3, 4), 9.0), torch.tensor([1, 0]))
    assert scaled[0, 0].abs().sum() > 0
    assert scaled[0, 1:].abs().sum() == 0 and scaled[1].abs().sum() == 0


@pytest.mark.parametrize("exponent", [-0.1, 1.5])
def test_an_exponent_out_of_range_is_refused(exponent):
    with pytest.raises(InputError, match=r"standardise is .* not from 0 to 1"):
        build_model("moee", {"expert_dims": {"scene": 4}, "text_dim": 4, "standardise": exponent})


def test_experts_that_share_the_captions_space_are_left_as_they_are():
    arguments = {"expert_dims": {"scene": 6, "speech": 4}, "text_dim": 4, "aligned": ["speech"], "standardise": 1.0}
    assert build_model("moee", arguments).standardised == ["scene"]
