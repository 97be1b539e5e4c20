"""The contract of a retrieval model, held by every kind in `MODELS`."""

import itertools

import pytest
import torch
from halves import slow
from safetensors.torch import load_file, save_file
from torch import nn

from teachtext.data.batch import Batch, TextBatch, VideoBatch
from teachtext.errors import InputError
from teachtext.models.build import MODELS, build_model
from teachtext.models.similarity import NOTHING_KNOWN, similarity
from teachtext.models.text import TextBranch

DIMS = {"rgb.model.0": 5, "hf:a/b.c#frames": 3, "rgb.model": 4}
NAMES = sorted(DIMS)
PATTERNS = [pattern for pattern in itertools.product([True, False], repeat=3) if any(pattern)]
# one of each: NetVLAD over a sequence, NetVLAD over a sequence that a dotted name prefixes, the mean of one row
CLUSTERS = {"hf:a/b.c#frames": 2, "rgb.model": 3}
CAPTIONS = {"tokens": {"text_clusters": 2, "ghost_clusters": 1}, "sentence": {"text_clusters": 0}}
# every kind as it is, then its ablations
VARIANTS = {kind: (kind, {}) for kind in MODELS} | {
    "omni": ("omni", {"sound": ["rgb.model"]}),
    "omni standardised": ("omni", {"sound": ["rgb.model"], "standardise": 0.5, "feature_dropout": 0.2}),
    "ce sequential": ("ce", {"gating": "sequential"}),
    "ce without gating": ("ce", {"gating": "none"}),
    "ce uniform": ("ce", {"mixture": "uniform"}),
    "moee uniform": ("moee", {"mixture": "uniform"}),
    "mmt uniform": ("mmt", {"mixture": "uniform"}),
    "ce standardised": ("ce", {"standardise": 0.5, "feature_dropout": 0.2}),
    "pooled standardised": ("pooled", {"standardise": 1.0}),
    "pooled with frame weights": ("pooled", {"weighed": ["rgb.model", "hf:a/b.c#frames"], "standardise": 0.5}),
}
SMALL = {"shared_dim": 8, "layers": 2, "heads": 2, "feedforward": 16, "max_positions": 3}
every_variant = pytest.mark.parametrize("variant", VARIANTS)


def make_model(variant, captions="tokens", **changes):
    kind, own = VARIANTS[variant]
    arguments = {"expert_dims": DIMS, "expert_clusters": CLUSTERS, "text_dim": 6, **SMALL, **own}
    return build_model(kind, arguments | CAPTIONS[captions] | changes)


def score(model, batch):
    """The similarity matrix; dropout drops the same every time."""
    torch.manual_seed(7)
    return model(batch)


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


@every_variant
@pytest.mark.parametrize("captions", CAPTIONS)
@pytest.mark.parametrize("training", [True, False])
def test_every_pattern_of_missing_experts_in_one_batch(variant, captions, training):
    assert len(PATTERNS) == 7
    model = make_model(variant, captions).train(training)
    scores = model(make_batch(PATTERNS, captions))
    assert scores.shape == (7, 7)
    assert scores.isfinite().all()
    assert scores.abs().max() <= 1 + 1e-6
    (scores * torch.randn(7, 7)).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.isfinite().all(), name
    assert all(value.isfinite().all() for value in model.buffers())


@every_variant
@pytest.mark.parametrize("captions", CAPTIONS)
def test_products_in_half_precision_change_scores_and_gradients_little(variant, captions):
    model, batch = make_model(variant, captions).eval(), make_batch(PATTERNS, captions)
    expected = model(batch)
    with torch.autocast("cpu", torch.bfloat16):
        embedded = model.embed(batch)
    single = embedded.in_single_precision()
    scores = similarity(single.text, single.video)
    assert scores.dtype == torch.float32
    torch.testing.assert_close(scores, expected, atol=0.05, rtol=0.0)
    scores.sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters() if parameter.grad is not None)
    assert any(parameter.grad is not None for parameter in model.parameters())


@every_variant
@pytest.mark.parametrize("mask_padding", [True, False])
@pytest.mark.parametrize("unknown", [[0, 6, 7], *slow([[2], list(range(9))])])
@torch.no_grad()
def test_a_video_of_which_nothing_is_known_has_the_lowest_score(variant, mask_padding, unknown, lived_in):
    model = lived_in(make_model(variant, mask_padding=mask_padding)).float()
    patterns = [(False,) * 3 if i in unknown else PATTERNS[i % 7] for i in range(9)]
    batch = make_batch(patterns)
    scores = model(batch)
    assert scores[:, unknown].eq(NOTHING_KNOWN).all()
    known = [i for i in range(9) if i not in unknown]
    alone = VideoBatch(
        [batch.video.ids[i] for i in known],
        {name: rows[known] for name, rows in batch.video.experts.items()},
        {name: lengths[known] for name, lengths in batch.video.lengths.items()},
    )
    others = similarity(model.encode_text(batch.text), model.encode_video(alone)) if known else torch.zeros(9, 0)
    torch.testing.assert_close(scores[:, known], others)
    assert (others >= -1 - 1e-6).all()


