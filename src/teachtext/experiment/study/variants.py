"""The variants of a study: the settings that each changes, its label, and its run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

from teachtext.errors import InputError
from teachtext.experiment.config import RunConfig
from teachtext.experiment.config_file import run_config
from teachtext.experiment.study.config import MemberName, StudyConfig, VariantConfig
from teachtext.files import fingerprint

# what variants cannot change, for it is the study's
_OF_THE_STUDY = ("name", "seeds", "work")


@dataclass(frozen=True)
class Variant:
    """One run of a study.

    Attributes:
        label: what it is called.
        changes: by dotted key, what it sets otherwise than the base.
        members: whose figures are its own.
        config: its run; variants with the same dataset have the same folder.
        candidates: by what is tried, the variants of which validation chooses one; nothing where there is no choice.
        size: how many experts its student chooses on validation; 0 where there is no such choice.
    """

    label: str
    changes: Mapping[str, Any]
    members: Sequence[MemberName]
    config: RunConfig
    candidates: "Mapping[str, Variant]" = field(default_factory=dict)
    size: int = 0

    def with_experts(self, experts: Sequence[str]) -> "Variant":
        """Return it with a student that sees these."""
        student = self.config.student.model_copy(update={"experts": list(experts)})
        return replace(
            self,
            changes={**self.changes, "student.experts": list(experts)},
            config=self.config.model_copy(update={"student": student}),
        )


def variants_of(study: StudyConfig, path: Path, work: Path) -> list[Variant]:
    """Return the variants of a study, validated.

    Args:
        study: the study.
        path: its file; relative paths of data are relative to its folder.
        work: folder of the study.

    Raises:
        InputError: naming the variant, the key and what is allowed there.
    """
    _check_keys(study.base, f"{path}: 'base'")

    def variant(label: str, changes: Mapping[str, Any], members: Sequence[MemberName]) -> Variant:
        where = f"{path}: variant '{label}'"
        _check_keys(changes, where)
        config = _config(study, changes, where, path)
        if not members and (config.denoising is None or study.choose):
            mend = "give it 'denoising', which finds noisy captions, or 'members'"
            raise InputError(f"{where}: without 'members' it has nothing to do", mend)
        folder = work / _data_folder(config)
        return Variant(label, flat(changes), members, config.model_copy(update={"work": folder}))

    variants: dict[str, Variant] = {}
    for label, changes, members in _combinations(study):
        tried = {
            ", ".join(name for name, _ in cell): variant(label, {**changes, **_joined(cell)}, members)
            for cell in product(*_axes(study.choose))
        }
        first = next(iter(tried.values()))
        made = replace(first, candidates=tried if study.choose else {})
        for sized in _sizes(made, study, path) if study.modalities else [made]:
            if sized.label in variants:
                where = f"{path}: variant '{sized.label}'"
                raise InputError(f"{where} is there twice", "write the values of the grid as {label: value}")
            variants[sized.label] = sized
    every = [entry.candidates or {"": entry} for entry in variants.values()]
    _check_files([candidate for candidates in every for candidate in candidates.values()], path)
    return list(variants.values())


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested settings with some of them changed; keys may be dotted, and anything but a mapping is replaced.

    >>> merged({"student": {"text": "glove", "experts": ["motion"]}}, {"student.text": "use"})
    {'student': {'text': 'use', 'experts': ['motion']}}
    """
    result = dict(base)
    for key, value in changes.items():
        head, dot, rest = str(key).partition(".")
        if dot:
            value = {rest: value}
        if isinstance(value, Mapping):
            old = result.get(head)
            value = merged(old if isinstance(old, Mapping) else {}, value)
        result[head] = value
    return result


def flat(settings: Mapping[str, Any], start: str = "") -> dict[str, Any]:
    """Return nested settings by dotted keys.

    >>> flat({"student": {"text": "use"}, "training.lr": 0.1})
    {'student.text': 'use', 'training.lr': 0.1}
    """
    result: dict[str, Any] = {}
    for key, value in settings.items():
        result |= flat(value, f"{start}{key}.") if isinstance(value, Mapping) and value else {f"{start}{key}": value}
    return result


