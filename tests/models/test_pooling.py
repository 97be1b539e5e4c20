import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from teachtext.data.batch import VideoBatch
from teachtext.models.pooling import ExpertPooling, FrameWeights, MeanPooling, NetVLAD, length_mask, weighted_rows


def naive_vlad(vlad, rows):
    """One sequence (T, D) through an eval-mode NetVLAD, with loops."""
    (length, dim), clusters = rows.shape, vlad.clusters
    scale = vlad.norm.weight / (vlad.norm.running_var + vlad.norm.eps).sqrt()
    residuals = torch.zeros(dim, clusters, dtype=rows.dtype)
    for t in range(length):
        logits = (rows[t] @ vlad.assignment - vlad.norm.running_mean) * scale + vlad.norm.bias
        shares = logits.exp() / logits.exp().sum()
        for d in range(dim):
            for k in range(clusters):
                residuals[d, k] += shares[k] * (rows[t, d] - vlad.centres[d, k])
    flat = []
    for d in range(dim):
        for k in range(clusters):
            norm = sum(residuals[i, k] ** 2 for i in range(dim)) ** 0.5
            flat.append(residuals[d, k] / norm if length else torch.tensor(0.0, dtype=rows.dtype))
    flat = torch.stack(flat)
    return flat / sum(x**2 for x in flat) ** 0.5 if length else flat


LENGTHS = torch.tensor([4, 1, 0, 2])


def garbage_after(rows, lengths, value):
    return torch.where(length_mask(lengths, rows.shape[1])[..., None], rows, torch.full_like(rows, value))


def test_length_mask():
    assert length_mask(torch.tensor([0, 2, 3]), 3).tolist() == [[False] * 3, [True, True, False], [True] * 3]


@pytest.mark.parametrize("ghosts", [0, 2])
@torch.no_grad()
def test_netvlad_equals_loops_over_each_sequence_alone(lived_in, ghosts):
    vlad = lived_in(NetVLAD(dim=3, clusters=2, ghost_clusters=ghosts))
    rows = torch.randn(4, 4, 3, dtype=torch.float64)
    pooled = vlad(rows, LENGTHS)
    assert pooled.shape == (4, vlad.out_dim) == (4, 6), "ghost clusters take no place"
    for i, length in enumerate(LENGTHS.tolist()):
        torch.testing.assert_close(pooled[i], naive_vlad(vlad, rows[i, :length]))


@torch.no_grad()
def test_a_padded_sequence_pools_as_it_does_alone(lived_in):
    vlad = lived_in(NetVLAD(dim=3, clusters=4, ghost_clusters=1))
    rows = garbage_after(torch.randn(4, 7, 3, dtype=torch.float64), LENGTHS, 0.0)
    pooled = vlad(rows, LENGTHS)
    for i, length in enumerate(LENGTHS.tolist()):
        torch.testing.assert_close(pooled[i : i + 1], vlad(rows[i : i + 1, :length], LENGTHS[i : i + 1]))


@pytest.mark.parametrize("training", [True, False])
@torch.no_grad()
def test_what_stands_in_the_padding_changes_nothing(training):
    rows = torch.randn(4, 5, 3, dtype=torch.float64)
    outputs, statistics = [], []
    for value in (0.0, 7.0, -1e6):
        torch.manual_seed(1)
        vlad = NetVLAD(dim=3, clusters=2, ghost_clusters=1).double().train(training)
        outputs.append(vlad(garbage_after(rows, LENGTHS, value), LENGTHS))
        statistics.append(vlad.norm.running_mean)
    for output, statistic in zip(outputs[1:], statistics[1:], strict=True):
        torch.testing.assert_close(output, outputs[0], atol=0, rtol=0)
        torch.testing.assert_close(statistic, statistics[0], atol=0, rtol=0)


