"""The config of a run: typed, validated, every default here. Config objects stay on this floor."""

import difflib
import reprlib
from collections.abc import Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from teachtext.encoders.registry import check_text_specs, check_video_names
from teachtext.errors import InputError

# a letter or digit first: the names become folders, and "..", "." or "-x" would not be ones
_NAME = r"^\w[\w.-]*$"


class _Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class PlaygroundConfig(_Config):
    """The generated dataset that comes with the project."""

    videos: int = Field(360, ge=12, description="how many videos to make")
    captions_per_video: int = Field(12, ge=1, description="how many describers caption each video")
    wrong_captions: float = Field(0.0, ge=0, le=1, description="share of training captions that are wrong on purpose")
    seed: int = Field(0, ge=0, description="the same seed makes the same files")


class DatasetConfig(_Config):
    """Where the videos and captions are, and by which protocol they are used."""

    path: Path | None = Field(None, description="dataset folder, relative to the config file")
    playground: PlaygroundConfig | None = Field(None, description="instead of a path: the generated dataset")
    missing_videos: Literal["error", "drop", "keep"] = Field(
        "error", description="captioned videos without a file: refuse, leave out, or keep (features come from a file)"
    )
    captions: Literal["separate", "first", "fused"] = Field("separate", description="how captions become queries")
    max_words: int | None = Field(None, ge=1, description="keep at most so many words of a query")
    train: str = Field("train", description="split to learn from")
    select: str = Field("val", description="split that selects the epoch")
    test: str = Field("test", description="split that is touched once, at the end")

    @model_validator(mode="after")
    def _one_source(self) -> "DatasetConfig":
        if (self.path is None) == (self.playground is None):
            raise ValueError("give either 'path' or 'playground'")
        if self.test == self.train:
            raise ValueError(f"'test' and 'train' are both '{self.test}': a model is not tested on what it learned")
        return self


class ExpertConfig(_Config):
    """One video expert: extracted from the videos, or read from a feature file."""

    name: str = Field(pattern=_NAME, description="a registered expert, or any name for a feature file")
    file: Path | None = Field(None, description="an .npz file with 'ids' and features, relative to the config file")
    key: str | None = Field(None, description="name of the array in that file; by default the expert's own name")
    pool: bool = Field(True, description="average the rows of a sequence; false keeps them, for NetVLAD in the model")
    clusters: int = Field(8, ge=1, description="NetVLAD clusters where the expert is a sequence")
    max_tokens: int = Field(64, ge=1, description="keep at most so many rows where the expert is a sequence")


class ModelConfig(_Config):
    """The retrieval model; the same for teachers and student."""

    kind: Literal["ce", "moee"] = Field("ce", description="Collaborative Experts, or Mixture of Embedding Experts")
    shared_dim: int = Field(768, ge=1, description="width of the shared spaces (ce)")
    text_clusters: int = Field(
        12, ge=1, description="NetVLAD clusters of a caption's tokens; unused for sentence vectors"
    )
    ghost_clusters: int = Field(0, ge=0, description="ghost clusters of that NetVLAD")
    gating: Literal["parallel", "sequential"] = Field("parallel", description="sequential is the original order (ce)")
    mask_padding: bool = Field(True, description="false takes padding for tokens, as the original did")
    max_words: int = Field(30, ge=1, description="keep at most so many tokens of a caption")


class TrainingConfig(_Config):
    """How every model is trained."""

    epochs: int = Field(50, ge=1, description="the epoch with the best validation t2v geometric mean is kept")
    batch_size: int = Field(64, ge=2, description="videos a batch, each with one caption picked at random")
    lr: float = Field(1e-3, gt=0, description="learning rate of RAdam in the first epoch")
    lr_decay: float = Field(0.95, gt=0, le=1, description="factor on the learning rate from epoch to epoch")
    weight_decay: float = Field(1e-5, ge=0, description="decoupled weight decay")
    margin: float = Field(0.2, gt=0, description="margin of the ranking loss")


class DistillationConfig(_Config):
    """The TeachText objective."""

    weight: float = Field(1.0, ge=0, description="of the distillation loss beside the ranking loss")
    pool: Literal["mean", "min", "max", "median"] = Field("mean", description="how teacher matrices become one")
    threshold: float = Field(1.0, gt=0, description="of the Huber distance")


class StudentConfig(_Config):
    """The model that runs at test time."""

    text: str = Field(description="its text encoder")
    experts: list[str] | None = Field(None, min_length=1, description="the experts it sees; by default all")


