"""The folder of a run: its dataset, its features, its models; what is there is not made again."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from teachtext.data.benchmarks import benchmark
from teachtext.data.dropped import without_dropped
from teachtext.data.features import described, only_described
from teachtext.data.folder import load_folder
from teachtext.data.npz import import_npz
from teachtext.data.protocol import Caption
from teachtext.data.store import FeatureFile, shards_of
from teachtext.data.types import Dataset
from teachtext.devices import resolve_device
from teachtext.encoders.registry import TEXT_ENCODERS, VIDEO_EXPERTS, check_video_settings
from teachtext.errors import InputError
from teachtext.evaluation.query_ranks import QueryRanks
from teachtext.experiment.config import RunConfig
from teachtext.experiment.config_model import DenoisingConfig
from teachtext.experiment.plan import judges_of
from teachtext.extraction.cost import COSTS, Cost, cost_of
from teachtext.extraction.embed import embed
from teachtext.extraction.extract import extract
from teachtext.files import fingerprint, read_json, write_json
from teachtext.learning.checkpoint import load_spec
from teachtext.originals.masks import read_dropped
from teachtext.playground import build_playground
from teachtext.progress import Progress, silent

T = TypeVar("T")

DROPPED, RECORD, NOTES = "dropped.jsonl", "denoising.json", "notes.json"


@dataclass
class Workspace:
    """Dataset and features of a run, made where they are missing.

    Args:
        config: of the run.
        progress: told how far each step is.
    """

    config: RunConfig
    progress: Progress = silent
    trainings: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    ranks: dict[Path, QueryRanks] = field(default_factory=dict, init=False, repr=False, compare=False)
    set_aside: list[str] = field(default_factory=list, init=False, compare=False)
    extraction_notes: list[str] = field(default_factory=list, init=False, compare=False)
    _once: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    _opened: dict[Path, FeatureFile] = field(default_factory=dict, init=False, repr=False, compare=False)

    def sharing(self, config: RunConfig) -> "Workspace":
        """Return the workspace of another config with the same folder and dataset; what is read is read once."""
        other = Workspace(config, self.progress)
        other.listed_dataset = self.listed_dataset
        other._opened, other.ranks = self._opened, self.ranks
        return other

    @property
    def features_folder(self) -> Path:
        """Feature files: `video/<expert>` and `text/<encoder>`."""
        return self.config.folder / "features"

    @property
    def models_folder(self) -> Path:
        """Trained models."""
        return self.config.folder / "models"

    @property
    def logs_folder(self) -> Path:
        """Logs of trainings, each in a folder named like its model."""
        return self.config.folder / "logs"

    @property
    def results_path(self) -> Path:
        """The run's results."""
        return self.config.folder / "results.json"

    @property
    def report_path(self) -> Path:
        """The run's HTML report."""
        return self.config.folder / "report.html"

    @property
    def denoising_folder(self) -> Path:
        """Which captions are kept and dropped, and the report of it; of other settings in another folder."""
        config = self.config
        settings = config.denoising or DenoisingConfig()
        experts = [expert.model_dump(mode="json") for expert in config.experts]
        judges = [
            [judge.text, judge.experts, judge.model.model_dump(), judge.training.model_dump()]
            for judge in judges_of(config)
        ]
        # lists keep their folders where it says nothing
        apart = {"dropped", *(["described_by"] if config.dataset.described_by == "student" else [])}
        dataset = config.dataset.model_dump(mode="json", exclude=apart)
        told = fingerprint([settings.model_dump(), experts, judges, dataset])
        cut = f"quantile{settings.quantile:g}" if settings.quantile else f"above{settings.limit:g}"
        return config.folder / "denoising" / f"{settings.pool}-{cut}-folds{settings.folds}-seed{settings.seed}-{told}"

    @property
    def dropped_path(self) -> Path | None:
        """The list of training captions to leave out, given or made here; None where all are learned from."""
        own = self.denoising_folder / DROPPED if self.config.denoising else None
        return self.config.dataset.dropped or own

    @cached_property
    def text_encoders(self) -> list[str]:
        """Text encoders of the teachers and the student, each once."""
        teachers = self.config.teachers
        trained = [teacher.text for teacher in teachers if teacher.text]
        models = [load_spec(teacher.folder).text_encoder for teacher in teachers if teacher.folder]
        return list(dict.fromkeys([*trained, *models, self.config.student.text]))

    @cached_property
    def listed_dataset(self) -> Dataset:
        """The dataset as its folder lists it; the playground is built first where it is asked for."""
        dataset = self.config.dataset
        path = dataset.path
        if dataset.playground is not None:
            path = self.config.folder / "playground"
            build_playground(
                path,
                videos=dataset.playground.videos,
                captions_per_video=dataset.playground.captions_per_video,
                seed=dataset.playground.seed,
                wrong_captions=dataset.playground.wrong_captions,
                questions=dataset.playground.questions,
                workers=self.config.workers,
                progress=lambda done, total: self.progress("make the playground", done, total),
            )
        if path is None:
            raise InputError("the config has no dataset", "give 'dataset.path' or 'dataset.playground'")
        loaded = load_folder(
            path,
            protocol=dataset.protocol,
            missing_videos=dataset.missing_videos,
            splits_file=dataset.splits_file,
            chosen_file=dataset.chosen_file,
        )
        told = benchmark(dataset.benchmark).differences(loaded) if dataset.benchmark else []
        return replace(loaded, notes=[*loaded.notes, *told])

    def _without_dropped(self, path: Path, *, may_be_empty: bool = False) -> Dataset:
        listed = read_dropped(path, self.described_dataset)
        return without_dropped(self.described_dataset, listed, path=path, may_be_empty=may_be_empty)

    @cached_property
    def dataset(self) -> Dataset:
        """What is learned from and tested on: `described_dataset` without the training captions that are dropped."""
        path = self.dropped_path
        if path is None:
            return self.described_dataset
        if self.config.dataset.dropped:
            return self._without_dropped(path)
        if not path.exists():
            raise InputError(f"{path} is not there yet", "run 'teachtext denoise' with this config")
        dataset = self._without_dropped(path, may_be_empty=True)
        by_hand = read_json(path.with_name(RECORD)).get("by_hand")
        told = [f"{path.name} was edited: {by_hand:,} captions were decided by hand"] if by_hand else []
        return replace(dataset, notes=[*dataset.notes, *told])

    @cached_property
    def described_dataset(self) -> Dataset:
        """The dataset cut to the videos that the student's experts can describe, or all experts of the run."""
        config = self.config
        everything = [expert.name for expert in config.experts]
        names = config.student_experts if config.dataset.described_by == "student" else everything
        files = [self.expert_file(name) for name in names]
        dataset = only_described(self.listed_dataset, files)
        for split in dataset.protocol.splits:
            if not dataset.splits[split]:
                raise InputError(f"no video of split '{split}' has features", "look at failed.json beside them")
        return dataset

    def once(self, key: Any, compute: Callable[[], T]) -> T:
        """Return a value that is computed once for this config."""
        if key not in self._once:
            self._once[key] = compute()
        value: T = self._once[key]
        return value

    def readable(self, video_ids: Sequence[str], experts: Sequence[str]) -> list[str]:
        """Return the videos that at least one of the experts describes."""
        key = "readable", tuple(video_ids), tuple(experts)
        return self.once(key, lambda: described(video_ids, map(self.expert_file, experts)))

    def queries(self) -> list[Caption]:
        """All captions that are ever read: the queries of all splits of the protocol, and the questions."""
        dataset = self.listed_dataset
        queries = [caption for split in dataset.protocol.splits for caption in dataset.queries_of(split)]
        asked = [question.caption for question in dataset.questions]
        return list({caption.id: caption for caption in (*queries, *asked)}.values())

    def check_names(self) -> None:
        """Raise InputError for what is not there.

        An expert or text encoder that neither came with the dataset nor is registered, a teacher, a list of captions.
        """
        for path in (*(teacher.path for teacher in self.config.teachers), self.config.dataset.dropped):
            if path is not None and not path.exists():
                raise InputError(f"{path} does not exist", "correct the path in the config")
        given = self.config.dataset.features
        experts = self._extracted()
        texts = [name for name in self.text_encoders if self._given("text", TEXT_ENCODERS.folder_name(name)) is None]
        missing = {"video": list(experts), "text": texts}
        for kind, check in (("video", VIDEO_EXPERTS.check), ("text", TEXT_ENCODERS.check)):
            try:
                check(missing[kind])
            except InputError as error:
                if given is None:
                    raise
                there = ", ".join(sorted(path.name for path in (given / kind).glob("*"))) or "nothing"
                raise InputError(f"{error.problem}, and {given / kind} holds {there}", error.mend) from error
        check_video_settings(experts, experts)

    def check(self) -> None:
        """Raise InputError for a device, an expert, an encoder or a file that is missing."""
        resolve_device(self.config.device)
        self.check_names()

    def make_features(self) -> None:
        """Make all features, and verify them once."""
        self.extract()
        self.embed()
        self.verify()

    def extract(self) -> None:
        """Extract or import the features of every expert; list what could not be read, and remarks."""
        registered = self._extracted()
        for expert in self.config.experts:
            if expert.file is not None:
                key = expert.key or expert.name
                import_npz(expert.file, key, self._expert_folder(expert.name), pool=expert.pool)
        if not registered:
            return
        done = extract(
            list(self.listed_dataset.videos.values()),
            list(registered),
            self.features_folder / "video",
            settings=registered,
            workers=self.config.workers,
            engine=self.config.engine,
            time_limit=self.config.time_limit,
            progress=self._named("extract"),
        )
        self.set_aside = [str(failure) for failure in done.failed]
        # an extraction reports its new videos alone; the remarks on earlier videos are kept beside the features
        path = self.features_folder / NOTES
        kept = read_json(path) if path.exists() else []
        self.extraction_notes = list(dict.fromkeys([*kept, *done.notes]))
        if self.extraction_notes != kept:
            write_json(path, self.extraction_notes)

    def embed(self) -> None:
        """Embed the captions with every text encoder."""
        embed(
            self.queries(),
            [
                encoder
                for encoder in self.text_encoders
                if self._given("text", TEXT_ENCODERS.folder_name(encoder)) is None
            ],
            self.features_folder / "text",
            threads=self.config.threads,
            progress=self._named("embed"),
        )

    def verify(self) -> None:
        """Read all features once, against their checksums; call when they are made, before they are used."""
        experts = [self._expert_folder(expert.name) for expert in self.config.experts]
        for folder in [*experts, *map(self._text_folder, self.text_encoders)]:
            self._opened[folder] = FeatureFile(folder, verify=True)

    def cost_of(self, experts: Iterable[str]) -> Cost:
        """Return what a set of experts costs; measured the first time, then read from beside the features.

        Raises:
            InputError: one of them is not extracted here.
        """
        names, extracted = sorted(experts), self._extracted()
        for name in names:
            if name not in extracted:
                raise InputError(f"the features of '{name}' were not extracted here", "extract them from videos")
        self.progress("measure experts", 0, 1)
        found = cost_of(
            [video.path for video in self.listed_dataset.videos.values() if video.path is not None],
            {name: extracted[name] for name in names},
            self.features_folder / "video" / COSTS,
        )
        self.progress("measure experts", 1, 1)
        return found

    def expert_file(self, name: str) -> FeatureFile:
        """Return the features of an expert."""
        return self._open(self._expert_folder(name))

    def text_file(self, encoder: str) -> FeatureFile:
        """Return the features of a text encoder."""
        return self._open(self._text_folder(encoder))

    def text_output(self, encoder: str) -> str | None:
        """Say whether a caption is a row a token or one sentence vector."""
        if TEXT_ENCODERS.is_spec(encoder):
            return TEXT_ENCODERS.parse(encoder).output
        file = self.text_file(encoder)
        return "tokens" if any(file.rows_of(caption_id) > 1 for caption_id in file.ids) else "pooled"

    def _open(self, folder: Path) -> FeatureFile:
        # opened once: every training asks for the same few
        if folder not in self._opened:
            self._opened[folder] = FeatureFile(folder)
        return self._opened[folder]

    def _named(self, step: str) -> Progress:
        return lambda what, *told: self.progress(f"{step} {what}", *told)

    def _text_folder(self, encoder: str) -> Path:
        folder = TEXT_ENCODERS.folder_name(encoder)
        return self._given("text", folder) or self.features_folder / "text" / folder

    def _expert_folder(self, name: str) -> Path:
        expert = next(expert for expert in self.config.experts if expert.name == name)
        folder = VIDEO_EXPERTS.folder_name(name, expert.settings)
        return (None if expert.file else self._given("video", folder)) or self.features_folder / "video" / folder

    def _extracted(self) -> dict[str, Mapping[str, Any]]:
        """Return the settings of the experts that neither came with the dataset nor are read from a file."""
        return {
            expert.name: expert.settings
            for expert in self.config.experts
            if expert.file is None
            and self._given("video", VIDEO_EXPERTS.folder_name(expert.name, expert.settings)) is None
        }

    def _given(self, kind: str, folder: str) -> Path | None:
        """Return the folder of features that came with the dataset; None where it has none of that name."""
        given = self.config.dataset.features
        return given / kind / folder if given is not None and shards_of(given / kind / folder) else None
