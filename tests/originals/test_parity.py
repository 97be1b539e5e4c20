"""Our CE, MoEE and metrics against numbers recorded from the authors' code."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teachtext.errors import InputError
from teachtext.originals.parity import GRADIENT_LIMIT, LIMIT, check_parity

SMALL = {"dims": {"a": 3, "a.b": 2}, "clusters": {"a.b": 2}, "ghost_clusters": 1}


def check(path, arrays):
    np.savez(path, **arrays)
    return check_parity(path)


@pytest.mark.parametrize("case", ["ce_small", "ce_fixed", "moee_small"])
def test_models_equal_the_originals_in_both_modes(parity_folder, case):
    comparisons = {
        (entry.part, entry.quantity.partition(" (")[0]): entry for entry in check_parity(parity_folder / f"{case}.npz")
    }
    outputs = {
        (mode, f"{what}")
        for mode in ("eval", "train")
        for what in ("similarities", "video embeddings", "text embeddings")
    }
    step = {"ranking loss", "distillation loss", "gradients", "zero gradients", "running statistics"}
    assert comparisons.keys() == outputs | {("train", what) for what in step}
    for entry in comparisons.values():
        assert entry.ok and entry.limit == (GRADIENT_LIMIT if "gradients" in entry.quantity else LIMIT)


def test_metrics_equal_the_original_code(parity_folder):
    comparisons = check_parity(parity_folder / "metrics.npz")
    assert [entry.part for entry in comparisons[::2]] == ["one_caption", "many_captions", "ties", "constant"]
    assert max(entry.error for entry in comparisons) < 1e-9


expert_names = st.lists(st.text("ab._-1é", min_size=1, max_size=5), min_size=1, max_size=4, unique=True)


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(
    names=expert_names,
    kind=st.sampled_from(["CE", "MoEE"]),
    widths=st.lists(st.integers(2, 6), min_size=4, max_size=4),
    clusters=st.lists(st.integers(0, 3), min_size=4, max_size=4),
    text=st.tuples(st.integers(2, 6), st.integers(0, 3), st.integers(0, 2), st.integers(2, 5)),
)
def test_any_experts_widths_clusters_and_ghosts(record, tmp_path_factory, names, kind, widths, clusters, text):
    sizes = dict(zip(("text_dim", "text_clusters", "ghost_clusters", "shared_dim"), text, strict=True))
    counts = {name: count for name, count in zip(names, clusters, strict=False) if count}
    arrays = record(kind=kind, dims=dict(zip(names, widths, strict=False)), clusters=counts, **sizes)
    comparisons = check(tmp_path_factory.getbasetemp() / "any.npz", arrays)
    assert len(comparisons) == 11
    assert [entry for entry in comparisons if not entry.ok] == []


@pytest.mark.parametrize("kind", ["CE", "MoEE"])
def test_a_recording_of_our_own_is_within_the_limits(record, tmp_path, kind):
    assert all(entry.ok for entry in check(tmp_path / "own.npz", record(kind=kind, **SMALL)))


@pytest.mark.parametrize(
    ("name", "quantity", "where"),
    [
        ("eval/similarity", "similarities", ""),
        ("train/similarity", "similarities", ""),
        ("eval/video_embedding/a", "video embeddings", "a"),
        ("train/text_embedding/a.b", "text embeddings", "a.b"),
        ("train/ranking_loss", "ranking loss", ""),
        ("train/distillation_loss", "distillation loss", ""),
        ("train/teacher_similarity/1", "distillation loss", ""),
        ("train/grad/ce.moe_fc.weight", "gradients", "ce.moe_fc.weight"),
        ("train/grad/pooling.a.b.clusters2", "gradients", "pooling.a.b.clusters2"),
        ("train/grad/ce.text_GU.0.cg.fc.bias", "zero gradients", "ce.text_GU.0.cg.fc.bias"),
        (
            "train/after/ce.text_GU.1.cg.batch_norm.running_var",
            "running statistics",
            "ce.text_GU.1.cg.batch_norm.running_var",
        ),
    ],
)
def test_what_differs_is_found_and_named(record, tmp_path, name, quantity, where):
    arrays = record(**SMALL)
    arrays[name] = arrays[name] + np.nan_to_num(np.abs(arrays[name])).max() * 1e-3 + 1e-3
    over = [entry for entry in check(tmp_path / "spoiled.npz", arrays) if not entry.ok]
    assert quantity in [entry.quantity.partition(" (")[0] for entry in over]
    named = next(entry for entry in over if entry.quantity.startswith(quantity))
    assert (named.part, named.where) == (name.partition("/")[0], where)
    if not name.startswith("train/teacher"):
        assert len(over) == 1


def test_other_weights_are_another_model(record, tmp_path):
    arrays = record(**SMALL)
    arrays["state/ce.g_reason_1.weight"] = arrays["state/ce.g_reason_1.weight"] * 1.01
    parts = {entry.part for entry in check(tmp_path / "spoiled.npz", arrays) if not entry.ok}
    assert parts == {"eval", "train"}


def test_a_large_variance_is_compared_relatively(record, tmp_path):
    arrays = record(**SMALL)
    name = "ce.text_GU.0.cg.batch_norm.running_var"
    arrays[f"state/{name}"] = arrays[f"state/{name}"] + np.float32(1e4)
    arrays[f"train/after/{name}"] = arrays[f"train/after/{name}"] + np.float32(0.9e4)
    assert next(entry for entry in check(tmp_path / "large.npz", arrays) if entry.quantity == "running statistics").ok


def without(name):
    return lambda arrays: arrays.pop(name)


def set_to(name, change):
    return lambda arrays: arrays.update({name: change(arrays[name])})


def meta(**changes):
    return set_to("meta", lambda text: np.array(json.dumps(json.loads(str(text)) | changes)))


def nan_in(array):
    array = array.copy()
    array.flat[0] = np.nan
    return array


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (without("eval/similarity"), "no array 'eval/similarity'"),
        (without("train/present/a.b"), "no array 'train/present/a.b'"),
        (without("train/ranking_loss"), "no array 'train/ranking_loss'"),
        (without("train/teacher_similarity/0"), "no array 'train/teacher_similarity/0'"),
        (without("state/ce.moe_fc.bias"), "'state/' lacks ce.moe_fc.bias"),
        (without("train/grad/ce.moe_fc.bias"), "'train/grad/' lacks ce.moe_fc.bias"),
        (without("train/after/text_pooling.batch_norm.running_var"), "'train/after/' lacks text_pooling"),
        (set_to("state/ce.moe_fc.bias", lambda a: a[:1]), "ce.moe_fc.bias (1,) and not (2,)"),
        (set_to("eval/similarity", lambda a: a.T), "'eval/similarity' is float32 (5, 10)"),
        (set_to("eval/similarity", nan_in), "'eval/similarity' is not finite"),
        (set_to("train/ranking_loss", lambda a: a + np.inf), "'train/ranking_loss' is not finite"),
        (set_to("train/grad/ce.moe_fc.bias", nan_in), "'train/grad/ce.moe_fc.bias' is not finite"),
        (set_to("state/ce.moe_fc.bias", nan_in), "'state/ce.moe_fc.bias' is not finite"),
        (set_to("eval/text", nan_in), "'eval/text' is not finite"),
        (set_to("eval/text_embedding/a", nan_in), "'eval/text_embedding/a' is not finite"),
        (set_to("eval/present/a.b", lambda a: a * 0 + 1), "'eval/expert/a.b' is not finite"),
        (set_to("eval/present/a", lambda a: a + 0.5), "'eval/present/a' has values other than 0 and 1"),
        (set_to("eval/text_lengths", lambda a: a + 1), "'eval/text_lengths' goes beyond"),
        (set_to("train/text", lambda a: a.astype(str)), "'train/text' is <U"),
        (without("meta"), "'eval/t2v/"),
        (meta(kind="MMT"), "'meta' does not describe"),
        (meta(experts=["a.b", "a"]), "experts are not sorted names"),
        (meta(dims={"a": 3}), "'meta' does not describe"),
        (meta(dims={"a": 3, "a.b": 0}), "a.b is 0"),
        (meta(video_clusters={"c": 3}), "names c, which is not an expert"),
        (meta(text_dim=10**30), "'meta' describes no model"),
        (meta(shared_dim=9), "'state/' has ce.video_dim_reduce.0.fc.weight (4, 3) and not (9, 3)"),
    ],
)
def test_recordings_that_are_not_whole(record, tmp_path, spoil, message):
    arrays = record(**SMALL)
    spoil(arrays)
    with pytest.raises(InputError) as caught:
        check(tmp_path / "spoiled.npz", arrays)
    assert message in str(caught.value) and str(tmp_path / "spoiled.npz") in str(caught.value)


METRICS = {"R1": 50.0, "R5": 100.0, "R10": 100.0, "R50": 100.0, "MedR": 1.5, "MeanR": 1.5}
METRICS["geometric_mean_R1-R5-R10"] = 500_000 ** (1 / 3)


def metrics_file(**changes):
    scores = np.array([[0.1, 0.2], [0.3, 0.4]])
    arrays = {"x/similarity": scores, "x/captions_per_video": np.array([1, 1])}
    return (
        arrays
        | {f"x/{way}/{name}": np.array(value) for way in ("t2v", "v2t") for name, value in METRICS.items()}
        | changes
    )


def test_metrics_that_differ_are_found(tmp_path):
    assert all(entry.ok for entry in check(tmp_path / "m.npz", metrics_file()))
    comparisons = check(tmp_path / "m.npz", metrics_file(**{"x/v2t/MedR": np.array(1.6)}))
    assert [(entry.part, entry.quantity, entry.where) for entry in comparisons if not entry.ok] == [
        ("x", "v2t metrics", "MedR")
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("x/t2v/R50"), "'x/t2v/R50' is missing"),
        (lambda arrays: arrays.update({"x/t2v/R7": np.array(1.0)}), "'x/t2v/R7' is unknown"),
        (set_to("x/t2v/R1", lambda a: a * np.nan), "'x/t2v/R1' is not one finite number"),
        (set_to("x/similarity", nan_in), "holds NaN"),
    ],
)
def test_metrics_files_that_are_not_whole(tmp_path, change, message):
    arrays = metrics_file()
    change(arrays)
    with pytest.raises(InputError, match=message):
        check(tmp_path / "m.npz", arrays)
