"""A study as it is read from its file: checked whole before anything is made."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from teachtext.evaluation.compare import Pair
from teachtext.experiment.config import read_settings, validated
from teachtext.experiment.study.config import StudyConfig
from teachtext.experiment.study.rows import Derived, Entry, entries_of, pairs_of, with_derived
from teachtext.experiment.study.variants import Variant, variants_of


@dataclass(frozen=True)
class Study:
    """A study.

    Attributes:
        config: its file.
        path: where it was read from.
        folder: what it writes to.
        variants: its runs.
        entries: its rows that are trained.
        derived: its rows that are computed from those.
        pairs: what is compared.
    """

    config: StudyConfig
    path: Path
    folder: Path
    variants: list[Variant]
    entries: list[Entry]
    derived: list[Derived]
    pairs: list[Pair]

    @property
    def results_path(self) -> Path:
        """Its results."""
        return self.folder / "results.json"

    @property
    def chooses(self) -> bool:
        """Whether validation chooses something."""
        return any(variant.candidates or variant.size for variant in self.variants)


def load_study(path: Path) -> Study:
    """Read and validate the file of a study.

    Raises:
        InputError: naming the variant, the key, and what is allowed there.
    """
    config = validated(StudyConfig, read_settings(path), str(path), path.parent)
    folder = (config.work or Path("runs") / config.name).resolve()
    return study_of(config, path, folder, variants_of(config, path, folder))


def study_of(config: StudyConfig, path: Path, folder: Path, variants: Sequence[Variant]) -> Study:
    """Return the study of these variants.

    Raises:
        InputError: a comparison or an ensemble names a row that is not there.
    """
    entries = with_derived(config, entries_of(variants), path)
    pairs = pairs_of(config, entries, path)
    return Study(config, path, folder, list(variants), list(entries.rows), list(entries.derived), pairs)


def show_study(study: Study) -> str:
    """Return as YAML what is tried and what is compared."""
    told = {
        "folder": str(study.folder),
        "rows": {entry.label: _told(entry) for entry in study.entries},
        **({"computed": [one.label for one in study.derived]} if study.derived else {}),
        "seeds": study.config.seeds,
        "comparisons": [f"{pair.ours} against {pair.theirs}" for pair in study.pairs],
    }
    return yaml.safe_dump(told, sort_keys=False, allow_unicode=True, width=1000)


def _told(entry: Entry) -> dict[str, Any]:
    changes = dict(entry.variant.changes)
    if entry.variant.size:
        changes["student.experts"] = f"{entry.variant.size}, chosen on validation"
    if entry.variant.candidates:
        changes["one of, by validation"] = list(entry.variant.candidates)
    return {"member": entry.member.label, **changes}
