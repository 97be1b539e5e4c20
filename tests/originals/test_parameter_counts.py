"""Models are as large as their authors say: the cheapest test of an architecture."""

import pytest
import torch

from teachtext.models.build import build_model

COMMON = {"resnext": 2048, "senet": 2048, "densenet": 2208, "r2p1d": 512}
SILENT = COMMON | {"i3d": 1024, "face": 512, "ocr": 300}
SOUND = {"audio": 128, "speech": 300}
FULL = SILENT | SOUND
# of LSMDC and of the 1k-B split of MSR-VTT
OTHER_FACES = FULL | {"face": 128}
REFINED = COMMON | {"r2p1d-kinetics": 512}
OLD = {"resnet": 2048, "flow": 1024, "audio": 128, "face": 128}

MSRVTT = {"audio": 8, "speech": 19, "ocr": 43}
MSRVTT_MOEE = {"audio": 27, "speech": 45, "ocr": 20}
DIDEMO = {"audio": 16, "speech": 55, "ocr": 13}
LSMDC = {"audio": 3, "speech": 5, "ocr": 30}
ACTIVITYNET = {"audio": 6, "speech": 100, "ocr": 44}

# kind, experts, their clusters, width of the text, its clusters and ghosts, parameters
PUBLISHED = {
    "CE MSVD": ("ce", SILENT, {"ocr": 75}, 768, 12, 0, 84_043_645),
    "CE MSR-VTT": ("ce", FULL, MSRVTT, 768, 28, 1, 183_448_607),
    "CE DiDeMo": ("ce", FULL, DIDEMO, 768, 8, 0, 79_285_025),
    "CE LSMDC": ("ce", OTHER_FACES, LSMDC, 300, 43, 0, 116_857_599),
    "CE ActivityNet": ("ce", FULL, ACTIVITYNET, 768, 39, 0, 260_678_403),
    "MoEE MSVD": ("moee", SILENT, {"ocr": 75}, 768, 12, 0, 131_374_381),
    "MoEE MSR-VTT": ("moee", FULL, MSRVTT_MOEE, 768, 50, 2, 400_410_129),
    "MoEE DiDeMo": ("moee", FULL, DIDEMO, 768, 8, 0, 107_257_953),
    "MoEE LSMDC": ("moee", OTHER_FACES, LSMDC, 300, 43, 0, 159_776_655),
    "MoEE ActivityNet": ("moee", FULL, ACTIVITYNET, 768, 39, 0, 330_415_875),
    "CE+ MSVD": ("ce", REFINED, {}, 1600, 12, 0, 87_791_645),
    "CE+ MSR-VTT": ("ce", REFINED | SOUND, MSRVTT, 1600, 28, 1, 262_731_071),
    "CE+ DiDeMo": ("ce", REFINED | SOUND, DIDEMO, 1600, 8, 0, 99_513_997),
    "CE+ LSMDC": ("ce", REFINED | SOUND, LSMDC, 1600, 43, 0, 388_242_661),
    "CE+ ActivityNet": ("ce", REFINED | SOUND, ACTIVITYNET, 1600, 39, 0, 376_019_529),
    "CE MSR-VTT 1k-B": ("ce", OTHER_FACES, MSRVTT, 300, 28, 1, 92_434_235),
    "MoEE* MSR-VTT 1k-B": ("moee", OLD, MSRVTT, 300, 28, 1, 43_976_282),
}
# printed in millions, of CE on MSR-VTT with one thing changed
ABLATIONS = {
    "without gating": ({"gating": "none"}, "181.07"),
    "width 384": ({"shared_dim": 384}, "88.6"),
    "width 512": ({"shared_dim": 512}, "119.5"),
    "width 640": ({"shared_dim": 640}, "151.1"),
    "width 1024": ({"shared_dim": 1024}, "250.3"),
}


def parameters(name, **changes):
    kind, dims, clusters, text_dim, text_clusters, ghosts, _ = PUBLISHED[name]
    arguments = {"expert_dims": dims, "expert_clusters": clusters, "text_dim": text_dim}
    arguments |= {"text_clusters": text_clusters, "ghost_clusters": ghosts} | changes
    with torch.device("meta"):
        model = build_model(kind, arguments)
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_as_many_as_published(name):
    assert parameters(name) == PUBLISHED[name][-1]


@pytest.mark.parametrize("name", ABLATIONS)
def test_parameters_of_ablations_are_as_many_as_published(name):
    changes, published = ABLATIONS[name]
    digits = len(published.split(".")[1])
    assert f"{parameters('CE MSR-VTT', **changes) / 1e6:.{digits}f}" == published


@pytest.mark.parametrize("name", ["CE MSR-VTT", "MoEE MSR-VTT"])
def test_uniform_weights_have_no_parameters(name):
    _, dims, _, text_dim, text_clusters, *_ = PUBLISHED[name]
    mixture = (text_dim * text_clusters + 1) * len(dims)
    assert parameters(name) - parameters(name, mixture="uniform") == mixture