@every_variant
@pytest.mark.parametrize("captions", CAPTIONS)
@pytest.mark.parametrize("training", [True, False])
def test_the_content_of_padding_does_not_change_scores(variant, captions, training):
    model = make_model(variant, captions).train(training)
    with torch.no_grad():
        expected = score(model, make_batch(PATTERNS, captions))
        for padding in (3.0, -1e20):
            found = score(model, make_batch(PATTERNS, captions, padding))
            torch.testing.assert_close(found, expected, atol=0, rtol=0)


@every_variant
@pytest.mark.parametrize("mask_padding", [True, False])
@pytest.mark.parametrize("missing", [NAMES[0], *slow(NAMES[1:])])
@pytest.mark.parametrize("captions", CAPTIONS)
def test_an_expert_that_a_whole_batch_lacks_can_be_trained_with(variant, mask_padding, missing, captions):
    model = make_model(variant, captions, mask_padding=mask_padding).train()
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


@every_variant
@torch.no_grad()
def test_a_video_is_embedded_in_eval_mode_as_if_alone(variant, lived_in):
    model = lived_in(make_model(variant)).float()
    batch = make_batch(PATTERNS)
    together = model.encode_video(batch.video)
    text = model.encode_text(batch.text)
    for i in range(len(PATTERNS)):
        one = make_batch(PATTERNS)
        experts = {n: one.video.experts[n][i : i + 1, : max(1, int(one.video.lengths[n][i]))] for n in NAMES}
        lengths = {n: one.video.lengths[n][i : i + 1] for n in NAMES}
        alone = model.encode_video(VideoBatch([str(i)], experts, lengths))
        assert alone.present.equal(together.present[i : i + 1])
        for e, space in enumerate(model.spaces):
            if together.present[i, e]:
                torch.testing.assert_close(alone.vectors[space][0], together.vectors[space][i])
        words = int(one.text.lengths[i])
        caption = TextBatch([str(i)], one.text.tokens[i : i + 1, :words], one.text.lengths[i : i + 1])
        torch.testing.assert_close(model.encode_text(caption).weights[0], text.weights[i])


@pytest.mark.parametrize("gating", ["parallel", "sequential"])
@torch.no_grad()
def test_a_missing_expert_does_not_speak_through_the_others(gating, lived_in):
    model = lived_in(make_model("ce", gating=gating)).float()
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


@every_variant
def test_shapes_of_both_towers(variant):
    model = make_model(variant)
    batch = make_batch(PATTERNS)
    video, text = model.encode_video(batch.video), model.encode_text(batch.text)
    assert model.experts == NAMES
    assert model.spaces == sorted(video.vectors) == sorted(text.vectors)
    assert video.present.shape == text.weights.shape == (7, len(model.spaces))
    if model.spaces == NAMES:
        assert video.present.tolist() == [list(pattern) for pattern in PATTERNS]
    else:
        assert video.present.all(), "a space of all experts together has every video"
    torch.testing.assert_close(text.weights.sum(dim=1), torch.ones(7))
    for e, space in enumerate(model.spaces):
        assert len(text.vectors[space]) == 7
        assert text.vectors[space].shape == video.vectors[space].shape
        torch.testing.assert_close(text.vectors[space].norm(dim=1), torch.ones(7))
        present = video.present[:, e]
        torch.testing.assert_close(video.vectors[space][present].norm(dim=1), torch.ones(int(present.sum())))


@pytest.mark.parametrize(
    ("kind", "settings", "widths"),
    [("ce", {}, [8, 8, 8]), ("mmt", {}, [8, 8, 8]), ("moee", {}, [8, 8, 8]), ("moee", {"shared_dim": None}, [3, 4, 5])],
)
def test_the_widths_of_spaces(kind, settings, widths):
    video = make_model(kind, **settings).encode_video(make_batch(PATTERNS).video)
    assert [video.vectors[name].shape[1] for name in NAMES] == widths


@every_variant
def test_the_order_in_which_experts_are_given_means_nothing(variant):
    batch = make_batch(PATTERNS)
    scores = []
    for names in (NAMES, NAMES[::-1]):
        torch.manual_seed(0)
        model = make_model(variant, expert_dims={name: DIMS[name] for name in names})
        experts = {name: batch.video.experts[name] for name in names}
        lengths = {name: batch.video.lengths[name] for name in names}
        scores.append(score(model, Batch(batch.text, VideoBatch(batch.video.ids, experts, lengths))))
    torch.testing.assert_close(scores[0], scores[1], atol=0, rtol=0)


