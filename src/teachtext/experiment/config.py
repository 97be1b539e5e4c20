"""The config of a run: typed, validated, every default here or in its parts. Config objects stay on this floor."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import Field, ValidationError, model_validator

from teachtext.encoders.registry import TEXT_ENCODERS, check_video_settings
from teachtext.errors import InputError
from teachtext.experiment.config_base import NAME, Config
from teachtext.experiment.config_data import DatasetConfig, ExpertConfig
from teachtext.experiment.config_errors import explain
from teachtext.experiment.config_model import (
    DenoisingConfig,
    DistillationConfig,
    ModelConfig,
    StudentConfig,
    TeacherConfig,
    TrainingConfig,
)
from teachtext.extraction.extract import Engine
from teachtext.files import read_yaml
from teachtext.learning.loggers import LOGGERS

_Model = TypeVar("_Model", bound=Config)
_Part = TypeVar("_Part", bound=Config)


class RunConfig(Config):
    """A whole run."""

    name: str = Field(pattern=NAME, description="of the run and its folder")
    dataset: DatasetConfig
    experts: list[ExpertConfig] = Field(min_length=1, description="video experts that the teachers see")
    teachers: list[TeacherConfig] = Field(
        description="text encoders, one teacher each, or settings of a teacher, or teachers made elsewhere"
    )
    student: StudentConfig
    work: Path | None = Field(None, description="folder of the run; by default runs/NAME where the command is run")
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    denoising: DenoisingConfig | None = Field(
        None, description="find noisy training captions first, and train without them"
    )
    distillation: DistillationConfig | None = Field(
        default_factory=lambda: DistillationConfig.model_validate({}),
        description="how the student is taught; null compares models and teaches none",
    )
    seeds: list[Annotated[int, Field(ge=0, lt=2**32)]] = Field(
        [0, 1, 2], min_length=1, description="every model is trained once for each"
    )
    workers: int = Field(2, ge=1, description="processes that decode and extract")
    engine: Engine = Field("local", description="processes here, or Ray: here, or on the cluster of RAY_ADDRESS")
    time_limit: float | None = Field(
        None, gt=0, description="seconds that one video may take; by default ten times its length, a minute at least"
    )
    threads: int = Field(
        1, ge=1, description="threads that embed or train; more than there are idle cores is far slower"
    )
    device: Literal["cpu", "cuda"] = Field("cpu", description="where models are trained")
    logging: str = Field("auto", description="tensorboard, none, or auto: tensorboard where it is installed")

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
            TEXT_ENCODERS.check([*(teacher.text for teacher in self.teachers if teacher.text), self.student.text])
            extracted = {expert.name: expert.settings for expert in self.experts if expert.file is None}
            check_video_settings(extracted, extracted)
        names = [expert.name for expert in self.experts]
        if self.logging not in LOGGERS:
            raise ValueError(f"'logging' is '{self.logging}': choose from {', '.join(LOGGERS)}")
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
        labels = [(t.text or str(t.path), (t.model or self.model).kind, t.experts) for t in self.teachers]
        same = [label for number, label in enumerate(labels) if label in labels[:number]]
        if same:
            raise ValueError(f"'teachers' names '{same[0][0]}' twice")
        self._check_distillation()
        if self.denoising is not None:
            if self.dataset.dropped is not None:
                raise ValueError("give either 'denoising', which finds the captions to drop, or 'dataset.dropped'")
            if self.dataset.captions != "separate":
                raise ValueError(
                    f"'denoising' needs captions that are queries of their own, not 'captions: {self.dataset.captions}'"
                )
        return self

    def _check_distillation(self) -> None:
        if self.distillation is None:
            return
        try:
            if self.teachers:
                self.distillation.parts.check_teachers(len(self.teachers))
        except ValueError as error:
            raise ValueError(f"'distillation': {error}") from error
        if self.distillation.views != "fused" and self.model.kind in ("concat", "dual"):
            raise ValueError(
                f"'distillation': 'views: {self.distillation.views}' needs a space an expert, "
                f"'{self.model.kind}' has one for all: use 'views: fused'"
            )

    @property
    def learns_from_itself(self) -> bool:
        """Whether the student learns from itself."""
        return self.distillation is not None and self.distillation.source != "teachers"

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
    return run_config(read_settings(path), where=str(path), folder=path.parent)


def run_config(values: Mapping[str, Any], *, where: str, folder: Path) -> RunConfig:
    """Validate the settings of a run.

    Args:
        values: as read from YAML.
        where: what to call the place they come from.
        folder: what relative paths of data are relative to.

    Raises:
        InputError: naming the place, the key and the allowed values.
    """
    config = validated(RunConfig, values, where, folder)
    try:
        return _resolve(config, folder)
    except ValueError as error:
        raise InputError(f"{where} names a path that cannot be ({error})", "correct that path") from error


def read_settings(path: Path) -> dict[str, Any]:
    """Read the settings in a YAML file.

    Raises:
        InputError: it cannot be read, or holds something else.
    """
    values = read_yaml(path)
    if not isinstance(values, dict):
        raise InputError(f"{path} is not a config", "write 'key: value' lines; see examples/")
    return values


def validated(model: type[_Model], values: Mapping[str, Any], where: str, folder: Path) -> _Model:
    """Validate settings of a file in `folder`; errors are one sentence that begins with `where`.

    Raises:
        InputError: naming the key and the allowed values.
    """
    try:
        return model.model_validate(values, context={"folder": folder})
    except ValidationError as error:
        raise InputError(
            f"{where}: {explain(error, model)}", "correct that key; see examples/ for whole configs"
        ) from error
    except InputError as error:
        raise InputError(f"{where}: {error.problem}", error.mend) from error


def show_config(config: RunConfig) -> str:
    """Return the config as YAML with every default filled in."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _resolve(config: RunConfig, folder: Path) -> RunConfig:
    experts = [_absolute(expert, folder, "file") for expert in config.experts]
    teachers = [_absolute(teacher, folder, "file", "folder") for teacher in config.teachers]
    return config.model_copy(
        update={
            "dataset": _absolute(config.dataset, folder, "path", "features", "dropped"),
            "experts": experts,
            "teachers": teachers,
            "work": config.folder.resolve(),
        }
    )


def _absolute(part: _Part, folder: Path, *names: str) -> _Part:
    paths = {name: getattr(part, name) for name in names}
    return part.model_copy(update={name: path and (folder / path).resolve() for name, path in paths.items()})
