"""Reads a parity file: recorded inputs and outputs of the authors' model."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from teachtext.data.arrays import Arrays
from teachtext.data.batch import Batch, TextBatch, VideoBatch
from teachtext.errors import InputError
from teachtext.files import parse_json
from teachtext.models.build import build_model
from teachtext.models.retrieval import RetrievalModel
from teachtext.originals.parameter_names import from_original

Mode = Literal["eval", "train"]
_MEND = "record it again"


class Recording:
    """Checked access to a parity file of a model.

    `meta` is JSON: `kind` (CE or MoEE), `experts` (sorted), `dims` by expert, `video_clusters` by expert that is a
    sequence, `text_dim`, `text_clusters`, `ghost_clusters`, `shared_dim` (CE) and `margin`. The other arrays are
    `state/<the authors' parameter name>`, and the contents of `train/` and `eval/`: see `batch` and
    `teachtext.originals.parity`.

    Args:
        path: of the file, for error messages.
        arrays: the content of the file.

    Raises:
        InputError: `meta` is missing or incomplete.
    """

    def __init__(self, path: Path, arrays: Arrays) -> None:
        self.path = path
        self.arrays = arrays
        try:
            self.kind, self.arguments, self.margin = _read_meta(parse_json(str(arrays["meta"])))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{path}: 'meta' does not describe a CE or MoEE ({error})", _MEND) from error
        self.experts: list[str] = list(self.arguments["expert_dims"])

    def model(self) -> RetrievalModel:
        """Build the faithful form of the recorded model in double precision, with its weights.

        Raises:
            InputError: the weights do not fit the model; the message names them.
        """
        # on the meta device, until the shapes are checked against the file
        try:
            with torch.device("meta"):
                model = build_model(self.kind, self.arguments)
        except Exception as error:
            raise InputError(f"{self.path}: 'meta' describes no model ({error})", _MEND) from error
        weights = from_original(model, self.group("state"), source=f"{self.path}: 'state/'")
        model.load_state_dict(weights, assign=True)
        return model

    def batch(self, mode: Mode) -> tuple[Batch, int]:
        """Return the recorded inputs of the model, and C, the number of captions a video.

        The arrays are `expert/<name>` (B, D), or (B, T, D) for a sequence, `present/<name>` (B,), `text` (B, C, L, D)
        and `text_lengths` (B, C). Row b * C + c of the text belongs to video b.
        """
        text = self.tensor(f"{mode}/text", (None, None, None, self.arguments["text_dim"]))
        videos, captions, words, _ = text.shape
        if mode == "train" and (videos < 2 or captions != 1):
            raise InputError(f"{self.path}: 'train/' needs two videos or more, and one caption of each", _MEND)
        experts, lengths = {}, {}
        for name in self.experts:
            sequence = name in self.arguments["expert_clusters"]
            shape = (videos, None, self.arguments["expert_dims"][name])
            present = self.present(mode, name)
            rows = self.tensor(f"{mode}/expert/{name}", shape if sequence else shape[::2], rows=present)
            experts[name] = rows if sequence else rows[:, None]
            lengths[name] = present.long() * experts[name].shape[1]
        used = self.tensor(f"{mode}/text_lengths", (videos, captions)).long()
        if used.min() < 0 or used.max() > words:
            raise InputError(f"{self.path}: '{mode}/text_lengths' goes beyond the {words} rows of a caption", _MEND)
        ids = [f"{number}" for number in range(videos * captions)]
        return Batch(
            TextBatch(ids, text.flatten(0, 1), used.flatten()), VideoBatch(ids[:videos], experts, lengths)
        ), captions

    def present(self, mode: Mode, expert: str) -> Tensor:
        """Return a mask (B,) of the videos with features of an expert."""
        present = self.tensor(f"{mode}/present/{expert}", (self.arrays[f"{mode}/text"].shape[0],))
        if not ((present == 0) | (present == 1)).all():
            raise InputError(f"{self.path}: '{mode}/present/{expert}' has values other than 0 and 1", _MEND)
        return present.bool()

    def tensor(self, name: str, shape: tuple[int | None, ...] | None, *, rows: Tensor | None = None) -> Tensor:
        """Return an array, floats in double precision.

        Args:
            name: of the array.
            shape: the expected shape, with None for an axis of any length; None for any shape.
            rows: (B,) bool; these rows must be finite, all others become zeros.

        Raises:
            InputError: the array is missing, of another shape or type, or not finite.
        """
        if name not in self.arrays:
            raise InputError(f"{self.path} has no array '{name}'", _MEND)
        array = self.arrays[name]
        expected = array.shape if shape is None else shape
        fits = array.ndim == len(expected) and all(
            length in (None, actual) for length, actual in zip(expected, array.shape, strict=True)
        )
        if not fits or array.dtype.kind not in "fiub" or (shape and not array.size):
            needed = f"({', '.join('any' if length is None else str(length) for length in expected)})"
            raise InputError(
                f"{self.path}: '{name}' is {array.dtype} {array.shape}, numbers {needed} are needed", _MEND
            )
        values = torch.from_numpy(array.astype("float64" if array.dtype.kind == "f" else "int64"))
        if rows is not None:
            values[~rows] = 0
        if not values.isfinite().all():
            raise InputError(f"{self.path}: '{name}' is not finite", _MEND)
        return values

    def group(self, folder: str) -> dict[str, Tensor]:
        """Return all arrays below `<folder>/`, by their names without the folder."""
        names = [name for name in self.arrays if name.startswith(f"{folder}/")]
        return {name.removeprefix(f"{folder}/"): self.tensor(name, None) for name in names}


def _read_meta(meta: Mapping[str, Any]) -> tuple[str, dict[str, Any], float]:
    kind, experts, margin = str(meta["kind"]).lower(), list(meta["experts"]), float(meta["margin"])
    if kind not in ("ce", "moee"):
        raise ValueError(f"kind is {kind}")
    if not experts or not all(isinstance(name, str) for name in experts) or experts != sorted(set(experts)):
        raise ValueError("experts are not sorted names")
    if not math.isfinite(margin):
        raise ValueError(f"margin is {margin}")
    clusters = {name: _whole(count, name, least=0) for name, count in dict(meta["video_clusters"] or {}).items()}
    if unknown := sorted(set(clusters) - set(experts)):
        raise ValueError(f"video_clusters names {unknown[0]}, which is not an expert")
    arguments = {
        "expert_dims": {name: _whole(meta["dims"][name], name) for name in experts},
        "expert_clusters": {name: count for name, count in clusters.items() if count},
        "text_dim": _whole(meta["text_dim"], "text_dim"),
        "text_clusters": _whole(meta["text_clusters"] or 0, "text_clusters", least=0),
        "ghost_clusters": _whole(meta["ghost_clusters"] or 0, "ghost_clusters", least=0),
        "gating": "sequential",
        "mask_padding": False,
    }
    if kind == "ce":
        arguments["shared_dim"] = _whole(meta["shared_dim"], "shared_dim")
    return kind, arguments, margin


def _whole(value: Any, name: str, *, least: int = 1) -> int:
    if type(value) is not int or value < least:
        raise ValueError(f"{name} is {value!r}")
    return value
