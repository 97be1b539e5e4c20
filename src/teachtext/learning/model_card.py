"""The card of a model folder, `README.md`: what the model is, and what was measured for it.

The card begins with the metadata that the Hugging Face hub reads; tables for people follow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from teachtext.errors import InputError
from teachtext.evaluation.metrics import NAMES
from teachtext.files import read_json, write_json, write_text
from teachtext.learning.model_files import CARD, EVALUATION

_TAGS = ["teachtext", "text-video-retrieval", "video-search"]
_DIRECTIONS = {"t2v": "text to video", "v2t": "video to text"}


@dataclass(frozen=True, kw_only=True)
class SplitMetrics:
    """What was measured for a model on one split.

    Attributes:
        dataset: name of the dataset.
        split: name of the split.
        videos: B, the size of the gallery.
        queries: C, the number of text queries.
        t2v: text-to-video metrics by key, as in `results.json`.
        v2t: video-to-text metrics by key.
        trained_on: the pairs that the model has learned from: nothing, train split or other; empty if unknown.
    """

    dataset: str
    split: str
    videos: int
    queries: int
    t2v: Mapping[str, float]
    v2t: Mapping[str, float]
    trained_on: str = ""


def save_measured(folder: Path, measured: Sequence[SplitMetrics]) -> None:
    """Write what was measured for a model, `evaluation.json`."""
    write_json(folder / EVALUATION, [asdict(metrics) for metrics in measured])


def load_measured(folder: Path) -> list[SplitMetrics]:
    """Read what was measured for a model; nothing where `evaluation.json` is missing.

    Raises:
        InputError: the file is not of this form.
    """
    path = folder / EVALUATION
    if not path.exists():
        return []
    try:
        return [SplitMetrics(**values) for values in read_json(path)]
    except TypeError as error:
        raise InputError(
            f"{path} does not hold the metrics of a model", "delete it, or save the model again"
        ) from error


def save_card(
    folder: Path,
    title: str,
    facts: Mapping[str, str],
    *,
    measured: Sequence[SplitMetrics] = (),
    license: str = "unknown",
    repo_id: str | None = None,
) -> None:
    """Write the card of a model.

    Args:
        folder: the folder of the model.
        title: the first heading.
        facts: rows of the table for people.
        measured: metrics, which the hub shows too.
        license: of the weights, as the hub names licences.
        repo_id: `user/name` on the hub; by default the card shows how to load a folder.
    """
    header = yaml.safe_dump(_metadata(title, measured, license), sort_keys=False, allow_unicode=True)
    place = repo_id or "path/of/this/folder"
    lines = [
        f"---\n{header}---\n",
        f"# {title}\n",
        *_table(("", ""), facts.items()),
        *(line for metrics in measured for line in _metrics_lines(metrics)),
        "## Use\n",
        "```python",
        "import teachtext",
        "",
        f'model = teachtext.load("{place}")',
        'scores = model.similarity(model.encode_text(["a dog runs"]), model.encode_video(["video.mp4"]))',
        "```\n",
    ]
    write_text(folder / CARD, "\n".join(lines))


def _metadata(title: str, measured: Sequence[SplitMetrics], license: str) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "library_name": "teachtext",
        "pipeline_tag": "feature-extraction",
        "license": license,
        "tags": _TAGS,
    }
    if measured:
        results = [_hub_result(metrics, direction) for metrics in measured for direction in _DIRECTIONS]
        metadata["model-index"] = [{"name": title, "results": results}]
    return metadata


def _hub_result(metrics: SplitMetrics, direction: str) -> dict[str, Any]:
    values = getattr(metrics, direction)
    return {
        "task": {"type": "retrieval", "name": f"{_DIRECTIONS[direction].capitalize()} retrieval"},
        "dataset": {"name": metrics.dataset, "type": metrics.dataset.lower().replace(" ", "-"), "split": metrics.split},
        "metrics": [
            {"type": key, "name": f"{NAMES.get(key, key)} ({direction})", "value": round(value, 4)}
            for key, value in values.items()
        ],
    }


def _metrics_lines(metrics: SplitMetrics) -> list[str]:
    keys = list(metrics.t2v)
    rows = [
        (name, *(f"{getattr(metrics, direction)[key]:.1f}" for key in keys)) for direction, name in _DIRECTIONS.items()
    ]
    trained = [f"Trained on: {metrics.trained_on}\n"] if metrics.trained_on else []
    return [
        f"## {metrics.dataset}, {metrics.split}: {metrics.queries:,} queries, {metrics.videos:,} videos\n",
        *trained,
        *_table(("", *(NAMES.get(key, key) for key in keys)), rows),
    ]


def _table(head: Sequence[str], rows: Any) -> list[str]:
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return [lines[0], f"|{'---|' * len(head)}", *lines[1:], ""]
