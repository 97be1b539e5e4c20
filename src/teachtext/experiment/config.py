"""The config of a run: typed, validated, every default here. Config objects stay on this floor."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from teachtext.data.benchmarks import benchmark
from teachtext.data.types import CaptionUse, Protocol
from teachtext.encoders.experts import check_video_names
from teachtext.encoders.registry import check_text_specs
from teachtext.errors import InputError
from teachtext.experiment.explain import explain, yaml_problem

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
    splits_file: str = Field("splits.json", pattern=_NAME, description="file of the dataset folder with the lists")
    chosen_file: str | None = Field(None, pattern=_NAME, description="file with the one caption a video that is chosen")

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
        return self

    @property
    def protocol(self) -> Protocol:
        """How captions become queries, and which split is for what."""
        return Protocol(**{field.name: getattr(self, field.name) for field in fields(Protocol)})


class ExpertConfig(_Config):
    """One video expert: extracted from the videos, or read from a feature file."""

    name: str = Field(pattern=_NAME, description="a registered expert, or any name for a feature file")
    file: Path | None = Field(None, description="an .npz file with 'ids' and features, relative to the config file")
    key: str | None = Field(None, description="name of the array in that file; by default the expert's own name")
    pool: bool = Field(True, description="average the rows of a sequence; false keeps them, for NetVLAD in the model")
    clusters: int = Field(8, ge=1, description="NetVLAD clusters where the expert is a sequence")
    max_tokens: int = Field(64, ge=1, description="keep at most so many rows where the expert is a sequence")


class ModelConfig(_Config):
    """A retrieval model. What the other kinds of model know is left out."""

    kind: Literal["ce", "moee", "concat", "mmt", "dual"] = Field(
        "ce",
        description="Collaborative Experts, Mixture of Embedding Experts, plain concatenation, multi-modal "
        "transformer, or dual encoder of pooled features",
    )
    faithful: bool = Field(
        False, description="the authors' model exactly: 'gating: sequential' and 'mask_padding: false' (ce, moee)"
    )
    shared_dim: int = Field(768, ge=1, description="width of the shared spaces (ce, mmt, dual)")
    text_clusters: int = Field(
        12, ge=1, description="NetVLAD clusters of a caption's tokens; unused for sentence vectors"
    )
    ghost_clusters: int = Field(0, ge=0, description="ghost clusters of that NetVLAD")
    gating: Literal["parallel", "sequential", "none"] = Field(
        "parallel", description="sequential is the original order, none leaves it out (ce)"
    )
    mixture: Literal["learned", "uniform"] = Field(
        "learned", description="weights of the experts, by the caption or uniform (ce, moee, mmt)"
    )
    mask_padding: bool = Field(True, description="false takes padding for tokens, as the original did (ce, moee)")
    layers: int = Field(4, ge=1, description="of the transformer (mmt)")
    heads: int = Field(4, ge=1, description="of its attention (mmt)")
    feedforward: int = Field(3072, ge=1, description="width between its layers (mmt)")
    dropout: float = Field(0.1, ge=0, lt=1, description="share of values dropped in training (mmt, dual)")
    identity_start: bool = Field(False, description="start from features that are aligned already (dual)")
    max_words: int = Field(30, ge=1, description="keep at most so many tokens of a caption")

    @model_validator(mode="before")
    @classmethod
    def _as_the_authors(cls, values: Any) -> Any:
        if not isinstance(values, dict) or values.get("faithful") is not True:
            return values
        if values.get("kind", "ce") not in ("ce", "moee"):
            raise ValueError(f"'faithful' is said of 'ce' and 'moee' alone, not of '{values['kind']}'")
        if values.get("gating") == "parallel" or values.get("mask_padding") is True:
            raise ValueError("'faithful' has sequential gating and takes padding for tokens, leave those settings out")
        return {"gating": "sequential"} | values | {"mask_padding": False}


class TrainingConfig(_Config):
    """How a model is trained."""

    epochs: int = Field(50, ge=1, description="the epoch with the best validation t2v geometric mean is kept")
    batch_size: int = Field(64, ge=2, description="videos a batch, each with one caption picked at random")
    optimizer: Literal["radam", "ranger", "adam", "adamw"] = Field(
        "radam", description="ranger is RAdam inside Lookahead"
    )
    lr: float = Field(1e-3, gt=0, description="learning rate in the first epoch")
    lr_decay: float = Field(0.95, gt=0, le=1, description="factor on the learning rate from epoch to epoch")
    weight_decay: float = Field(1e-5, ge=0, description="weight decay, decoupled but for adam")
    loss: Literal["max_margin", "info_nce"] = Field("max_margin", description="the ranking loss")
    margin: float = Field(0.2, gt=0, description="margin (max_margin)")
    temperature: float = Field(0.07, gt=0, description="temperature at the start, then learned (info_nce)")


class DistillationConfig(_Config):
    """The TeachText objective."""

    weight: float = Field(1.0, ge=0, description="of the distillation loss beside the ranking loss")
    pool: Literal["mean", "min", "max", "median"] = Field("mean", description="how teacher matrices become one")
    threshold: float = Field(1.0, gt=0, description="of the Huber distance")


class StudentConfig(_Config):
    """The model that runs at test time."""

    text: str = Field(description="its text encoder")
    experts: list[str] | None = Field(None, min_length=1, description="the experts it sees; by default all")


class TeacherConfig(_Config):
    """A model that the student learns from. What is not set is as in the run."""

    text: str = Field(description="its text encoder")
    experts: list[str] | None = Field(None, min_length=1, description="the experts it sees; by default all")
    model: ModelConfig | None = Field(None, description="settings of its model that differ from the run's")
    training: TrainingConfig | None = Field(None, description="settings of its training that differ from the run's")


class RunConfig(_Config):
    """A whole run."""

    name: str = Field(pattern=_NAME, description="of the run and its folder")
    dataset: DatasetConfig
    experts: list[ExpertConfig] = Field(min_length=1, description="video experts that the teachers see")
    teachers: list[TeacherConfig] = Field(description="text encoders, one teacher each, or settings of a teacher")
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
    def _short_forms(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        short = {**values}
        for key, name in (("experts", "name"), ("teachers", "text")):
            if isinstance(values.get(key), list):
                short[key] = [{name: item} if isinstance(item, str) else item for item in values[key]]
        if isinstance(short.get("teachers"), list):
            short["teachers"] = [_inherit(teacher, values) for teacher in short["teachers"]]
        return short

    @model_validator(mode="after")
    def _consistent(self) -> "RunConfig":
        if self.dataset.features is None:
            check_text_specs([*(teacher.text for teacher in self.teachers), self.student.text])
            check_video_names(expert.name for expert in self.experts if expert.file is None)
        names = [expert.name for expert in self.experts]
        lists: dict[str, Sequence[str | int]] = {
            "experts": names,
            "seeds": self.seeds,
            "student.experts": self.student.experts or [],
            **{f"teachers.{n}.experts": teacher.experts or [] for n, teacher in enumerate(self.teachers)},
        }
        for what, items in lists.items():
            twice = [item for number, item in enumerate(items) if item in items[:number]]
            if twice:
                raise ValueError(f"'{what}' names '{twice[0]}' twice")
            unknown = sorted(set(items) - set(names)) if what.endswith(".experts") else []
            if unknown:
                raise ValueError(f"'{what}' names '{unknown[0]}', which is not among 'experts': {', '.join(names)}")
        labels = [(t.text, (t.model or self.model).kind, t.experts) for t in self.teachers]
        same = [label for number, label in enumerate(labels) if label in labels[:number]]
        if same:
            raise ValueError(f"'teachers' names '{same[0][0]}' twice")
        return self

    @property
    def student_experts(self) -> list[str]:
        """Experts that the student sees."""
        return self.student.experts or [expert.name for expert in self.experts]

    @property
    def folder(self) -> Path:
        """Folder that the run writes to."""
        return self.work or Path("runs") / self.name


def _inherit(teacher: Any, run: Mapping[str, Any]) -> Any:
    """Complete the settings that a teacher changes with those of the run, before either is validated."""
    if not isinstance(teacher, dict):
        return teacher
    own = {
        name: run[name] | teacher[name]
        for name in ("model", "training")
        if isinstance(teacher.get(name), dict) and isinstance(run.get(name), dict)
    }
    return teacher | own


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
        raise InputError(f"{path} is not valid YAML ({yaml_problem(error)})", "correct it") from error
    if not isinstance(values, dict):
        raise InputError(f"{path} is not a config", "write 'key: value' lines; see examples/")
    try:
        config = RunConfig.model_validate(values)
    except ValidationError as error:
        raise InputError(
            f"{path}: {explain(error, RunConfig)}", "correct that key; see examples/ for whole configs"
        ) from error
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
    paths = {name: getattr(dataset, name) for name in ("path", "features")}
    dataset = dataset.model_copy(update={name: path and (folder / path).resolve() for name, path in paths.items()})
    experts = [
        expert if expert.file is None else expert.model_copy(update={"file": (folder / expert.file).resolve()})
        for expert in config.experts
    ]
    return config.model_copy(update={"dataset": dataset, "experts": experts, "work": config.folder.resolve()})
