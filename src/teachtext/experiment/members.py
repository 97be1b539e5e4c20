"""Who is trained in a run: the teachers, the student alone, the taught student."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from teachtext.evaluation.names import short_names
from teachtext.evaluation.results import Role
from teachtext.experiment.config import RunConfig
from teachtext.experiment.config_model import ModelConfig, TeacherConfig, TrainingConfig


@dataclass(frozen=True)
class Member:
    """One model of a run, trained once for each seed.

    Attributes:
        label: what it is called in tables.
        role: teacher, student (alone) or teachtext.
        text: its text encoder.
        experts: the video experts it sees.
        model: its architecture.
        training: how it is trained.
        teachers: whom it learns from; nobody, for all but the taught student, and for one that learns from itself.
    """

    label: str
    role: Role
    text: str
    experts: tuple[str, ...]
    model: ModelConfig
    training: TrainingConfig
    teachers: tuple["Member", ...] = ()


def members_of(config: RunConfig) -> list[Member]:
    """Return the members of a run, each after those it needs; where nobody teaches, the student is alone."""
    text = config.student.text
    shown = short_names([*(teacher.text for teacher in config.teachers), text, *(e.name for e in config.experts)])
    teachers = tuple(_teacher(teacher, config, shown) for teacher in config.teachers)
    alone = Member(
        f"student {shown[text]}, alone",
        "student",
        text,
        tuple(sorted(config.student_experts)),
        config.model,
        config.training,
    )
    distillation = config.distillation
    if distillation is None or not (teachers or config.learns_from_itself):
        return [*teachers, alone]
    taught = replace(
        alone,
        label=f"student {shown[text]}, {'TeachText' if distillation.preset == 'teachtext' else distillation.preset}",
        role="teachtext",
        teachers=() if config.learns_from_itself else teachers,
    )
    return [*teachers, alone, taught]


def _told(experts: Sequence[str], everything: Sequence[str], shown: Mapping[str, str]) -> str:
    missing = [name for name in everything if name not in experts]
    if len(missing) == 1 < len(experts):
        return f"without {shown[missing[0]]}"
    return ", ".join(shown[name] for name in experts)


def _teacher(teacher: TeacherConfig, config: RunConfig, shown: Mapping[str, str]) -> Member:
    everything = [expert.name for expert in config.experts]
    model = teacher.model or config.model
    experts = tuple(sorted(teacher.experts or everything))
    differs = [
        *([model.kind] if model.kind != config.model.kind else []),
        *([_told(experts, everything, shown)] if len(experts) < len(everything) else []),
    ]
    label = f"teacher {shown[teacher.text]}" + (f" ({'; '.join(differs)})" if differs else "")
    return Member(label, "teacher", teacher.text, experts, model, teacher.training or config.training)
