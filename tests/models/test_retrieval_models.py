import itertools

import pytest
import torch
from torch import nn

from teachtext.data.batch import Batch, TextBatch, VideoBatch
from teachtext.errors import InputError
from teachtext.models.build import build_model
from teachtext.models.text import TextBranch

DIMS = {"rgb.model.0": 5, "audio": 3, "rgb.model": 4}
NAMES = sorted(DIMS)
PATTERNS = [pattern for pattern in itertools.product([True, False], repeat=3) if any(pattern)]
# one of each: NetVLAD over a sequence, NetVLAD over a sequence that a dotted name prefixes, the mean of one row
CLUSTERS = {"audio": 2, "rgb.model": 3}
CAPTIONS = {"tokens": {"text_clusters": 2, "ghost_clusters": 1}, "sentence": {"text_clusters": 0}}
GATINGS = [("ce", "parallel"), ("ce", "sequential"), ("moee", "none")]


def make_model(kind, gating, captions="tokens", **changes):
    arguments = {"expert_dims": DIMS, "expert_clusters": CLUSTERS, "text_dim": 6, "shared_dim": 8, "gating": gating}
    return build_model(kind, arguments | CAPTIONS[captions] | changes)


def make_batch(patterns, captions="tokens", padding=0.0):
    """Random features of videos with the given experts, in sorted order; the same whatever the padding."""
    random = torch.Generator().manual_seed(5)
    count = len(patterns)
    experts, lengths = {}, {}
    for e, name in enumerate(NAMES):
        longest = 4 if name in CLUSTERS else 1
        lengths[name] = torch.randint(1, longest + 1, (count,), generator=random)
        lengths[name] *= torch.tensor([pattern[e] for pattern in patterns])
        rows = torch.randn(count, longest, DIMS[name], generator=random)
        experts[name] = rows.where(torch.arange(longest)[None, :, None] < lengths[name][:, None, None], padding)
    longest = 5 if captions == "tokens" else 1
    words = torch.randint(1, longest + 1, (count,), generator=random)
    tokens = torch.randn(count, longest, 6, generator=random)
    tokens = tokens.where(torch.arange(longest)[None, :, None] < words[:, None, None], padding)
    ids = [str(i) for i in range(count)]
    return Batch(TextBatch(ids, tokens, words), VideoBatch(ids, experts, lengths))


@pytest.mark.parametrize(("kind", "gating"), GATINGS)
@pytest.mark.parametrize("captions", CAPTIONS)
@pytest.mark.parametrize("training", [True, False])
def test_every_pattern_of_missing_experts_in_one_batch(kind, gating, captions, training):
    assert len(PATTERNS) == 7
    model = make_model(kind, gating, captions).train(training)
    scores = model(make_batch(PATTERNS, captions))
    assert scores.shape == (7, 7)
    assert scores.isfinite().all()
    assert scores.abs().max() <= 1 + 1e-6
    (scores * torch.randn(7, 7)).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.isfinite().all(), name
    assert all(value.isfinite().all() for value in model.buffers())


@pytest.mark.parametrize(("kind", "gating"), GATINGS)
@pytest.mark.parametrize("captions", CAPTIONS)
@pytest.mark.parametrize("training", [True, False])
def test_the_content_of_padding_does_not_change_scores(kind, gating, captions, training):
    model = make_model(kind, gating, captions).train(training)
    with torch.no_grad():
        expected = model(make_batch(PATTERNS, captions))
        for padding in (3.0, -1e20):
            found = model(make_batch(PATTERNS, captions, padding))
            torch.testing.assert_close(found, expected, atol=0, rtol=0)


@pytest.mark.parametrize(("kind", "gating"), GATINGS)
@pytest.mark.parametrize("mask_padding", [True, False])
@pytest.mark.parametrize("missing", NAMES)
@pytest.mark.parametrize("captions", CAPTIONS)
def test_an_expert_that_a_whole_batch_lacks_can_be_trained_with(kind, gating, mask_padding, missing, captions):
    model = make_model(kind, gating, captions, mask_padding=mask_padding).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    batch = make_batch([tuple(name != missing for name in NAMES)] * 4, captions)
    for _ in range(2):
        scores = model(batch)
        assert scores.isfinite().all()
        optimizer.zero_grad()
        scores.diagonal().sum().backward()
        optimizer.step()
    assert all(value.isfinite().all() for value in model.state_dict().values())
    assert model.eval()(make_batch(PATTERNS, captions)).isfinite().all()


@pytest.mark.parametrize(("kind", "gating"), GATINGS)
@torch.no_grad()
def test_a_video_is_embedded_in_eval_mode_as_if_alone(kind, gating, lived_in):
    model = lived_in(make_model(kind, gating)).float()
    batch = make_batch(PATTERNS)
    together = model.encode_video(batch.video)
    text = model.encode_text(batch.text)
    for i, pattern in enumerate(PATTERNS):
        one = make_batch(PATTERNS)
        experts = {n: one.video.experts[n][i : i + 1, : max(1, int(one.video.lengths[n][i]))] for n in NAMES}
        lengths = {n: one.video.lengths[n][i : i + 1] for n in NAMES}
        alone = model.encode_video(VideoBatch([str(i)], experts, lengths))
        assert alone.present.tolist() == [list(pattern)]
        for e, name in enumerate(NAMES):
            if pattern[e]:
                torch.testing.assert_close(alone.vectors[name][0], together.vectors[name][i])
        words = int(one.text.lengths[i])
        caption = TextBatch([str(i)], one.text.tokens[i : i + 1, :words], one.text.lengths[i : i + 1])
        torch.testing.assert_close(model.encode_text(caption).weights[0], text.weights[i])


