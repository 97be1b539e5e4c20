"""The models of a run: its teachers, the student alone, the taught student."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from teachtext.evaluation.display_names import short_names
from teachtext.evaluation.result_rows import Role
from teachtext.experiment.config import RunConfig
from teachtext.experiment.config_captioning import CaptioningConfig
from teachtext.experiment.config_model import ModelConfig, TeacherConfig
from teachtext.experiment.config_training import TrainingConfig


@dataclass(frozen=True)
class ExternalTeacher:
    """A teacher that is not trained in the run.

    Attributes:
        label: its name in tables.
        path: a file of embeddings or scored pairs, or the folder of a trained model.
        is_model: whether the path is such a folder.
        live: whether the model scores every batch itself.
    """

    label: str
    path: Path
    is_model: bool
    live: bool

    @property
    def name(self) -> str:
        """Its name in results."""
        return self.path.name


@dataclass(frozen=True)
class ModelPlan:
    """One model of a run, trained once for each seed.

    Attributes:
        label: its name in tables.
        role: teacher, student (alone) or taught.
        text: its text encoder.
        experts: the video experts that it sees.
        model: its architecture.
        training: how it is trained.
        teachers: of a taught student; empty for all others, and for a student that learns from itself.
        live: whether it scores every batch itself when it teaches, and is not kept as embeddings.
        copy: number of the copy, from 0: copies of a teacher differ in their random numbers alone.
        start: the model with whose weights its training begins; None begins with random weights.
        part: the part of the epochs for which it is trained, as shares of the epochs of its settings.
        event_captions: whether it also learns from the captions of events.
    """

    label: str
    role: Role
    text: str
    experts: tuple[str, ...]
    model: ModelConfig
    training: TrainingConfig
    teachers: "tuple[AnyTeacher, ...]" = ()
    live: bool = False
    copy: int = 0
    start: "ModelPlan | None" = None
    part: tuple[float, float] = (0.0, 1.0)
    event_captions: bool = False

    @property
    def name(self) -> str:
        """Its name among the teachers of a row: its text encoder."""
        return self.text


@dataclass(frozen=True)
class SlowTeacher:
    """A teacher that reads caption and video together, and so scores short lists alone.

    Attributes:
        towers: the part of it that is a model like others; it is not trained by itself.
        fast: the model that makes the short lists: the student alone.
        shortlist: number of videos of a list.
    """

    towers: ModelPlan
    fast: ModelPlan
    shortlist: int

    @property
    def name(self) -> str:
        """Its name among the teachers of a row."""
        return f"{self.towers.text} (slow)"


@dataclass(frozen=True)
class AskingTeacher:
    """A teacher that asks several queries for each caption; the mean of their scores is its score.

    Attributes:
        model: it is trained, and in tables asked, like any other.
        writer: of the queries: spec of a writer, or `config_data.CAPTIONS`.
        queries: number of queries, the caption itself among them; None asks all.
    """

    model: ModelPlan
    writer: str
    queries: int | None

    @property
    def name(self) -> str:
        """Its name among the teachers of a row."""
        count = f", {self.queries} queries" if self.queries else ""
        return f"{self.model.text} ({self.writer.partition(':')[0]}{count})"


AnyTeacher = ModelPlan | ExternalTeacher | SlowTeacher | AskingTeacher


def model_of(teacher: AnyTeacher) -> ModelPlan | None:
    """Return the model of the run that a teacher is or has; None for a teacher that was made elsewhere."""
    if isinstance(teacher, ExternalTeacher):
        return None
    if isinstance(teacher, SlowTeacher):
        return teacher.towers
    return teacher.model if isinstance(teacher, AskingTeacher) else teacher


def plans_of(config: RunConfig) -> list[ModelPlan]:
    """Return the models that a run trains, teachers first; without teachers the student is alone."""
    teachers, alone = _teachers(config), _alone(config)
    shown, text = _short_names(config), config.student.text
    models = [model_of(teacher) for teacher in teachers if not isinstance(teacher, SlowTeacher)]
    # a model may teach twice, by one query and by several
    trained = list({model.label: model for model in models if model}.values())
    distillation = config.distillation
    if config.any_to_any:
        return [*trained, alone, replace(alone, label=f"student {shown[text]}, omni", role="taught")]
    taught_by = () if config.learns_from_itself else teachers
    methods = ["GQE"] if config.captioning else []
    if distillation is not None and (teachers or config.learns_from_itself):
        methods.append("TeachText" if distillation.preset == "teachtext" else distillation.preset)
    else:
        taught_by = ()
    if not methods:
        return [*trained, alone]
    taught = replace(alone, label=f"student {shown[text]}, {' and '.join(methods)}", role="taught", teachers=taught_by)
    return [*trained, alone, _pretrained(taught, alone, config.captioning) if config.captioning else taught]


def _pretrained(student: ModelPlan, alone: ModelPlan, captioning: CaptioningConfig) -> ModelPlan:
    """Return a student that starts from a model which has also read the captions of events.

    Both are trained together for as many epochs as the student alone.
    """
    share, training = captioning.pretraining, student.training
    first = replace(alone, label=f"{student.label}, pre-training", part=(0.0, share), event_captions=True)
    later = training.model_copy(update={"lr": training.lr * captioning.learning_rate})
    return replace(student, training=later, start=first, part=(share, 1.0))


def judges_of(config: RunConfig) -> list[ModelPlan]:
    """Return the models that judge captions: the teachers that the run trains, or else the student alone.

    An external teacher cannot judge: it may have learned from the very captions.
    """
    plans = plans_of(config)
    return [plan for plan in plans if plan.role == "teacher"] or [plan for plan in plans if plan.role == "student"]


def external_teachers(config: RunConfig) -> list[ExternalTeacher]:
    """Return the teachers of a run that are not trained in it."""
    return [teacher for teacher in _teachers(config) if isinstance(teacher, ExternalTeacher)]


def _alone(config: RunConfig) -> ModelPlan:
    text = config.student.text
    return ModelPlan(
        f"student {_short_names(config)[text]}, alone",
        "student",
        text,
        tuple(sorted(config.student_experts)),
        config.model,
        config.training,
    )


def _teachers(config: RunConfig) -> tuple[AnyTeacher, ...]:
    shown = _short_names(config)
    return tuple(
        _teacher(teacher, config, shown, copy) for teacher in config.teachers for copy in range(teacher.copies)
    )


def _short_names(config: RunConfig) -> Mapping[str, str]:
    texts = [teacher.text for teacher in config.teachers if teacher.text]
    return short_names([*texts, config.student.text, *(expert.name for expert in config.experts)])


def _experts_label(experts: Sequence[str], all_experts: Sequence[str], shown: Mapping[str, str]) -> str:
    missing = [name for name in all_experts if name not in experts]
    if len(missing) == 1 < len(experts):
        return f"without {shown[missing[0]]}"
    return ", ".join(shown[name] for name in experts)


def _teacher(teacher: TeacherConfig, config: RunConfig, shown: Mapping[str, str], copy: int) -> AnyTeacher:
    if teacher.path is not None:
        label = f"teacher {teacher.path.name}"
        return ExternalTeacher(label, teacher.path, is_model=teacher.folder is not None, live=teacher.live)
    text = teacher.text or ""
    all_experts = [expert.name for expert in config.experts]
    model = teacher.model or config.model
    experts = tuple(sorted(teacher.experts or all_experts))
    differences = [
        *([model.kind] if model.kind != config.model.kind else []),
        *([_experts_label(experts, all_experts, shown)] if len(experts) < len(all_experts) else []),
        *([f"copy {copy + 1}"] if copy else []),
    ]
    label = f"teacher {shown[text]}" + (f" ({'; '.join(differences)})" if differences else "")
    training = teacher.training or config.training
    plan = ModelPlan(label, "teacher", text, experts, model, training, live=teacher.live, copy=copy)
    if teacher.shortlist is not None:
        return SlowTeacher(replace(plan, label=f"slow {label}"), _alone(config), teacher.shortlist)
    return plan if teacher.writer is None else AskingTeacher(plan, teacher.writer, teacher.queries)
