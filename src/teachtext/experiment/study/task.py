"""A training as another process gets it: plain data that name it."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydantic import TypeAdapter

from teachtext.data.splits import Fold
from teachtext.experiment.config import RunConfig
from teachtext.experiment.plan import ModelPlan
from teachtext.experiment.train import Training, training_of
from teachtext.experiment.workspace import Workspace

_workspaces: dict[Path, Workspace] = {}


@dataclass(frozen=True)
class Task:
    """A training as a process gets it, and whether the model is tested afterwards."""

    config: RunConfig
    plan: ModelPlan
    seed: int
    test: bool
    fold: Fold | None

    @classmethod
    def of(cls, training: Training, *, test: bool) -> "Task":
        """Return the task of a training."""
        return cls(training.workspace.config, training.plan, training.seed, test, training.fold)

    @cached_property
    def training(self) -> Training:
        """The training in this process. Variants with the same dataset share what is read."""
        shared = _workspaces.setdefault(self.config.folder, Workspace(self.config))
        return training_of(shared.sharing(self.config), self.plan, self.seed, self.fold)

    def as_json(self) -> str:
        """Return the task as a JSON text."""
        return _ADAPTER.dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str) -> "Task":
        """Return the task of a text of `as_json`."""
        return _ADAPTER.validate_json(text)


_ADAPTER = TypeAdapter(Task)
