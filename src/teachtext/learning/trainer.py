"""The training loop. It knows a model, batches, an objective and a validation; it does not know teachers."""

import json
import math
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import torch
from safetensors.torch import save
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from teachtext.data.batch import Batch
from teachtext.data.restricted.checkpoints import read_state
from teachtext.errors import InputError
from teachtext.evaluation.metrics import Metrics
from teachtext.files import atomic, write_bytes
from teachtext.learning.loggers import OnEpoch
from teachtext.learning.model_files import WEIGHTS
from teachtext.learning.objective import Objective
from teachtext.learning.optimizers import OPTIMIZERS
from teachtext.learning.precision import Precision, check_precision, reduced_products
from teachtext.learning.ranks import ALONE, Ranks
from teachtext.learning.ranks.agreement import SharedError
from teachtext.models.cross import CrossScorer
from teachtext.models.retrieval import RetrievalModel

RESUME = "resume.pt"
Model = TypeVar("Model", bound=RetrievalModel | CrossScorer)


class Trainer(Generic[Model]):
    """Train a model, keep the weights of an epoch or their average, be stoppable at any time.

    The folder holds all that is needed to go on to the same numbers from the last epoch that was saved; the best epoch
    is the one with the highest validation t2v geometric mean, of equal ones the later; without a validation it is the
    last.

    With `average` the weights that are validated and kept are a moving average over the steps. Then the last epoch is
    kept, as with `keep="last"`: a small validation split chooses nothing.

    Args:
        model: trained in place.
        objective: losses of what the model makes of a batch.
        batches: the batches of an epoch, by its number from 1; the same each time it is asked.
        validate: metrics of the model as it is, by direction; None keeps the last epoch.
        folder: where `model.safetensors` (best epoch) and `resume.pt` (last epoch) are written.
        epochs: how many.
        optimizer: a name of `OPTIMIZERS`.
        lr: learning rate in the first epoch.
        weight_decay: of the model's parameters; those of a loss are not decayed.
        lr_decay: factor on the learning rate from one epoch to the next.
        seed: of whatever is random inside the model.
        average: share of the moving average of the weights that a step keeps, 0 or more and less than 1; None
            averages nothing.
        keep: `best` keeps the weights of the best epoch, `last` those of the last.
        save_s: seconds of training after which the next epoch that ends is saved, as the first one is: the most that a
            stop between two epochs can lose.
        precision: of the products; losses and weights are in single precision.
        ranks: the processes that train the model together, each with a trainer of its own. Process 0 alone validates
            and writes.

    Raises:
        InputError: the GPU cannot compute in this precision.
    """

    def __init__(
        self,
        *,
        model: Model,
        objective: Objective,
        batches: Callable[[int], Iterable[Batch]],
        validate: Callable[[Model], dict[str, Metrics]] | None,
        folder: Path,
        epochs: int,
        optimizer: str = "radam",
        lr: float = 1e-3,
        weight_decay: float = 1e-5,
        lr_decay: float = 0.95,
        seed: int = 0,
        average: float | None = None,
        keep: Literal["best", "last"] = "best",
        save_s: float = 10.0,
        precision: Precision = "float32",
        ranks: Ranks = ALONE,
    ) -> None:
        self.model = model
        self.ranks = ranks
        ranks.synchronise(model)
        self.averaged = (
            None
            if average is None
            else AveragedModel(model, multi_avg_fn=partial(_move, average), use_buffers=True).requires_grad_(False)
        )
        self.objective = objective
        self.batches = batches
        self.validate = validate
        self.folder = folder
        self.epochs = epochs
        self.keeps_best = keep == "best" and average is None
        self.lr = lr
        self.lr_decay = lr_decay
        self.seed = seed
        self.save_s = save_s
        self.precision = precision
        device = next(model.parameters()).device
        check_precision(precision, device)
        self._products = reduced_products(precision, device)
        self._saved_at = 0.0
        self.history: list[dict[str, Any]] = []
        learned = [parameter for parameter in objective.parameters() if parameter.requires_grad]
        groups = [
            {"params": list(model.parameters())},
            *([{"params": learned, "weight_decay": 0.0}] if learned else []),
        ]
        self.optimizer = OPTIMIZERS[optimizer](groups, lr=lr, weight_decay=weight_decay)

    def fit(self, *listeners: OnEpoch) -> list[dict[str, Any]]:
        """Train from where the folder stands to the last epoch; return the history, one entry an epoch.

        Args:
            listeners: told the history after every epoch, and before the first one where a stopped training goes on.

        Raises:
            InputError: the saved state is damaged; a loss or a weight is no number.
        """
        self.ranks.in_turn(self._resume)
        self.ranks.check_same({"saved epochs of this training": str(len(self.history))})
        # the first epoch is always saved: a disk that takes nothing is noticed then
        self._saved_at = time.monotonic() if self.history else -math.inf
        if self.history:
            self._tell(listeners)
        for epoch in range(len(self.history) + 1, self.epochs + 1):
            started = time.perf_counter()
            losses = self._train_epoch(epoch)
            metrics = self.validate(self.kept_model) if self.validate and self.ranks.first else {}
            self.history.append(
                {
                    "epoch": epoch,
                    "lr": self.optimizer.param_groups[0]["lr"],
                    "losses": losses,
                    "validation": {direction: values.as_dict() for direction, values in metrics.items()},
                    "seconds": round(time.perf_counter() - started, 3),
                    **({"processes": self.ranks.count} if self.ranks.count > 1 else {}),
                }
            )
            if self.ranks.first:
                self._save()
            self._tell(listeners)
            self.ranks.wait()
        if self.ranks.first:
            (self.folder / RESUME).unlink(missing_ok=True)
        return self.history

    @property
    def kept_model(self) -> Model:
        """The model that is validated and kept: the average of the weights, where there is one."""
        if self.averaged is None:
            return self.model
        averaged: Model = self.averaged.module  # type: ignore[assignment]
        return averaged

    @property
    def best_epoch(self) -> int:
        """The number of the epoch whose weights are kept, of those so far."""
        return best_epoch(self.history) if self.keeps_best else len(self.history)

    def _tell(self, listeners: Iterable[OnEpoch]) -> None:
        for listener in listeners:
            listener(self.history)

    def _train_epoch(self, epoch: int) -> dict[str, float]:
        # derived, not stored: what is random in an epoch does not depend on how training came there
        torch.manual_seed(self.ranks.seed(self.seed * 1_000_003 + epoch))
        self.ranks.share(self.model, self.averaged, self.objective)
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr * self.lr_decay ** (epoch - 1)
        device = next(self.model.parameters()).device
        sums: dict[str, float] = {}
        pairs = 0
        self.model.train()
        self.objective.start_epoch(epoch, self.epochs)
        for batch in self.batches(epoch):
            moved = batch.to(device)
            with self._products:
                embedded = self.ranks.embed(self.model, moved)
            losses = self.objective(embedded.in_single_precision(), moved)
            self.optimizer.zero_grad()
            sum(losses.values(), torch.zeros((), device=device)).backward()
            self.ranks.add_gradients(self.model, self.objective)
            self.optimizer.step()
            if self.averaged is not None:
                self.averaged.update_parameters(self.model)
            pairs += len(batch.text.ids)
            for name, loss in losses.items():
                sums[name] = sums.get(name, 0.0) + loss.item() * len(batch.text.ids)
            self._check(epoch, math.isfinite(sum(sums.values())), "loss")
        self._check(epoch, all(map(_is_finite, self.model.parameters())), "weight")
        return {name: total / pairs for name, total in sums.items()}

    def _check(self, epoch: int, is_finite: bool, what: str) -> None:
        """Raise InputError where training has left the numbers; what was saved before stays."""
        if not is_finite:
            gentler = "'precision: float32' or " if self.precision != "float32" else ""
            raise SharedError(f"a {what} is no number in epoch {epoch}", f"try {gentler}a lower 'lr'")

    def _save(self) -> None:
        done = len(self.history)
        # weights that a later epoch is certain to replace are kept in the resume file alone
        if done == (self.best_epoch if self.keeps_best else self.epochs):
            write_bytes(self.folder / WEIGHTS, save(self.kept_model.state_dict()))
        if time.monotonic() - self._saved_at < self.save_s:
            return
        state = {
            "model": self.model.state_dict(),
            **({"averaged": self.averaged.state_dict()} if self.averaged is not None else {}),
            "objective": self.objective.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "history": _as_bytes(self.history),
        }
        _write_state(self.folder / RESUME, state)
        self._saved_at = time.monotonic()

    def _resume(self) -> None:
        path = self.folder / RESUME
        if not path.exists():
            return
        try:
            state = read_state(path)
            self.model.load_state_dict(state["model"])
            if self.averaged is not None:
                self.averaged.load_state_dict(state["averaged"])
            self.objective.load_state_dict(state["objective"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.history = _from_bytes(state["history"])
            _ = self.best_epoch
        except Exception as error:
            raise InputError(f"{path} cannot be resumed from", "delete it to train from the start") from error


def _is_finite(weights: Tensor) -> bool:
    """Return whether all weights are numbers. The sum, which is cheap, is a number only where all of them are."""
    return math.isfinite(weights.sum().item()) or bool(weights.isfinite().all())


def _write_state(path: Path, state: dict[str, Any]) -> None:
    """Write a state of training, whole or not at all, without a second copy of the state in memory."""
    with atomic(path) as temporary, temporary.open("wb") as file:
        try:
            torch.save(state, file)
        except RuntimeError as error:
            # the writer of PyTorch hides what the disk answered
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise


def _as_bytes(history: Sequence[dict[str, Any]]) -> Tensor:
    """Return the history as JSON in (epochs, longest) uint8, padded with spaces.

    `torch.save` looks at each object of a list by itself, and the history grows with every epoch.
    """
    lines = [json.dumps(entry).encode() for entry in history]
    longest = max(map(len, lines))
    text = bytearray(b"".join(line.ljust(longest) for line in lines))
    return torch.frombuffer(text, dtype=torch.uint8).reshape(len(lines), longest)


def _from_bytes(saved: Tensor | Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the history that `_as_bytes` saved; files of earlier versions hold the entries themselves."""
    return [json.loads(bytes(line.tolist())) for line in saved] if isinstance(saved, Tensor) else list(saved)


def _move(keep: float, averages: list[Tensor], current: list[Tensor], steps: Tensor | int) -> None:
    """Move the averages of the weights by a step (Polyak and Juditsky, 1992).

    Early on fewer steps are averaged. Otherwise the weights of the start would stay in the average.

    Args:
        keep: share of the average that a step keeps, at most `steps / (steps + 10)`.
        averages: of tensors of weights or statistics; changed in place.
        current: the same tensors after the step.
        steps: number of steps before.
    """
    share = min(keep, int(steps) / (int(steps) + 10))
    get_ema_multi_avg_fn(share)(averages, current, steps)  # type: ignore[no-untyped-call]


def best_epoch(history: list[dict[str, Any]]) -> int:
    """Return the number of the epoch with the highest validation t2v geometric mean, of equal ones the later.

    Without a validation it is the last epoch.
    """
    if not all(entry["validation"] for entry in history):
        return len(history)
    scores = [entry["validation"]["t2v"]["geometric_mean"] for entry in history]
    return max(range(1, len(scores) + 1), key=lambda epoch: (scores[epoch - 1], epoch))
