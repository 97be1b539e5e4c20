"""Choices on validation: settings of a variant, or the experts of a student. The test split is not read here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from teachtext.errors import InputError
from teachtext.evaluation.results import Choice
from teachtext.experiment.plan import ModelPlan
from teachtext.experiment.study.rows import plans_in
from teachtext.experiment.study.variants import Variant
from teachtext.experiment.train import Training

Trainings = Callable[[Variant, ModelPlan], Sequence[Training]]
Train = Callable[[Sequence[Training]], Mapping[Path, InputError]]


@dataclass(frozen=True)
class Chosen:
    """The variants as they are tested, and the choices that led to them."""

    variants: Sequence[Variant]
    choices: Sequence[Choice]


def choose(variants: Sequence[Variant], trainings: Trainings, train: Train) -> Chosen:
    """Choose what variants leave open by the validation t2v geometric mean, averaged over seeds.

    Args:
        variants: of the study.
        trainings: returns the trainings of a model of a variant, one for each seed that chooses.
        train: trains what is not trained yet; returns by folder the error of a training that failed.

    Raises:
        InputError: no split selects.
    """
    for variant in variants:
        if (variant.candidates or variant.size) and variant.config.dataset.select is None:
            raise InputError("'dataset.select' is null, and there is nothing to choose on", "name a split")
    if any(variant.size for variant in variants):
        return _experts(variants, trainings, train)
    return _settings(variants, trainings, train)


def _settings(variants: Sequence[Variant], trainings: Trainings, train: Train) -> Chosen:
    tried = {
        variant.label: {
            name: trainings(candidate, plans_in(candidate)[-1]) for name, candidate in variant.candidates.items()
        }
        for variant in variants
    }
    failed = train([training for by_name in tried.values() for seeds in by_name.values() for training in seeds])
    chosen, choices = [], []
    for variant in variants:
        scores, problems = _scores(tried[variant.label], failed), _problems(tried[variant.label], failed)
        # if none could be trained, the first candidate reports why
        best = _best(scores) if scores else next(iter(tried[variant.label]), "")
        chosen.append(variant.candidates.get(best, variant))
        if len({seeds[0].folder for seeds in tried[variant.label].values()}) > 1 and scores:
            choices.append(Choice(label=variant.label, tried=scores, chosen=best, failed=problems))
    return Chosen(chosen, choices)


def _experts(variants: Sequence[Variant], trainings: Trainings, train: Train) -> Chosen:
    """Select experts forward, one more a round, in all variants at once."""
    groups: dict[str, list[Variant]] = {}
    for variant in variants:
        groups.setdefault(variant.label.rpartition(", ")[0], []).append(variant)
    selected: dict[str, list[str]] = {name: [] for name in groups}
    chosen: dict[str, Variant] = {}
    choices = []
    for size in range(max(len(sizes) for sizes in groups.values())):
        tried: dict[str, dict[str, Sequence[Training]]] = {}
        for name, sizes in groups.items():
            if size < len(sizes):
                left = [expert for expert in sizes[-1].config.student_experts if expert not in selected[name]]
                candidates = {expert: sizes[size].with_experts([*selected[name], expert]) for expert in left}
                tried[name] = {
                    expert: trainings(candidate, plans_in(candidate)[0]) for expert, candidate in candidates.items()
                }
        failed = train([training for by_name in tried.values() for seeds in by_name.values() for training in seeds])
        for name, by_expert in tried.items():
            variant, scores, problems = groups[name][size], _scores(by_expert, failed), _problems(by_expert, failed)
            best = _best(scores) if scores else next(iter(by_expert))
            selected[name].append(best)
            chosen[variant.label] = variant.with_experts(selected[name])
            choices.append(Choice(label=variant.label, tried=scores, chosen=best, failed=problems))
    return Chosen([chosen[variant.label] for variant in variants], choices)


def _scores(tried: Mapping[str, Sequence[Training]], failed: Mapping[Path, InputError]) -> dict[str, float]:
    """Return the mean validation score over the seeds of every candidate that could be trained."""
    return {
        name: sum(map(validation_score, seeds)) / len(seeds)
        for name, seeds in tried.items()
        if not any(training.folder in failed for training in seeds)
    }


def _problems(tried: Mapping[str, Sequence[Training]], failed: Mapping[Path, InputError]) -> dict[str, str]:
    """Return why candidates could not be trained, the first problem of each."""
    return {
        name: next(failed[training.folder].problem for training in seeds if training.folder in failed)
        for name, seeds in tried.items()
        if any(training.folder in failed for training in seeds)
    }


def _best(scores: Mapping[str, float]) -> str:
    """Return the best candidate, the first of equal ones."""
    return max(scores, key=lambda name: scores[name])


def validation_score(training: Training) -> float:
    """Return the t2v geometric mean of a trained model on the split that selected its epoch."""
    metrics = training.metrics
    return float(metrics["history"][metrics["best_epoch"] - 1]["validation"]["t2v"]["geometric_mean"])
