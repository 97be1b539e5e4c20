"""Train the models of a run, one training for each seed; a finished training is not repeated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from teachtext import __version__
from teachtext.data.features import Features
from teachtext.data.kept_captions import CAPTIONS, KeptCaptions, load_captions, sample, save_captions
from teachtext.data.splits import Fold
from teachtext.devices import resolve_device
from teachtext.encoders.registry import TEXT_ENCODERS
from teachtext.errors import InputError
from teachtext.evaluation.metrics import Metrics, retrieval_metrics
from teachtext.experiment.artifacts import artifact_path
from teachtext.experiment.config_any_to_any import AnyToAnyConfig
from teachtext.experiment.config_training import DistillationConfig, TrainingConfig
from teachtext.experiment.model_arguments import any_to_any, model_spec, ranking_loss
from teachtext.experiment.plan import ModelPlan
from teachtext.experiment.teacher_sources import TeacherSources
from teachtext.experiment.teachers import frozen
from teachtext.experiment.training_data import TrainingData
from teachtext.experiment.workspace import Workspace
from teachtext.files import fingerprint, read_json, write_json
from teachtext.learning.checkpoint import ModelSpec, load_model, save_spec
from teachtext.learning.class_names import fit_class_names
from teachtext.learning.distillation.objective import Distillation
from teachtext.learning.frames import FrameScores
from teachtext.learning.inference import Scores, score
from teachtext.learning.languages import PerLanguage
from teachtext.learning.loggers import LOGGERS
from teachtext.learning.model_card import save_card
from teachtext.learning.model_files import METRICS
from teachtext.learning.model_sharing import card_facts
from teachtext.learning.objective import Objective, Retrieval
from teachtext.learning.ranks import ALONE, Ranks
from teachtext.learning.ranks.agreement import check_enough
from teachtext.learning.statistics import fit_statistics
from teachtext.learning.teachers import LiveTeacher, Teacher
from teachtext.learning.trainer import Trainer
from teachtext.models.build import FORMER_KINDS
from teachtext.models.retrieval import RetrievalModel
from teachtext.progress import Progress

# between the seeds of two copies of a teacher: more than anybody's seeds are apart
_COPY = 1_000_003


@dataclass(frozen=True)
class Training:
    """The training of one model with one seed, and the folder that it writes.

    The name of the folder carries a fingerprint of everything that could change the numbers. A changed config thus
    trains a new model, and an unchanged config finds the old one.

    Attributes:
        workspace: of the run.
        plan: the model.
        seed: of weights, batches and picks.
        fold: its held-out videos are not learned from; by default all training videos are.
    """

    workspace: Workspace
    plan: ModelPlan
    seed: int
    fold: Fold | None = None

    @cached_property
    def data(self) -> TrainingData:
        """What the model learns from, and what selects its epoch."""
        return TrainingData(self.workspace, self.plan, self.fold)

    @property
    def label(self) -> str:
        """Its name in progress and messages."""
        return ", ".join([self.plan.label, f"seed {self.seed}", *([str(self.fold)] if self.fold else [])])

    @cached_property
    def folder(self) -> Path:
        """Folder of the trained model."""
        taught = "-taught" if self.plan.role == "taught" else ""
        fold = f"-fold{self.fold.number}of{self.fold.of}" if self.fold else ""
        events = "-pretraining" if self.plan.event_captions else ""
        text = TEXT_ENCODERS.folder_name(self.plan.text)
        name = f"{text}{taught}{events}{fold}-seed{self.seed}-{fingerprint(self.dependencies())}"
        return self.workspace.models_folder / name

    @property
    def done(self) -> bool:
        """Whether the model has been trained to the end."""
        return (self.folder / METRICS).exists()

    @cached_property
    def settings(self) -> TrainingConfig:
        """How the model is trained, for its number of training videos."""
        return self.plan.training.for_videos(len(self.data.videos), self.plan.part)

    @property
    def epochs(self) -> int:
        """Number of epochs."""
        return self.plan.training.epochs_for(len(self.data.videos), self.plan.part)

    @cached_property
    def sources(self) -> TeacherSources:
        """Where its teachers come from."""
        return TeacherSources(self)

    def of_plan(self, plan: ModelPlan) -> "Training":
        """Return the training of another model with the same seed and fold."""
        return training_of(self.workspace, plan, self.seed, self.fold)

    @property
    def start(self) -> "Training | None":
        """The training with whose weights it begins."""
        return self.of_plan(self.plan.start) if self.plan.start else None

    @property
    def earlier(self) -> list["Training"]:
        """The trainings that come first, with the same seed: of its teachers, and of what it starts from."""
        return [*self.sources.trainings, *([self.start] if self.start else [])]

    @cached_property
    def spec(self) -> ModelSpec:
        """The model, from the config and the widths of the features."""
        origin = {
            "run": self.workspace.config.name,
            "dataset": self.data.dataset.name,
            "train_videos": len(self.data.videos),
            "train_captions": len(self.data.captions),
            "role": self.plan.role,
            "teachers": [teacher.name for teacher in self.plan.teachers],
            "seed": self.seed,
            **({"fold": str(self.fold)} if self.fold else {}),
            "training": self.settings.model_dump(),
            "distillation": self._distillation and self._distillation.model_dump(),
            **({"any_to_any": self._any_to_any.model_dump()} if self._any_to_any else {}),
            **({"start": self.start.folder.name} if self.start else {}),
            **({"event_captions": len(self.data.event_captions)} if self.plan.event_captions else {}),
        }
        return model_spec(self.workspace, self.plan, trained_on=self.data.videos, origin=origin)

    @cached_property
    def features(self) -> Features:
        """The features that the model reads."""
        workspace = self.workspace
        experts = {name: workspace.features.expert(name) for name in self.plan.experts}
        return self.spec.features(self.data.text, experts)

    def train(self, progress: Progress, ranks: Ranks = ALONE) -> None:
        """Train the model, or continue a stopped training; its teachers must be trained.

        Args:
            progress: is called with the number of finished epochs.
            ranks: the processes that train the model together; this one is process 0.
        """
        if self.done:
            return
        device = self.workspace.config.device
        trainer = ranks.set_up(device, self.facts, lambda device: self.trainer(device, progress, ranks))
        with ranks.guarded():
            save_spec(self.folder, self.spec)
            open_log = LOGGERS[self.workspace.config.logging]
            with open_log(self.workspace.logs_folder / self.folder.name, self.spec.origin) as log:
                history = trainer.fit(log, lambda past: progress(f"train {self.label}", len(past), self.epochs))
        parameters = sum(parameter.numel() for parameter in trainer.model.parameters())
        metrics = {"best_epoch": trainer.best_epoch, "parameters": parameters, "history": history}
        kept = self.keep_captions()
        save_card(self.folder, f"{self.plan.label} on {self.data.dataset.name}", card_facts(self.spec, metrics, kept))
        # last: this file says that the training is done
        write_json(self.folder / METRICS, metrics)

    def trainer(
        self, device: str, progress: Progress, ranks: Ranks = ALONE
    ) -> tuple[Trainer[RetrievalModel], Mapping[str, str]]:
        """Return what trains the model in this process, and the checksums of the files of its teachers, by name.

        Args:
            device: of this process, as torch writes it.
            progress: is called when a teacher was frozen.
            ranks: the processes that train the model together.
        """
        config = self.settings
        check_enough(min(config.batch_size, len(self.data.videos)), ranks.count)
        self.features.hold()
        torch.manual_seed(self.random_seed)
        model = self.spec.build()
        # the other processes get the weights and buffers of process 0
        if ranks.first:
            self._fit(model)
        model = model.to(device)
        teachers, frames = self.sources.teachers(progress), self._frame_scores(progress)
        trainer = Trainer(
            model=model,
            objective=self._objective(model, teachers, frames).to(device),
            batches=self.data.batches(self.features, config, self.random_seed),
            validate=self._validate if self.data.dataset.protocol.select else None,
            folder=self.folder,
            keep=config.keep,
            ranks=ranks,
            **self.trainer_options,
        )
        return trainer, {} if ranks.count == 1 else self.sources.checksums(teachers, frames)

    @property
    def trainer_options(self) -> dict[str, Any]:
        """The options of a trainer that do not depend on what is trained: a slow teacher has them too."""
        settings = self.settings
        return {
            "epochs": self.epochs,
            "optimizer": settings.optimizer,
            "lr": settings.lr,
            "weight_decay": settings.weight_decay,
            "lr_decay": settings.lr_decay_for(self.epochs),
            "seed": self.random_seed,
            "average": settings.average,
            "precision": settings.precision,
        }

    def _fit(self, model: RetrievalModel) -> None:
        """Give a model what it begins with: the weights of another one, or else what the training features tell.

        Features tell their statistics, and the vectors of class names where the model has them.
        """
        if self.start:
            model.load_state_dict(self.start.load().state_dict())
            return
        fit_statistics(model, self.features, self.data.videos)
        if self.spec.arguments.get("class_names"):
            names = self.workspace.features.class_names(self.plan.text)
            fit_class_names(model, names, self.features, self.data.captions)

    def facts(self) -> dict[str, str]:
        """Return by name what all processes of the training must have in common, files by their checksums."""
        features = {"captions": self.features.text, **self.features.experts}
        return {
            "version of TeachText": __version__,
            "version of PyTorch": torch.__version__.partition("+")[0],
            **{f"features of '{name}'": file.checksum() for name, file in features.items()},
            "training captions, settings or teachers": self.folder.name,
        }

    def _frame_scores(self, progress: Progress) -> list[FrameScores]:
        """Return the teachers' scores of single rows, where the student learns from them."""
        if not (self._distillation and self._distillation.frame_weight):
            return []
        return self.sources.frame_scores(self.spec.arguments["weighed"], progress)

    def keep_captions(self) -> KeptCaptions:
        """Write a sample of the captions of training and validation beside the model, unless the file is there."""
        if (self.folder / CAPTIONS).exists():
            return load_captions(self.folder / CAPTIONS)
        kept = KeptCaptions(
            dataset=self.data.dataset.name, training=sample(self.data.captions), validation=sample(self.data.selecting)
        )
        save_captions(self.folder, kept)
        return kept

    @cached_property
    def metrics(self) -> Any:
        """`best_epoch`, `parameters` and `history` of a finished training."""
        return read_json(self.folder / METRICS)

    def load(self) -> RetrievalModel:
        """Return the trained model.

        Raises:
            InputError: the folder is damaged, with the advice to delete the folder.
        """
        try:
            model, _ = load_model(self.folder)
        except InputError as error:
            raise InputError(error.problem, f"delete the folder {self.folder} and run again") from error
        return model

    def as_teacher(self, progress: Progress) -> Teacher:
        """Freeze the trained model over the whole training split, once; a live teacher is not frozen."""
        if self.plan.live:
            return LiveTeacher(
                model=self.load().to(resolve_device(self.workspace.config.device)), features=self.features
            )
        captions, videos = self.data.taught_ids()
        cache = artifact_path(self.folder, "embeddings", [captions, videos], ".safetensors")
        return frozen(self.folder, self.features, captions, videos, cache, label=self.label, progress=progress)

    def score_selection(self, model: RetrievalModel) -> Scores:
        """Score a model on the split that selects the epoch."""
        videos = self.data.dataset.splits[self.data.dataset.protocol.select or ""]
        return score(model, self.features, self.data.selecting, videos)

    @property
    def random_seed(self) -> int:
        """The seed of its random numbers: that of the run, or for a copy another one."""
        return self.seed + _COPY * self.plan.copy

    @property
    def _distillation(self) -> DistillationConfig | None:
        config = self.workspace.config
        is_taught = self.plan.role == "taught" and (self.plan.teachers or config.learns_from_itself)
        return config.distillation if is_taught else None

    @property
    def _any_to_any(self) -> AnyToAnyConfig | None:
        return self.workspace.config.any_to_any if self.plan.role == "taught" else None

    def _objective(
        self, model: RetrievalModel, teachers: Sequence[Teacher], frames: Sequence[FrameScores]
    ) -> Objective:
        if self.plan.model.kind == "omni":
            self.data.check_modalities()
            return any_to_any(self._any_to_any, self.plan.training)
        ranking = ranking_loss(self.plan.training)
        parts = self._distillation and self._distillation.parts
        objective: Objective = Retrieval(ranking=ranking)
        if parts is not None:
            objective = Distillation(ranking=ranking, parts=parts, teachers=teachers, student=model, frames=frames)
        if not self.data.is_multilingual:
            return objective
        english_weight = parts.english_weight if parts else 1.0
        return PerLanguage(objective=objective, queries=self.data.captions, english_weight=english_weight)

    def _validate(self, model: RetrievalModel) -> dict[str, Metrics]:
        scores = self.score_selection(model)
        return retrieval_metrics(scores.similarity, scores.video_of)

    def dependencies(self) -> dict[str, Any]:
        """Return everything that the numbers depend on, under the names of version 0.1.0."""
        workspace, plan, spec = self.workspace, self.plan, self.spec
        captioning = workspace.config.captioning
        kind = FORMER_KINDS.get(spec.kind, spec.kind)
        return {
            "model": [kind, dict(spec.arguments), spec.max_words, dict(spec.max_tokens)],
            "training": self.settings.identity(),
            "seed": self.random_seed,
            "text": self.data.text.checksum(),
            "experts": {name: workspace.features.expert(name).checksum() for name in plan.experts},
            "learn": [self.data.videos, [c.id for c in (*self.data.captions, *self.data.event_captions)]],
            "select": [caption.id for caption in self.data.selecting],
            "teachers": self.sources.identities(),
            # the parts and not the preset: two names of one objective are one training
            "distillation": self._distillation and self._distillation.parts.identity(),
            **({"any_to_any": self._any_to_any.identity()} if self._any_to_any else {}),
            **({"start": self.start.folder.name} if self.start else {}),
            **({"picks": captioning.identity()} if captioning and plan.event_captions else {}),
        }


def training_of(workspace: Workspace, plan: ModelPlan, seed: int, fold: Fold | None = None) -> Training:
    """Return a training; asked again, the same object, for its fingerprint takes a while."""
    key = (plan.label, seed, str(fold))
    training = workspace.trainings.get(key)
    if training is None or training.plan != plan:
        training = workspace.trainings[key] = Training(workspace, plan, seed, fold)
    return training
