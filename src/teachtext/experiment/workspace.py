"""The folder of a run: its dataset, its features, its models; what is there is not made again."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from teachtext.data.benchmarks import benchmark
from teachtext.data.dropped import without_dropped
from teachtext.data.features import only_described
from teachtext.data.folder import load_folder
from teachtext.data.npz import import_npz
from teachtext.data.playground import build_playground
from teachtext.data.store import FeatureFile, shards_of
from teachtext.data.types import Caption, Dataset
from teachtext.encoders.embed import embed
from teachtext.encoders.experts import check_video_names
from teachtext.encoders.extract import extract
from teachtext.encoders.registry import (
    TextOutput,
    check_text_specs,
    folder_name,
    is_registered,
    parse_text_spec,
)
from teachtext.errors import InputError
from teachtext.experiment.config import RunConfig
from teachtext.experiment.config_model import DenoisingConfig
from teachtext.experiment.members import judges_of
from teachtext.files import fingerprint, read_json
from teachtext.learning.checkpoint import load_spec
from teachtext.progress import Progress, silent

DROPPED, RECORD = "dropped.jsonl", "denoising.json"


@dataclass
class Workspace:
    """Dataset and features of a run, made where they are missing.

    Args:
        config: of the run.
        progress: told how far each step is.
    """

    config: RunConfig
    progress: Progress = silent
    _opened: dict[Path, FeatureFile] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def features_folder(self) -> Path:
        """Feature files: `video/<expert>` and `text/<encoder>`."""
        return self.config.folder / "features"

    @property
    def models_folder(self) -> Path:
        """Trained models."""
        return self.config.folder / "models"

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
        dataset = config.dataset.model_dump(mode="json", exclude={"dropped"})
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

    @cached_property
    def dataset(self) -> Dataset:
        """What is learned from and tested on: `described_dataset` without the training captions that are dropped."""
        path = self.dropped_path
        if path is None:
            return self.described_dataset
        if self.config.dataset.dropped:
            return without_dropped(self.described_dataset, path)
        if not path.exists():
            raise InputError(f"{path} is not there yet", "run 'teachtext denoise' with this config")
        dataset = without_dropped(self.described_dataset, path, may_be_empty=True)
        by_hand = read_json(path.with_name(RECORD)).get("by_hand")
        told = [f"{path.name} was edited: {by_hand:,} captions were decided by hand"] if by_hand else []
        return replace(dataset, notes=[*dataset.notes, *told])

    @cached_property
    def described_dataset(self) -> Dataset:
        """The dataset cut to the videos that the student's experts can describe."""
        files = [self.expert_file(name) for name in self.config.student_experts]
        dataset = only_described(self.listed_dataset, files)
        for split in dataset.protocol.splits:
            if not dataset.splits[split]:
                raise InputError(f"no video of split '{split}' has features", "look at failed.json beside them")
        return dataset

    def queries(self) -> list[Caption]:
        """All captions that are ever read: the queries of all splits of the protocol."""
        dataset = self.listed_dataset
        return [caption for split in dataset.protocol.splits for caption in dataset.queries_of(split)]

    def check_names(self) -> None:
        """Raise InputError for what is not there.

        An expert or text encoder that neither came with the dataset nor is registered, a teacher, a list of captions.
        """
        for path in (*(teacher.path for teacher in self.config.teachers), self.config.dataset.dropped):
            if path is not None and not path.exists():
                raise InputError(f"{path} does not exist", "correct the path in the config")
        given = self.config.dataset.features
        wanted = {
            "video": [expert.name for expert in self.config.experts if expert.file is None],
            "text": self.text_encoders,
        }
        for kind, check in (("video", check_video_names), ("text", check_text_specs)):
            missing = [name for name in wanted[kind] if self._given(kind, name) is None]
            try:
                check(missing)
            except InputError as error:
                if given is None:
                    raise
                there = ", ".join(sorted(path.name for path in (given / kind).glob("*"))) or "nothing"
                raise InputError(f"{error.problem}, and {given / kind} holds {there}", error.mend) from error

    def extract(self) -> list[str]:
        """Extract or import the features of every expert; return one line for each video set aside."""
        named = [expert.name for expert in self.config.experts if expert.file is None]
        registered = [name for name in named if self._given("video", name) is None]
        for expert in self.config.experts:
            if expert.file is not None:
                key = expert.key or expert.name
                import_npz(expert.file, key, self._expert_folder(expert.name), pool=expert.pool)
        if not registered:
            return []
        done = extract(
            list(self.listed_dataset.videos.values()),
            registered,
            self.features_folder / "video",
            workers=self.config.workers,
            progress=self._named("extract"),
        )
        return [str(failure) for failure in done.failed]

    def embed(self) -> None:
        """Embed the captions with every text encoder."""
        embed(
            self.queries(),
            [encoder for encoder in self.text_encoders if self._given("text", encoder) is None],
            self.features_folder / "text",
            threads=self.config.threads,
            progress=self._named("embed"),
        )

    def verify(self) -> None:
        """Read all features once, against their checksums; call when they are made, before they are used."""
        experts = [self._expert_folder(expert.name) for expert in self.config.experts]
        for folder in [*experts, *map(self._text_folder, self.text_encoders)]:
            self._opened[folder] = FeatureFile(folder, verify=True)

    def expert_file(self, name: str) -> FeatureFile:
        """Return the features of an expert."""
        return self._open(self._expert_folder(name))

    def text_file(self, encoder: str) -> FeatureFile:
        """Return the features of a text encoder."""
        return self._open(self._text_folder(encoder))

    def text_output(self, encoder: str) -> TextOutput:
        """Say whether a caption is a row a token or one sentence vector."""
        if is_registered(encoder):
            return parse_text_spec(encoder).output
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
        return self._given("text", encoder) or self.features_folder / "text" / folder_name(encoder)

    def _expert_folder(self, name: str) -> Path:
        own = any(expert.name == name and expert.file for expert in self.config.experts)
        return (None if own else self._given("video", name)) or self.features_folder / "video" / name

    def _given(self, kind: str, name: str) -> Path | None:
        """Return the folder of features that came with the dataset; None where it has none of that name."""
        given = self.config.dataset.features
        if given is None:
            return None
        folder = given / kind / (folder_name(name) if kind == "text" else name)
        return folder if shards_of(folder) else None