@torch.no_grad()
def test_the_original_takes_padding_for_tokens(lived_in):
    vlad = lived_in(NetVLAD(dim=3, clusters=2, mask_padding=False))
    rows = garbage_after(torch.randn(4, 4, 3, dtype=torch.float64), LENGTHS, 0.0)
    pooled = vlad(rows, LENGTHS)
    for i in range(4):
        torch.testing.assert_close(pooled[i], naive_vlad(vlad, rows[i]))


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 5), min_size=2, max_size=5), st.booleans())
def test_vectors_have_length_one_or_are_zero_where_nothing_was(lengths, training):
    vlad = NetVLAD(dim=3, clusters=4, ghost_clusters=1).train(training)
    norms = vlad(torch.randn(len(lengths), 5, 3), torch.tensor(lengths)).norm(dim=1)
    torch.testing.assert_close(norms, (torch.tensor(lengths) > 0).float())


@pytest.mark.parametrize("lengths", [[0, 0, 0], [0, 1, 0]])
def test_fewer_than_two_rows_have_no_statistics_of_their_own(lived_in, lengths):
    vlad = lived_in(NetVLAD(dim=3, clusters=2, ghost_clusters=1))
    rows, lengths = torch.randn(3, 4, 3, dtype=torch.float64), torch.tensor(lengths)
    before = {name: value.clone() for name, value in vlad.named_buffers()}
    expected = vlad(rows, lengths)
    pooled = vlad.train()(rows, lengths)
    torch.testing.assert_close(pooled, expected)
    torch.testing.assert_close(dict(vlad.named_buffers()), before)
    pooled.pow(3).sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in vlad.parameters())


@pytest.mark.parametrize("mask_padding", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_gradients_of_netvlad(gradcheck_all, mask_padding, training):
    vlad = NetVLAD(dim=3, clusters=2, ghost_clusters=1, mask_padding=mask_padding).train(training)
    gradcheck_all(vlad, torch.randn(4, 4, 3, dtype=torch.float64), LENGTHS)


def test_the_mean_is_over_the_rows_that_count(gradcheck_all):
    rows = torch.randn(4, 4, 3, dtype=torch.float64)
    pooling = MeanPooling(dim=3)
    pooled = pooling(garbage_after(rows, LENGTHS, 1e6), LENGTHS)
    for i, length in enumerate(LENGTHS.tolist()):
        expected = np.mean(rows[i, :length].numpy(), axis=0) if length else np.zeros(3)
        np.testing.assert_allclose(pooled[i].numpy(), expected, atol=1e-12)
    torch.testing.assert_close(pooling(rows[:, :1], torch.ones(4)), rows[:, 0], atol=0, rtol=0)


def test_experts_are_pooled_in_the_order_of_their_names():
    dims = {"z": 2, "a.b": 3, "a": 4, "m.n.o": 5}
    pooling = ExpertPooling(dims=dims, clusters={"m.n.o": 6, "not an expert of this model": 3})
    lengths = {name: torch.tensor([1, 1]) for name in dims}
    rows = {name: torch.randn(2, 1, dim) for name, dim in dims.items()}
    assert pooling.names == ["a", "a.b", "m.n.o", "z"]
    assert pooling.out_dims == [4, 3, 30, 2]
    pooled = pooling(VideoBatch(["v", "w"], rows, lengths))
    assert [tuple(vector.shape) for vector in pooled] == [(2, 4), (2, 3), (2, 30), (2, 2)]
    for name, vector in (("a", pooled[0]), ("a.b", pooled[1]), ("z", pooled[3])):
        torch.testing.assert_close(vector, rows[name][:, 0])


def test_gradients_of_weighted_rows_are_those_of_finite_differences(gradcheck_all):
    class Aggregation(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weights = FrameWeights(dim=3)
            torch.nn.init.normal_(self.weights.last.weight, std=0.1)

        def forward(self, rows):
            return weighted_rows(rows, self.weights(rows), LENGTHS)

    gradcheck_all(Aggregation(), torch.randn(4, 4, 3, dtype=torch.float64))


def test_a_row_of_a_much_larger_logit_is_the_vector():
    rows = torch.randn(1, 3, 2)
    torch.testing.assert_close(weighted_rows(rows, torch.tensor([[0.0, 9.0, 0.0]]), torch.tensor([3])), rows[:, 1])
    assert weighted_rows(rows, torch.zeros(1, 3), torch.tensor([0])).tolist() == [[0, 0]]
