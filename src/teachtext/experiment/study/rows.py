"""The rows of a study, and which of them are compared."""

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from teachtext.errors import InputError
from teachtext.evaluation.compare import Pair
from teachtext.experiment.plan import ModelPlan, plans_of
from teachtext.experiment.study.config import StudyConfig
from teachtext.experiment.study.variants import Variant

_WORDS = {"student": "alone", "taught": "TeachText"}


@dataclass(frozen=True)
class Entry:
    """A trained row: one model of a variant."""

    label: str
    variant: Variant
    plan: ModelPlan


@dataclass(frozen=True)
class Derived:
    """A row that is computed from trained rows: an ensemble, a score normaliser, or both."""

    label: str
    parts: Sequence[Entry]
    normaliser: str | None = None


@dataclass(frozen=True)
class Entries:
    """All rows of a study.

    Attributes:
        rows: trained rows, in the order of the study file.
        taught: the taught student and the student alone, of each variant that has both.
        names: rows by every name that a study file may use: the label of a row; the label of a variant for its main
            row; the label of a variant with `, TeachText` or `, alone`.
        derived: rows that are computed from trained rows.
        normalised: each row with a normaliser, and the same row without.
    """

    rows: Sequence[Entry]
    taught: Sequence[tuple[Entry, Entry]]
    names: Mapping[str, Entry | Derived]
    derived: Sequence[Derived] = ()
    normalised: Sequence[tuple[Derived, Entry | Derived]] = ()


def entries_of_run(variant: Variant) -> Entries:
    """Return the rows of a run, which is a study of one variant: teachers, the student alone, the taught student."""
    rows = [Entry(plan.label, variant, plan) for plan in plans_of(variant.config)]
    students = {entry.plan.role: entry for entry in rows if entry.plan.role != "teacher"}
    taught = [(students["taught"], students["student"])] if len(students) == 2 else []
    return Entries(rows, taught, {entry.label: entry for entry in rows})


def entries_of(variants: Sequence[Variant]) -> Entries:
    """Return the trained rows of a study; variants with the same student alone share its row."""
    shared = Counter(_identity(variant, alone) for variant in variants for alone in plans_in(variant)[:-1])
    rows: dict[str, Entry] = {}
    taught: list[tuple[Entry, Entry]] = []
    names: dict[str, Entry | Derived] = {}
    alone_rows: dict[Any, Entry] = {}
    for variant in variants:
        if not variant.members:
            continue
        *others, main = plans_in(variant)
        for alone in others:
            identity = _identity(variant, alone)
            if identity not in alone_rows:
                short = shared[identity] > 1 and alone.label not in rows
                label = alone.label if short else f"{variant.label}, alone"
                alone_rows[identity] = rows[label] = Entry(label, variant, alone)
            names[f"{variant.label}, alone"] = alone_rows[identity]
        label = _taught_label(variant, main) if others else variant.label
        rows[label] = Entry(label, variant, main)
        names[variant.label] = names[f"{variant.label}, {_WORDS[main.role]}"] = rows[label]
        if others:
            taught.append((rows[label], alone_rows[_identity(variant, others[0])]))
    return Entries(list(rows.values()), taught, names | rows)


def _taught_label(variant: Variant, taught: ModelPlan) -> str:
    """Return the label of a taught student: that of its variant and the method, once where they are the same word."""
    method = taught.label.rpartition(", ")[2]
    return variant.label if method.casefold() == variant.label.casefold() else f"{variant.label}, {method}"


def with_derived(study: StudyConfig, entries: Entries, path: Path) -> Entries:
    """Add the ensembles, and every row and ensemble with each normaliser.

    Raises:
        InputError: an ensemble names a row that does not exist, or is called as a row.
    """
    names = dict(entries.names)
    derived: list[Derived] = []
    normalised: list[tuple[Derived, Entry | Derived]] = []
    for label, part_names in study.ensembles.items():
        named = [_named(name, f"ensembles.{label}", entries, path) for name in part_names]
        parts = [row for row in named if isinstance(row, Entry)]
        if label in names:
            raise InputError(f"{path}: '{label}' is a row and an ensemble", "call the ensemble otherwise")
        names[label] = Derived(label, parts)
        derived.append(Derived(label, parts))
    bases: dict[str, tuple[Entry | Derived, Sequence[Entry]]] = {row.label: (row, [row]) for row in entries.rows}
    bases |= {ensemble.label: (ensemble, ensemble.parts) for ensemble in derived}
    for name in study.normalise:
        for label, (base, base_parts) in bases.items():
            row = Derived(f"{label}, {name}", base_parts, name)
            derived.append(row)
            normalised.append((row, base))
            for other in [other for other, named in names.items() if named.label == label]:
                names[f"{other}, {name}"] = row
    return replace(entries, names=names, derived=derived, normalised=normalised)


def _named(name: str, what: str, entries: Entries, path: Path) -> Entry | Derived:
    if name not in entries.names:
        close = difflib.get_close_matches(name, entries.names, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"rows: {', '.join(row.label for row in entries.rows)}"
        raise InputError(f"{path}: '{what}' names '{name}', which is no row ({hint})", "correct it")
    return entries.names[name]


def pairs_of(study: StudyConfig, entries: Entries, path: Path) -> list[Pair]:
    """Return the pairs of rows to compare, each once; pairs that decide a claim come first.

    Raises:
        InputError: no row has a label, or a row is compared with itself.
    """

    def label(name: str, what: str) -> str:
        return _named(name, what, entries, path).label

    pairs_listed = [
        Pair(label(ours, f"claims.{claim}"), label(theirs, f"claims.{claim}"), claim)
        for claim, (ours, theirs) in study.claims.items()
    ]
    if study.compare.taught:
        pairs_listed += [Pair(with_teachers.label, alone.label) for with_teachers, alone in entries.taught]
    if study.compare.normalised:
        pairs_listed += [Pair(row.label, base.label) for row, base in entries.normalised]
    if study.compare.against is not None:
        reference = label(study.compare.against, "compare.against")
        pairs_listed += [Pair(row.label, reference) for row in entries.rows if row.label != reference]
    pairs_listed += [
        Pair(label(ours, "compare.pairs"), label(theirs, "compare.pairs")) for ours, theirs in study.compare.pairs
    ]
    pairs: dict[frozenset[str], Pair] = {}
    for pair in pairs_listed:
        if pair.ours == pair.theirs:
            raise InputError(f"{path}: '{pair.ours}' is compared with itself", "name two rows")
        first = pairs.setdefault(frozenset((pair.ours, pair.theirs)), pair)
        if pair.claim and first is not pair:
            raise InputError(f"{path}: '{pair.claim}' and '{first.claim}' compare the same rows", "leave one out")
    return list(pairs.values())


def plans_in(variant: Variant) -> list[ModelPlan]:
    """Return the students that are rows of the variant, the taught student last; none for a variant without members."""
    if not variant.members:
        return []
    students = {plan.role: plan for plan in plans_of(variant.config) if plan.role != "teacher"}
    # without teachers a variant has only the student alone
    return [students[role] for role in ("student", "taught") if role in variant.members and role in students] or [
        students["student"]
    ]


def _identity(variant: Variant, plan: ModelPlan) -> tuple[Any, ...]:
    """Return a key that equal trainings share."""
    experts = tuple(expert.model_dump_json() for expert in variant.config.experts if expert.name in plan.experts)
    # denoising drops captions, which changes the training
    return variant.config.folder, plan, experts, variant.config.denoising
