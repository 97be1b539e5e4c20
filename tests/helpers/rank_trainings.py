"""Tiny trainings over several processes, and the ways in which one of them can fail."""

import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from learning_fixtures import world_of
from rank_gradients import Case, gradients

from teachtext.data.batch import Batch
from teachtext.errors import InputError
from teachtext.evaluation.metrics import Metrics, retrieval_metrics
from teachtext.learning.batches import CaptionPicks
from teachtext.learning.inference import score
from teachtext.learning.losses import InfoNCE
from teachtext.learning.model_files import WEIGHTS
from teachtext.learning.objective import Retrieval
from teachtext.learning.ranks import ALONE, Ranks
from teachtext.learning.trainer import Trainer
from teachtext.models.retrieval import RetrievalModel


def trained(
    ranks: Ranks, world_folder: Path, folder: Path, stop_after: int = 0, lr: float = 0.01, **model: Any
) -> dict[str, Any]:
    """Train for three epochs, with a learned temperature and averaged weights; return what this process has then."""
    trainer = trainer_of(ranks, world_folder, folder, lr=lr, **model)
    drawn: list[float] = []
    whole = trainer.batches

    def batches(epoch: int) -> Iterator[Batch]:
        if epoch == stop_after + 1 and stop_after:
            raise InputError("stopped", "go on")
        # as dropout draws
        drawn.append(torch.rand(()).item())
        yield from whole(epoch)

    trainer.batches = batches
    with ranks.guarded():
        history = trainer.fit()
    weights = trainer.model.state_dict() | {f"loss {k}": v for k, v in trainer.objective.state_dict().items()}
    return {"history": history, "drawn": drawn, "weights": weights, "kept": trainer.kept_model.state_dict()}


def several_works(ranks: Ranks, world_folder: Path, folder: Path, cases: Sequence[Case]) -> SimpleNamespace:
    """Return the gradients of cases, what is said of different files, and what a training leaves."""
    return SimpleNamespace(
        gradients=gradients(ranks, world_folder, cases),
        said=disagreements(ranks),
        training=trained(ranks, world_folder, folder),
    )


def trained_alone(world_folder: Path, folder: Path, **changes: Any) -> dict[str, Any]:
    """Train the same in this process alone."""
    return trained(ALONE, world_folder, folder, **changes)


def trainer_of(ranks: Ranks, world_folder: Path, folder: Path, *, lr: float = 0.01, **model: Any) -> Trainer:
    world = world_of(world_folder)
    # few layers with batch statistics: on a busy machine each exchange takes long
    spec = world.spec(**{"kind": "moee", "text": "sentences"} | model)
    features = world.features(spec)

    def validate(model: RetrievalModel) -> dict[str, Metrics]:
        scores = score(model, features, world.captions, world.videos)
        return retrieval_metrics(scores.similarity, scores.video_of)

    torch.manual_seed(4)
    return Trainer(
        model=spec.build().double(),
        objective=Retrieval(ranking=InfoNCE(temperature=0.1)).double(),
        batches=Doubled(CaptionPicks(features=features, captions=world.by_video, batch_size=4, seed=3)),
        # the scores of validation are computed in single precision
        validate=None if lr == 0.01 else validate,
        folder=folder,
        epochs=3,
        lr=lr,
        seed=3,
        average=0.9,
        save_s=0.0,
        ranks=ranks,
    )


class Doubled:
    """Batches in double precision."""

    def __init__(self, picks: CaptionPicks) -> None:
        self.picks = picks

    def __call__(self, epoch: int) -> Iterator[Batch]:
        for batch in self.picks(epoch):
            text = type(batch.text)(batch.text.ids, batch.text.tokens.double(), batch.text.lengths)
            experts = {name: rows.double() for name, rows in batch.video.experts.items()}
            yield Batch(text, type(batch.video)(batch.video.ids, experts, batch.video.lengths))


def fails(ranks: Ranks, how: str, world_folder: Path, folder: Path) -> str:
    """Let process 1 fail in the second epoch."""
    trainer = trainer_of(ranks, world_folder, folder)
    whole = trainer.batches

    def batches(epoch: int) -> Iterator[Batch]:
        if epoch == 2 and ranks.rank == 1:
            if how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if how == "input":
                raise InputError("the features are damaged", "copy them again")
            raise ZeroDivisionError
        yield from whole(epoch)

    trainer.batches = batches
    with ranks.guarded():
        trainer.fit()
    return str((folder / WEIGHTS).exists())


def disagreements(ranks: Ranks) -> list[list[str]]:
    """Let process 1 see another file, and then fail to set up; return what both say, and that they go on."""

    def other_files(device: str) -> tuple[str, dict[str, str]]:
        return device, {"features of 'scene'": f"checksum {ranks.rank}"}

    def failure(device: str) -> tuple[str, dict[str, str]]:
        return _fail() if ranks.rank == 1 else (device, {})

    said = []
    for build in (other_files, failure):
        try:
            ranks.set_up("cpu", dict, build)
        except InputError as error:
            said.append(ranks.exchange(str(error)))
    return [*said, ranks.exchange("both are here")]


def _fail() -> Any:
    raise InputError("there is no file", "copy it")
