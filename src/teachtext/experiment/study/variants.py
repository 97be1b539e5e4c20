"""The variants of a study: what each changes, what it is called, and the run that it is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from teachtext.errors import InputError
from teachtext.experiment.config import RunConfig, run_config
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
    """

    label: str
    changes: Mapping[str, Any]
    members: Sequence[MemberName]
    config: RunConfig


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
    found: dict[str, Variant] = {}
    for label, changes, members in _combinations(study):
        where = f"{path}: variant '{label}'"
        if label in found:
            raise InputError(f"{where} is there twice", "write the values of the grid as {label: value}")
        _check_keys(changes, where)
        config = _config(study, changes, where, path)
        folder = work / _data_folder(config)
        found[label] = Variant(label, flat(changes), members, config.model_copy(update={"work": folder}))
    _check_files(list(found.values()), path)
    return list(found.values())


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
    axes = [[(label, {key: value}) for label, value in _labelled(key, axis)] for key, axis in study.grid.items()]
    for name, given in variants.items():
        own = given or VariantConfig()
        for cell in product(*axes):
            label = ", ".join([*([name] if name else []), *(part for part, _ in cell)])
            changes: dict[str, Any] = dict(own.model_extra or {})
            for _, change in cell:
                changes |= change
            yield label, changes, own.members or study.members


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
    own = {"name": study.name, "seeds": study.seeds}
    try:
        return run_config(merged(merged({}, study.base), changes) | own, where=where, folder=path.parent)
    except InputError as error:
        base = f"{path}: 'base'"
        try:
            run_config(merged({}, study.base) | own, where=base, folder=path.parent)
        except InputError as without:
            if without.problem.removeprefix(base) == error.problem.removeprefix(where):
                raise without from error
        raise


def _check_keys(settings: Mapping[str, Any], where: str) -> None:
    for key in settings:
        if str(key).partition(".")[0] in _OF_THE_STUDY:
            raise InputError(f"{where}: '{key}' is the study's own", "set it beside 'base', for the whole study")


def _check_files(variants: Sequence[Variant], path: Path) -> None:
    """Refuse one name for the features of different files: they would be kept in one folder."""
    seen: dict[tuple[Path, str], tuple[Any, str]] = {}
    for variant in variants:
        for expert in variant.config.experts:
            source = (expert.file, expert.key or expert.name, expert.pool) if expert.file else None
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
