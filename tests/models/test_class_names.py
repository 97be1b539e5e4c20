from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from teachtext.data.batch import Batch, TextBatch, VideoBatch
from teachtext.errors import InputError
from teachtext.learning.distillation.objective import Distillation
from teachtext.learning.distillation.presets import preset
from teachtext.learning.losses import InfoNCE
from teachtext.models.build import build_model
from teachtext.models.class_names import NamedModel
from teachtext.models.similarity import NOTHING_KNOWN

ARGUMENTS = {"expert_dims": {"motion": 4, "scene": 40}, "text_dim": 6, "shared_dim": 8, "class_names": "all"}
KINDS = ["ce", "moee", "mmt", "pooled"]


def make_model(kind: str = "moee", share: float = 0.5, **changes: object) -> NamedModel:
    torch.manual_seed(1)
    model = build_model(kind, {**ARGUMENTS, **({"heads": 2, "layers": 1} if kind == "mmt" else {}), **changes})
    assert isinstance(model, NamedModel)
    with torch.no_grad():
        model.class_names.names.copy_(torch.randn(40, 6))
        model.share.fill_(share)
    return model.eval()


def make_batch() -> Batch:
    """Four captions of three words, and four videos: the third has no scene, the fourth nothing."""
    torch.manual_seed(2)
    lengths = {"motion": torch.tensor([1, 1, 1, 0]), "scene": torch.tensor([1, 2, 0, 0])}
    rows = {"motion": torch.randn(4, 1, 4), "scene": torch.rand(4, 2, 40)}
    text = TextBatch(list("abcd"), torch.randn(4, 3, 6), torch.tensor([3, 1, 2, 3]))
    return Batch(text, VideoBatch(list("wxyz"), rows, lengths))


@pytest.mark.parametrize("kind", KINDS)
def test_half_of_the_score_is_of_the_names_of_the_classes(kind: str):
    model, batch = make_model(kind), make_batch()
    ours, scores = model.model(batch), model(batch)
    for c in range(4):
        for b in (0, 1):
            named = named_score(model, batch, c, b, classes=40)
            assert scores[c, b].item() == pytest.approx((ours[c, b] + named).item() / 2, abs=1e-5)
    torch.testing.assert_close(scores[:, 2:], ours[:, 2:], msg="videos without a scene have no names")
    assert (scores[:, 3] == NOTHING_KNOWN).all()


def test_models_of_earlier_versions_count_the_30_likeliest_classes():
    model, batch = make_model(class_names=True), make_batch()
    ours, scores = model.model(batch), model(batch)
    named = named_score(model, batch, 1, 1, classes=30)
    assert scores[1, 1].item() == pytest.approx((ours[1, 1] + named).item() / 2, abs=1e-5)
    assert named.item() != pytest.approx(named_score(model, batch, 1, 1, classes=40).item(), abs=1e-3)


def named_score(model: NamedModel, batch: Batch, c: int, b: int, classes: int) -> torch.Tensor:
    """The cosine of a caption and the names of the likeliest classes of a video."""
    words, rows = int(batch.text.lengths[c]), int(batch.video.lengths["scene"][b])
    caption = F.normalize(batch.text.tokens[c, :words].mean(dim=0), dim=0)
    likely = batch.video.experts["scene"][b, :rows].mean(dim=0)
    best = likely.argsort(descending=True)[:classes]
    return caption @ F.normalize(likely[best] @ model.class_names.names[best], dim=0)


def test_names_without_a_share_change_nothing():
    model, batch = make_model(share=0.0), make_batch()
    torch.testing.assert_close(model(batch), model.model(batch))
    assert not model.encode_video(batch.video).present[:, model.spaces.index("names")].any()


def test_training_leaves_the_names_as_they_are():
    model, batch = make_model().train(), make_batch()
    batch = Batch(
        batch.text,
        VideoBatch(batch.video.ids, batch.video.experts, {n: v.clamp(min=1) for n, v in batch.video.lengths.items()}),
    )
    before = model.class_names.names.clone()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.5)
    model(batch).sum().backward()
    optimizer.step()
    assert model.class_names.names.equal(before)
    assert all(torch.isfinite(parameter).all() for parameter in model.parameters())


def test_weights_and_names_are_kept_together():
    model, other = make_model(), build_model("moee", ARGUMENTS).eval()
    other.load_state_dict(model.state_dict())
    assert other(make_batch()).equal(model(make_batch()))


def test_standardised_features_are_not_those_of_the_names():
    plain, scaled = make_model(), make_model(standardise=1.0)
    video = make_batch().video
    assert scaled.encode_video(video).vectors["names"].equal(plain.encode_video(video).vectors["names"])


def test_a_model_without_scene_is_refused():
    with pytest.raises(InputError, match="class names need an expert 'scene'"):
        build_model("moee", {**ARGUMENTS, "expert_dims": {"motion": 4}})


def test_a_taught_model_weighs_by_the_gradient_of_what_is_learned():
    model, batch = make_model().train(), make_batch()
    used = {name: lengths.clamp(min=1) for name, lengths in batch.video.lengths.items()}
    batch = Batch(batch.text, VideoBatch(batch.video.ids, batch.video.experts, used))
    parts = replace(preset("teachtext"), weight=2.0, weight_unit="gradient")
    objective = Distillation(ranking=InfoNCE(), parts=parts, teachers=[Half()])
    losses = objective(model.embed(batch), batch)
    sum(losses.values()).backward()
    assert losses["distillation"] > 0 and model.class_names.names.grad is None


class Half:
    """A teacher that says 0.5 of every pair."""

    def scores(self, batch: Batch) -> torch.Tensor:
        return torch.full((4, 4), 0.5)

    def require(self, caption_ids: object, video_ids: object) -> None:
        pass
