import numpy as np
import pytest
import torch

from teachtext.errors import InputError
from teachtext.evaluation.by_direction import FORMS, ranks_by_direction
from teachtext.learning.modalities import embed_forms
from teachtext.models.omni import omni_of


@pytest.fixture(params=[{}, {"standardise": 0.5, "feature_dropout": 0.3}], ids=["plain", "standardised"])
def embedded(request, world, trained_a_little):
    """A model of one space, and its forms of all captions and videos."""
    spec = world.spec(kind="omni", **request.param)
    model, features = trained_a_little(spec), world.features(spec)
    return model, features, embed_forms(model, features, world.captions, world.videos, name="m")


@torch.no_grad()
def test_forms_are_what_training_embeds(world, embedded):
    model, features, forms = embedded
    batch = world.batch(features, world.caption_ids, [caption.video_id for caption in world.captions])
    made, fuse = model.embed(batch), omni_of(model).fuse
    assert set(forms.vectors) == set(FORMS)
    np.testing.assert_allclose(forms.vectors["text"], made.parts["text"], atol=1e-6)
    for form in ("video", "audio", "video + audio"):
        modalities = form.split(" + ")
        present = torch.tensor([name in modalities for name in ("text", "video", "audio")]) & made.present
        rows = present.sum(dim=1).numpy() == len(modalities)
        expected = fuse(made.parts, present).numpy()
        np.testing.assert_allclose(forms.vectors[form][forms.video_of][rows], expected[rows], atol=1e-6)
    for name in ("video", "audio"):
        shown = made.present & torch.tensor([True, name == "video", name == "audio"])
        rows = shown.sum(dim=1).numpy() == 2
        expected = fuse(made.parts, shown).numpy()
        np.testing.assert_allclose(forms.vectors[f"text + {name}"][rows], expected[rows], atol=1e-6)


def test_what_a_video_lacks_is_known(world, embedded):
    _, _, forms = embedded
    for modality, expert in (("video", "rgb.0"), ("audio", "audio")):
        file = world.file(expert)
        assert forms.has[modality].tolist() == [file.rows_of(video) > 0 for video in world.videos]
    assert 0 < forms.has["audio"].sum() < len(world.videos)
    heard = int(forms.has["audio"].sum())
    ranks = ranks_by_direction(forms)
    assert {r.answers for r in ranks if r.direction in ("text to audio", "text to video + audio")} == {heard}


def test_a_model_of_another_kind_is_refused(world, trained_a_little):
    spec = world.spec(kind="pooled")
    with pytest.raises(InputError, match="runs/x has no space for text, video and sound alike"):
        embed_forms(trained_a_little(spec), world.features(spec), world.captions, world.videos, name="runs/x")
