"""Our CE and MoEE against numbers recorded from the authors' models."""

import json

import numpy as np
import pytest
import torch

from teachtext.data.batch import TextBatch, VideoBatch
from teachtext.learning.losses import MaxMarginRankingLoss, huber
from teachtext.models.build import build_model
from teachtext.models.similarity import similarity

CASES = ["ce_small", "ce_fixed", "moee_small"]
SHARED_NAMES = [
    ("text_pooling.", "text.pooling."),
    ("ce.moe_fc.", "text.mixture."),
    ("ce.g_reason_1.", "collaborate.pair."),
    ("ce.g_reason_shared.", "collaborate.shared."),
    (".batch_norm.", ".norm."),
    (".clusters2", ".centres"),
    (".clusters", ".assignment"),
]


def our_name(name, meta):
    """Translate the original parameter name."""
    for i, expert in enumerate(meta["experts"]):
        name = name.replace(f"pooling.{expert}.", f"pooling.poolings.{i}.") if name.startswith("pooling.") else name
        name = name.replace(f"ce.video_dim_reduce.{i}.fc.", f"reduce.{i}.")
        for old, new in ((f"ce.text_GU.{i}.", f"text.embeddings.{i}."), (f"ce.video_GU.{i}.", f"embeddings.{i}.")):
            if meta["kind"] == "CE" and old.startswith("ce.video"):
                name = name.replace(f"{old}cg.fc.", f"collaborate.own.{i}.")
                name = name.replace(f"{old}cg.batch_norm2.", f"collaborate.own_norm.{i}.")
                name = name.replace(f"{old}cg.batch_norm.", f"collaborate.others_norm.{i}.")
            else:
                name = name.replace(f"{old}cg.fc.", f"{new}gate.").replace(f"{old}cg.batch_norm.", f"{new}norm.")
                name = name.replace(f"{old}fc.", f"{new}project.")
    for old, new in SHARED_NAMES:
        name = name.replace(old, new)
    return name


class Recorded:
    def __init__(self, path):
        with np.load(path) as file:
            self.values = {name: file[name] for name in file.files}
        self.meta = json.loads(str(self.values["meta"]))
        meta = self.meta
        clusters = meta["video_clusters"]
        self.model = build_model(
            meta["kind"].lower(),
            {
                "expert_dims": {name: meta["dims"][name] for name in meta["experts"]},
                "expert_clusters": clusters,
                "text_dim": meta["text_dim"],
                "text_clusters": meta["text_clusters"],
                "ghost_clusters": meta["ghost_clusters"],
                "shared_dim": meta["shared_dim"],
                "gating": "sequential",
                "mask_padding": False,
            },
        )
        self.model.double().load_state_dict(self.translated("state/"))

    def tensor(self, name):
        # in double precision, so that what differs is the rounding of the recording alone
        tensor = torch.from_numpy(np.asarray(self.values[name]))
        return tensor.double() if tensor.is_floating_point() else tensor

    def translated(self, prefix):
        found = {our_name(n[len(prefix) :], self.meta): self.tensor(n) for n in self.values if n.startswith(prefix)}
        return {name: value[0] if name.endswith("centres") else value for name, value in found.items()}

    def batch(self, mode):
        experts, lengths = {}, {}
        for name in self.meta["experts"]:
            values = self.tensor(f"{mode}/expert/{name}").nan_to_num(0.0)
            experts[name] = values if values.ndim == 3 else values[:, None]
            lengths[name] = self.tensor(f"{mode}/present/{name}").long() * experts[name].shape[1]
        text = self.tensor(f"{mode}/text").flatten(0, 1)
        lengths_ = self.tensor(f"{mode}/text_lengths").flatten()
        return TextBatch(range(len(text)), text, lengths_), VideoBatch(range(len(text)), experts, lengths)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_similarities_and_embeddings(parity_folder, case, mode):
    recorded = Recorded(parity_folder / f"{case}.npz")
    recorded.model.train(mode == "train")
    text, video = recorded.batch(mode)
    with torch.no_grad():
        text, video = recorded.model.encode_text(text), recorded.model.encode_video(video)
    for name in recorded.meta["experts"]:
        present = recorded.tensor(f"{mode}/present/{name}").bool()
        expected = recorded.tensor(f"{mode}/video_embedding/{name}")[present]
        torch.testing.assert_close(video.vectors[name][present], expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(similarity(text, video), recorded.tensor(f"{mode}/similarity"), atol=1e-5, rtol=0)


@pytest.mark.parametrize("case", CASES)
def test_losses_gradients_and_statistics_of_a_step(parity_folder, case):
    recorded = Recorded(parity_folder / f"{case}.npz")
    model = recorded.model.train()
    text, video = recorded.batch("train")
    scores = similarity(model.encode_text(text), model.encode_video(video))
    teachers = torch.stack([recorded.tensor(f"train/teacher_similarity/{i}") for i in range(3)])
    ranking = MaxMarginRankingLoss(margin=recorded.meta["margin"])(scores)
    distillation = huber(scores, teachers.mean(dim=0))
    assert ranking.item() == pytest.approx(float(recorded.values["train/ranking_loss"]), abs=1e-5)
    assert distillation.item() == pytest.approx(float(recorded.values["train/distillation_loss"]), abs=1e-5)
    (ranking + distillation).backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    expected_gradients = recorded.translated("train/grad/")
    # a bias before batch normalisation has no gradient but rounding noise, a millionth of the largest at most
    noise = 1e-6 * max(expected.abs().max() for expected in expected_gradients.values())
    for name, expected in expected_gradients.items():
        error = (gradients[name] - expected).abs().max()
        assert error <= 1e-4 * expected.abs().max() + noise, name
    buffers = dict(model.named_buffers())
    for name, expected in recorded.translated("train/after/").items():
        torch.testing.assert_close(buffers[name], expected, atol=1e-5, rtol=1e-4)
