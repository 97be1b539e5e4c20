"""Settings of the data of a run: the dataset and the video experts; and what all parts of a config share."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from teachtext.data.benchmarks import benchmark
from teachtext.data.protocol import CaptionUse, Protocol
from teachtext.encoders.registry import VIDEO_EXPERTS
from teachtext.encoders.spec import located
from teachtext.errors import InputError
from teachtext.playground.languages import check_languages
from teachtext.rewriting.writers import check_writer

CAPTIONS = "captions"
"""The writer of a teacher that asks the captions of one video together."""

# a letter or digit first: names become folders, and "..", "." or "-x" are none
NAME = r"^\w[\w.-]*$"


def folder_of(info: ValidationInfo) -> Path:
    """Return the folder of the config file, which local paths of data and models are relative to."""
    return info.context["folder"] if info.context else Path()


def _full_expert(spec: str, info: ValidationInfo) -> str:
    return VIDEO_EXPERTS.full_spec(spec, folder_of(info)) if ":" in spec else spec


def _full_text(spec: str, info: ValidationInfo) -> str:
    return located(spec, folder_of(info))


def _beside_the_config(path: Path, info: ValidationInfo) -> Path:
    try:
        return (folder_of(info) / path).resolve()
    except (ValueError, OSError) as error:
        raise ValueError(f"a path that cannot be ({error})") from error


def _full_writer(spec: str, info: ValidationInfo) -> str:
    if spec == CAPTIONS:
        return spec
    try:
        kind, _, path = check_writer(spec).partition(":")
    except InputError as error:
        raise ValueError(str(error)) from error
    return f"{kind}:{_beside_the_config(Path(path), info)}" if kind == "file" else spec


# written in full, so that an encoder or expert has the same name everywhere in a run
ExpertName = Annotated[str, Field(pattern=r"^(\w[\w.-]*|hf:.+)$"), AfterValidator(_full_expert)]
TextName = Annotated[str, AfterValidator(_full_text)]
DataPath = Annotated[Path, AfterValidator(_beside_the_config)]
WriterName = Annotated[str, AfterValidator(_full_writer)]


class Config(BaseModel):
    """Frozen settings; an unknown key is refused, and a former name is refused with the present one.

    Attributes:
        FORMER_NAMES: by setting, its name in version 0.1.0, of which fingerprints of trained models are made.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    FORMER_NAMES: ClassVar[Mapping[str, str]] = {}

    @model_validator(mode="before")
    @classmethod
    def _no_former_names(cls, values: Any) -> Any:
        if isinstance(values, dict):
            for name, former in cls.FORMER_NAMES.items():
                if former in values:
                    raise ValueError(f"'{former}' is now called '{name}'")
        return values

    def identity(self) -> dict[str, Any]:
        """Return the settings as plain data for fingerprints, under their names in version 0.1.0."""
        return {self.FORMER_NAMES.get(name, name): value for name, value in self.model_dump().items()}


class PlaygroundConfig(Config):
    """The generated dataset that comes with the project."""

    videos: int = Field(360, ge=12, description="number of videos")
    captions_per_video: int = Field(12, ge=1, description="captions of each video, each by another describer")
    train_captions: int | None = Field(
        None, ge=1, description="captions of each training video, the first of them; by default all"
    )
    wrong_captions: float = Field(
        0.0, ge=0, le=1, description="share of the training captions that describe another video, from 0 to 1"
    )
    seed: int = Field(0, ge=0, description="seed of the generator; the same seed makes the same files")
    questions: int = Field(
        0,
        ge=0,
        le=99,
        description="question groups of each kind; only one sense (sight, sound, ...) separates the videos of a group",
    )
    languages: list[str] = Field(
        ["en"],
        min_length=1,
        description="languages of the captions: en, de, fr, es; captions in several languages say the same, in their "
        "own words",
    )

    @field_validator("languages")
    @classmethod
    def _written(cls, languages: list[str]) -> list[str]:
        check_languages(languages)
        return languages


