"""A trained model as a folder: `model.safetensors`, `config.json`, `metrics.json`, a model card. No pickles."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import shorten
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from teachtext.data.batch import VideoBatch, read_videos
from teachtext.data.features import Features
from teachtext.data.store import FeatureFile
from teachtext.data.types import FeatureRows
from teachtext.encoders.registry import VIDEO_EXPERTS
from teachtext.errors import InputError
from teachtext.files import read_json, version_of, write_json
from teachtext.learning.model_files import CONFIG, METRICS, TRAINED_ON, WEIGHTS
from teachtext.models.build import build_model
from teachtext.models.cross import CrossAttention, CrossScorer
from teachtext.models.retrieval import RetrievalModel

FORMAT = "teachtext-model-1"
# a slow scorer has no embeddings: what reads models must not take one for a model
SCORER_FORMAT = "teachtext-scorer-1"
_TRAIN_AGAIN = "train or copy it again"
# what a folder is instead of a model (False) or of a slow scorer (True), and the advice
_OTHER_KIND = {
    False: ("is a slow scorer, which ranks short lists alone", "give a model here, and the scorer to '--rerank'"),
    True: (
        "is a model, and no slow scorer",
        "give the folder 'scorer-...' of a run with 'teachers: [{shortlist: ...}]'",
    ),
}
# rows of a caption or of an expert: padding to a length takes memory
_MOST_ROWS = 10_000
AnyRows = TypeVar("AnyRows", bound=FeatureRows)
AnyModule = TypeVar("AnyModule", bound=nn.Module)


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """Everything needed to rebuild a model and to read its features.

    Args:
        kind: a name of `teachtext.models.build.MODELS`.
        arguments: of that model.
        text_encoder: spec of the text encoder.
        max_words: rows of a caption that the model reads.
        max_tokens: by expert, rows of a sequence that the model reads; all rows for an expert without an entry.
        trained_on: ids of the videos of its training; None if unknown.
        origin: dataset and settings of the training, for people to read.
        expert_settings: by expert, the settings other than the defaults with which its features were extracted.
        is_scorer: whether the model is the two towers of a slow scorer.
    """

    kind: str
    arguments: Mapping[str, Any]
    text_encoder: str
    max_words: int
    max_tokens: Mapping[str, int]
    origin: Mapping[str, Any]
    trained_on: Sequence[str] | None = None
    expert_settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    is_scorer: bool = False

    @property
    def experts(self) -> list[str]:
        """Experts that the model reads, sorted."""
        return sorted(self.arguments["expert_dims"])

    def expert_folder(self, name: str) -> str:
        """Return the name of the folder of an expert's features."""
        return VIDEO_EXPERTS.folder_name(name, self.expert_settings.get(name, {}))

    @property
    def reads_padding(self) -> bool:
        """Whether the model takes padding for tokens, and so must find the same padding in every batch."""
        return not self.arguments.get("mask_padding", True)

    @property
    def fill_words(self) -> bool:
        """Whether captions are padded to `max_words` in every batch."""
        return self.reads_padding and bool(self.arguments.get("text_clusters"))

    @property
    def fill_tokens(self) -> list[str]:
        """Experts that are padded to `max_tokens` in every batch."""
        return list(self.arguments.get("expert_clusters") or ()) if self.reads_padding else []

    def build(self) -> RetrievalModel:
        """Build the model with fresh weights."""
        return build_model(self.kind, self.arguments)

    def build_scorer(self) -> CrossScorer:
        """Build a slow scorer of this model and a cross-attention, with fresh weights."""
        dims, text_dim = self.arguments["expert_dims"], self.arguments["text_dim"]
        return CrossScorer(towers=self.build(), attention=CrossAttention(expert_dims=dims, text_dim=text_dim))

    def features(self, text: FeatureFile, experts: Mapping[str, FeatureFile]) -> Features:
        """Join feature files to what the model reads.

        Raises:
            InputError: a file whose width is not the model's.
        """
        _check_width(text, self.arguments["text_dim"])
        return Features(
            text=text,
            experts=self._checked(experts),
            max_words=self.max_words,
            max_tokens=self.max_tokens,
            fill_words=self.fill_words,
            fill_tokens=self.fill_tokens,
        )

    def videos(self, experts: Mapping[str, FeatureRows], video_ids: Sequence[str]) -> VideoBatch:
        """Read videos with the padding that the model needs (see `read_videos`).

        Raises:
            InputError: a file whose width is not the model's, or a video that no expert describes.
        """
        files = self._checked(experts)
        return read_videos(files, video_ids, max_tokens=self.max_tokens, fill=self.fill_tokens)

    def _checked(self, experts: Mapping[str, AnyRows]) -> dict[str, AnyRows]:
        for name in self.experts:
            _check_width(experts[name], self.arguments["expert_dims"][name])
        return {name: experts[name] for name in self.experts}


