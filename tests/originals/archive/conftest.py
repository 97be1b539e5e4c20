"""A small archive of every dataset, with every irregular name, and the expected result of its import."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from archives import FIXED, NAN, ODD, store, write

from teachtext.originals.archive.layouts import SEQUENCES

VIDEOS = {"train": ["vid.0.mp4", "vid.1", "uncaptioned"], "val": ["vid.2"], "test": ["vid.3", "v\u00efd 4"]}
PLAIN = {split: f"{split}_list" for split in VIDEOS}
LISTS = {
    "MSRVTT": {split: f"{split}_list_full" for split in VIDEOS},
    "activity-net": {"train": "train_list", "val": "val_1_list"},
}
OPENAI = {"MSRVTT": "w2v_MSRVTT_openAIGPT.pickle", "DiDeMo": "openai-feats.pkl", "LSMDC": "openai-text.pickle"}


@dataclass
class ArchiveContent:
    """Files of a feature root, and the content that they hold."""

    dataset: str
    files: dict[str, Any] = field(default_factory=dict)
    captions: dict[str, list[list[str]]] = field(default_factory=dict)
    splits: dict[str, list[str]] = field(default_factory=dict)
    experts: dict[str, dict[str, Any]] = field(default_factory=dict)
    texts: dict[str, dict[str, list[Any]]] = field(default_factory=dict)

    def at(self, folder: Path, protocol: int = 2) -> Path:
        return write(folder, self.files, protocol)


def archive_content(dataset: str, seed: int = 0) -> ArchiveContent:
    rng = np.random.default_rng(seed)
    made, lists = ArchiveContent(dataset), LISTS.get(dataset, PLAIN)
    # the ids of DiDeMo end at the first dot; elsewhere a dot is part of the id
    ids = {
        split: [v.split(".")[0] + v[-1] if dataset == "DiDeMo" else v for v in video_ids]
        for split, video_ids in VIDEOS.items()
    }
    made.splits = {split: ids[split] for split in lists}
    for split, name in lists.items():
        lines = [f"{v}.mov.mp4" if dataset == "DiDeMo" else v for v in ids[split]]
        made.files[f"{name}.txt"] = "\n".join(lines) + "\n\n"
    videos = [v for split in made.splits.values() for v in split]
    captioned = [v for v in videos if not v.startswith("uncaptioned")]
    made.captions = {v: [["a", "caf\u00e9", str(k)] for k in range(2 + i % 2)] for i, v in enumerate(captioned)}
    made.files[f"raw-captions{'-train-val_1' if dataset == 'activity-net' else ''}.pkl"] = made.captions
    for path, expert in (FIXED | ODD[dataset]).items():
        values = expert_values(rng, [*videos, "in no list"], expert)
        # LSMDC has two paths for some experts: the first is imported
        made.experts.setdefault(expert, values)
        made.files[path] = store(values, 5) if expert == "r2p1d.r2p1d-ig65m.0" else values
    for name in ("w2v", "gpt2-xl", "gpt2-xl-finetune", *(["openai"] if dataset in OPENAI else [])):
        made.texts[name] = {
            v: [rng.normal(size=(1 + k, 4)).astype(np.float32) for k in range(len(texts))]
            for v, texts in made.captions.items()
        }
        made.files[f"aggregated_text_feats/{OPENAI[dataset] if name == 'openai' else f'{name}.pkl'}"] = made.texts[name]
    return made


def expert_values(rng: np.random.Generator, videos: list[str], expert: str) -> dict[str, Any]:
    """(D,) or (1, D), or (T, D) for sequences; with every mark of a missing item."""
    shapes = [(3, 5), (1, 5), (7, 5)] if expert in SEQUENCES else [(5,), (1, 5)]
    dtype = np.float16 if expert in ("imagenet.senet154.0", "audio", "r2p1d.r2p1d-ig65m.0") else np.float32
    values: dict[str, Any] = {v: rng.normal(size=shapes[k % len(shapes)]).astype(dtype) for k, v in enumerate(videos)}
    if expert in SEQUENCES:
        values |= {videos[0]: NAN, videos[1]: np.zeros((0, 5), dtype), videos[2]: np.float64("nan")}
    elif expert in ("face", "r2p1d.r2p1d-ig65m.0"):
        values |= {videos[1]: NAN}
    return values


@pytest.fixture
def make() -> Callable[..., ArchiveContent]:
    return archive_content
