"""A study as it is read from its file: checked whole before anything is made."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from teachtext.evaluation.study.compare import Pair
from teachtext.experiment.config import read_settings, validated
from teachtext.experiment.study.config import StudyConfig
from teachtext.experiment.study.entries import Entry, entries_of, pairs_of
from teachtext.experiment.study.variants import Variant, variants_of


@dataclass(frozen=True)
class Study:
    """A study.

    Attributes:
        config: its file.
        folder: what it writes to.
        variants: its runs.
        entries: its rows.
        pairs: what is compared.
    """

    config: StudyConfig
    folder: Path
    variants: list[Variant]
    entries: list[Entry]
    pairs: list[Pair]

    @property
    def results_path(self) -> Path:
        """Its results."""
        return self.folder / "results.json"


def load_study(path: Path) -> Study:
    """Read and validate the file of a study.

    Raises:
        InputError: naming the variant, the key, and what is allowed there.
    """
    config = validated(StudyConfig, read_settings(path), str(path), path.parent)
    folder = (config.work or Path("runs") / config.name).resolve()
    variants = variants_of(config, path, folder)
    entries = entries_of(variants)
    return Study(config, folder, variants, list(entries.rows), pairs_of(config, entries, path))


def show_study(study: Study) -> str:
    """Return as YAML what is tried and what is compared."""
    told = {
        "folder": str(study.folder),
        "rows": {entry.label: {"member": entry.member.label, **dict(entry.variant.changes)} for entry in study.entries},
        "seeds": study.config.seeds,
        "comparisons": [f"{pair.ours} against {pair.theirs}" for pair in study.pairs],
    }
    return yaml.safe_dump(told, sort_keys=False, allow_unicode=True, width=1000)
