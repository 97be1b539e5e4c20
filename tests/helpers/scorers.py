"""Slow scorers with fresh weights, as a run writes them: they rank at random, and always alike."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from teachtext.learning.checkpoint import ModelSpec, save_spec
from teachtext.learning.model_files import WEIGHTS


def write_scorer(
    folder: Path, expert_dims: Mapping[str, int], *, text: str = "glove", text_dim: int = 50, **changes: Any
) -> Path:
    """Write a slow scorer that reads some experts and the words of a text encoder."""
    small = {"shared_dim": 8, "layers": 1, "heads": 2, "feedforward": 8, "text_clusters": 2}
    spec = ModelSpec(
        kind="mmt",
        arguments={"expert_dims": dict(expert_dims), "text_dim": text_dim, **small},
        text_encoder=text,
        max_words=10,
        max_tokens={},
        origin={},
        is_scorer=True,
        **changes,
    )
    torch.manual_seed(3)
    scorer = spec.build_scorer()
    folder.mkdir(parents=True)
    save_spec(folder, spec)
    save_file(scorer.state_dict(), folder / WEIGHTS)
    return folder
