"""The folder of a run: paths, the dataset, and values that are computed once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from teachtext.data.benchmarks import benchmark
from teachtext.data.dropped_captions import without_dropped
from teachtext.data.features import described, only_described
from teachtext.data.folder import load_folder
from teachtext.data.types import Dataset
from teachtext.devices import resolve_device
from teachtext.errors import InputError
from teachtext.evaluation.query_ranks import QueryRanks
from teachtext.experiment.config import RunConfig
from teachtext.experiment.config_model import DenoisingConfig
from teachtext.experiment.dataset_sources import DatasetSource, source_of
from teachtext.experiment.event_captions import EventCaptions
from teachtext.experiment.features import RunFeatures
from teachtext.experiment.methods import METHODS
from teachtext.experiment.plan import judges_of
from teachtext.files import fingerprint, read_json
from teachtext.originals.denoising_masks import read_dropped
from teachtext.progress import Progress, silent

T = TypeVar("T")

DROPPED, RECORD = "dropped.jsonl", "denoising.json"


@dataclass
class Workspace:
    """The folder of a run, with its dataset and features.

    Args:
        config: of the run.
        progress: is called with the state of each step.

    Attributes:
        trainings: see `teachtext.experiment.train.training_of`.
        ranks: see `teachtext.experiment.ranks_on_test.ranks_on_test`.
    """

    config: RunConfig
    progress: Progress = silent
    trainings: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    ranks: dict[Path, QueryRanks] = field(default_factory=dict, init=False, repr=False, compare=False)
    _once: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def sharing(self, config: RunConfig) -> "Workspace":
        """Return the workspace of another config with the same folder and dataset; files are read once for both."""
        other = Workspace(config, self.progress)
        other.listed_dataset = self.listed_dataset
        other.ranks = self.ranks
        other.features.opened = self.features.opened
        other.features.imported = self.features.imported
        return other

    def once(self, key: Any, compute: Callable[[], T]) -> T:
        """Return a value that is computed once for this config."""
        if key not in self._once:
            self._once[key] = compute()
        value: T = self._once[key]
        return value

    @cached_property
    def features(self) -> RunFeatures:
        """The feature files."""
        return RunFeatures(self.config, self.progress, lambda: self.listed_dataset)

    @cached_property
    def event_captions(self) -> EventCaptions:
        """The captions of events; for a config with `captioning`."""
        return EventCaptions(self.config, self.features, lambda: self.described_dataset, self.source, self.progress)

    @cached_property
    def source(self) -> DatasetSource:
        """The source of the dataset."""
        return source_of(self.config)

    @property
    def models_folder(self) -> Path:
        """Folder of the trained models."""
        return self.config.folder / "models"

    @property
    def logs_folder(self) -> Path:
        """Folder of the logs; a training logs into a folder with the name of its model."""
        return self.config.folder / "logs"

    @property
    def results_path(self) -> Path:
        """File of the results."""
        return self.config.folder / "results.json"

    @property
    def report_path(self) -> Path:
        """File of the HTML report."""
        return self.config.folder / "report.html"

    @property
    def denoising_folder(self) -> Path:
        """Folder of the lists of kept and dropped captions and of their report; other settings have another folder."""
        config = self.config
        settings = config.denoising or DenoisingConfig()
        # a default leaves the key as it was before the setting existed
        experts = [
            expert.model_dump(mode="json", exclude={"nan"} if expert.nan == "refuse" else None)
            for expert in config.experts
        ]
        judges = [
            [judge.text, judge.experts, judge.model.model_dump(), judge.training.model_dump()]
            for judge in judges_of(config)
        ]
        apart = {"dropped": True, "described_by": config.dataset.described_by == "student"}
        apart["language"] = config.dataset.language is None
        apart["train_captions"] = config.dataset.train_captions is None
        dataset = config.dataset.model_dump(mode="json", exclude={name for name, is_left in apart.items() if is_left})
        generated = dataset["playground"]
        if generated and generated["languages"] == ["en"]:
            del generated["languages"]
        key = fingerprint([settings.model_dump(), experts, judges, dataset])
        cut = f"quantile{settings.quantile:g}" if settings.quantile else f"above{settings.limit:g}"
        return config.folder / "denoising" / f"{settings.pool}-{cut}-folds{settings.folds}-seed{settings.seed}-{key}"

    @property
    def dropped_path(self) -> Path | None:
        """File of the training captions to leave out; None where all are learned from."""
        made_here = self.denoising_folder / DROPPED if self.config.denoising else None
        return self.config.dataset.dropped or made_here

    def check(self) -> None:
        """Raise InputError for a device, an expert, an encoder, a file or a dataset that is missing."""
        resolve_device(self.config.device)
        for path in (*(teacher.path for teacher in self.config.teachers), self.config.dataset.dropped):
            if path is not None and not path.exists():
                raise InputError(f"{path} does not exist", "correct the path in the config")
        self.features.check_names()
        if not self.source.generated:
            _ = self.listed_dataset

    def make_features(self) -> None:
        """Make the dataset where a program makes it, and all features.

        Videos without features are looked for before the captions are embedded.
        """
        self._check_languages()
        self.features.extract(self.listed_dataset)
        _ = self.described_dataset
        self.features.embed(self.listed_dataset)
        self.features.verify()

    def _check_languages(self) -> None:
        """Raise InputError where the method needs captions in several languages, or needs them in one."""
        method = self.config.method
        train = self.listed_dataset.queries_of(self.listed_dataset.protocol.train)
        languages = sorted({caption.language for caption in train})
        if method and METHODS[method].multilingual and len(languages) < 2:
            raise InputError(
                f"method '{method}' learns from captions in several languages, and all are in '{languages[0]}'",
                "give captions in other languages too, or leave 'method' out",
            )
        if self.config.captioning and len(languages) > 1:
            raise InputError(
                f"captions of events are in one language, and the training captions are in {', '.join(languages)}",
                "choose one with 'dataset.language', or leave 'captioning' out",
            )
        if "omni" in self.config.model_kinds and len(languages) > 1:
            raise InputError(
                f"a model of kind 'omni' learns from captions in one language, and these are in {', '.join(languages)}",
                "choose one with 'dataset.language'",
            )

    @cached_property
    def listed_dataset(self) -> Dataset:
        """The dataset as its folder lists it."""
        config = self.config.dataset
        self.source.make(self.progress)
        loaded = load_folder(
            self.source.folder,
            protocol=config.protocol,
            missing_videos=config.missing_videos,
            splits_file=config.splits_file,
            chosen_file=config.chosen_file,
            language=config.language,
        )
        if config.train_captions is not None:
            loaded = loaded.with_train_captions(config.train_captions)
        differences = benchmark(config.benchmark).differences(loaded) if config.benchmark else []
        return replace(loaded, notes=[*loaded.notes, *differences])

    @cached_property
    def described_dataset(self) -> Dataset:
        """The listed dataset without the videos that no expert describes: of the student, or of the run."""
        config = self.config
        all_experts = [expert.name for expert in config.experts]
        names = config.student_experts if config.dataset.described_by == "student" else all_experts
        dataset = only_described(self.listed_dataset, [self.features.expert(name) for name in names])
        for split in dataset.protocol.splits:
            if not dataset.splits[split]:
                listed = self.listed_dataset.splits[split]
                raise InputError(
                    f"no video of split '{split}' has features",
                    "look at failed.json beside them" if self.features.set_aside else f"give those of '{listed[0]}'",
                )
        return dataset

    @cached_property
    def dataset(self) -> Dataset:
        """The described dataset without the dropped training captions: for learning and testing."""
        path = self.dropped_path
        if path is None:
            return self.described_dataset
        if self.config.dataset.dropped:
            return self._without(path)
        if not path.exists():
            raise InputError(f"{path} is not there yet", "run 'teachtext denoise' with this config")
        dataset = self._without(path, may_be_empty=True)
        by_hand = read_json(path.with_name(RECORD)).get("by_hand")
        notes = [f"{path.name} was edited: {by_hand:,} captions were decided by hand"] if by_hand else []
        return replace(dataset, notes=[*dataset.notes, *notes])

    def readable(self, video_ids: Sequence[str], experts: Sequence[str]) -> list[str]:
        """Return the videos that at least one of the experts describes."""
        key = "readable", tuple(video_ids), tuple(experts)
        return self.once(key, lambda: described(video_ids, map(self.features.expert, experts)))

    def _without(self, path: Path, *, may_be_empty: bool = False) -> Dataset:
        listed = read_dropped(path, self.described_dataset)
        return without_dropped(self.described_dataset, listed, path=path, may_be_empty=may_be_empty)
