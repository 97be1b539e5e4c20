"""Steps of training whose gradients are compared between one process and several."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from learning_fixtures import World, world_of
from torch import Tensor

from teachtext.data.batch import Batch
from teachtext.learning.any_to_any import AnyToAny
from teachtext.learning.losses import InfoNCE, MaxMarginRankingLoss
from teachtext.learning.objective import Objective, Retrieval
from teachtext.learning.ranks import ALONE, Ranks
from teachtext.learning.teachers import CachedTeacher
from teachtext.learning.teachtext import TeachText
from teachtext.models.build import MODELS

# of videos, by number: whole batches, repeated videos across processes, and a last batch with fewer rows than processes
BATCHES = {"even": range(8), "repeated": (0, 1, 2, 2, 4, 5, 5, 5, 8), "last": (3, 7, 2)}
LOSSES = ("info_nce", "max_margin", "teachtext")
ANY_TO_ANY = "any_to_any"
KINDS: Mapping[str, Mapping[str, Any]] = {
    **{kind: {"kind": kind} for kind in MODELS},
    "ce, sequential": {"kind": "ce", "gating": "sequential", "mask_padding": False},
    "moee, standardised": {"kind": "moee", "standardise": 0.5},
}


Case = tuple[str, str, str]

# model, loss and batch
FEW: Sequence[Case] = [("moee", loss, "repeated") for loss in LOSSES]
# all losses and batches of one model, and two of each other model
ALL: Sequence[Case] = [
    *(("ce", loss, batch) for loss in LOSSES for batch in BATCHES),
    *(("omni", ANY_TO_ANY, batch) for batch in BATCHES),
    *((kind, *step) for kind in KINDS if kind != "ce" for step in (("teachtext", "repeated"), ("info_nce", "last"))),
]


def gradients(ranks: Ranks, folder: Path, cases: Sequence[Case]) -> dict[Case, dict[str, Tensor]]:
    """Return for each case the gradients of all parameters, the loss and the buffers after one step, in float64."""
    return {case: _step(ranks, world_of(folder), *case) for case in cases}


def gradients_alone(folder: Path, cases: Sequence[Case]) -> dict[Case, dict[str, Tensor]]:
    """Return the same of one process."""
    return gradients(ALONE, folder, cases)


def _step(ranks: Ranks, world: World, kind: str, loss: str, batch_name: str) -> dict[str, Tensor]:
    torch.manual_seed(4)
    spec = world.spec(**{"dropout": 0.0, **KINDS[kind]})
    model = spec.build().double().train()
    batch = _batch(world, spec, batch_name)
    objective = _objective(world, loss).double()
    ranks.synchronise(model)
    losses = objective(ranks.embed(model, batch), batch)
    whole = torch.stack(list(losses.values())).sum()
    whole.backward()
    ranks.add_gradients(model, objective)
    learned = [*model.named_parameters(), *objective.named_parameters()]
    gradients = {name: parameter.grad for name, parameter in learned if parameter.grad is not None}
    return {"loss": whole.detach(), **gradients, **{f"buffer {name}": value for name, value in model.named_buffers()}}


def _batch(world: World, spec: Any, name: str) -> Batch:
    features = world.features(spec)
    videos = [world.videos[number] for number in BATCHES[name]]
    seen: dict[str, int] = {}
    captions = []
    for video in videos:
        seen[video] = seen.get(video, -1) + 1
        captions.append(world.by_video[video][seen[video]])
    batch = world.batch(features, captions, videos)
    text = type(batch.text)(batch.text.ids, batch.text.tokens.double(), batch.text.lengths)
    experts = {name: rows.double() for name, rows in batch.video.experts.items()}
    return Batch(text, type(batch.video)(batch.video.ids, experts, batch.video.lengths))


class DoubleTeacher(CachedTeacher):
    """The same scores in double precision: single precision of the teacher's scores is not what is measured."""

    def scores(self, batch: Batch) -> Tensor:
        return super().scores(batch).double()


def _objective(world: World, loss: str) -> Objective:
    if loss == "info_nce":
        return Retrieval(ranking=InfoNCE(temperature=0.1))
    if loss == "max_margin":
        return Retrieval(ranking=MaxMarginRankingLoss(margin=0.2))
    if loss == ANY_TO_ANY:
        return AnyToAny(temperature=0.1)
    teachers = []
    for seed, text in enumerate(("words", "sentences")):
        torch.manual_seed(seed)
        spec = world.spec(kind="moee", text=text, experts=["flow", "audio"])
        teachers.append(DoubleTeacher.of(spec.build(), world.features(spec), world.caption_ids, world.videos))
    return TeachText(teachers=teachers)
