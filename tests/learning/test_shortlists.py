import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from teachtext.data.batch import Batch
from teachtext.errors import InputError
from teachtext.learning import shortlists
from teachtext.learning.batches import CaptionPicks, MinedPicks
from teachtext.learning.checkpoint import load_model, load_scorer, save_spec
from teachtext.learning.inference import score
from teachtext.learning.model_files import CONFIG, WEIGHTS
from teachtext.models.similarity import NOTHING_KNOWN


@pytest.fixture
def spec(world):
    # an expert that some videos lack
    return replace(world.spec(kind="moee", experts=("flow",)), is_scorer=True)


def test_pieces_of_lists_have_the_scores_of_the_whole(world, spec, monkeypatch):
    scorer, features = spec.build_scorer().eval(), world.features(spec)
    with torch.no_grad():
        whole = scorer.embed(Batch(features.texts(world.caption_ids), features.videos(world.videos))).scores.numpy()
    columns = np.tile(np.array([[4, 0, 7]]), (len(world.captions), 1))
    assert (whole == NOTHING_KNOWN).any(), "a video without experts takes part"
    for videos, numbers in ((256, 4_000_000), (2, 1)):
        monkeypatch.setattr(shortlists, "_VIDEOS", videos)
        monkeypatch.setattr(shortlists, "_NUMBERS", numbers)
        scores = shortlists.slow_scores(scorer, features, world.caption_ids, world.videos, columns)
        np.testing.assert_allclose(scores, np.take_along_axis(whole, columns, axis=1), atol=1e-5)


def test_lists_are_the_best_of_the_fast_model(world, spec):
    model, features = spec.build().eval(), world.features(spec)
    columns = shortlists.shortlists(model, features, world.caption_ids, world.videos, most=3)
    order = np.argsort(-score(model, features, world.captions, world.videos).similarity, axis=1, kind="stable")
    assert columns.tolist() == order[:, :3].tolist()


def test_a_teacher_has_no_say_where_nothing_is_known():
    scores = np.array([[0.5, NOTHING_KNOWN]], np.float32)
    made = shortlists.as_teacher(["c"], ["u", "v"], np.array([[1, 0]]), scores, name="t")
    assert made.remarks({"c": "v"}, ["u", "v"]) == []
    with pytest.raises(InputError, match="no score of the right video"):
        made.remarks({"c": "u"}, ["u", "v"])
    assert math.isnan(made._list("c")["u"])


def test_batches_hold_a_video_beside_its_hard_negatives(world, spec):
    features = world.features(spec)
    options = {"features": features, "captions": world.by_video, "batch_size": 4, "seed": 3}
    pairs = [(0, 1), (2, 3), (4, 5), (6, 7)]
    names = [(world.videos[a], world.videos[b]) for a, b in pairs]
    partner = dict([*names, *((b, a) for a, b in names)])
    picks = MinedPicks(neighbours={a: [b] for a, b in partner.items()}, group=2, **options)
    batches = [batch.video.ids for batch in picks(1)]
    order = [video_id for ids in batches for video_id in ids]
    assert sorted(order) == sorted(world.videos)
    for a, b in names:
        assert abs(order.index(a) - order.index(b)) == 1
    assert [batch.video.ids for batch in picks(1)] == batches != [batch.video.ids for batch in picks(2)]
    alone = MinedPicks(neighbours={a: [b] for a, b in partner.items()}, group=1, **options)
    assert [b.text.ids for b in alone(1)] == [b.text.ids for b in CaptionPicks(**options)(1)]


def test_a_scorer_is_loaded_as_it_was_saved_and_is_no_model(world, spec, tmp_path):
    from safetensors.torch import save_file

    scorer = spec.build_scorer().eval()
    save_spec(tmp_path, spec)
    save_file(scorer.state_dict(), tmp_path / WEIGHTS)
    loaded, read = load_scorer(tmp_path)
    assert read == spec and not loaded.training
    for name, value in scorer.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[name])
    with pytest.raises(InputError, match="is a slow scorer, which ranks short lists alone"):
        load_model(tmp_path)
    config = json.loads((tmp_path / CONFIG).read_text())
    (tmp_path / CONFIG).write_text(json.dumps(config | {"format": "teachtext-model-1"}))
    with pytest.raises(InputError, match="is a model, and no slow scorer"):
        load_scorer(tmp_path)
    (tmp_path / CONFIG).write_text(json.dumps(config))
    (tmp_path / WEIGHTS).write_bytes((tmp_path / WEIGHTS).read_bytes()[:-20])
    with pytest.raises(InputError, match="does not hold the weights of its config"):
        load_scorer(tmp_path)
