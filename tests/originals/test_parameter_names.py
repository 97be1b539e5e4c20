import pytest
import torch

from teachtext.errors import InputError
from teachtext.models.build import build_model
from teachtext.originals.parameter_names import from_original, original_names

SIZES = {"text_dim": 4, "text_clusters": 2, "ghost_clusters": 1, "shared_dim": 3}


def model(kind="ce", names=("a", "a.b")):
    return build_model(kind, {"expert_dims": dict.fromkeys(names, 5), "expert_clusters": {names[-1]: 2}} | SIZES)


def as_published(built):
    names = original_names(built)
    return {names[n]: t[None] if n.endswith(".centres") else t for n, t in built.state_dict().items()}


@pytest.mark.parametrize("kind", ["ce", "moee"])
@pytest.mark.parametrize("names", [("a", "a.b"), ("pooling", "pooling.clusters2"), ("ce.video_GU.0.fc", "{number}")])
def test_a_state_goes_there_and_back_whatever_experts_are_called(kind, names):
    built = model(kind, names)
    published = as_published(built)
    assert len(published) == len(built.state_dict())
    renamed = from_original(model(kind, names), published)
    assert renamed.keys() == built.state_dict().keys()
    assert all(renamed[name].equal(tensor) for name, tensor in built.state_dict().items())


def test_the_authors_names():
    names = set(original_names(model()).values())
    assert {"pooling.a.b.clusters2", "text_pooling.batch_norm.running_mean", "ce.moe_fc.bias"} <= names
    assert {"ce.video_dim_reduce.1.fc.weight", "ce.g_reason_1.bias", "ce.g_reason_shared.3.running_var"} <= names
    assert {"ce.video_GU.0.cg.fc.weight", "ce.video_GU.0.cg.batch_norm2.bias", "ce.text_GU.1.fc.bias"} <= names
    assert {"ce.video_GU.0.fc.weight", "ce.video_GU.1.cg.batch_norm.bias"} <= set(
        original_names(model("moee")).values()
    )


def test_counters_may_be_absent():
    source, target = model(), model()
    published = {n: t for n, t in as_published(source).items() if not n.endswith("num_batches_tracked")}
    assert len(published) < len(source.state_dict())
    target.load_state_dict(from_original(model(), published))
    assert all(tensor.equal(source.state_dict()[name]) for name, tensor in target.state_dict().items())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("ce.moe_fc.bias"), "the state lacks ce.moe_fc.bias"),
        (lambda s: s.update(odd=torch.zeros(1)), "has no place for odd"),
        (lambda s: s.update({"ce.moe_fc.bias": torch.zeros(9)}), r"has ce.moe_fc.bias \(9,\) and not \(2,\)"),
        (lambda s: s.update({"text_pooling.clusters2": torch.zeros(4, 2)}), r"clusters2 \(4, 2\) and not \(1, 4, 2\)"),
        (lambda s: s.update({"ce.moe_fc.bias": torch.zeros(2, dtype=torch.int64)}), "of type torch.int64"),
        (lambda s: [s.pop(n) for n in [*s] if "GU" in n], r"lacks ce.video_GU.0.cg.fc.weight.* and \d+ more"),
    ],
)
def test_what_does_not_fit_is_named(change, message):
    published = as_published(model())
    change(published)
    with pytest.raises(InputError, match=message):
        from_original(model(), published)
