"""What one model of a run learns from: the videos and captions of the training split that the model can read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from teachtext.data.features import Features
from teachtext.data.protocol import Caption
from teachtext.data.splits import Fold
from teachtext.data.store import FeatureFile
from teachtext.data.types import Dataset
from teachtext.encoders.registry import reads_english_alone
from teachtext.errors import InputError
from teachtext.experiment.config_training import TrainingConfig
from teachtext.experiment.plan import ModelPlan
from teachtext.experiment.workspace import Workspace
from teachtext.learning.batches import CaptionPicks, ids_by_video
from teachtext.learning.languages import LanguagePicks, in_english
from teachtext.models.omni import experts_by_modality


@dataclass(frozen=True)
class TrainingData:
    """The videos and captions of a training.

    Attributes:
        workspace: of the run.
        plan: the model.
        fold: its held-out videos are not learned from; by default all training videos are.
    """

    workspace: Workspace
    plan: ModelPlan
    fold: Fold | None = None

    @cached_property
    def dataset(self) -> Dataset:
        """The dataset for learning, selecting and testing.

        Without a fold it is that of the run. With one it has all captions, noisy ones too, of the other folds' videos.
        """
        if self.fold is None:
            return self.workspace.dataset
        whole = self.workspace.described_dataset
        return replace(whole, splits={**whole.splits, whole.protocol.train: self.fold.rest})

    @cached_property
    def videos(self) -> list[str]:
        """The training videos that the model can read."""
        return self.workspace.readable(self.dataset.splits[self.dataset.protocol.train], self.plan.experts)

    @cached_property
    def captions(self) -> list[Caption]:
        """The training captions that the model can read, of those videos."""
        videos = set(self.videos)
        return self._read(
            [caption for caption in self.dataset.queries_of(self.dataset.protocol.train) if caption.video_id in videos]
        )

    @cached_property
    def event_captions(self) -> list[Caption]:
        """The captions of events that the model learns from, of those videos; none for most models."""
        if not self.plan.event_captions:
            return []
        videos = set(self.videos)
        return [caption for caption in self.workspace.event_captions.captions if caption.video_id in videos]

    @cached_property
    def text(self) -> FeatureFile:
        """The features of the captions that the model reads."""
        text = self.workspace.features.text(self.plan.text)
        return self.workspace.event_captions.joined(text, self.plan.text) if self.plan.event_captions else text

    @cached_property
    def selecting(self) -> Sequence[Caption]:
        """The captions of the split that selects the epoch."""
        select = self.dataset.protocol.select
        return self._read(self.dataset.queries_of(select)) if select else []

    @property
    def is_multilingual(self) -> bool:
        """Whether the model learns from captions in several languages."""
        return len({caption.language for caption in self.captions}) > 1

    def captions_by_video(self) -> dict[str, list[str]]:
        """Return the ids of the training captions by video."""
        return ids_by_video(self.captions)

    def taught_ids(self) -> tuple[list[str], list[str]]:
        """Return all captions and videos of the training split, with those that its experts cannot read."""
        train = self.dataset.protocol.train
        captions = in_english(self.dataset.queries_of(train))
        return [caption.id for caption in captions], list(self.dataset.splits[train])

    def taught_pairs(self) -> dict[str, str]:
        """Return by caption id the video of each of these captions."""
        captions = in_english(self.dataset.queries_of(self.dataset.protocol.train))
        return {caption.id: caption.video_id for caption in captions}

    def check(self) -> None:
        """Raise InputError where the model can read too few training videos to learn from."""
        if len(self.videos) < 2:
            dataset = self.workspace.dataset
            videos = len(dataset.splits[dataset.protocol.train])
            raise InputError(
                f"{self.plan.label} can read {len(self.videos)} of the {videos:,} training videos",
                "give it experts that describe more of them, or leave it out",
            )
        if self.plan.model.kind == "omni":
            # before the teachers are trained
            self.check_modalities()
        if self.plan.model.frame_weights:
            self._check_rows()

    def _check_rows(self) -> None:
        """Raise InputError where a sequence has one row of every video, which leaves nothing to weigh."""
        for expert in self.workspace.config.experts:
            if expert.name in self.plan.experts and not expert.pool:
                file = self.workspace.features.expert(expert.name)
                if all(file.rows_of(video_id) <= 1 for video_id in self.videos):
                    raise InputError(
                        f"expert '{expert.name}' has one row of each training video, and 'frame_weights' weighs rows",
                        "leave its 'pool: false' out, or have it give more rows: 'settings: {rows: moments}' of "
                        "appearance and scene",
                    )

    def check_modalities(self) -> None:
        """Raise InputError where too few training videos have sound, or pictures."""
        for modality, experts in experts_by_modality(self.plan.experts, self.plan.model.sound).items():
            described = len(self.workspace.readable(self.videos, experts))
            if described < 2:
                raise InputError(
                    f"{self.plan.label} can learn nothing of {modality}: {', '.join(experts)} describe {described} of "
                    f"its {len(self.videos):,} training videos",
                    "give experts that describe more of them, or take another kind of model",
                )

    def batches(self, features: Features, settings: TrainingConfig, seed: int) -> CaptionPicks:
        """Return the batches of each epoch.

        Args:
            features: that the model reads.
            settings: of the training.
            seed: of what is picked.

        Raises:
            InputError: several captions of a video are wanted in a batch, and they are in several languages.
        """
        if not self.is_multilingual:
            captioning = self.workspace.config.captioning
            return CaptionPicks(
                captions=self.captions_by_video(),
                captions_per_video=settings.captions_per_video,
                features=features,
                batch_size=settings.batch_size,
                seed=seed,
                further=ids_by_video(self.event_captions),
                further_share=captioning.event_share if captioning else None,
            )
        if settings.captions_per_video > 1:
            raise InputError(
                f"'captions_per_video' is {settings.captions_per_video}, and the captions are in several languages",
                "leave it at 1: a batch has a caption of each video in each language",
            )
        return LanguagePicks(queries=self.captions, features=features, batch_size=settings.batch_size, seed=seed)

    def _read(self, captions: list[Caption]) -> list[Caption]:
        """Return the captions that the text encoder reads: of several languages English alone, or all."""
        return in_english(captions) if reads_english_alone(self.plan.text) else captions
