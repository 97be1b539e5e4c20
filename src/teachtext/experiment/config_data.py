"""The part of a config that says what is learned from: the dataset and the video experts."""

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from teachtext.data.benchmarks import benchmark
from teachtext.data.protocol import CaptionUse, Protocol
from teachtext.experiment.config_base import NAME, Config, ExpertName


class PlaygroundConfig(Config):
    """The generated dataset that comes with the project."""

    videos: int = Field(360, ge=12, description="how many videos to make")
    captions_per_video: int = Field(12, ge=1, description="how many describers caption each video")
    wrong_captions: float = Field(0.0, ge=0, le=1, description="share of training captions that are wrong on purpose")
    seed: int = Field(0, ge=0, description="the same seed makes the same files")
    questions: int = Field(0, ge=0, le=99, description="groups of videos that only one sense tells apart, of each kind")


class DatasetConfig(Config):
    """Where the videos and captions are, and by which protocol they are used."""

    path: Path | None = Field(None, description="dataset folder, relative to the config file")
    playground: PlaygroundConfig | None = Field(None, description="instead of a path: the generated dataset")
    features: Path | None = Field(
        None, description="features that come with it: a folder with video/<expert> and text/<encoder>"
    )
    benchmark: str | None = Field(None, description="a benchmark, whose protocol is used; see 'teachtext benchmarks'")
    missing_videos: Literal["error", "drop", "keep"] = Field(
        "error", description="captioned videos without a file: refuse, leave out, or keep (features come from a file)"
    )
    captions: CaptionUse = Field("separate", description="how captions become queries")
    select_captions: CaptionUse | None = Field(None, description="how they do in the split that selects, if otherwise")
    test_captions: CaptionUse | None = Field(None, description="how they do in the test split, if otherwise")
    max_words: int | None = Field(None, ge=1, description="keep at most so many words of a query")
    train: str = Field("train", description="split to learn from")
    select: str | None = Field("val", description="split that selects the epoch; null keeps the last epoch")
    test: str = Field("test", description="split that is touched once, at the end")
    splits_file: str = Field("splits.json", pattern=NAME, description="file of the dataset folder with the lists")
    chosen_file: str | None = Field(None, pattern=NAME, description="file with the one caption a video that is chosen")
    described_by: Literal["student", "experts"] = Field(
        "student", description="videos are left out that none of the student's experts describes, or none of the run's"
    )
    dropped: Path | None = Field(
        None,
        description="training captions to leave out, relative to the config file: a list of 'teachtext denoise' "
        "(.jsonl), ids (.json), or a denoising mask of the authors, imported (.json) or as it is (.pkl)",
    )

    @model_validator(mode="before")
    @classmethod
    def _as_benchmark(cls, values: Any) -> Any:
        if not isinstance(values, dict) or not isinstance(values.get("benchmark"), str):
            return values
        known = benchmark(values["benchmark"])
        fixed = asdict(known.protocol) | {"splits_file": known.splits_file, "chosen_file": known.chosen_file}
        for name, value in fixed.items():
            if values.get(name, value) != value:
                raise ValueError(f"benchmark '{known.name}' has '{name}: {value}', leave that setting out")
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
        description="a registered expert, hf:<model id or local folder>[#output], or any name for a feature file"
    )
    settings: dict[str, Any] = Field({}, description="what the expert does otherwise, such as {per_second: 2}")
    file: Path | None = Field(None, description="an .npz file with 'ids' and features, relative to the config file")
    key: str | None = Field(None, description="name of the array in that file; by default the expert's own name")
    pool: bool = Field(True, description="average the rows of a sequence; false keeps them, for NetVLAD in the model")
    clusters: int = Field(8, ge=1, description="NetVLAD clusters where the expert is a sequence")
    max_tokens: int = Field(64, ge=1, description="keep at most so many rows where the expert is a sequence")

    @model_validator(mode="after")
    def _from_videos_or_file(self) -> "ExpertConfig":
        for key, value in self.settings.items():
            if not isinstance(value, int | float | str):
                raise ValueError(f"setting '{key}' is {value!r}, give a number or a word")
        if self.file is None and self.key is not None:
            raise ValueError("'key' is said of a feature file, give its 'file' too")
        if self.file is not None and self.settings:
            raise ValueError("'settings' are said of an expert that is extracted, not of a feature file")
        if self.file is not None and ":" in self.name:
            raise ValueError(f"'{self.name}' is a model and needs no 'file', or give the file's features a plain name")
        return self
