"""A slow teacher of a run: a cross-attention scorer, and its scores of the short lists of the student alone."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from teachtext.devices import resolve_device
from teachtext.encoders.registry import TEXT_ENCODERS
from teachtext.experiment.artifacts import Artifact, artifact_path
from teachtext.experiment.model_arguments import ranking_loss
from teachtext.experiment.plan import SlowTeacher
from teachtext.files import fingerprint, write_json
from teachtext.learning.batches import MinedPicks
from teachtext.learning.checkpoint import ModelSpec, load_scorer, save_spec
from teachtext.learning.loggers import LOGGERS
from teachtext.learning.model_files import METRICS
from teachtext.learning.objective import Retrieval
from teachtext.learning.shortlists import Columns, as_teacher, neighbours, shortlists, slow_scores, with_right
from teachtext.learning.sparse_teacher import SparseTeacher
from teachtext.learning.statistics import fit_statistics
from teachtext.learning.trainer import Trainer
from teachtext.progress import Progress

if TYPE_CHECKING:
    from teachtext.experiment.train import Training

# videos of a batch that stand together because the student confuses them; see `MinedPicks`
_GROUP = 4


@dataclass(frozen=True)
class SlowTraining:
    """The training of a slow teacher with one seed, and the folder that it writes.

    Attributes:
        plan: the teacher.
        towers: the training that its two towers would have as a model; only settings and data are taken from it.
        fast: the training of the student alone, which is finished before.
    """

    plan: SlowTeacher
    towers: "Training"
    fast: "Training"

    @property
    def label(self) -> str:
        """Its name in progress and messages."""
        return self.towers.label

    @property
    def before(self) -> "Training":
        """The training that comes first."""
        return self.fast

    @property
    def done(self) -> bool:
        """Whether the scorer has been trained to the end."""
        return (self.folder / METRICS).exists()

    @cached_property
    def folder(self) -> Path:
        """Folder of the scorer and of its lists."""
        text = TEXT_ENCODERS.folder_name(self.plan.towers.text)
        key = fingerprint([self.towers.dependencies(), self.fast.folder.name, self.plan.shortlist, _GROUP])
        return self.towers.workspace.models_folder / f"scorer-{text}-seed{self.towers.seed}-{key}"

    @cached_property
    def spec(self) -> ModelSpec:
        """The scorer, as its folder describes it."""
        spec = self.towers.spec
        # the names of classes are a space of their own, and no words
        arguments = {name: value for name, value in spec.arguments.items() if name != "class_names"}
        origin = {
            **spec.origin,
            "role": "slow teacher",
            "fast": self.fast.folder.name,
            "shortlist": self.plan.shortlist,
        }
        return replace(spec, arguments=arguments, origin=origin, is_scorer=True)

    def as_teacher(self, progress: Progress) -> SparseTeacher:
        """Return the teacher's scores of the short lists of all training captions, made once."""
        caption_ids, video_ids = self.towers.data.taught_ids()
        return Artifact(
            path=artifact_path(self.folder, "lists", [caption_ids, video_ids], ".jsonl"),
            build=lambda: self._score(caption_ids, video_ids, progress),
            write=lambda path, teacher: teacher.save(path),
            read=SparseTeacher.load,
        ).get()

    def train(self, progress: Progress) -> None:
        """Train the scorer, or continue a stopped training; a finished one is not repeated."""
        if self.done:
            return
        towers, settings, features = self.towers, self.towers.settings, self.towers.features
        features.hold()
        queries, videos = towers.data.captions, towers.data.videos
        columns = self._shortlists([query.id for query in queries], videos)
        video_of = _columns_of([query.video_id for query in queries], videos)
        torch.manual_seed(towers.random_seed)
        scorer = self.spec.build_scorer()
        fit_statistics(scorer, features, videos)
        scorer = scorer.to(resolve_device(towers.workspace.config.device))
        trainer = Trainer(
            model=scorer,
            objective=Retrieval(ranking=ranking_loss(towers.plan.training)).to(next(scorer.parameters()).device),
            batches=MinedPicks(
                neighbours=neighbours(columns, video_of, videos),
                group=_GROUP,
                features=features,
                captions=towers.data.captions_by_video(),
                batch_size=settings.batch_size,
                seed=towers.random_seed,
                captions_per_video=settings.captions_per_video,
            ),
            validate=None,
            folder=self.folder,
            keep="last",
            **towers.trainer_options,
        )
        save_spec(self.folder, self.spec)
        workspace = towers.workspace
        with LOGGERS[workspace.config.logging](workspace.logs_folder / self.folder.name, self.spec.origin) as log:
            history = trainer.fit(log, lambda past: progress(f"train {self.label}", len(past), towers.epochs))
        parameters = sum(parameter.numel() for parameter in scorer.parameters())
        # last: this file says that the training is done
        write_json(self.folder / METRICS, {"best_epoch": len(history), "parameters": parameters, "history": history})

    def _score(self, caption_ids: list[str], video_ids: list[str], progress: Progress) -> SparseTeacher:
        self.train(progress)
        scorer, _ = load_scorer(self.folder)
        dataset = self.towers.workspace.described_dataset
        right = {query.id: query.video_id for query in dataset.queries_of(dataset.protocol.train)}
        video_of = _columns_of([right[caption_id] for caption_id in caption_ids], video_ids)
        columns = with_right(self._shortlists(caption_ids, video_ids), video_of)
        scorer = scorer.to(resolve_device(self.towers.workspace.config.device))
        scores = slow_scores(scorer, self.towers.features, caption_ids, video_ids, columns)
        return as_teacher(caption_ids, video_ids, columns, scores, name=self.label)

    def _shortlists(self, caption_ids: list[str], video_ids: list[str]) -> Columns:
        model = self.fast.load().to(resolve_device(self.fast.workspace.config.device))
        return shortlists(model, self.fast.features, caption_ids, video_ids, most=self.plan.shortlist)


def _columns_of(videos: list[str], gallery: list[str]) -> NDArray[np.int64]:
    column: dict[str, Any] = {video_id: number for number, video_id in enumerate(gallery)}
    return np.array([column[video_id] for video_id in videos], np.int64)
