import math

import pytest
import torch

from teachtext.data.batch import VideoBatch
from teachtext.models.mmt import MMT

DIMS = {"z": 3, "a": 4, "m": 2}
NAMES = sorted(DIMS)
# every video has something, no two the same things; one row has no time
LENGTHS = {"a": [4, 0, 1, 2], "m": [3, 5, 0, 1], "z": [1, 1, 1, 0]}
HEADS, POSITIONS = 2, 3


def make_model(**changes):
    arguments = {"expert_dims": DIMS, "text_dim": 5, "shared_dim": 8, "layers": 2, "heads": HEADS, "feedforward": 12}
    model = MMT(**(arguments | {"max_positions": POSITIONS, "dropout": 0.0} | changes)).double()
    # as trained: at the start everything but the rows is close to zero
    torch.manual_seed(1)
    for parameter in (*model.tokens.parameters(), *model.transformer.parameters()):
        torch.nn.init.normal_(parameter, std=0.5)
    return model


def make_video(rows=None, lengths=LENGTHS):
    random = torch.Generator().manual_seed(2)
    experts = {name: torch.randn(4, 5, DIMS[name], dtype=torch.float64, generator=random) for name in NAMES}
    return VideoBatch("uvwx", experts | (rows or {}), {name: torch.tensor(lengths[name]) for name in NAMES})


def layer_norm(norm, token):
    return (token - token.mean()) / (token.var(unbiased=False) + norm.eps).sqrt() * norm.weight + norm.bias


def naive_tokens(model, video, i):
    """The tokens of one video that count, aggregates first, and which aggregate is whose."""
    parts, aggregates, rows = model.tokens, {}, []
    for e, name in enumerate(NAMES):
        length = int(video.lengths[name][i])
        projected = [parts.project[e](row) for row in video.experts[name][i, :length]]
        projected = [row / row.norm() for row in projected]
        if length:
            aggregates[name] = torch.stack(projected).max(dim=0).values + parts.expert[e] + parts.aggregate
        for number, row in enumerate(projected):
            time = parts.time[min(number, POSITIONS - 1)] if length > 1 else parts.no_time
            rows.append(row + parts.expert[e] + time)
    tokens = torch.stack([layer_norm(parts.norm, token) for token in (*aggregates.values(), *rows)])
    return tokens, list(aggregates)


def naive_layer(layer, tokens):
    """Attention and two linear layers, each with its residual, then normalised (Vaswani et al., 2017)."""
    attention = layer.self_attn
    queries, keys, values = (tokens @ attention.in_proj_weight.T + attention.in_proj_bias).chunk(3, dim=1)
    width = tokens.shape[1] // HEADS
    found = []
    for h in range(HEADS):
        part = slice(h * width, (h + 1) * width)
        shares = (queries[:, part] @ keys[:, part].T / math.sqrt(width)).softmax(dim=1)
        found.append(shares @ values[:, part])
    attended = torch.cat(found, dim=1) @ attention.out_proj.weight.T + attention.out_proj.bias
    tokens = torch.stack([layer_norm(layer.norm1, token) for token in tokens + attended])
    hidden = tokens @ layer.linear1.weight.T + layer.linear1.bias
    hidden = hidden * (1 + torch.erf(hidden / math.sqrt(2))) / 2
    grown = hidden @ layer.linear2.weight.T + layer.linear2.bias
    return torch.stack([layer_norm(layer.norm2, token) for token in tokens + grown])


@pytest.mark.parametrize("training", [True, False])
@torch.no_grad()
def test_vectors_equal_a_transformer_over_the_tokens_that_count(training):
    model = make_model().train(training)
    video = make_video()
    found = model.encode_video(video).vectors
    for i in range(4):
        tokens, aggregates = naive_tokens(model, video, i)
        for layer in model.transformer.layers:
            tokens = naive_layer(layer, tokens)
        for place, name in enumerate(aggregates):
            torch.testing.assert_close(found[name][i], tokens[place] / tokens[place].norm())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_evaluation_and_training_agree_without_dropout(dtype):
    model, video = make_model().to(dtype), make_video()
    video = VideoBatch(video.ids, {name: rows.to(dtype) for name, rows in video.experts.items()}, video.lengths)
    present = video.present
    slow = model.train().encode_video(video).vectors
    with torch.no_grad():
        fast = model.eval().encode_video(video).vectors
    for e, name in enumerate(NAMES):
        assert fast[name].dtype == dtype
        torch.testing.assert_close(fast[name][present[:, e]], slow[name][present[:, e]])


@torch.no_grad()
def test_experts_see_one_another_but_not_what_is_missing():
    model, video = make_model().eval(), make_video()
    before = model.encode_video(video).vectors["z"]
    model.tokens.project[0].weight.normal_()
    after = model.encode_video(video).vectors["z"]
    changed = ((after - before).abs().amax(dim=1) > 1e-6) & video.present[:, 2]
    assert changed.tolist() == [True, False, True, False], "the second video has no 'a', the last no 'z'"
    torch.testing.assert_close(after[1], before[1])


@torch.no_grad()
def test_the_order_of_rows_matters_up_to_the_last_time_that_is_told_apart():
    model, video = make_model().eval(), make_video()
    rows = video.experts["m"]
    vectors = [
        model.encode_video(make_video({"m": rows[:, order]})).vectors["m"][1]
        for order in ([0, 1, 2, 3, 4], [1, 0, 2, 3, 4], [0, 1, 4, 3, 2])
    ]
    assert (vectors[1] - vectors[0]).abs().max() > 1e-4
    torch.testing.assert_close(vectors[2], vectors[0])


def test_layers_do_not_start_as_copies_of_one():
    first, second = MMT(expert_dims=DIMS, text_dim=5, shared_dim=8, layers=2).transformer.layers
    assert not first.linear1.weight.equal(second.linear1.weight)
    assert 0.01 < first.self_attn.in_proj_weight.std() < 0.03


def test_training_is_deterministic_where_torch_is_asked_to_be():
    steps = []
    torch.use_deterministic_algorithms(True)
    try:
        for _ in range(2):
            model = make_model(dropout=0.3).train()
            sum(vector.sum() for vector in model.encode_video(make_video()).vectors.values()).backward()
            steps.append([p.grad for name, p in model.named_parameters() if not name.startswith("text.")])
    finally:
        torch.use_deterministic_algorithms(False)
    torch.testing.assert_close(steps[0], steps[1], atol=0, rtol=0)
