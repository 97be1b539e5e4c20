"""A trained model as a folder to share: its files, what was measured for it, and a card."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from teachtext.data.kept_captions import CAPTIONS, KeptCaptions, load_captions
from teachtext.files import atomic_folder, read_json
from teachtext.learning.checkpoint import ModelSpec, load_spec
from teachtext.learning.model_card import SplitMetrics, load_measured, save_card, save_measured
from teachtext.learning.model_files import CONFIG, METRICS, TRAINED_ON, WEIGHTS


def save_shared(
    folder: Path,
    target: Path,
    *,
    name: str | None = None,
    repo_id: str | None = None,
    measured: Sequence[SplitMetrics] = (),
    license: str = "unknown",
    captions: bool = True,
) -> Path:
    """Copy a model folder, and write its card anew with what was measured.

    Args:
        folder: of the model.
        target: a folder that is empty or does not exist.
        name: title of the card; by default from what the model was trained on.
        repo_id: `user/name` on the hub, for the card.
        measured: metrics of the model; by default those that the folder holds.
        license: of the weights.
        captions: whether the captions that the model keeps go along.

    Raises:
        InputError: the folder holds no whole model, or the target is not empty.
    """
    spec = load_spec(folder)
    kept = load_captions(folder / CAPTIONS) if captions and (folder / CAPTIONS).exists() else None
    results = list(measured) or load_measured(folder)
    with atomic_folder(target) as scratch:
        for file in (CONFIG, WEIGHTS, METRICS, TRAINED_ON, *([CAPTIONS] if kept else [])):
            if (folder / file).exists():
                shutil.copyfile(folder / file, scratch / file)
        if results:
            save_measured(scratch, results)
        save_card(
            scratch,
            name or _title(spec),
            card_facts(spec, read_json(folder / METRICS) if (folder / METRICS).exists() else None, kept),
            measured=results,
            license=license,
            repo_id=repo_id,
        )
    return target


def _title(spec: ModelSpec) -> str:
    dataset = spec.origin.get("dataset")
    return f"A text-video retrieval model trained on {dataset}" if dataset else "A text-video retrieval model"


def card_facts(spec: ModelSpec, metrics: Mapping[str, Any] | None, kept: KeptCaptions | None = None) -> dict[str, str]:
    """Return the rows of the card's table.

    Args:
        spec: of the model.
        metrics: content of `metrics.json`: `parameters`, `best_epoch` and `history`; None if the file is missing.
        kept: the captions that lie beside the model; None if there are none.
    """
    facts = {"text encoder": spec.text_encoder, "video experts": ", ".join(spec.experts), "model": spec.kind}
    if metrics is not None:
        facts["model"] += f", {metrics['parameters']:,} parameters"
        if metrics["best_epoch"] is not None:
            facts["selected epoch"] = _selected_epoch(metrics["best_epoch"], metrics["history"])
    labels = {"dataset": "trained on", "train_videos": "training videos", "train_captions": "training captions"}
    labels |= {"role": "role", "teachers": "teachers", "seed": "seed", "imported": "imported from"}
    for key, label in labels.items():
        value = spec.origin.get(key)
        if value not in (None, []):
            facts[label] = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    if kept is not None:
        facts["captions in this folder"] = f"{kept.description} (`{CAPTIONS}`; with them an index corrects hubs)"
    return facts


def _selected_epoch(best: int, history: Sequence[Mapping[str, Any]]) -> str:
    # the history of an imported model is unknown
    if not history:
        return str(best)
    validation = history[best - 1]["validation"]
    reached = f", validation t2v geometric mean {validation['t2v']['geometric_mean']:.1f}" if validation else ""
    return f"{best} of {len(history)}{reached}"
