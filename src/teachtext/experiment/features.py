"""The features of a run: extracted, imported or embedded where they are missing, and opened once."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from teachtext.data.feature_import import FeatureSource, import_notes, open_features
from teachtext.data.feature_import.matching import some
from teachtext.data.protocol import Caption
from teachtext.data.store import FeatureFile, shards_of
from teachtext.data.types import Dataset
from teachtext.encoders.class_names import CLASS_NAMES_VERSION, class_name_vectors
from teachtext.encoders.registry import TEXT_ENCODERS, VIDEO_EXPERTS, build_text_encoder, check_video_settings
from teachtext.errors import InputError
from teachtext.experiment.artifacts import Artifact, artifact_path
from teachtext.experiment.config import RunConfig
from teachtext.experiment.config_data import ExpertConfig
from teachtext.extraction.cost import COSTS, Cost, cost_of
from teachtext.extraction.embed import embed
from teachtext.extraction.extract import extract
from teachtext.files import read_json, write_bytes, write_json
from teachtext.learning.checkpoint import load_spec
from teachtext.models.class_names import EXPERT as SCENE
from teachtext.progress import Progress

NOTES = "notes.json"


@dataclass
class RunFeatures:
    """The feature files of a run: `video/<expert>` and `text/<encoder>`.

    Args:
        config: of the run.
        progress: is called with the state of each step.
        dataset: returns the dataset.
        opened: feature files by folder, shared by runs with the same dataset.
        imported: by expert, the features that were made elsewhere; shared like the files.

    Attributes:
        set_aside: one line for each video that could not be read.
        notes: remarks of the extraction and of the text encoders, a sentence each.
    """

    config: RunConfig
    progress: Progress
    dataset: Callable[[], Dataset] = field(repr=False)
    opened: dict[Path, FeatureFile] = field(default_factory=dict, repr=False)
    imported: dict[str, FeatureSource] = field(default_factory=dict, repr=False)
    set_aside: list[str] = field(default_factory=list, init=False)
    notes: list[str] = field(default_factory=list, init=False)

    @property
    def folder(self) -> Path:
        """Folder of the features that are made here."""
        return self.config.folder / "features"

    @cached_property
    def text_encoders(self) -> list[str]:
        """Text encoders of the teachers and the student, without repetition."""
        teachers = self.config.teachers
        trained = [teacher.text for teacher in teachers if teacher.text]
        models = [load_spec(teacher.folder).text_encoder for teacher in teachers if teacher.folder]
        return list(dict.fromkeys([*trained, *models, self.config.student.text]))

    def check_names(self) -> None:
        """Raise InputError for an expert or text encoder that is not registered and did not come with the dataset."""
        ready = self.config.dataset.features
        experts = self._extracted()
        for kind, names, check in (
            ("video", list(experts), VIDEO_EXPERTS.check),
            ("text", self._embedded(), TEXT_ENCODERS.check),
        ):
            try:
                check(names)
            except InputError as error:
                if ready is None:
                    raise
                stored = ", ".join(sorted(path.name for path in (ready / kind).glob("*"))) or "nothing"
                raise InputError(f"{error.problem}, and {ready / kind} holds {stored}", error.mend) from error
        check_video_settings(experts, experts)

    def has_class_names(self, text: str, experts: Iterable[str]) -> bool:
        """Return whether `scene` and the captions were encoded here, so that its classes have names in their space."""
        if SCENE not in experts:
            return False
        return all(
            file.provenance.get("encoder") == name
            for name, file in ((text, self.text(text)), (SCENE, self.expert(SCENE)))
        )

    def class_names(self, text: str) -> NDArray[np.float32]:
        """Return the vectors of the names of the classes of `scene` in the space of a text encoder: (1000, D).

        Raises:
            InputError: a package is not installed, or the captions were embedded by another version of the encoder.
        """
        provenance = self.text(text).provenance
        key = [text, provenance["settings"], CLASS_NAMES_VERSION]

        def build() -> NDArray[np.float32]:
            encoder = build_text_encoder(text, threads=self.config.threads, device=self.config.device)
            if encoder.settings != provenance["settings"]:
                raise InputError(
                    f"the captions in {self.text(text).folder} were embedded by another version of '{text}'",
                    "delete that folder and run again, or set 'model: {class_names: false}'",
                )
            return class_name_vectors(encoder)

        return Artifact(
            path=artifact_path(self.folder, "class-names", key, ".safetensors"),
            build=build,
            write=lambda path, names: write_bytes(path, save({"names": names})),
            read=_read_names,
        ).get()

    def verify(self) -> None:
        """Verify all features once against their checksums."""
        for folder in [*map(self._expert_folder, self._experts), *map(self._text_folder, self.text_encoders)]:
            self.opened[folder] = FeatureFile(folder, verify=True)

    def extract(self, dataset: Dataset) -> None:
        """Import or extract the features of every expert, and list the videos that could not be read."""
        self._import()
        self._check_ready(dataset)
        settings = self._extracted()
        if not settings:
            return
        extraction = extract(
            list(dataset.videos.values()),
            list(settings),
            self.folder / "video",
            settings=settings,
            workers=self.config.workers,
            engine=self.config.engine,
            time_limit=self.config.time_limit,
            memory_limit=self.config.memory_limit,
            progress=self._named("extract"),
        )
        self.set_aside = [str(failure) for failure in extraction.failed]
        # an extraction reports its new videos alone; the remarks on earlier videos are kept beside the features
        path = self.folder / NOTES
        earlier = read_json(path) if path.exists() else []
        notes = list(dict.fromkeys([*earlier, *extraction.notes]))
        if notes != earlier:
            write_json(path, notes)
        self.notes += [note for note in notes if note not in self.notes]

    def _import(self) -> None:
        """Turn the features that were made elsewhere into stores, once."""
        sources = {expert.name: self._source(expert) for expert in self.config.experts if expert.file is not None}
        for name, source in sources.items():
            folder = self._expert_folder(name)
            source.store(folder, self.progress)
            self.notes += [note for note in (*source.notes, *import_notes(folder)) if note not in self.notes]

    def _check_ready(self, dataset: Dataset) -> None:
        """Raise InputError for features that came with the dataset and describe none of its videos."""
        ready = [expert.name for expert in self.config.experts if expert.file is None]
        for name in set(ready) - self._extracted().keys():
            file = self.expert(name)
            if dataset.videos.keys().isdisjoint(file.ids):
                raise InputError(
                    f"{file.folder} describes none of the {len(dataset.videos):,} videos of {dataset.name} (it "
                    f"names {some(file.ids)}; the videos are {some(dataset.videos)})",
                    f"give 'file: {file.folder}' to this expert, which matches the ids, or give other features",
                )

    def embed(self, dataset: Dataset) -> None:
        """Embed the captions with every text encoder: the queries of all splits, and the questions."""
        queries = [caption for split in dataset.protocol.splits for caption in dataset.queries_of(split)]
        questions = [question.caption for question in dataset.questions]
        captions: dict[str, Caption] = {caption.id: caption for caption in (*queries, *questions)}
        embedding = embed(
            list(captions.values()),
            self._embedded(),
            self.folder / "text",
            threads=self.config.threads,
            progress=self._named("embed"),
        )
        self.notes = list(dict.fromkeys([*self.notes, *embedding.notes]))

    def cost_of(self, experts: Iterable[str], dataset: Dataset) -> Cost:
        """Return the cost of a set of experts, measured once.

        Raises:
            InputError: an expert was not extracted here.
        """
        names, settings = sorted(experts), self._extracted()
        for name in names:
            if name not in settings:
                raise InputError(f"the features of '{name}' were not extracted here", "extract them from videos")
        self.progress("measure experts", 0, 1)
        cost = cost_of(
            [video.path for video in dataset.videos.values() if video.path is not None],
            {name: settings[name] for name in names},
            self.folder / "video" / COSTS,
        )
        self.progress("measure experts", 1, 1)
        return cost

    def expert(self, name: str) -> FeatureFile:
        """Return the features of an expert."""
        return self._open(self._expert_folder(name))

    def text(self, encoder: str) -> FeatureFile:
        """Return the features of a text encoder."""
        return self._open(self._text_folder(encoder))

    def text_output(self, encoder: str) -> str | None:
        """Return `tokens` where a caption has a row for each token, `pooled` where it has one row."""
        if TEXT_ENCODERS.is_spec(encoder):
            return TEXT_ENCODERS.parse(encoder).output
        file = self.text(encoder)
        return "tokens" if any(file.rows_of(caption_id) > 1 for caption_id in file.ids) else "pooled"

    @property
    def _experts(self) -> list[str]:
        return [expert.name for expert in self.config.experts]

    def _open(self, folder: Path) -> FeatureFile:
        if folder not in self.opened:
            self.opened[folder] = FeatureFile(folder)
        return self.opened[folder]

    def _named(self, step: str) -> Progress:
        return lambda what, *state: self.progress(f"{step} {what}", *state)

    def _text_folder(self, encoder: str) -> Path:
        folder = TEXT_ENCODERS.folder_name(encoder)
        return self._ready("text", folder) or self.folder / "text" / folder

    def _expert_folder(self, name: str) -> Path:
        expert = next(expert for expert in self.config.experts if expert.name == name)
        if expert.file is not None:
            return self._imported_folder(expert)
        folder = VIDEO_EXPERTS.folder_name(name, expert.settings)
        return self._ready("video", folder) or self.folder / "video" / folder

    def _source(self, expert: ExpertConfig) -> FeatureSource:
        """Look into the features of an expert that were made elsewhere."""
        if expert.name not in self.imported and expert.file is not None:
            dataset = self.dataset()
            self.imported[expert.name] = open_features(
                expert.file,
                key=expert.key,
                expert=expert.name,
                pool=expert.pool,
                nan=expert.nan,
                ids=list(dataset.videos),
                dataset=dataset.name,
            )
        return self.imported[expert.name]

    def _imported_folder(self, expert: ExpertConfig) -> Path:
        """Return `video/<expert>`; where that holds other features, a folder with the fingerprint of these."""
        source, plain = self._source(expert), self.folder / "video" / expert.name
        if not shards_of(plain) or FeatureFile(plain).provenance == source.provenance:
            return plain
        return artifact_path(plain.parent, expert.name, source.provenance, "")

    def _extracted(self) -> dict[str, Mapping[str, Any]]:
        """Return the settings of the experts that are extracted here."""
        return {
            expert.name: expert.settings
            for expert in self.config.experts
            if expert.file is None
            and self._ready("video", VIDEO_EXPERTS.folder_name(expert.name, expert.settings)) is None
        }

    def _embedded(self) -> list[str]:
        """Return the text encoders that run here."""
        return [
            encoder for encoder in self.text_encoders if self._ready("text", TEXT_ENCODERS.folder_name(encoder)) is None
        ]

    def _ready(self, kind: str, folder: str) -> Path | None:
        """Return the folder of features that came with the dataset; None where it has none of that name."""
        features = self.config.dataset.features
        return features / kind / folder if features is not None and shards_of(features / kind / folder) else None


def _read_names(path: Path) -> NDArray[np.float32]:
    try:
        return np.asarray(load(path.read_bytes())["names"], np.float32)
    except (SafetensorError, KeyError) as error:
        raise InputError(f"{path} is damaged", "delete it and run again") from error
