"""Who is trained in a run: the teachers, the student alone, the taught student."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
    teachers = tuple(_teacher(teacher, config) for teacher in config.teachers)
    text = config.student.text
    alone = Member(
        f"student {text}, alone",
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
        label=f"student {text}, {'TeachText' if distillation.preset == 'teachtext' else distillation.preset}",
        role="teachtext",
        teachers=() if config.learns_from_itself else teachers,
    )
    return [*teachers, alone, taught]


def _experts_told(experts: Sequence[str], everything: Sequence[str]) -> str:
    missing = [name for name in everything if name not in experts]
    return f"without {missing[0]}" if len(missing) == 1 < len(experts) else ", ".join(experts)


def _teacher(teacher: TeacherConfig, config: RunConfig) -> Member:
    everything = [expert.name for expert in config.experts]
    model = teacher.model or config.model
    experts = tuple(sorted(teacher.experts or everything))
    differs = [
        *([model.kind] if model.kind != config.model.kind else []),
        *([_experts_told(experts, everything)] if len(experts) < len(everything) else []),
    ]
    label = f"teacher {teacher.text}" + (f" ({'; '.join(differs)})" if differs else "")
    return Member(label, "teacher", teacher.text, experts, model, teacher.training or config.training)