@pytest.mark.parametrize("gating", ["parallel", "sequential"])
@torch.no_grad()
def test_a_missing_expert_does_not_speak_through_the_others(gating, lived_in):
    model = lived_in(make_model("ce", gating)).float()
    batch = make_batch(PATTERNS)
    before = model(batch)
    for e in range(3):
        layer = model.reduce[e]
        weight, bias = layer.weight.clone(), layer.bias.clone()
        layer.weight.normal_()
        layer.bias.normal_()
        after = model(batch)
        lacking = torch.tensor([not pattern[e] for pattern in PATTERNS])
        torch.testing.assert_close(after[:, lacking], before[:, lacking])
        assert ((after - before)[:, ~lacking].abs().amax(dim=0) > 1e-4).all()
        # the projection has length one, so that its scale means nothing
        layer.weight.copy_(3 * weight)
        layer.bias.copy_(3 * bias)
        torch.testing.assert_close(model(batch), before)
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)


@pytest.mark.parametrize(("kind", "gating"), GATINGS)
def test_shapes_of_both_towers(kind, gating):
    model = make_model(kind, gating)
    batch = make_batch(PATTERNS)
    video, text = model.encode_video(batch.video), model.encode_text(batch.text)
    widths = {name: 8 if kind == "ce" else DIMS[name] for name in NAMES}
    assert model.experts == NAMES
    assert {name: tuple(vector.shape) for name, vector in video.vectors.items()} == {n: (7, widths[n]) for n in NAMES}
    assert {name: tuple(vector.shape) for name, vector in text.vectors.items()} == {n: (7, widths[n]) for n in NAMES}
    assert video.present.tolist() == [list(pattern) for pattern in PATTERNS]
    torch.testing.assert_close(text.weights.sum(dim=1), torch.ones(7))
    for e, name in enumerate(NAMES):
        torch.testing.assert_close(text.vectors[name].norm(dim=1), torch.ones(7))
        present = video.present[:, e]
        torch.testing.assert_close(video.vectors[name][present].norm(dim=1), torch.ones(int(present.sum())))


@pytest.mark.parametrize("kind", ["ce", "moee"])
def test_the_order_in_which_experts_are_given_means_nothing(kind):
    batch = make_batch(PATTERNS)
    scores = []
    for names in (NAMES, NAMES[::-1]):
        torch.manual_seed(0)
        model = make_model(kind, "parallel", expert_dims={name: DIMS[name] for name in names})
        experts = {name: batch.video.experts[name] for name in names}
        lengths = {name: batch.video.lengths[name] for name in names}
        scores.append(model(Batch(batch.text, VideoBatch(batch.video.ids, experts, lengths))))
    torch.testing.assert_close(scores[0], scores[1], atol=0, rtol=0)


def test_the_text_branch_gives_each_expert_its_width():
    branch = TextBranch(experts=["a", "b.c"], out_dims=[2, 9], text_dim=6)
    found = branch(TextBatch(["x", "y"], torch.randn(2, 1, 6), torch.tensor([1, 1])))
    assert (found.vectors["a"].shape, found.vectors["b.c"].shape, found.weights.shape) == ((2, 2), (2, 9), (2, 2))


@pytest.mark.parametrize("kind", ["ce", "moee"])
def test_every_parameter_learns(kind):
    model = make_model(kind, "parallel").train()
    scores = model(make_batch(PATTERNS))
    (scores * torch.randn(7, 7)).sum().backward()
    # a bias before batch normalisation may have none
    gradients = {name: p.grad.abs().max() for name, p in model.named_parameters() if not name.endswith(".bias")}
    assert min(gradients.values()) > 0


def test_an_unknown_kind_is_refused():
    with pytest.raises(InputError, match=r"model 'clip' is unknown: use one of ce, moee"):
        build_model("clip", {})


def test_arguments_of_another_kind_are_left_out():
    assert isinstance(make_model("moee", "parallel", shared_dim=99), nn.Module)


COMMON = {"resnext": 2048, "senet": 2048, "densenet": 2208, "r2p1d": 512}
FULL = COMMON | {"i3d": 1024, "face": 512, "ocr": 300}
REFINED = COMMON | {"r2p1d-kinetics": 512}
SOUND = {"audio": 128, "speech": 300}
PUBLISHED = {
    "CE MSVD": ("ce", FULL, {"ocr": 75}, 768, 12, 0, 84_043_645),
    "CE+ MSVD": ("ce", REFINED, {}, 1600, 12, 0, 87_791_645),
    "MoEE MSVD": ("moee", FULL, {"ocr": 75}, 768, 12, 0, 131_374_381),
    "CE MSRVTT": ("ce", FULL | SOUND, {"audio": 8, "speech": 19, "ocr": 43}, 768, 28, 1, 183_448_607),
    "CE+ MSRVTT": ("ce", REFINED | SOUND, {"audio": 8, "speech": 19}, 1600, 28, 1, 262_731_071),
    "MoEE DiDeMo": ("moee", FULL | SOUND, {"audio": 16, "speech": 55, "ocr": 13}, 768, 8, 0, 107_257_953),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_as_many_as_published(name):
    kind, dims, clusters, text_dim, text_clusters, ghosts, published = PUBLISHED[name]
    with torch.device("meta"):
        model = build_model(
            kind,
            {
                "expert_dims": dims,
                "expert_clusters": clusters,
                "text_dim": text_dim,
                "text_clusters": text_clusters,
                "ghost_clusters": ghosts,
            },
        )
    assert sum(parameter.numel() for parameter in model.parameters()) == published