def _check_width(file: FeatureRows, dim: int) -> None:
    if file.dim != dim:
        raise InputError(
            f"{file.folder} holds features of width {file.dim}, the model reads {dim}",
            "extract them with the encoder that the model was trained with",
        )


def save_spec(folder: Path, spec: ModelSpec) -> None:
    """Write `config.json`, and `trained_on.json` if the training videos are known."""
    config = {
        "format": SCORER_FORMAT if spec.is_scorer else FORMAT,
        "model": {"kind": spec.kind, "arguments": dict(spec.arguments)},
        "text_encoder": spec.text_encoder,
        "max_words": spec.max_words,
        "max_tokens": dict(spec.max_tokens),
        "expert_settings": {name: dict(settings) for name, settings in spec.expert_settings.items()},
        "origin": dict(spec.origin),
    }
    write_json(folder / CONFIG, config)
    if spec.trained_on is not None:
        write_json(folder / TRAINED_ON, list(spec.trained_on))


def load_spec(folder: Path, *, is_scorer: bool = False) -> ModelSpec:
    """Read `config.json`, and `trained_on.json` if it exists.

    Args:
        folder: of a model, or of a slow scorer.
        is_scorer: which of the two it must be.

    Raises:
        InputError: `config.json` is missing, or a file has another form.
    """
    list_file = folder / TRAINED_ON
    trained_on = read_json(list_file) if list_file.exists() else None
    if trained_on is not None and not (isinstance(trained_on, list) and all(isinstance(v, str) for v in trained_on)):
        raise InputError(
            f"{list_file} is not a list of video ids", "copy it again, or write the ids of its training videos"
        )
    path = folder / CONFIG
    config = read_json(path)
    try:
        if config["format"] == (FORMAT if is_scorer else SCORER_FORMAT):
            problem, mend = _OTHER_KIND[is_scorer]
            raise InputError(f"{folder} {problem}", mend)
        if config["format"] != (SCORER_FORMAT if is_scorer else FORMAT) or not isinstance(config["text_encoder"], str):
            raise KeyError("format")
        lengths = [config["max_words"], *config["max_tokens"].values()]
        if not all(isinstance(length, int) and 0 < length <= _MOST_ROWS for length in lengths):
            raise KeyError("max_words, max_tokens")
        if not isinstance(config["model"]["arguments"], dict):
            raise KeyError("arguments")
        settings = config.get("expert_settings", {})
        if not all(isinstance(values, dict) for values in settings.values()):
            raise KeyError("expert_settings")
        return ModelSpec(
            kind=config["model"]["kind"],
            arguments=config["model"]["arguments"],
            text_encoder=config["text_encoder"],
            max_words=config["max_words"],
            max_tokens=config["max_tokens"],
            origin=config["origin"],
            trained_on=trained_on,
            expert_settings=settings,
            is_scorer=is_scorer,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} is not the config of a TeachText model", "give the folder of a trained model"
        ) from error


