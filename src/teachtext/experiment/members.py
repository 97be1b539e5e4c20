"""Who is trained in a run: the teachers, the student alone, the TeachText student."""

from dataclasses import dataclass, replace
from pathlib import Path

from teachtext.evaluation.results import Role
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
        role: teacher, student (alone) or teachtext.
        text: its text encoder.
        experts: the video experts it sees.
        model: its architecture.
        training: how it is trained.
        teachers: whom it learns from; nobody, for all but the TeachText student.
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
    """Return the members of a run, each after those it needs; without teachers the student alone.

    Teachers that were made elsewhere are no members: they are not trained here.
    """
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
    taught = replace(alone, label=f"student {text}, TeachText", role="teachtext", teachers=teachers)
    trained = [teacher for teacher in teachers if isinstance(teacher, Member)]
    return [*trained, alone, *([taught] if teachers else [])]


def judges_of(config: RunConfig) -> list[Member]:
    """Return who judges captions: the teachers that are trained in the run, or where there are none the student alone.

    A teacher that was made elsewhere cannot judge: it may have learned from the very captions.
    """
    members = members_of(config)
    return [m for m in members if m.role == "teacher"] or [m for m in members if m.role == "student"]


def given_teachers(config: RunConfig) -> list[Given]:
    """Return the teachers of a run that were made elsewhere."""
    found = (_teacher(teacher, config) for teacher in config.teachers)
    return [teacher for teacher in found if isinstance(teacher, Given)]


def _teacher(teacher: TeacherConfig, config: RunConfig) -> Member | Given:
    if teacher.path is not None:
        return Given(f"teacher {teacher.path.name}", teacher.path, teacher.folder is not None, teacher.live)
    text = teacher.text or ""
    everything = [expert.name for expert in config.experts]
    model = teacher.model or config.model
    experts = tuple(sorted(teacher.experts or everything))
    differs = [
        *([model.kind] if model.kind != config.model.kind else []),
        *([", ".join(experts)] if len(experts) < len(everything) else []),
    ]
    label = f"teacher {text}" + (f" ({'; '.join(differs)})" if differs else "")
    return Member(label, "teacher", text, experts, model, teacher.training or config.training, live=teacher.live)