class DatasetConfig(Config):
    """Where the videos and captions are, and by which protocol they are used."""

    path: DataPath | None = Field(
        None, description="dataset folder, or caption file in it, relative to the config file"
    )
    playground: PlaygroundConfig | None = Field(
        None, description="settings of the generated dataset, instead of a path"
    )
    features: DataPath | None = Field(
        None,
        description="folder of ready features, with video/<expert> and text/<encoder>, relative to the config file",
    )
    benchmark: str | None = Field(
        None, description="name of a benchmark whose protocol is used; see 'teachtext benchmarks'"
    )
    missing_videos: Literal["error", "drop", "keep"] = Field(
        "error",
        description="captioned videos without a video file: refuse them, leave them out, or keep them (for "
        "ready features)",
    )
    captions: CaptionUse = Field("separate", description="how the captions of a video become queries")
    select_captions: CaptionUse | None = Field(
        None, description="the same for the split that selects the epoch; by default as 'captions'"
    )
    test_captions: CaptionUse | None = Field(None, description="the same for the test split; by default as 'captions'")
    max_words: int | None = Field(
        None, ge=1, description="words of a query that are kept, the first ones; by default all"
    )
    train: str = Field("train", description="name of the split to learn from")
    select: str | None = Field("val", description="name of the split that selects the epoch; null keeps the last epoch")
    test: str = Field("test", description="name of the split for the final test")
    splits_file: str = Field(
        "splits.json", pattern=NAME, description="file in the dataset folder that lists the videos of each split"
    )
    chosen_file: str | None = Field(
        None,
        pattern=NAME,
        description="file in the dataset folder with the chosen caption of each video (captions: chosen)",
    )
    language: str | None = Field(
        None,
        pattern=r"^\w[\w-]*$",
        description="language of the captions that are used, such as de, or all; by default English, or all where no "
        "caption is English",
    )
    train_captions: int | None = Field(
        None,
        ge=1,
        description="captions of each training video that are used, the first ones in each language; by default all",
    )
    described_by: Literal["student", "experts"] = Field(
        "student",
        description="leave out the videos that no expert of the student describes, or that no expert of the run does",
    )
    dropped: DataPath | None = Field(
        None,
        description="file of training captions to leave out, relative to the config file: a list of "
        "'teachtext denoise' "
        "(.jsonl), caption ids (.json), or a denoising mask of the authors, imported (.json) or original (.pkl)",
    )

    @model_validator(mode="before")
    @classmethod
    def _as_benchmark(cls, values: Any) -> Any:
        if not isinstance(values, dict) or not isinstance(values.get("benchmark"), str):
            return values
        named = benchmark(values["benchmark"])
        fixed = asdict(named.protocol) | {"splits_file": named.splits_file, "chosen_file": named.chosen_file}
        for name, value in fixed.items():
            if values.get(name, value) != value:
                raise ValueError(f"benchmark '{named.name}' has '{name}: {value}', leave that setting out")
        return values | fixed

    @model_validator(mode="after")
    def _one_source(self) -> "DatasetConfig":
        if (self.path is None) == (self.playground is None):
            raise ValueError("give either 'path' or 'playground'")
        if self.train in (self.test, self.select):
            what = "test" if self.test == self.train else "select"
            raise ValueError(f"'{what}' and 'train' are both '{self.train}': a model is not tested on what it learned")
        if self.dropped is not None and self.captions != "separate":
            raise ValueError(f"'dropped' needs captions that are queries of their own, not 'captions: {self.captions}'")
        return self

    @property
    def protocol(self) -> Protocol:
        """How captions become queries, and which split is for what."""
        return Protocol(**{field.name: getattr(self, field.name) for field in fields(Protocol)})


class ExpertConfig(Config):
    """One video expert: extracted from the videos, or read from a feature file."""

    name: ExpertName = Field(
        description="a registered expert, hf:<model id or local folder>[#output], or a free name for a feature file"
    )
    settings: dict[str, Any] = Field(
        {}, description="settings of the expert that differ from its defaults, such as {per_second: 2}"
    )
    file: DataPath | None = Field(
        None,
        description="features made elsewhere, relative to the config file: a folder with one file a video (.npy, .npz, "
        ".pt, .safetensors), or one file of all videos (.npz, HDF5, parquet, .pt, .safetensors, LMDB, a pickle)",
    )
    key: str | None = Field(
        None, description="name of the array or group in that file; by default the expert's own name, or the only one"
    )
    pool: bool = Field(
        True, description="average the rows of a video; false keeps the sequence, for NetVLAD or the transformer"
    )
    nan: Literal["refuse", "missing"] = Field(
        "refuse", description="what becomes of NaN and infinite values in that file: refused, or their rows left out"
    )
    clusters: int = Field(8, ge=1, description="NetVLAD clusters of a sequence (pool: false)")
    max_tokens: int = Field(64, ge=1, description="rows of a sequence that are kept, the first ones (pool: false)")

    @model_validator(mode="after")
    def _from_videos_or_file(self) -> "ExpertConfig":
        for key, value in self.settings.items():
            if not isinstance(value, int | float | str):
                raise ValueError(f"setting '{key}' is {value!r}, give a number or a word")
        if self.file is None and self.key is not None:
            raise ValueError("'key' is said of a feature file, give its 'file' too")
        if self.file is None and self.nan != "refuse":
            raise ValueError("'nan' is said of a feature file, give its 'file' too")
        if self.file is not None and self.settings:
            raise ValueError("'settings' are said of an expert that is extracted, not of a feature file")
        if self.file is not None and ":" in self.name:
            raise ValueError(f"'{self.name}' is a model and needs no 'file', or give the file's features a plain name")
        return self
