import pytest
import torch
from pooled_rows import pooled, unit
from torch.nn import functional as F

from teachtext.data.batch import Batch, TextBatch, VideoBatch
from teachtext.errors import InputError
from teachtext.models.build import build_model
from teachtext.models.omni import GatedFusion, Omni, omni_of

DIMS = {"audio": 4, "motion": 3, "scene": 6}
# of four videos: without sound, with sound alone, with all, without motion
LENGTHS = {"audio": [0, 2, 1, 2], "motion": [1, 0, 1, 0], "scene": [1, 0, 1, 1]}


def make_batch():
    experts = {name: torch.randn(4, 2, dim) for name, dim in DIMS.items()}
    video = VideoBatch("abcd", experts, {name: torch.tensor(LENGTHS[name]) for name in DIMS})
    return Batch(TextBatch("efgh", torch.randn(4, 3, 5), torch.tensor([1, 2, 3, 1])), video)


def make_model(**changes):
    model = build_model("omni", {"expert_dims": DIMS, "text_dim": 5, "shared_dim": 7, **changes})
    inner = omni_of(model)
    torch.nn.init.normal_(inner.fuse.gate.weight)
    torch.nn.init.normal_(inner.fuse.offset)
    return model


@torch.no_grad()
def test_vectors_equal_their_formula():
    model, batch = make_model().eval(), make_batch()
    joint, text = model.encode_video(batch.video), model.encode_text(batch.text).vectors["joint"]
    embedded = model.embed(batch)
    torch.testing.assert_close(embedded.parts["text"], text)
    torch.testing.assert_close(embedded.video.vectors["joint"], joint.vectors["joint"])
    assert embedded.present.tolist() == [[True, True, False], [True, False, True], [True] * 3, [True] * 3]
    for i in range(4):
        means = {name: pooled(batch.video.experts[name][i], LENGTHS[name][i]) for name in DIMS if LENGTHS[name][i] > 0}
        parts = {}
        seen = [
            layer(means[n]) for n, layer in zip(["motion", "scene"], model.video_project, strict=True) if n in means
        ]
        if seen:
            mean = torch.stack(seen).mean(dim=0)
            parts["video"] = unit(mean + model.video_head.branch(mean))
        if "audio" in means:
            heard = model.audio_project[0](means["audio"])
            parts["audio"] = unit(heard + model.audio_head.branch(heard))
        for name, vector in parts.items():
            torch.testing.assert_close(embedded.parts[name][i], vector)
        offsets = dict(zip(("text", "video", "audio"), model.fuse.offset, strict=True))
        gates = torch.stack([model.fuse.gate.weight @ z + offsets[name] for name, z in parts.items()]).softmax(dim=0)
        fused = unit((gates * torch.stack(list(parts.values()))).sum(dim=0))
        torch.testing.assert_close(joint.vectors["joint"][i], fused)


@torch.no_grad()
def test_one_modality_alone_is_its_own_fusion_and_a_missing_one_says_nothing():
    fusion = GatedFusion(dim=5).double()
    torch.nn.init.normal_(fusion.gate.weight)
    torch.nn.init.normal_(fusion.offset)
    parts = {name: F.normalize(torch.randn(3, 5, dtype=torch.float64), dim=1) for name in ("text", "video", "audio")}
    for place, vectors in enumerate(parts.values()):
        alone = torch.zeros(3, 3, dtype=torch.bool)
        alone[:, place] = True
        torch.testing.assert_close(fusion(parts, alone), vectors)
    silent = torch.tensor([True, True, False]).expand(3, -1)
    other = {**parts, "audio": 1e3 * torch.randn(3, 5, dtype=torch.float64)}
    torch.testing.assert_close(fusion(parts, silent), fusion(other, silent), atol=0, rtol=0)
    without = {name: parts[name] for name in ("text", "video")}
    torch.testing.assert_close(fusion(parts, silent), fusion(without, silent))


def test_the_gradients_of_the_fusion(gradcheck_all):
    class OfTensors(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.fusion = GatedFusion(dim=2)

        def forward(self, text, video, audio):
            present = torch.tensor([[True, True, True], [True, False, True], [False, True, False]])
            return self.fusion({"text": text, "video": video, "audio": audio}, present)

    gradcheck_all(OfTensors(), *(F.normalize(torch.randn(3, 2, dtype=torch.float64), dim=1) for _ in range(3)))


def test_values_are_dropped_anew_for_the_second_embedding():
    model, batch = make_model(dropout=0.3).train(), make_batch()
    embedded = model.embed(batch)
    assert (embedded.fused - embedded.fused_again).abs().amax(dim=1).min() > 1e-4
    embedded = model.eval().embed(batch)
    torch.testing.assert_close(embedded.fused, embedded.fused_again, atol=0, rtol=0)
    assert torch.equal(embedded.fused, model.fuse(embedded.parts, embedded.present))


@torch.no_grad()
def test_standardised_features_reach_every_modality():
    model, batch = make_model(standardise=1.0).eval(), make_batch()
    assert isinstance(omni_of(model), Omni)
    model.fit("audio", lambda: [100 * torch.randn(50, 4) + 7])
    embedded = model.embed(batch)
    torch.testing.assert_close(embedded.video.vectors, model.encode_video(batch.video).vectors)
    raw = model.model.embed(batch)
    assert not torch.allclose(embedded.parts["audio"][1:], raw.parts["audio"][1:])
    torch.testing.assert_close(embedded.parts["video"], raw.parts["video"])


@pytest.mark.parametrize(
    ("sound", "message"), [(["speech"], "none of its experts hears"), (list(DIMS), "expert.* sees")]
)
def test_a_model_that_cannot_hear_or_cannot_see_is_refused(sound, message):
    with pytest.raises(InputError, match=message):
        make_model(sound=sound)