@every_variant
def test_a_state_saved_is_the_state_loaded(variant, tmp_path):
    model, other = make_model(variant), make_model(variant)
    model(make_batch(PATTERNS))
    batch = make_batch(PATTERNS[::-1])
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    other.load_state_dict(load_file(tmp_path / "model.safetensors"))
    assert other.state_dict().keys() == model.state_dict().keys()
    torch.testing.assert_close(other.state_dict(), model.state_dict(), atol=0, rtol=0)
    torch.testing.assert_close(other.eval()(batch), model.eval()(batch), atol=0, rtol=0)


@pytest.mark.parametrize("kind", ["ce", "moee", "mmt"])
def test_uniform_weights_are_renormalised_over_the_experts_that_a_video_has(kind):
    model = make_model(f"{kind} uniform").eval()
    batch = make_batch(PATTERNS)
    text, video = model.encode_text(batch.text), model.encode_video(batch.video)
    assert not any("mixture" in name for name in model.state_dict())
    torch.testing.assert_close(text.weights, torch.full((7, 3), 1 / 3))
    cosines = torch.stack([text.vectors[name] @ video.vectors[name].T for name in NAMES])
    for i, pattern in enumerate(PATTERNS):
        torch.testing.assert_close(model(batch)[:, i], cosines[torch.tensor(pattern)].mean(dim=0)[:, i])


def test_the_text_branch_gives_each_expert_its_width():
    branch = TextBranch(experts=["a", "b.c"], out_dims=[2, 9], text_dim=6)
    found = branch(TextBatch(["x", "y"], torch.randn(2, 1, 6), torch.tensor([1, 1])))
    assert (found.vectors["a"].shape, found.vectors["b.c"].shape, found.weights.shape) == ((2, 2), (2, 9), (2, 2))


@pytest.mark.parametrize("kind", ["ce", "moee"])
def test_an_expert_that_starts_aligned_knows_that_words_are_like_themselves(kind):
    dims = {"ocr": 40, "rgb": 5}
    arguments = {"expert_dims": dims, "text_dim": 40, "text_clusters": 0, "shared_dim": 32}
    words = torch.randn(24, 1, 40)
    one = torch.ones(24, dtype=torch.int64)
    rows = {"ocr": words + 0.5 * torch.randn(24, 1, 40), "rgb": torch.zeros(24, 1, 5)}
    ids = [str(i) for i in range(24)]
    batch = Batch(TextBatch(ids, words, one), VideoBatch(ids, rows, {"ocr": one, "rgb": 0 * one}))

    def found(**changes):
        torch.manual_seed(3)
        ranks = build_model(kind, arguments | changes).eval()(batch).argmax(dim=1)
        return int((ranks == torch.arange(24)).sum())

    assert found(aligned=["ocr"]) >= 22 > 10 > found()


@pytest.mark.parametrize("kind", ["ce", "moee"])
def test_videos_that_lack_an_aligned_expert_do_not_throw_it_off(kind):
    own = "rgb.model.0"
    model = make_model(kind, "sentence", expert_dims=DIMS | {own: 6}, expert_clusters={}, aligned=[own]).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    batch = make_batch(PATTERNS, "sentence")
    heard = torch.randn(7, 1, 6) * torch.tensor([pattern[2] for pattern in PATTERNS])[:, None, None]
    video = VideoBatch(batch.video.ids, {**batch.video.experts, own: heard}, batch.video.lengths)
    for _ in range(5):
        optimizer.zero_grad()
        (-model(Batch(batch.text, video)).diagonal().sum()).backward()
        optimizer.step()
    assert max(float(parameter.detach().abs().max()) for parameter in model.parameters()) < 10


@pytest.mark.parametrize("kind", ["ce", "moee"])
def test_only_an_expert_as_wide_as_the_captions_starts_aligned(kind):
    with pytest.raises(InputError, match="cannot start aligned with captions: their widths are 3 and 6"):
        make_model(kind, "sentence", expert_clusters={}, aligned=["hf:a/b.c#frames"])


def test_an_unknown_mixture_is_refused():
    with pytest.raises(ValueError, match="'other' is not one of learned, uniform"):
        TextBranch(experts=["a"], out_dims=[2], text_dim=6, mixture="other")


@every_variant
def test_every_parameter_learns(variant):
    model = make_model(variant).train()
    scores = model(make_batch(PATTERNS))
    (scores * torch.randn(7, 7)).sum().backward()
    # a bias before batch normalisation may have none
    gradients = {name: p.grad.abs().max() for name, p in model.named_parameters() if not name.endswith(".bias")}
    assert min(gradients.values()) > 0


def test_an_unknown_kind_is_refused():
    with pytest.raises(InputError, match="model 'clip' is unknown: use one of ce, moee, "):
        build_model("clip", {})


def test_arguments_that_do_not_fit_one_another_are_refused():
    with pytest.raises(InputError, match=r"model 'mmt' cannot be built \(3 heads do not divide a shared_dim of 8\)"):
        make_model("mmt", heads=3)


def test_arguments_of_another_kind_are_left_out():
    assert isinstance(make_model("moee", shared_dim=99), nn.Module)
