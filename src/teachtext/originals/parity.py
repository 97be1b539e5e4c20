"""Compares our CE, MoEE and metrics with numbers recorded from the authors' code."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from teachtext.data.arrays import Arrays, read_arrays
from teachtext.data.batch import Batch
from teachtext.errors import InputError
from teachtext.evaluation.similarity_file import StoredScores, cases_of
from teachtext.learning.distillation.objective import Distillation
from teachtext.learning.distillation.presets import preset
from teachtext.learning.losses import MaxMarginRankingLoss
from teachtext.models.retrieval import RetrievalModel
from teachtext.models.similarity import Embedded
from teachtext.originals.parameter_names import original_names, rename_original
from teachtext.originals.parity_file import Mode, Recording

LIMIT = 1e-5
GRADIENT_LIMIT = 1e-4
NO_GRADIENT = 1e-9
"""A gradient below this fraction of the largest is zero by calculus, and its recording is rounding noise."""

METRICS = {
    "R1": "r1",
    "R5": "r5",
    "R10": "r10",
    "R50": "r50",
    "MedR": "mdr",
    "MeanR": "mnr",
    "geometric_mean_R1-R5-R10": "geometric_mean",
}
"""Our metrics by the authors' names."""


@dataclass(frozen=True)
class Comparison:
    """The distance of one kind of quantity from its recording.

    Attributes:
        part: `eval` or `train`, or a case of a metrics file.
        quantity: name of the compared quantity.
        error: the largest absolute error. Errors of a gradient are relative to its largest value. Errors of gradients
            that are zero by calculus are relative to the largest of all gradients. Errors of running statistics above
            1 are relative.
        limit: the largest allowed error.
        where: the expert, parameter or metric with the largest error.
    """

    part: str
    quantity: str
    error: float
    limit: float
    where: str = ""

    @property
    def ok(self) -> bool:
        """Whether the error is within the limit."""
        return self.error <= self.limit


@dataclass(frozen=True)
class RecordedTeacher:
    """A teacher with a recorded similarity matrix."""

    matrix: Tensor

    def scores(self, batch: Batch) -> Tensor:
        """Return the recorded matrix."""
        return self.matrix

    def require(self, caption_ids: Sequence[str], video_ids: Sequence[str]) -> None:
        """Do nothing: a recorded matrix is of its batch alone."""


def check_parity(path: Path) -> list[Comparison]:
    """Compare all quantities of a parity file.

    A file with `meta` holds a model (see `Recording`). The faithful form of the model (sequential gating, padding read
    as tokens) runs in double precision, so that only the rounding of the recording differs. Batch normalisation runs
    in both modes. Besides the inputs of `Recording.batch`, `eval/` and `train/` hold `similarity` (B * C, B),
    `video_embedding/<expert>` (B, D) and `text_embedding/<expert>` (B, C, D), without mixture weights; `train/`, with
    one caption a video, also holds `teacher_similarity/<i>` (B, B), `ranking_loss`, `distillation_loss`,
    `grad/<parameter>` of their sum, and `after/<buffer>` of that step. Embeddings of missing experts are not compared.

    A file without `meta` holds metrics: `<case>/t2v/<metric>` and `<case>/v2t/<metric>` beside `<case>/similarity` and
    `<case>/captions_per_video` (see `read_similarity`).

    Raises:
        InputError: the file is truncated or of another kind, or arrays are missing, of the wrong shape or not finite.
    """
    arrays = read_arrays(path)
    if isinstance(arrays, np.ndarray):
        raise InputError(f"{path} is a single array, not a parity file", "give an .npz file")
    if "meta" in arrays:
        recording = Recording(path, arrays)
        model = recording.model()
        return [*_compare_eval(recording, model), *_compare_train(recording, model)]
    cases = cases_of(arrays, path).items()
    return [comparison for case, scores in cases for comparison in _compare_metrics(path, arrays, case, scores)]


def _compare_eval(recording: Recording, model: RetrievalModel) -> list[Comparison]:
    with torch.no_grad():
        return _compare_outputs(recording, model.eval(), "eval")[2]


def _compare_train(recording: Recording, model: RetrievalModel) -> list[Comparison]:
    batch, student, comparisons = _compare_outputs(recording, model.train(), "train")
    count = max(1, sum(name.startswith("train/teacher_similarity/") for name in recording.arrays))
    shape = tuple(student.scores.shape)
    teachers = [RecordedTeacher(recording.tensor(f"train/teacher_similarity/{i}", shape)) for i in range(count)]
    ranking = MaxMarginRankingLoss(margin=recording.margin)
    losses = Distillation(ranking=ranking, parts=preset("teachtext"), teachers=teachers)(student, batch)
    for name, loss in losses.items():
        error = float((loss.detach() - recording.tensor(f"train/{name}_loss", ())).abs())
        comparisons.append(_worst("train", f"{name} loss", {"": error}, LIMIT))
    torch.autograd.backward(list(losses.values()))
    return [*comparisons, *_compare_gradients(recording, model), _compare_statistics(recording, model)]


