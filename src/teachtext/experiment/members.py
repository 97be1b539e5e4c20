"""Who is trained in a run: the teachers, the student alone, the TeachText student."""

from dataclasses import dataclass

from teachtext.evaluation.results import Role
from teachtext.experiment.config import RunConfig


@dataclass(frozen=True)
class Member:
    """One model of a run, trained once for each seed.

    Attributes:
        label: what it is called in tables.
        role: teacher, student (alone) or teachtext.
        text: its text encoder.
        experts: the video experts it sees.
        teachers: whom it learns from; nobody, for all but the TeachText student.
    """

    label: str
    role: Role
    text: str
    experts: tuple[str, ...]
    teachers: tuple["Member", ...] = ()


def members_of(config: RunConfig) -> list[Member]:
    """Return the members of a run, each after those it needs."""
    everything = tuple(sorted(expert.name for expert in config.experts))
    seen = tuple(sorted(config.student_experts))
    text = config.student.text
    teachers = tuple(Member(f"teacher {encoder}", "teacher", encoder, everything) for encoder in config.teachers)
    return [
        *teachers,
        Member(f"student {text}, alone", "student", text, seen),
        Member(f"student {text}, TeachText", "teachtext", text, seen, teachers),
    ]