def check_finished(folder: Path) -> None:
    """Check the files of a finished training: config and metrics whole, weights by their header and length.

    Raises:
        InputError: a file is missing, truncated or has another form.
    """
    try:
        load_spec(folder)
        metrics = read_json(folder / METRICS)
        _ = metrics["history"][metrics["best_epoch"] - 1], metrics["parameters"]
        with safe_open(folder / WEIGHTS, framework="pt"):
            pass
    except (InputError, SafetensorError, OSError, KeyError, IndexError, TypeError) as error:
        reason = error.problem if isinstance(error, InputError) else f"{type(error).__name__}: {_message(error)}"
        raise InputError(
            f"the model in {folder} is damaged ({reason})", f"delete the folder {folder} and run again"
        ) from error


def load_model(folder: Path) -> tuple[RetrievalModel, ModelSpec]:
    """Load a trained model in evaluation mode. Weights are safetensors, which hold no code.

    The weights are copied into memory once; the file may change afterwards.

    Raises:
        InputError: a missing, truncated or foreign checkpoint.
    """
    spec = load_spec(folder)
    return _loaded(folder, spec, spec.build), spec


def load_scorer(folder: Path) -> tuple[CrossScorer, ModelSpec]:
    """Load a slow scorer in evaluation mode, as `load_model` loads a model.

    Raises:
        InputError: a missing, truncated or foreign checkpoint.
    """
    spec = load_spec(folder, is_scorer=True)
    return _loaded(folder, spec, spec.build_scorer), spec


def _loaded(folder: Path, spec: ModelSpec, build: Callable[[], AnyModule]) -> AnyModule:
    path = folder / WEIGHTS
    shapes = _shapes(path)
    _check_size(folder / CONFIG, spec, shapes)
    try:
        # on the meta device, because a config may state any size
        with torch.device("meta"):
            model = build()
    except Exception as error:
        raise InputError(f"{folder / CONFIG} does not describe a model ({_message(error)})", _TRAIN_AGAIN) from error
    try:
        # names and shapes first: the file is opened anew for each tensor
        if shapes != {name: list(tensor.shape) for name, tensor in model.state_dict().items()}:
            model.load_state_dict(_like(shapes), assign=True)
        model.load_state_dict(_weights(path, model.state_dict()), assign=True)
    except (SafetensorError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(f"{path} does not hold the weights of its config ({_message(error)})", _TRAIN_AGAIN) from error
    return model.eval()


def _shapes(path: Path) -> dict[str, list[int]]:
    """Return the shapes of the tensors of a file."""
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} does not hold the weights of its config ({_message(error)})", _TRAIN_AGAIN) from error


def _like(shapes: Mapping[str, Sequence[int]]) -> dict[str, Tensor]:
    """Return tensors of some shapes without memory."""
    return {name: torch.empty(list(shape), device="meta") for name, shape in shapes.items()}


def _check_size(path: Path, spec: ModelSpec, shapes: Mapping[str, Sequence[int]]) -> None:
    """Raise InputError where a config states more experts or layers than there are weights.

    Even without memory for weights, a model of so many layers would take minutes to build.
    """
    layers = spec.arguments.get("layers", 0)
    if isinstance(layers, int) and layers > len(shapes):
        raise InputError(f"{path} states {layers:,} layers, and the weights are {len(shapes):,}", _TRAIN_AGAIN)
    experts = spec.arguments.get("expert_dims", {})
    if isinstance(experts, Mapping) and len(experts) > len(shapes):
        raise InputError(f"{path} states {len(experts):,} experts, and the weights are {len(shapes):,}", _TRAIN_AGAIN)


def _weights(path: Path, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copy weights from a file, in the precision of the model's state."""
    version = version_of(path.stat())
    with safe_open(path, framework="pt") as file:
        names = list(file.keys())
    weights = {}
    for name in names:
        # opened once a tensor: pages of a mapped file count as memory until the file is closed
        with safe_open(path, framework="pt") as file:
            dtype = state[name].dtype if name in state else None
            weights[name] = file.get_tensor(name).to(dtype=dtype, copy=True)
    if version_of(path.stat()) != version:
        raise OSError("the file changed during reading")
    return weights


def _message(error: Exception) -> str:
    """Return the message of an error, shortened to one line: the message about foreign weights lists them all."""
    return shorten(str(error), 200, placeholder=" ...") or type(error).__name__
