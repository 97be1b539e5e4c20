"""What validation chooses: settings of a variant, or the experts of a student. The test split is not read here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from teachtext.errors import InputError
from teachtext.evaluation.results import Choice
from teachtext.experiment.plan import Member
from teachtext.experiment.study.rows import members_in
from teachtext.experiment.study.variants import Variant
from teachtext.experiment.train import Training

Trainings = Callable[[Variant, Member], Sequence[Training]]
Train = Callable[[Sequence[Training]], Mapping[Path, str]]


@dataclass(frozen=True)
class Chosen:
    """What came of it: the variants as they are tested, and how each was chosen."""

    variants: Sequence[Variant]
    choices: Sequence[Choice]


def choose(variants: Sequence[Variant], trainings: Trainings, train: Train) -> Chosen:
    """Choose on validation what is left open in variants: by the t2v geometric mean, averaged over some seeds or all.

    Args:
        variants: of the study.
        trainings: returns the trainings of a member of a variant, one a seed.
        train: trains what is not trained yet; returns by folder why it could not.

    Raises:
        InputError: there is no split that selects.
    """
    for variant in variants:
        if (variant.candidates or variant.size) and variant.config.dataset.select is None:
            raise InputError("'dataset.select' is null, and there is nothing to choose on", "name a split")
    if any(variant.size for variant in variants):
        return _experts(variants, trainings, train)
    return _settings(variants, trainings, train)


def _settings(variants: Sequence[Variant], trainings: Trainings, train: Train) -> Chosen:
    tried = {
        variant.label: {name: trainings(one, members_in(one)[-1]) for name, one in variant.candidates.items()}
        for variant in variants
    }
    failed = train([each for candidates in tried.values() for seeds in candidates.values() for each in seeds])
    chosen, choices = [], []
    for variant in variants:
        scores = _scores(tried[variant.label], failed)
        # where none could be trained, the first one tells why
        best = _best(scores) if scores else next(iter(tried[variant.label]), "")
        chosen.append(variant.candidates.get(best, variant))
        if len({seeds[0].folder for seeds in tried[variant.label].values()}) > 1 and scores:
            choices.append(Choice(label=variant.label, tried=scores, chosen=best))
    return Chosen(chosen, choices)


def _experts(variants: Sequence[Variant], trainings: Trainings, train: Train) -> Chosen:
    """Forward selection, of all variants side by side: one more expert a round."""
    groups: dict[str, list[Variant]] = {}
    for variant in variants:
        groups.setdefault(variant.label.rpartition(", ")[0], []).append(variant)
    own: dict[str, list[str]] = {name: [] for name in groups}
    chosen: dict[str, Variant] = {}
    choices = []
    for number in range(max(len(sizes) for sizes in groups.values())):
        tried = {}
        for name, sizes in groups.items():
            if number < len(sizes):
                pool = sizes[-1].config.student_experts
                left = [expert for expert in pool if expert not in own[name]]
                each = {expert: sizes[number].with_experts([*own[name], expert]) for expert in left}
                tried[name] = {expert: trainings(one, members_in(one)[0]) for expert, one in each.items()}
        failed = train([one for each in tried.values() for seeds in each.values() for one in seeds])
        for name, candidates in tried.items():
            variant, scores = groups[name][number], _scores(candidates, failed)
            best = _best(scores) if scores else next(iter(candidates))
            own[name].append(best)
            chosen[variant.label] = variant.with_experts(own[name])
            choices.append(Choice(label=variant.label, tried=scores, chosen=best))
    return Chosen([chosen[variant.label] for variant in variants], choices)


def _scores(tried: Mapping[str, Sequence[Training]], failed: Mapping[Path, str]) -> dict[str, float]:
    """Return the mean validation score over the seeds of each candidate that could be trained."""
    return {
        name: sum(map(validation_score, seeds)) / len(seeds)
        for name, seeds in tried.items()
        if not any(each.folder in failed for each in seeds)
    }


def _best(scores: Mapping[str, float]) -> str:
    """Return the best, of equal ones the first."""
    return max(scores, key=lambda name: scores[name])


def validation_score(training: Training) -> float:
    """Return the t2v geometric mean of a trained model on the split that selected its epoch."""
    told = training.metrics()
    return float(told["history"][told["best_epoch"] - 1]["validation"]["t2v"]["geometric_mean"])
