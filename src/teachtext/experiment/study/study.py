"""A study, read from its file and checked whole before anything is computed; a run is a study of one variant."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from teachtext.evaluation.compare import Pair
from teachtext.experiment.config import RunConfig
from teachtext.experiment.config_file import load_config, read_settings, show_config, validated
from teachtext.experiment.study.config import StudyConfig
from teachtext.experiment.study.rows import Derived, Entry, entries_of, entries_of_run, pairs_of, with_derived
from teachtext.experiment.study.variants import Variant, variants_of

# any of them tells a run from a study, so that a missing key of a run is named
_RUN_KEYS = ("dataset", "experts", "teachers", "student")


@dataclass(frozen=True)
class Study:
    """A study, or a run.

    Attributes:
        config: its settings.
        path: the file of the settings.
        folder: its results.
        variants: its runs.
        entries: trained rows.
        derived: rows that are computed from trained rows.
        pairs: rows to compare.
        run: the config of a run; None for a study.
    """

    config: StudyConfig
    path: Path
    folder: Path
    variants: list[Variant]
    entries: list[Entry]
    derived: list[Derived]
    pairs: list[Pair]
    run: RunConfig | None = None

    @property
    def results_path(self) -> Path:
        """File of the results."""
        return self.folder / "results.json"

    @property
    def chooses(self) -> bool:
        """Whether validation chooses something."""
        return any(variant.candidates or variant.size for variant in self.variants)

    @property
    def saved_config(self) -> dict[str, Any]:
        """The settings as results keep them."""
        if self.run is not None:
            return self.run.model_dump(mode="json")
        return self.config.model_dump(mode="json", exclude={"work", "jobs"})


def load_study(path: Path) -> Study:
    """Read and validate the file of a study; the file of a run becomes a study of one variant.

    Raises:
        InputError: naming the variant, the key, and the allowed values.
    """
    settings = read_settings(path)
    if "base" not in settings and not settings.keys().isdisjoint(_RUN_KEYS):
        return study_of_run(load_config(path), path)
    config = validated(StudyConfig, settings, str(path), path.parent)
    folder = (config.work or Path("runs") / config.name).resolve()
    return study_of(config, path, folder, variants_of(config, path, folder))


def study_of(config: StudyConfig, path: Path, folder: Path, variants: Sequence[Variant]) -> Study:
    """Return the study of these variants.

    Raises:
        InputError: a comparison or an ensemble names a row that does not exist.
    """
    entries = with_derived(config, entries_of(variants), path)
    pairs = pairs_of(config, entries, path)
    return Study(config, path, folder, list(variants), list(entries.rows), list(entries.derived), pairs)


def study_of_run(config: RunConfig, path: Path = Path("config.yaml")) -> Study:
    """Return the study of one variant that a run is."""
    settings = StudyConfig(name=config.name, base={}, variants={"run": None}, seeds=config.seeds)
    variant = Variant("run", {}, ("student", "taught"), config)
    entries = entries_of_run(variant)
    pairs = pairs_of(settings, entries, path)
    return Study(settings, path, config.folder.resolve(), [variant], list(entries.rows), [], pairs, run=config)


def show_study(study: Study) -> str:
    """Return as YAML the rows and the comparisons of a study, or the config of a run with every default."""
    if study.run is not None:
        return show_config(study.run)
    summary = {
        "folder": str(study.folder),
        "rows": {entry.label: _changes(entry) for entry in study.entries},
        **({"denoised": noisy} if (noisy := [v.label for v in study.variants if not v.members]) else {}),
        **({"computed": [row.label for row in study.derived]} if study.derived else {}),
        "seeds": study.config.seeds,
        "comparisons": [f"{pair.ours} against {pair.theirs}" for pair in study.pairs],
    }
    return yaml.safe_dump(summary, sort_keys=False, allow_unicode=True, width=1000)


def _changes(entry: Entry) -> dict[str, Any]:
    changes = dict(entry.variant.changes)
    if entry.variant.size:
        changes["student.experts"] = f"{entry.variant.size}, chosen on validation"
    if entry.variant.candidates:
        changes["one of, by validation"] = list(entry.variant.candidates)
    return {"member": entry.plan.label, **changes}
