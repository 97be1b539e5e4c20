import pytest
import torch
from pooled_rows import pooled, unit
from torch.nn import functional as F

from teachtext.data.batch import Batch, TextBatch, VideoBatch
from teachtext.models.dual import PooledDualEncoder, ResidualHead

LENGTHS = {"clip": [3, 1, 0, 2], "other": [0, 1, 2, 1]}
WORDS = [1, 2, 3, 2]


def make_batch(dims, text_dim):
    video = {name: 5 * torch.randn(4, 3, dim) for name, dim in dims.items()}
    lengths = {name: torch.tensor(LENGTHS[name] if len(dims) > 1 else [3, 1, 2, 2]) for name in dims}
    return Batch(
        TextBatch("abcd", torch.randn(4, 3, text_dim), torch.tensor(WORDS)), VideoBatch("efgh", video, lengths)
    )


@torch.no_grad()
def test_vectors_equal_their_formula():
    dims = {"other": 4, "clip": 6}
    model = PooledDualEncoder(expert_dims=dims, text_dim=5, shared_dim=7).eval()
    batch = make_batch(dims, 5)
    video, text = model.encode_video(batch.video), model.encode_text(batch.text)
    for i in range(4):
        projected = [
            model.project[e](pooled(batch.video.experts[name][i], LENGTHS[name][i]))
            for e, name in enumerate(["clip", "other"])
            if LENGTHS[name][i]
        ]
        mean = torch.stack(projected).mean(dim=0)
        torch.testing.assert_close(video.vectors["joint"][i], unit(mean + model.video_head.branch(mean)))
        projected = model.text_project(unit(batch.text.tokens[i, : WORDS[i]].mean(dim=0)))
        torch.testing.assert_close(text.vectors["joint"][i], unit(projected + model.text_head.branch(projected)))
    torch.testing.assert_close(model(batch), text.vectors["joint"] @ video.vectors["joint"].T)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("weighed", [[], ["clip"]])
def test_aligned_features_begin_at_their_zero_shot_similarity(training, weighed):
    model = PooledDualEncoder(
        expert_dims={"clip": 8}, text_dim=8, shared_dim=8, identity_start=True, weighed=weighed
    ).train(training)
    batch = make_batch({"clip": 8}, 8)
    rows, lengths = batch.video.experts["clip"], batch.video.lengths["clip"]
    video = torch.stack([pooled(rows[i], lengths[i]) for i in range(4)])
    text = torch.stack([unit(batch.text.tokens[i, : WORDS[i]].mean(dim=0)) for i in range(4)])
    torch.testing.assert_close(model(batch), text @ video.T, atol=1e-6, rtol=0)


@torch.no_grad()
def test_the_identity_start_is_exact():
    model = PooledDualEncoder(expert_dims={"clip": 8}, text_dim=8, shared_dim=8, identity_start=True)
    units = F.normalize(torch.randn(4, 8), dim=1)
    torch.testing.assert_close(model.project[0](units), units, atol=0, rtol=0)
    torch.testing.assert_close(model.text_project(units), units, atol=0, rtol=0)
    for head in (model.video_head, model.text_head):
        torch.testing.assert_close(head(units), F.normalize(units, dim=1), atol=0, rtol=0)


def test_all_of_it_learns_from_the_identity():
    dims = {"clip": 8, "other": 8}
    model = PooledDualEncoder(expert_dims=dims, text_dim=8, shared_dim=8, identity_start=True)
    batch, before = make_batch(dims, 8), {name: p.clone() for name, p in model.named_parameters()}
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(3):
        optimizer.zero_grad()
        F.cross_entropy(10 * model(batch), torch.arange(4)).backward()
        optimizer.step()
    assert all(not parameter.equal(before[name]) for name, parameter in model.named_parameters())


@pytest.mark.parametrize("changes", [{"expert_dims": {"clip": 8, "other": 7}}, {"text_dim": 7}, {"shared_dim": 7}])
def test_only_features_of_one_width_can_begin_as_they_are(changes):
    arguments = {"expert_dims": {"clip": 8}, "text_dim": 8, "shared_dim": 8} | changes
    with pytest.raises(ValueError, match="of one width, not 7, 8"):
        PooledDualEncoder(**arguments, identity_start=True)
    PooledDualEncoder(**arguments)


@pytest.mark.parametrize("training", [True, False])
def test_gradients_of_the_head(gradcheck_all, training):
    gradcheck_all(ResidualHead(dim=3).train(training), torch.randn(4, 3, dtype=torch.float64))


def weighed_model():
    """A model that weighs the rows of 'clip', by weights that are not equal any more."""
    model = PooledDualEncoder(expert_dims={"clip": 6, "other": 4}, text_dim=5, shared_dim=7, weighed=["clip"]).eval()
    torch.nn.init.normal_(model.frame_weights[0].last.weight)
    return model


@torch.no_grad()
def test_weighed_rows_equal_their_formula():
    model, batch = weighed_model(), make_batch({"other": 4, "clip": 6}, 5)
    video, weights = model.encode_video(batch.video), model.frame_weights[0]
    for i in range(4):
        projected = []
        if LENGTHS["clip"][i]:
            units = [unit(row) for row in batch.video.experts["clip"][i, : LENGTHS["clip"][i]]]
            logits = torch.stack([weights.last.weight[0] @ weights.hidden(row).relu() for row in units])
            torch.testing.assert_close(video.frames["clip"][i, : LENGTHS["clip"][i]], logits)
            shares = (logits / 0.1).exp() / (logits / 0.1).exp().sum()
            mean = unit(sum(share * row for share, row in zip(shares, units, strict=True)))
            projected.append(model.project[0](mean))
        if LENGTHS["other"][i]:
            projected.append(model.project[1](pooled(batch.video.experts["other"][i], LENGTHS["other"][i])))
        mean = torch.stack(projected).mean(dim=0)
        torch.testing.assert_close(video.vectors["joint"][i], unit(mean + model.video_head.branch(mean)))


@torch.no_grad()
def test_frame_weights_do_not_depend_on_the_order_of_rows():
    model = weighed_model()
    experts, lengths = {"clip": torch.randn(1, 3, 6), "other": torch.randn(1, 1, 4)}, {"other": torch.tensor([1])}
    video = VideoBatch(["v"], experts, {**lengths, "clip": torch.tensor([3])})
    turned = VideoBatch(["v"], {**experts, "clip": experts["clip"].flip(1)}, video.lengths)
    one, other = model.encode_video(video), model.encode_video(turned)
    torch.testing.assert_close(one.vectors["joint"], other.vectors["joint"])
    torch.testing.assert_close(one.frames["clip"], other.frames["clip"].flip(1))
    assert one.frames["clip"].std() > 0
