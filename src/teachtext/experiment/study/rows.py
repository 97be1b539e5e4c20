"""The rows of a study, and which of them are compared."""

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from teachtext.errors import InputError
from teachtext.evaluation.compare import Pair
from teachtext.experiment.plan import Member, members_of
from teachtext.experiment.study.config import StudyConfig
from teachtext.experiment.study.variants import Variant

_WORDS = {"student": "alone", "taught": "TeachText"}


@dataclass(frozen=True)
class Entry:
    """One row of a study: a member of a variant."""

    label: str
    variant: Variant
    member: Member


@dataclass(frozen=True)
class Derived:
    """A row that is computed from trained ones: their mean similarities, or a normaliser behind them, or both."""

    label: str
    parts: Sequence[Entry]
    normaliser: str | None = None


@dataclass(frozen=True)
class Entries:
    """All rows of a study.

    Attributes:
        rows: in the order of the study file.
        taught: TeachText and alone of each variant that has both.
        called: rows by all that a study file may call them: their label; the label of a variant, for its TeachText
            student where it has one; and that with `, TeachText` or `, alone`.
        derived: rows that are computed from those.
        normalised: rows behind a normaliser, and the same without.
    """

    rows: Sequence[Entry]
    taught: Sequence[tuple[Entry, Entry]]
    called: Mapping[str, Entry | Derived]
    derived: Sequence[Derived] = ()
    normalised: Sequence[tuple[Derived, Entry | Derived]] = ()


def entries_of(variants: Sequence[Variant]) -> Entries:
    """Return the rows of a study; a student alone that is the same in several variants is one row."""
    shared = Counter(_identity(variant, alone) for variant in variants for alone in members_in(variant)[:-1])
    rows: dict[str, Entry] = {}
    taught: list[tuple[Entry, Entry]] = []
    called: dict[str, Entry | Derived] = {}
    alone_rows: dict[Any, Entry] = {}
    for variant in variants:
        *others, main = members_in(variant)
        for alone in others:
            identity = _identity(variant, alone)
            if identity not in alone_rows:
                free = shared[identity] > 1 and alone.label not in rows
                label = alone.label if free else f"{variant.label}, alone"
                alone_rows[identity] = rows[label] = Entry(label, variant, alone)
            called[f"{variant.label}, alone"] = alone_rows[identity]
        label = f"{variant.label}, TeachText" if others else variant.label
        rows[label] = Entry(label, variant, main)
        called[variant.label] = called[f"{variant.label}, {_WORDS[main.role]}"] = rows[label]
        if others:
            taught.append((rows[label], alone_rows[_identity(variant, others[0])]))
    return Entries(list(rows.values()), taught, called | rows)


def with_derived(study: StudyConfig, entries: Entries, path: Path) -> Entries:
    """Add the ensembles, and every row and ensemble behind each normaliser.

    Raises:
        InputError: an ensemble names a row that is not there, or one that is an ensemble.
    """
    called = dict(entries.called)
    derived: list[Derived] = []
    normalised: list[tuple[Derived, Entry | Derived]] = []
    for label, names in study.ensembles.items():
        parts = [row for name in names if isinstance(row := _named(name, f"ensembles.{label}", entries, path), Entry)]
        if label in called:
            raise InputError(f"{path}: '{label}' is a row and an ensemble", "call the ensemble otherwise")
        called[label] = Derived(label, parts)
        derived.append(Derived(label, parts))
    bases: dict[str, tuple[Entry | Derived, Sequence[Entry]]] = {row.label: (row, [row]) for row in entries.rows}
    bases |= {ensemble.label: (ensemble, ensemble.parts) for ensemble in derived}
    for name in study.normalise:
        for label, (base, own) in bases.items():
            behind = Derived(f"{label}, {name}", own, name)
            derived.append(behind)
            normalised.append((behind, base))
            for other in [other for other, row in called.items() if row.label == label]:
                called[f"{other}, {name}"] = behind
    return replace(entries, called=called, derived=derived, normalised=normalised)


def _named(name: str, what: str, entries: Entries, path: Path) -> Entry | Derived:
    if name not in entries.called:
        close = difflib.get_close_matches(name, entries.called, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"rows: {', '.join(row.label for row in entries.rows)}"
        raise InputError(f"{path}: '{what}' names '{name}', which is no row ({hint})", "correct it")
    return entries.called[name]


def pairs_of(study: StudyConfig, entries: Entries, path: Path) -> list[Pair]:
    """Return what is compared, each pair once; those that decide a claim come first.

    Raises:
        InputError: a label that no row has, or a row against itself.
    """

    def label(name: str, what: str) -> str:
        return _named(name, what, entries, path).label

    wanted = [
        Pair(label(ours, f"claims.{claim}"), label(theirs, f"claims.{claim}"), claim)
        for claim, (ours, theirs) in study.claims.items()
    ]
    if study.compare.taught:
        wanted += [Pair(with_teachers.label, alone.label) for with_teachers, alone in entries.taught]
    if study.compare.normalised:
        wanted += [Pair(behind.label, base.label) for behind, base in entries.normalised]
    if study.compare.against is not None:
        reference = label(study.compare.against, "compare.against")
        wanted += [Pair(row.label, reference) for row in entries.rows if row.label != reference]
    wanted += [
        Pair(label(ours, "compare.pairs"), label(theirs, "compare.pairs")) for ours, theirs in study.compare.pairs
    ]
    pairs: dict[frozenset[str], Pair] = {}
    for pair in wanted:
        if pair.ours == pair.theirs:
            raise InputError(f"{path}: '{pair.ours}' is compared with itself", "name two rows")
        first = pairs.setdefault(frozenset((pair.ours, pair.theirs)), pair)
        if pair.claim and first is not pair:
            raise InputError(f"{path}: '{pair.claim}' and '{first.claim}' compare the same rows", "leave one out")
    return list(pairs.values())


def members_in(variant: Variant) -> list[Member]:
    """Return the members whose figures are the variant's, the TeachText student last."""
    there = {member.role: member for member in members_of(variant.config) if member.role != "teacher"}
    # without teachers there is only the student alone
    return [there[role] for role in ("student", "taught") if role in variant.members and role in there] or [
        there["student"]
    ]


def _identity(variant: Variant, member: Member) -> tuple[Any, ...]:
    """Return what is equal where two trainings are."""
    experts = tuple(one.model_dump_json() for one in variant.config.experts if one.name in member.experts)
    # without other captions it is another student
    return variant.config.folder, member, experts, variant.config.denoising
