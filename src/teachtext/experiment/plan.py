"""Who is trained in a run: the teachers, the student alone, the taught student."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from teachtext.evaluation.names import short_names
from teachtext.evaluation.rows import Role
from teachtext.experiment.config import RunConfig
from teachtext.experiment.config_model import ModelConfig, TeacherConfig, TrainingConfig


@dataclass(frozen=True)
class Given:
    """A teacher that was made elsewhere.

    Attributes:
        label: what it is called.
        path: a file of embeddings or scored pairs, or the folder of a trained model.
        is_model: whether it is such a folder.
        live: whether the model scores every batch itself.
    """

    label: str
    path: Path
    is_model: bool
    live: bool


@dataclass(frozen=True)
class Member:
    """One model of a run, trained once for each seed.

    Attributes:
        label: what it is called in tables.
        role: teacher, student (alone) or taught.
        text: its text encoder.
        experts: the video experts it sees.
        model: its architecture.
        training: how it is trained.
        teachers: whom it learns from; nobody, for all but the taught student, and for one that learns from itself.
        live: whether it scores every batch itself when it teaches, and is not kept as embeddings.
    """

    label: str
    role: Role
    text: str
    experts: tuple[str, ...]
    model: ModelConfig
    training: TrainingConfig
    teachers: "tuple[Member | Given, ...]" = ()
    live: bool = False


def members_of(config: RunConfig) -> list[Member]:
    """Return the members of a run, each after those it needs; where nobody teaches, the student is alone.

    Teachers that were made elsewhere are no members: they are not trained here.
    """
    teachers = _teachers(config)
    text = config.student.text
    shown = _shown(config)
    alone = Member(
        f"student {shown[text]}, alone",
        "student",
        text,
        tuple(sorted(config.student_experts)),
        config.model,
        config.training,
    )
    trained = [teacher for teacher in teachers if isinstance(teacher, Member)]
    distillation = config.distillation
    if distillation is None or not (teachers or config.learns_from_itself):
        return [*trained, alone]
    taught = replace(
        alone,
        label=f"student {shown[text]}, {'TeachText' if distillation.preset == 'teachtext' else distillation.preset}",
        role="taught",
        teachers=() if config.learns_from_itself else teachers,
    )
    return [*trained, alone, taught]


def judges_of(config: RunConfig) -> list[Member]:
    """Return who judges captions: the teachers that are trained in the run, or where there are none the student alone.

    A teacher that was made elsewhere cannot judge: it may have learned from the very captions.
    """
    members = members_of(config)
    return [m for m in members if m.role == "teacher"] or [m for m in members if m.role == "student"]


def given_teachers(config: RunConfig) -> list[Given]:
    """Return the teachers of a run that were made elsewhere."""
    return [teacher for teacher in _teachers(config) if isinstance(teacher, Given)]


def _teachers(config: RunConfig) -> tuple[Member | Given, ...]:
    return tuple(_teacher(teacher, config, _shown(config)) for teacher in config.teachers)


def _shown(config: RunConfig) -> Mapping[str, str]:
    texts = [teacher.text for teacher in config.teachers if teacher.text]
    return short_names([*texts, config.student.text, *(expert.name for expert in config.experts)])


def _told(experts: Sequence[str], everything: Sequence[str], shown: Mapping[str, str]) -> str:
    missing = [name for name in everything if name not in experts]
    if len(missing) == 1 < len(experts):
        return f"without {shown[missing[0]]}"
    return ", ".join(shown[name] for name in experts)


def _teacher(teacher: TeacherConfig, config: RunConfig, shown: Mapping[str, str]) -> Member | Given:
    if teacher.path is not None:
        return Given(f"teacher {teacher.path.name}", teacher.path, teacher.folder is not None, teacher.live)
    text = teacher.text or ""
    everything = [expert.name for expert in config.experts]
    model = teacher.model or config.model
    experts = tuple(sorted(teacher.experts or everything))
    differs = [
        *([model.kind] if model.kind != config.model.kind else []),
        *([_told(experts, everything, shown)] if len(experts) < len(everything) else []),
    ]
    label = f"teacher {shown[text]}" + (f" ({'; '.join(differs)})" if differs else "")
    return Member(label, "teacher", text, experts, model, teacher.training or config.training, live=teacher.live)
