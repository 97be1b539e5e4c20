"""Train the members of a run, each once for a seed; what is trained already is not trained again."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

from teachtext.data.features import Features
from teachtext.data.types import Caption
from teachtext.encoders.registry import folder_name
from teachtext.encoders.video.words import same_encoder
from teachtext.errors import InputError
from teachtext.evaluation.metrics import Metrics, retrieval_metrics
from teachtext.experiment.config_model import DistillationConfig, ModelConfig, TrainingConfig
from teachtext.experiment.members import Member
from teachtext.experiment.workspace import Workspace
from teachtext.files import fingerprint, read_json, write_json
from teachtext.learning.batches import CaptionPicks
from teachtext.learning.checkpoint import METRICS, ModelSpec, load_model, save_card, save_spec
from teachtext.learning.inference import score
from teachtext.learning.losses import InfoNCE, MaxMarginRankingLoss
from teachtext.learning.objective import Objective, Retrieval, TeachText
from teachtext.learning.teachers import CachedTeacher
from teachtext.learning.trainer import Trainer, best_epoch
from teachtext.models.build import known_arguments
from teachtext.models.retrieval import RetrievalModel
from teachtext.progress import Progress


@dataclass(frozen=True)
class Training:
    """One member with one seed: what it is trained from, and the folder that it becomes.

    The folder's name carries a fingerprint of everything that could change the numbers, so a changed config trains
    anew and an unchanged one is found again.
    """

    workspace: Workspace
    member: Member
    seed: int

    @cached_property
    def folder(self) -> Path:
        """Folder of the trained model."""
        taught = "-taught" if self.member.teachers else ""
        name = f"{folder_name(self.member.text)}{taught}-seed{self.seed}-{fingerprint(self._essence())}"
        return self.workspace.models_folder / name

    @property
    def done(self) -> bool:
        """Whether it has been trained to the end."""
        return (self.folder / METRICS).exists()

    @property
    def teachers(self) -> list["Training"]:
        """The trainings of its teachers, with the same seed."""
        return [Training(self.workspace, teacher, self.seed) for teacher in self.member.teachers]

    @cached_property
    def spec(self) -> ModelSpec:
        """The model, from the config and the widths of the features."""
        workspace, member = self.workspace, self.member
        config = workspace.config
        text = workspace.text_file(member.text)
        sequences = [expert for expert in config.experts if expert.name in member.experts and not expert.pool]
        return ModelSpec(
            kind=member.model.kind,
            arguments=model_arguments(
                member.model,
                expert_dims={name: workspace.expert_file(name).dim for name in member.experts},
                expert_clusters={expert.name: expert.clusters for expert in sequences},
                text_dim=text.dim,
                tokens=workspace.text_output(member.text) == "tokens",
                words=[name for name in member.experts if same_encoder(workspace.expert_file(name), text)],
            ),
            text_encoder=member.text,
            max_words=member.model.max_words,
            max_tokens={expert.name: expert.max_tokens for expert in sequences},
            trained_on=self._train_videos,
            origin={
                "run": config.name,
                "dataset": workspace.dataset.name,
                "train_videos": len(self._train_videos),
                "role": member.role,
                "teachers": [teacher.text for teacher in member.teachers],
                "seed": self.seed,
                "training": member.training.model_dump(),
                "distillation": self._distillation and self._distillation.model_dump(),
            },
        )

    @cached_property
    def features(self) -> Features:
        """The features that the model reads."""
        workspace = self.workspace
        experts = {name: workspace.expert_file(name) for name in self.member.experts}
        return self.spec.features(workspace.text_file(self.member.text), experts)

    def check(self) -> None:
        """Raise InputError where it can read too few training videos to learn from."""
        if len(self._train_videos) < 2:
            dataset = self.workspace.dataset
            videos = len(dataset.splits[dataset.protocol.train])
            raise InputError(
                f"{self.member.label} can read {len(self._train_videos)} of the {videos:,} training videos",
                "give it experts that describe more of them, or leave it out",
            )

    def train(self, progress: Progress) -> None:
        """Train it, or go on where it was stopped; its teachers must be done."""
        if self.done:
            return
        config = self.member.training
        torch.manual_seed(self.seed)
        model = self.spec.build().to(self.workspace.config.device)
        what = f"train {self.member.label}, seed {self.seed}"
        trainer = Trainer(
            model=model,
            objective=self._objective(),
            batches=CaptionPicks(
                features=self.features, captions=self._captions(), batch_size=config.batch_size, seed=self.seed
            ),
            validate=self._validate if self.workspace.dataset.protocol.select else None,
            folder=self.folder,
            epochs=config.epochs,
            optimizer=config.optimizer,
            lr=config.lr,
            weight_decay=config.weight_decay,
            lr_decay=config.lr_decay,
            seed=self.seed,
            on_epoch=lambda history: progress(what, len(history), config.epochs),
        )
        save_spec(self.folder, self.spec)
        history = trainer.fit()
        best = best_epoch(history)
        parameters = sum(parameter.numel() for parameter in model.parameters())
        validation = history[best - 1]["validation"]
        score = f", validation t2v geometric mean {validation['t2v']['geometric_mean']:.1f}" if validation else ""
        save_card(
            self.folder,
            f"{self.member.label} on {self.workspace.dataset.name}",
            {
                "text encoder": self.member.text,
                "video experts": ", ".join(self.member.experts),
                "model": f"{self.spec.kind}, {parameters:,} parameters",
                "seed": str(self.seed),
                "selected epoch": f"{best} of {config.epochs}{score}",
            },
        )
        # last, because it says that all the rest is there
        write_json(self.folder / METRICS, {"best_epoch": best, "parameters": parameters, "history": history})

    def metrics(self) -> Any:
        """Return `best_epoch`, `parameters` and `history` of a done training."""
        return read_json(self.folder / METRICS)

    def as_teacher(self) -> CachedTeacher:
        """Freeze the trained model over the whole training split; made once, then read."""
        dataset = self.workspace.dataset
        train = dataset.protocol.train
        captions, videos = [caption.id for caption in dataset.queries_of(train)], list(dataset.splits[train])
        path = self.folder / f"embeddings-{fingerprint([captions, videos])}.safetensors"
        if not path.exists():
            model, _ = load_model(self.folder)
            CachedTeacher.of(model, self.features, captions, videos).save(path)
        return CachedTeacher.load(path)

    @property
    def _distillation(self) -> DistillationConfig | None:
        return self.workspace.config.distillation if self.member.teachers else None

    def _objective(self) -> Objective:
        ranking = _ranking_loss(self.member.training)
        distillation = self._distillation
        if distillation is None:
            return Retrieval(ranking=ranking)
        return TeachText(
            ranking=ranking,
            teachers=[teacher.as_teacher() for teacher in self.teachers],
            pool=distillation.pool,
            threshold=distillation.threshold,
            weight=distillation.weight,
        )

    def _validate(self, model: RetrievalModel) -> dict[str, Metrics]:
        dataset = self.workspace.dataset
        videos = dataset.splits[dataset.protocol.select or ""]
        found = score(model, self.features, self._select_queries, videos)
        return retrieval_metrics(found.similarity, found.video_of)

    @cached_property
    def _train_videos(self) -> list[str]:
        """The training videos that it can read."""
        return self.workspace.readable(self.workspace.dataset.protocol.train, self.member.experts)

    @cached_property
    def _train_queries(self) -> list[Caption]:
        dataset, videos = self.workspace.dataset, set(self._train_videos)
        return [query for query in dataset.queries_of(dataset.protocol.train) if query.video_id in videos]

    @cached_property
    def _select_queries(self) -> list[Caption]:
        select = self.workspace.dataset.protocol.select
        return self.workspace.dataset.queries_of(select) if select else []

    def _captions(self) -> dict[str, list[str]]:
        captions: dict[str, list[str]] = {}
        for caption in self._train_queries:
            captions.setdefault(caption.video_id, []).append(caption.id)
        return captions

    def _essence(self) -> dict[str, Any]:
        """Everything that the numbers depend on."""
        workspace, member = self.workspace, self.member
        return {
            "model": [self.spec.kind, dict(self.spec.arguments), self.spec.max_words, dict(self.spec.max_tokens)],
            "training": member.training.model_dump(),
            "seed": self.seed,
            "text": workspace.text_file(member.text).checksum(),
            "experts": {name: workspace.expert_file(name).checksum() for name in member.experts},
            "learn": [self._train_videos, [caption.id for caption in self._train_queries]],
            "select": [caption.id for caption in self._select_queries],
            "teachers": [teacher.folder.name for teacher in self.teachers],
            "distillation": self._distillation and self._distillation.model_dump(),
        }


def model_arguments(
    model: ModelConfig,
    *,
    expert_dims: dict[str, int],
    expert_clusters: dict[str, int],
    text_dim: int,
    tokens: bool,
    words: Sequence[str] = (),
) -> dict[str, Any]:
    """Turn the config into the plain arguments of its kind of model.

    Args:
        model: its settings.
        expert_dims: D by expert.
        expert_clusters: by expert that is a sequence.
        text_dim: D of a caption's rows.
        tokens: whether a caption has a row a token.
        words: experts whose rows are words that the captions' own encoder encoded.
    """
    aligned = [name for name in words if name not in expert_clusters] if model.aligned_start and not tokens else []
    arguments: dict[str, Any] = {
        "expert_dims": expert_dims,
        "expert_clusters": expert_clusters,
        "text_dim": text_dim,
        "text_clusters": model.text_clusters if tokens else 0,
        **model.model_dump(exclude={"kind", "faithful", "text_clusters", "max_words", "aligned_start"}),
        **({"aligned": aligned} if aligned else {}),
    }
    return known_arguments(model.kind, arguments)


def _ranking_loss(training: TrainingConfig) -> nn.Module:
    if training.loss == "info_nce":
        return InfoNCE(temperature=training.temperature)
    return MaxMarginRankingLoss(margin=training.margin)
