"""Train the members of a run, each once for a seed; what is trained already is not trained again."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

from teachtext.data.features import Features, described
from teachtext.data.folds import Fold
from teachtext.data.protocol import Caption
from teachtext.data.types import Dataset
from teachtext.encoders.registry import TEXT_ENCODERS
from teachtext.encoders.video.words import same_encoder
from teachtext.errors import InputError
from teachtext.evaluation.metrics import Metrics, retrieval_metrics
from teachtext.experiment.config_model import DistillationConfig, ModelConfig, TrainingConfig
from teachtext.experiment.plan import Given, Member
from teachtext.experiment.teachers import frozen, given_teacher, identity_of
from teachtext.experiment.workspace import Workspace
from teachtext.files import fingerprint, read_json, write_json
from teachtext.learning.batches import CaptionPicks
from teachtext.learning.card import save_card
from teachtext.learning.checkpoint import METRICS, ModelSpec, load_model, save_spec
from teachtext.learning.distillation.objective import Distillation
from teachtext.learning.inference import Scores, score
from teachtext.learning.loggers import LOGGERS
from teachtext.learning.losses import InfoNCE, MaxMarginRankingLoss
from teachtext.learning.objective import Objective, Retrieval
from teachtext.learning.teachers import LiveTeacher, Teacher
from teachtext.learning.trainer import Trainer, best_epoch
from teachtext.models.build import known_arguments
from teachtext.models.retrieval import RetrievalModel
from teachtext.progress import Progress, silent


@dataclass(frozen=True)
class Training:
    """One member with one seed: what it is trained from, and the folder that it becomes.

    The folder's name carries a fingerprint of everything that could change the numbers, so a changed config trains
    anew and an unchanged one is found again.

    Attributes:
        workspace: of the run.
        member: who is trained.
        seed: of weights, batches and picks.
        fold: its held-out videos are not learned from; by default all training videos are.
    """

    workspace: Workspace
    member: Member
    seed: int
    fold: Fold | None = None

    @property
    def label(self) -> str:
        """What it is called while it is made."""
        return ", ".join([self.member.label, f"seed {self.seed}", *([str(self.fold)] if self.fold else [])])

    @cached_property
    def dataset(self) -> Dataset:
        """What it learns from, is selected on and tested on.

        Without a fold the run's; with one all captions, noisy ones too, of the videos that are not held out.
        """
        if self.fold is None:
            return self.workspace.dataset
        whole = self.workspace.described_dataset
        return replace(whole, splits={**whole.splits, whole.protocol.train: self.fold.rest})

    @cached_property
    def folder(self) -> Path:
        """Folder of the trained model."""
        taught = "-taught" if self._distillation else ""
        fold = f"-fold{self.fold.number}of{self.fold.of}" if self.fold else ""
        text = TEXT_ENCODERS.folder_name(self.member.text)
        name = f"{text}{taught}{fold}-seed{self.seed}-{fingerprint(self._essence())}"
        return self.workspace.models_folder / name

    @property
    def done(self) -> bool:
        """Whether it has been trained to the end."""
        return (self.folder / METRICS).exists()

    @cached_property
    def teachers(self) -> list["Training"]:
        """The trainings of its teachers, with the same seed; those that were made elsewhere have none."""
        return [replace(self, member=teacher) for teacher in self.member.teachers if isinstance(teacher, Member)]

    @cached_property
    def spec(self) -> ModelSpec:
        """The model, from the config and the widths of the features."""
        workspace, member = self.workspace, self.member
        config = workspace.config
        text = workspace.text_file(member.text)
        experts = [expert for expert in config.experts if expert.name in member.experts]
        sequences = [expert for expert in experts if not expert.pool]
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
            expert_settings={expert.name: expert.settings for expert in experts if expert.settings},
            trained_on=self._train_videos,
            origin={
                "run": config.name,
                "dataset": self.dataset.name,
                "train_videos": len(self._train_videos),
                "train_captions": len(self._train_queries),
                "role": member.role,
                "teachers": [one.text if isinstance(one, Member) else one.path.name for one in member.teachers],
                "seed": self.seed,
                **({"fold": str(self.fold)} if self.fold else {}),
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
        what = f"train {self.label}"
        trainer = Trainer(
            model=model,
            objective=self._objective(model, progress).to(self.workspace.config.device),
            batches=CaptionPicks(
                features=self.features,
                captions=self._captions(),
                batch_size=config.batch_size,
                captions_per_video=config.captions_per_video,
                seed=self.seed,
            ),
            validate=self._validate if self.dataset.protocol.select else None,
            folder=self.folder,
            epochs=config.epochs,
            optimizer=config.optimizer,
            lr=config.lr,
            weight_decay=config.weight_decay,
            lr_decay=config.lr_decay,
            seed=self.seed,
        )
        save_spec(self.folder, self.spec)
        open_log = LOGGERS[self.workspace.config.logging]
        with open_log(self.workspace.logs_folder / self.folder.name, self.spec.origin) as log:
            history = trainer.fit(log, lambda history: progress(what, len(history), config.epochs))
        best = best_epoch(history)
        parameters = sum(parameter.numel() for parameter in model.parameters())
        validation = history[best - 1]["validation"]
        score = f", validation t2v geometric mean {validation['t2v']['geometric_mean']:.1f}" if validation else ""
        save_card(
            self.folder,
            f"{self.member.label} on {self.dataset.name}",
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

    def check_teachers(self, progress: Progress) -> None:
        """Raise InputError where a teacher that was made elsewhere cannot teach what is learned here."""
        for teacher in self._sources():
            if isinstance(teacher, Given):
                self._teacher(teacher, progress)

    def as_teacher(self, progress: Progress = silent) -> Teacher:
        """Freeze the trained model over the whole training split; made once, then read, unless it teaches live."""
        if self.member.live:
            model, _ = load_model(self.folder)
            return LiveTeacher(model=model.to(self.workspace.config.device), features=self.features)
        captions, videos = self._taught_captions()
        cache = self.folder / f"embeddings-{fingerprint([captions, videos])}.safetensors"
        return frozen(self.folder, self.features, captions, videos, cache, label=self.label, progress=progress)

    def _taught_captions(self) -> tuple[list[str], list[str]]:
        """Return all captions and videos of the training split, those too that its own experts cannot read."""
        train = self.dataset.protocol.train
        return [caption.id for caption in self.dataset.queries_of(train)], list(self.dataset.splits[train])

    @property
    def _distillation(self) -> DistillationConfig | None:
        return self.workspace.config.distillation if self.member.role == "taught" else None

    def _objective(self, model: RetrievalModel, progress: Progress) -> Objective:
        ranking = _ranking_loss(self.member.training)
        if self._distillation is None:
            return Retrieval(ranking=ranking)
        return Distillation(
            ranking=ranking,
            parts=self._distillation.parts,
            teachers=[self._teacher(teacher, progress) for teacher in self._sources()],
            student=model,
        )

    def _sources(self) -> "list[Training | Given]":
        """Return what its teachers come from, in the order of the config."""
        trained = iter(self.teachers)
        return [teacher if isinstance(teacher, Given) else next(trained) for teacher in self.member.teachers]

    def _teacher(self, source: "Training | Given", progress: Progress) -> Teacher:
        if isinstance(source, Given):
            return given_teacher(self.workspace, source, *self._taught_captions(), progress)
        return source.as_teacher(progress)

    def _identity(self, source: "Training | Given") -> Any:
        if isinstance(source, Given):
            return identity_of(self.workspace, source)
        return [source.folder.name, "live"] if source.member.live else source.folder.name

    def _validate(self, model: RetrievalModel) -> dict[str, Metrics]:
        found = self.score_selection(model)
        return retrieval_metrics(found.similarity, found.video_of)

    def score_selection(self, model: RetrievalModel) -> Scores:
        """Score a model on the split that selects the epoch."""
        videos = self.dataset.splits[self.dataset.protocol.select or ""]
        return score(model, self.features, self._select_queries, videos)

    @cached_property
    def _train_videos(self) -> list[str]:
        """The training videos that it can read."""
        files = [self.workspace.expert_file(name) for name in self.member.experts]
        return described(self.dataset.splits[self.dataset.protocol.train], files)

    @cached_property
    def _train_queries(self) -> list[Caption]:
        videos = set(self._train_videos)
        return [query for query in self.dataset.queries_of(self.dataset.protocol.train) if query.video_id in videos]

    @cached_property
    def _select_queries(self) -> list[Caption]:
        select = self.dataset.protocol.select
        return self.dataset.queries_of(select) if select else []

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
            "teachers": [self._identity(source) for source in self._sources()],
            # whatever the preset is called that they are of
            "distillation": self._distillation and asdict(self._distillation.parts),
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
        return InfoNCE(temperature=training.temperature, same_video=training.same_video)
    return MaxMarginRankingLoss(margin=training.margin)
