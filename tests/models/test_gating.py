import pytest
import torch
from torch.nn import functional as F

from teachtext.models.gating import CollaborativeGating, GatedEmbeddingUnit, SelfGating

B, M, D = 5, 3, 4
PRESENT = torch.tensor([[1, 1, 1], [1, 0, 1], [0, 1, 0], [0, 1, 1], [1, 1, 0]]).bool()


def sigmoid(x):
    return 1 / (1 + (-x).exp())


def norm_of(norm, rows):
    """Batch normalisation of (N, D), with the batch's own statistics in training mode."""
    mean = rows.mean(dim=0) if norm.training else norm.running_mean
    variance = rows.var(dim=0, unbiased=False) if norm.training else norm.running_var
    return (rows - mean) / (variance + norm.eps).sqrt() * norm.weight + norm.bias


def linear_of(linear, rows):
    return torch.stack([linear.weight @ row + linear.bias for row in rows])


def pair_network(gating, rows):
    """The network g on rows (N, 2 D): a linear layer, then blocks of BN, Mish x * tanh(softplus(x)), linear."""
    rows = linear_of(gating.pair, rows)
    for norm, _, linear in zip(*[iter(gating.shared)] * 3, strict=True):
        rows = norm_of(norm, rows)
        rows = linear_of(linear, rows * torch.tanh((1 + rows.exp()).log()))
    return rows


def gate(gating, e, vectors, fused):
    own = norm_of(gating.own_norm[e], linear_of(gating.own[e], vectors))
    gated = vectors * sigmoid(norm_of(gating.others_norm[e], fused) + own)
    return gated / gated.norm(dim=1, keepdim=True)


def naive_parallel(gating, projected, present):
    """Pair by pair; the pairs that exist meet the network together, so that they share its batch statistics."""
    videos, experts, dim = projected.shape
    pairs = [
        (b, e, f)
        for b in range(videos)
        for e in range(experts)
        for f in range(experts)
        if present[b, e] and present[b, f]
    ]
    answers = pair_network(gating, torch.stack([torch.cat([projected[b, e], projected[b, f]]) for b, e, f in pairs]))
    fused = torch.zeros(videos, experts, dim, dtype=projected.dtype)
    for (b, e, _), answer in zip(pairs, answers, strict=True):
        fused[b, e] += answer / present[b].sum()
    return torch.stack([gate(gating, e, projected[:, e], fused[:, e]) for e in range(experts)], dim=1)


def naive_sequential(gating, projected, present):
    """The original: expert after expert, those already gated seen as gated, each pair with its own statistics."""
    vectors = projected.clone()
    for e in range(projected.shape[1]):
        answers = [
            pair_network(gating, torch.cat([vectors[:, e], vectors[:, f]], dim=1)) for f in range(projected.shape[1])
        ]
        fused = torch.zeros_like(vectors[:, e])
        for b in range(len(vectors)):
            if present[b, e]:
                fused[b] = sum(answers[f][b] for f in range(len(answers)) if present[b, f]) / present[b].sum()
        vectors[:, e] = gate(gating, e, vectors[:, e].clone(), fused)
    return vectors


def unit_vectors(*shape):
    return F.normalize(torch.randn(*shape, dtype=torch.float64), dim=-1)


def test_gated_embedding_unit_equals_its_formula(lived_in):
    unit = lived_in(GatedEmbeddingUnit(in_dim=6, out_dim=D))
    rows = torch.randn(B, 6, dtype=torch.float64)
    for training in (False, True):
        unit.train(training)
        projected = linear_of(unit.project, rows)
        gated = projected * sigmoid(norm_of(unit.norm, linear_of(unit.gate, projected)))
        expected = gated / gated.norm(dim=1, keepdim=True)
        found = unit(rows)
        assert found.shape == (B, D)
        torch.testing.assert_close(found, expected)
        torch.testing.assert_close(found.norm(dim=1), torch.ones(B, dtype=torch.float64))


@pytest.mark.parametrize("training", [True, False])
def test_gradients_of_the_gated_embedding_unit(gradcheck_all, training):
    gradcheck_all(GatedEmbeddingUnit(in_dim=3, out_dim=D).train(training), 3 * torch.randn(B, 3, dtype=torch.float64))


@pytest.mark.parametrize(("gating", "naive"), [("parallel", naive_parallel), ("sequential", naive_sequential)])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("layers", [1, 3])
@torch.no_grad()
def test_collaborative_gating_equals_loops_over_pairs(lived_in, gating, naive, training, layers):
    module = lived_in(CollaborativeGating(experts=M, dim=D, layers=layers, gating=gating)).train(training)
    projected = unit_vectors(B, M, D)
    expected = naive(module, projected, PRESENT)
    found = module(projected, PRESENT)
    assert found.shape == (B, M, D)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(found.norm(dim=2), torch.ones(B, M, dtype=torch.float64))


@pytest.mark.parametrize(("gating", "training"), [("parallel", True), ("parallel", False), ("sequential", False)])
@torch.no_grad()
def test_missing_experts_do_not_influence_the_others(lived_in, gating, training):
    projected = unit_vectors(B, M, D)
    changed = torch.where(PRESENT[..., None], projected, unit_vectors(B, M, D))
    assert not changed.equal(projected)
    module = lived_in(CollaborativeGating(experts=M, dim=D, gating=gating)).train(training)
    if training:
        # the batch statistics of an expert's own gate are over all its videos, and the model zeroes missing ones
        for norm in (*module.own_norm, *module.others_norm):
            norm.eval()
    found, other = module(projected, PRESENT), module(changed, PRESENT)
    torch.testing.assert_close(found[PRESENT], other[PRESENT])


@torch.no_grad()
def test_the_order_of_experts_matters_to_the_original_alone(lived_in):
    order = [2, 0, 1]
    projected = unit_vectors(B, M, D)
    for gating in ("parallel", "sequential"):
        module = lived_in(CollaborativeGating(experts=M, dim=D, gating=gating))
        expected = module(projected, PRESENT)[:, order]
        for parts in (module.own, module.own_norm, module.others_norm):
            parts[0], parts[1], parts[2] = (parts[e] for e in order)
        same = torch.allclose(module(projected[:, order], PRESENT[:, order]), expected, atol=1e-9)
        assert same == (gating == "parallel")


@pytest.mark.slow
@pytest.mark.parametrize("gating", ["parallel", "sequential"])
@pytest.mark.parametrize("training", [True, False])
def test_gradients_of_collaborative_gating(gradcheck_all, gating, training):
    module = CollaborativeGating(experts=M, dim=2, gating=gating).train(training)
    gradcheck_all(module, torch.randn(B, M, 2, dtype=torch.float64), PRESENT)


@torch.no_grad()
def test_self_gating_equals_its_formula(lived_in):
    module = lived_in(SelfGating(experts=M, dim=D))
    projected = unit_vectors(B, M, D)
    for training in (False, True):
        module.train(training)
        found = module(projected, PRESENT)
        for e in range(M):
            gated = projected[:, e] * sigmoid(norm_of(module.own_norm[e], linear_of(module.own[e], projected[:, e])))
            torch.testing.assert_close(found[:, e], gated / gated.norm(dim=1, keepdim=True))


def test_self_gating_has_no_parameters_for_pairs():
    names = [name for name, _ in SelfGating(experts=2, dim=D).named_parameters()]
    assert {name.split(".")[0] for name in names} == {"own", "own_norm"}


def test_an_unknown_gating_is_refused():
    with pytest.raises(ValueError, match="'other' is not one of parallel, sequential"):
        CollaborativeGating(experts=2, dim=4, gating="other")