class RunConfig(_Config):
    """A whole run."""

    name: str = Field(pattern=_NAME, description="of the run and its folder")
    dataset: DatasetConfig
    experts: list[ExpertConfig] = Field(min_length=1, description="video experts that the teachers see")
    teachers: list[str] = Field(min_length=1, description="text encoders, one teacher each")
    student: StudentConfig
    work: Path | None = Field(None, description="folder of the run; by default runs/NAME where the command is run")
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    distillation: DistillationConfig = DistillationConfig()
    seeds: list[Annotated[int, Field(ge=0, lt=2**32)]] = Field(
        [0, 1, 2], min_length=1, description="every model is trained once for each"
    )
    workers: int = Field(2, ge=1, description="processes that decode and extract")
    threads: int = Field(
        1, ge=1, description="threads that embed or train; more than there are idle cores is far slower"
    )
    device: Literal["cpu", "cuda"] = Field("cpu", description="where models are trained")

    @model_validator(mode="before")
    @classmethod
    def _short_experts(cls, values: Any) -> Any:
        if isinstance(values, dict) and isinstance(values.get("experts"), list):
            experts = [{"name": e} if isinstance(e, str) else e for e in values["experts"]]
            return {**values, "experts": experts}
        return values

    @model_validator(mode="after")
    def _consistent(self) -> "RunConfig":
        check_text_specs([*self.teachers, self.student.text])
        check_video_names(expert.name for expert in self.experts if expert.file is None)
        names = [expert.name for expert in self.experts]
        seen = self.student.experts or []
        lists: dict[str, Sequence[str | int]] = {
            "experts": names,
            "teachers": self.teachers,
            "seeds": self.seeds,
            "student.experts": seen,
        }
        for what, items in lists.items():
            twice = [item for number, item in enumerate(items) if item in items[:number]]
            if twice:
                raise ValueError(f"'{what}' names '{twice[0]}' twice")
        unknown = sorted(set(seen) - set(names))
        if unknown:
            raise ValueError(
                f"'student.experts' names '{unknown[0]}', which is not among 'experts': {', '.join(names)}"
            )
        return self

    @property
    def student_experts(self) -> list[str]:
        """Experts that the student sees."""
        return self.student.experts or [expert.name for expert in self.experts]

    @property
    def folder(self) -> Path:
        """Folder that the run writes to."""
        return self.work or Path("runs") / self.name


def load_config(path: Path) -> RunConfig:
    """Read and validate a config; its paths become absolute, those of data from the config file's own folder.

    Raises:
        InputError: naming the key and the allowed values.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})", "give the path of a config file") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # ValueError: not UTF-8, a date or a number that cannot be
        raise InputError(f"{path} is not valid YAML ({_yaml_problem(error)})", "correct it") from error
    if not isinstance(values, dict):
        raise InputError(f"{path} is not a config", "write 'key: value' lines; see examples/")
    try:
        config = RunConfig.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{path}: {_explain(error)}", "correct that key; see examples/ for whole configs") from error
    except InputError as error:
        raise InputError(f"{path}: {error.problem}", error.mend) from error
    try:
        return _resolve(config, path.parent)
    except ValueError as error:
        raise InputError(f"{path} names a path that cannot be ({error})", "correct that path") from error


def show_config(config: RunConfig) -> str:
    """Return the config as YAML with every default filled in."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _resolve(config: RunConfig, folder: Path) -> RunConfig:
    dataset = config.dataset
    if dataset.path is not None:
        dataset = dataset.model_copy(update={"path": (folder / dataset.path).resolve()})
    experts = [
        expert if expert.file is None else expert.model_copy(update={"file": (folder / expert.file).resolve()})
        for expert in config.experts
    ]
    return config.model_copy(update={"dataset": dataset, "experts": experts, "work": config.folder.resolve()})


def _yaml_problem(error: Exception) -> str:
    """Say in one line what a YAML parser says in several."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}: {error.problem}"
    return "nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())


def _explain(error: ValidationError) -> str:
    """Say in one sentence what is wrong first: the key, and what is allowed there."""
    # a misspelt key is also a missing one, and the better thing to tell
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        *parents, key = first["loc"]
        allowed = _fields_at(parents)
        close = difflib.get_close_matches(str(key), allowed, n=1)
        hint = f" (did you mean '{close[0]}'?)" if close else ""
        return f"'{where}' is not a setting{hint}; allowed here: {', '.join(allowed)}"
    if first["type"] == "missing":
        return f"'{where}' is missing"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "model_type":
        message = f"it needs settings of its own: {', '.join(_fields_at(list(first['loc'])))}"
    if first["type"] == "string_pattern_mismatch":
        message = "use letters, digits, '_', '-' and '.', and neither '-' nor '.' first"
    if first["input"] is None:
        return f"'{where}' is empty: {message}"
    if isinstance(first["input"], dict | list):
        return f"'{where}': {message}" if where else message
    return f"'{where}' is {reprlib.repr(first['input'])}: {message}" if where else message


def _fields_at(location: list[int | str]) -> list[str]:
    model: type[BaseModel] = RunConfig
    for part in location:
        if isinstance(part, str) and part in model.model_fields:
            found = _model_in(model.model_fields[part].annotation)
            model = found or model
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (list, Union, UnionType):
        return next((found for part in get_args(annotation) if (found := _model_in(part))), None)
    return None