def _combinations(study: StudyConfig) -> Iterator[tuple[str, dict[str, Any], Sequence[MemberName]]]:
    """Yield every variant with every combination of the grid's values: label, changes, members."""
    variants = study.variants or {"": None}
    for name, chosen in variants.items():
        variant = chosen or VariantConfig()
        for cell in product(*_axes(study.grid)):
            label = ", ".join([*([name] if name else []), *(part for part, _ in cell)])
            if not label and not study.modalities:
                label = "chosen"
            yield (
                label,
                {**(variant.model_extra or {}), **_joined(cell)},
                study.members if variant.members is None else variant.members,
            )


def _axes(grid: Mapping[str, list[Any] | dict[str, Any]]) -> list[list[tuple[str, dict[str, Any]]]]:
    return [[(label, {key: value}) for label, value in _labelled(key, axis)] for key, axis in grid.items()]


def _joined(cell: Sequence[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    return {key: value for _, change in cell for key, value in change.items()}


def _sizes(whole: Variant, study: StudyConfig, path: Path) -> Iterator[Variant]:
    """Yield a variant for each number of experts; which ones is not chosen yet, the first stand for them."""
    everything = [expert.name for expert in whole.config.experts]
    names = (study.modalities and study.modalities.experts) or everything
    unknown = sorted(set(names) - set(everything))
    if unknown:
        problem = f"'modalities.experts' names '{unknown[0]}', which is not among 'experts': {', '.join(everything)}"
        raise InputError(f"{path}: {problem}", "add it there, or take it out here")
    for size in range(1, len(names) + 1):
        label = ", ".join([*([whole.label] if whole.label else []), f"{size} expert{'s' if size > 1 else ''}"])
        members: list[MemberName] = ["student", "taught"]
        sized = replace(whole, label=label, members=members, size=size)
        yield sized.with_experts(names[:size])


def _labelled(key: str, axis: list[Any] | dict[str, Any]) -> list[tuple[str, Any]]:
    if isinstance(axis, dict):
        return list(axis.items())
    return [(_label(key.rpartition(".")[2], value), value) for value in axis]


def _label(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return " + ".join(_label("", item).strip() for item in value) or f"no {name}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_label('', item).strip()}" for key, item in value.items())
    return f"no {name}" if value is None else f"{name} {value}"


def _config(study: StudyConfig, changes: Mapping[str, Any], where: str, path: Path) -> RunConfig:
    shared: dict[str, Any] = {"name": study.name, "seeds": study.seeds}
    base_settings = merged({}, study.base)
    settings = merged(base_settings, changes)
    if study.modalities:
        # students that see different experts are compared on the same videos
        shared["dataset"] = {**settings.get("dataset", {}), "described_by": "experts"}
    try:
        return run_config(
            settings | shared, where=where, folder=path.parent, inherited=_of_another_kind(base_settings, settings)
        )
    except InputError as error:
        base = f"{path}: 'base'"
        try:
            run_config(base_settings | shared, where=base, folder=path.parent)
        except InputError as without:
            if without.problem.removeprefix(base) == error.problem.removeprefix(where):
                raise without from error
        raise


def _of_another_kind(base: Mapping[str, Any], settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the model settings of the base where a variant has another kind of model, else nothing."""
    before, after = (whole.get("model") for whole in (base, settings))
    if not isinstance(before, Mapping) or not isinstance(after, Mapping) or before.get("kind") == after.get("kind"):
        return {}
    return before


def _check_keys(settings: Mapping[str, Any], where: str) -> None:
    for key in settings:
        if str(key).partition(".")[0] in _OF_THE_STUDY:
            raise InputError(f"{where}: '{key}' is the study's own", "set it beside 'base', for the whole study")


def _check_files(variants: Sequence[Variant], path: Path) -> None:
    """Refuse one name for the features of different files: they would be kept in one folder."""
    seen: dict[tuple[Path, str], tuple[Any, str]] = {}
    for variant in variants:
        for expert in variant.config.experts:
            source = (expert.file, expert.key or expert.name, expert.pool, expert.nan) if expert.file else None
            before, first = seen.setdefault((variant.config.folder, expert.name), (source, variant.label))
            if before != source:
                raise InputError(
                    f"{path}: expert '{expert.name}' of variant '{first}' is another in variant '{variant.label}'",
                    "give them two names",
                )


def _data_folder(config: RunConfig) -> str:
    """Name the folder of a dataset: what is made from one of them is shared by all variants that have it."""
    dataset = config.dataset
    name = dataset.path.name if dataset.path else "playground"
    return f"{name}-{fingerprint(dataset.model_dump(mode='json', exclude_defaults=True))[:8]}"
