"""The config of a run: typed, validated, every default here or in its parts.

Config objects stay in `experiment`: what is below takes plain keywords.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from teachtext.devices import check_device_name
from teachtext.encoders.registry import TEXT_ENCODERS, check_video_settings
from teachtext.errors import InputError
from teachtext.experiment.config_any_to_any import AnyToAnyConfig, problems_of_omni
from teachtext.experiment.config_captioning import CaptioningConfig, check_captioning
from teachtext.experiment.config_data import NAME, Config, DatasetConfig, ExpertConfig
from teachtext.experiment.config_model import DenoisingConfig, ModelConfig, StudentConfig, TeacherConfig
from teachtext.experiment.config_training import DistillationConfig, TrainingConfig
from teachtext.experiment.defaults import completed_by_authors, teacher_with_inherited
from teachtext.experiment.methods import METHODS, completed_by_method
from teachtext.extraction.extract import Engine
from teachtext.learning.loggers import LOGGERS
from teachtext.models.build import MODELS


def once(key: str, items: Sequence[str | int]) -> None:
    """Raise ValueError where an item of a list stands twice."""
    for number, item in enumerate(items):
        if item in items[:number]:
            raise ValueError(f"'{key}' names '{item}' twice")


def _device(name: str) -> str:
    try:
        return check_device_name(name)
    except InputError as error:
        raise ValueError(error.mend) from error


def _key_of(table: Mapping[str, object]) -> AfterValidator:
    """Return a check that a name is a key of a table, which scripts may extend: the keys are read when it is asked."""

    def check(name: str) -> str:
        if name not in table:
            raise ValueError(f"choose from {', '.join(table)}")
        return name

    return AfterValidator(check)


class RunConfig(Config):
    """A whole run: data, experts, teachers, a student, and their training."""

    name: str = Field(pattern=NAME, description="name of the run and of its folder")
    defaults: Literal["measured", "authors"] = Field(
        "measured",
        description="values of the settings of model, training and distillation that are not given: those that won "
        "here, or the authors', as in version 0.1.0; 'model.faithful' has the authors'",
    )
    method: Annotated[str, _key_of(METHODS)] | None = Field(
        None,
        description="a published method, whose settings count where the config gives none: teachtext; c2kd, for "
        "captions in several languages; dcd, whose teacher mines the pairs that the student sees; teachclip, whose "
        "student weighs the rows of a video; omni, one space for text, video and sound; or gqe, with captions of "
        "events",
    )
    dataset: DatasetConfig
    experts: list[ExpertConfig] = Field(min_length=1, description="video experts of the run, by name or with settings")
    teachers: list[TeacherConfig] = Field(
        description="teachers, each a text encoder, settings of a teacher, or a teacher made elsewhere"
    )
    student: StudentConfig
    work: Path | None = Field(
        None, description="folder of the run; by default runs/NAME, relative to the current folder"
    )
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    denoising: DenoisingConfig | None = Field(
        None, description="how to find noisy training captions, which are then left out; by default none are"
    )
    distillation: DistillationConfig | None = Field(
        default_factory=lambda: DistillationConfig.model_validate({}),
        description="the objective that the student learns with; null compares models and teaches none",
    )
    any_to_any: AnyToAnyConfig | None = Field(
        None, description="how a student of kind omni learns from its own fusion; by default it aligns pairs alone"
    )
    captioning: CaptioningConfig | None = Field(
        None, description="captions of the events of each training video, on which the student is pre-trained"
    )
    seeds: list[Annotated[int, Field(ge=0, lt=2**32)]] = Field(
        [0, 1, 2], min_length=1, description="seeds; every model is trained once for each"
    )
    workers: int = Field(2, ge=1, description="number of processes that decode videos and extract features")
    jobs: int | None = Field(
        None, ge=1, description="number of models trained at once; by default as many as fit on the cores; 1 on a GPU"
    )
    engine: Engine = Field(
        "local", description="processes of this machine, or Ray: on this machine, or on the cluster of RAY_ADDRESS"
    )
    time_limit: float | None = Field(
        None,
        gt=0,
        description="seconds that the extraction of one video may take; by default ten times its length, at least 60",
    )
    memory_limit: float | None = Field(
        None,
        gt=0,
        description="megabytes that the extraction of one video may take, beyond the experts themselves; by default "
        "4,000",
    )
    threads: int = Field(
        1, ge=1, description="CPU threads that embed or train; more threads than idle cores are far slower"
    )
    device: Annotated[str, AfterValidator(_device)] = Field(
        "auto", description="device that trains and embeds: auto (a GPU if there is one), cpu, cuda, cuda:<number>, mps"
    )
    logging: Annotated[str, _key_of(LOGGERS)] = Field(
        "auto", description="log of the training: tensorboard, none, or auto: tensorboard where it is installed"
    )

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        values = completed_by_method(values)
        short = {**values}
        for key, name in (("experts", "name"), ("teachers", "text")):
            if isinstance(values.get(key), list):
                short[key] = [{name: item} if isinstance(item, str) else item for item in values[key]]
        model = short.get("model")
        if short.get("defaults") == "authors" or (isinstance(model, dict) and model.get("faithful") is True):
            short = completed_by_authors(short)
        if isinstance(short.get("teachers"), list):
            short["teachers"] = [teacher_with_inherited(teacher, short) for teacher in short["teachers"]]
        return short

    @model_validator(mode="after")
    def _encoders_exist(self) -> "RunConfig":
        if self.dataset.features is None:
            TEXT_ENCODERS.check([*(teacher.text for teacher in self.teachers if teacher.text), self.student.text])
            extracted = {expert.name: expert.settings for expert in self.experts if expert.file is None}
            check_video_settings(extracted, extracted)
        return self

    @model_validator(mode="after")
    def _nothing_twice(self) -> "RunConfig":
        once("experts", [expert.name for expert in self.experts])
        once("seeds", self.seeds)
        teachers = [
            (t.text or str(t.path), (t.model or self.model).kind, t.experts, t.shortlist, t.writer, t.queries)
            for t in self.teachers
        ]
        for number, teacher in enumerate(teachers):
            if teacher in teachers[:number]:
                raise ValueError(f"'teachers' names '{teacher[0]}' twice")
        return self

    @model_validator(mode="after")
    def _experts_exist(self) -> "RunConfig":
        names = [expert.name for expert in self.experts]
        parts: dict[str, StudentConfig | TeacherConfig] = {
            "student": self.student,
            **{f"teachers.{n}": teacher for n, teacher in enumerate(self.teachers)},
        }
        for part, settings in parts.items():
            once(f"{part}.experts", settings.experts or [])
            unknown = sorted(set(settings.experts or []) - set(names))
            if unknown:
                listed = ", ".join(names)
                raise ValueError(f"'{part}.experts' names '{unknown[0]}', which is not among 'experts': {listed}")
        return self

    @model_validator(mode="after")
    def _no_idle_model_settings(self, info: ValidationInfo) -> "RunConfig":
        inherited = (info.context or {}).get("inherited", {})
        parts: dict[str, tuple[ModelConfig, Mapping[str, Any]]] = {"model": (self.model, inherited)}
        for number, teacher in enumerate(self.teachers):
            if teacher.model is not None:
                parts[f"teachers.{number}.model"] = (teacher.model, self.model.model_dump())
        for part, (model, shared) in parts.items():
            for name in model.idle_settings():
                if shared.get(name) != getattr(model, name):
                    kinds = ", ".join(kind for kind in MODELS if ModelConfig(kind=kind).has(name))
                    raise ValueError(f"'{part}.{name}' is a setting of {kinds}, not of 'kind: {model.kind}'")
        return self

    @model_validator(mode="after")
    def _teaching_fits(self) -> "RunConfig":
        if self.distillation is None:
            return self
        try:
            if self.teachers:
                self.distillation.check_teachers(sum(teacher.copies for teacher in self.teachers))
        except ValueError as error:
            raise ValueError(f"'distillation': {error}") from error
        if self.distillation.views != "fused" and not MODELS[self.model.kind].space_per_expert:
            raise ValueError(
                f"'distillation': 'views: {self.distillation.views}' needs a space an expert, "
                f"'{self.model.kind}' has one for all: use 'views: fused'"
            )
        return self

    @model_validator(mode="after")
    def _frames_fit(self) -> "RunConfig":
        experts = {expert.name: expert for expert in self.experts}
        weighed = [name for name in self.student_experts if not experts[name].pool]
        if self.model.frame_weights and not weighed:
            raise ValueError("'model.frame_weights' weighs the rows of sequences: give an expert 'pool: false'")
        if not (self.distillation and self.distillation.frame_weight and self.teachers):
            return self
        if not self.model.frame_weights:
            raise ValueError(
                "'distillation.frame_weight' teaches a student how much rows count: it needs "
                "'model: {kind: pooled, frame_weights: true}'"
            )
        for number, teacher in enumerate(self.teachers):
            if teacher.file or teacher.shortlist:
                what = "a file" if teacher.file else "a slow teacher"
                raise ValueError(
                    f"'teachers.{number}' is {what}, which scores no single rows of a video: give a teacher with "
                    "embeddings, or 'distillation.frame_weight: 0'"
                )
            unread = [name for name in weighed if teacher.experts and name not in teacher.experts]
            if unread:
                raise ValueError(f"'teachers.{number}' does not read '{unread[0]}', whose rows the student weighs")
        return self

    @model_validator(mode="after")
    def _any_to_any_fits(self) -> "RunConfig":
        if self.any_to_any and self.model.kind != "omni":
            raise ValueError(f"'any_to_any' needs 'model.kind: omni', not '{self.model.kind}'")
        has_teachers = bool(self.teachers) or self.learns_from_itself or self.any_to_any is not None
        if self.model.kind == "omni" and self.distillation and has_teachers:
            raise ValueError("a student of kind 'omni' learns from its own fusion alone: set 'distillation: null'")
        trained = [(self.model, self.training, self.student.experts)]
        trained += [(t.model or self.model, t.training or self.training, t.experts) for t in self.teachers if t.text]
        for model, training, experts in trained:
            for problem in problems_of_omni(model, training, experts or [expert.name for expert in self.experts]):
                raise ValueError(problem)
        return self

    @model_validator(mode="after")
    def _denoising_fits(self) -> "RunConfig":
        if self.denoising is None:
            return self
        if self.dataset.dropped is not None:
            raise ValueError("give either 'denoising', which finds the captions to drop, or 'dataset.dropped'")
        if self.dataset.captions != "separate":
            raise ValueError(
                f"'denoising' needs captions that are queries of their own, not 'captions: {self.dataset.captions}'"
            )
        return self

    @model_validator(mode="after")
    def _captioning_fits(self) -> "RunConfig":
        if self.method == "gqe" and self.captioning is None:
            raise ValueError("'method: gqe' needs captions of events: give 'captioning'")
        if self.captioning is not None:
            check_captioning(self.captioning, self.dataset, self.model, self.student.text)
        return self

    @property
    def learns_from_itself(self) -> bool:
        """Whether the student learns from itself."""
        return self.distillation is not None and self.distillation.source != "teachers"

    @property
    def model_kinds(self) -> set[str]:
        """The kinds of the models that the run trains."""
        return {self.model.kind, *(teacher.model.kind for teacher in self.teachers if teacher.model)}

    @property
    def student_experts(self) -> list[str]:
        """Experts that the student sees."""
        return self.student.experts or [expert.name for expert in self.experts]

    @property
    def folder(self) -> Path:
        """Folder that the run writes to."""
        return self.work or Path("runs") / self.name