def _compare_outputs(
    recording: Recording, model: RetrievalModel, mode: Mode
) -> tuple[Batch, Embedded, list[Comparison]]:
    batch, captions = recording.batch(mode)
    embedded = model.embed(batch)
    text, video, scores = embedded.text, embedded.video, embedded.scores
    recorded = recording.tensor(f"{mode}/similarity", tuple(scores.shape))
    videos, texts = {}, {}
    for name in recording.experts:
        present = recording.present(mode, name)
        ours, shape = video.vectors[name], tuple(video.vectors[name].shape)
        expected = recording.tensor(f"{mode}/video_embedding/{name}", shape, rows=present)
        videos[name] = _distance(ours[present], expected[present])
        expected = recording.tensor(f"{mode}/text_embedding/{name}", (shape[0], captions, shape[1]))
        texts[name] = _distance(text.vectors[name], expected.flatten(0, 1))
    comparisons = [
        _worst(mode, "similarities", {"": _distance(scores, recorded)}, LIMIT),
        _worst(mode, "video embeddings", videos, LIMIT),
        _worst(mode, "text embeddings", texts, LIMIT),
    ]
    return batch, embedded, comparisons


def _compare_gradients(recording: Recording, model: RetrievalModel) -> list[Comparison]:
    parameters, names = dict(model.named_parameters()), original_names(model)
    source = f"{recording.path}: 'train/grad/'"
    recorded = rename_original(model, recording.group("train/grad"), parameters, source=source)
    ours = {
        name: torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        for name, parameter in parameters.items()
    }
    # not zero, because it divides even if all gradients are zero
    largest = max(1e-300, *(float(gradient.abs().max()) for gradient in ours.values()))
    real, zero = {}, {}
    for name, gradient in ours.items():
        size = float(recorded[name].abs().max())
        if float(gradient.abs().max()) <= NO_GRADIENT * largest:
            zero[names[name]] = size / largest
        else:
            real[names[name]] = _distance(gradient, recorded[name]) / max(size, 1e-300)
    return [
        _worst("train", f"gradients ({len(real)})", real, GRADIENT_LIMIT),
        _worst("train", f"zero gradients ({len(zero)})", zero, GRADIENT_LIMIT),
    ]


def _compare_statistics(recording: Recording, model: RetrievalModel) -> Comparison:
    buffers, names = dict(model.named_buffers()), original_names(model)
    source = f"{recording.path}: 'train/after/'"
    recorded = rename_original(model, recording.group("train/after"), buffers, source=source)
    # relative above 1, because a variance of thousands is not recorded to five decimals
    scaled = {name: expected.abs().clamp(min=1) for name, expected in recorded.items()}
    errors = {names[name]: _distance(buffers[name] / scale, recorded[name] / scale) for name, scale in scaled.items()}
    return _worst("train", "running statistics", errors, LIMIT)


def _compare_metrics(path: Path, arrays: Arrays, case: str, scores: StoredScores) -> list[Comparison]:
    comparisons, part = [], f"{case}/" if case else ""
    for direction, metrics in scores.metrics().items():
        folder = f"{part}{direction}/"
        recorded = {name.removeprefix(folder): array for name, array in arrays.items() if name.startswith(folder)}
        if differing := sorted(recorded.keys() ^ METRICS.keys()):
            problem = "is unknown" if differing[0] in recorded else "is missing"
            raise InputError(f"{path}: '{folder}{differing[0]}' {problem}", f"record {', '.join(METRICS)}")
        errors = {}
        for name, array in recorded.items():
            if array.shape != () or array.dtype.kind not in "fiu" or not np.isfinite(array):
                raise InputError(f"{path}: '{folder}{name}' is not one finite number", "record it again")
            errors[name] = abs(metrics.as_dict()[METRICS[name]] - float(array))
        comparisons.append(_worst(case, f"{direction} metrics", errors, LIMIT))
    return comparisons


def _distance(ours: Tensor, recorded: Tensor) -> float:
    """Return the largest absolute difference; 0 for empty tensors."""
    return float((ours.detach() - recorded).abs().max()) if ours.numel() else 0.0


def _worst(part: str, quantity: str, errors: Mapping[str, float], limit: float) -> Comparison:
    # an error of NaN counts as infinite
    sizes = {name: math.inf if math.isnan(error) else error for name, error in errors.items()}
    where = max(sizes, key=sizes.__getitem__, default="")
    return Comparison(part, quantity, sizes.get(where, 0.0), limit, where)
