"""What makes an index: a model that turns videos and queries into vectors of the same spaces."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from teachtext.data.store import FeatureFile
from teachtext.encoders.query import QueryEncoder
from teachtext.errors import InputError
from teachtext.files import fingerprint
from teachtext.learning.onnx_runtime import QueryVectors
from teachtext.packages import load

Vectors = Mapping[str, NDArray[np.float32]]


class SearchModel(Protocol):
    """Embeds videos and queries."""

    @property
    def told(self) -> Mapping[str, Any]:
        """What an index keeps to find it again.

        Its `kind`, its `name`, its `folder` if it has one, and its `fingerprint`, which stands for everything that its
        vectors depend on.
        """
        ...

    @property
    def experts(self) -> Sequence[str]:
        """Specs of the video experts that it reads, sorted."""
        ...

    @property
    def spaces(self) -> Mapping[str, int]:
        """Dimension by space in which video and query meet."""
        ...

    def embed_query(self, text: str) -> QueryVectors:
        """Embed one query. May be called by several threads.

        Raises:
            InputError: an empty query, or one of half a character.
        """
        ...

    def embed_videos(self, files: Mapping[str, FeatureFile], video_ids: Sequence[str]) -> list[Vectors]:
        """Embed B videos: of each the vectors, of unit length, by space that it has.

        Args:
            files: of every expert; each video has rows in one of them.
            video_ids: B ids.

        Raises:
            InputError: features of another width than the model's.
        """
        ...


class TrainedModel:
    """A model that was trained with TeachText, or imported; see `SearchModel`.

    Args:
        folder: of the model.

    Raises:
        InputError: see `load_model`.
    """

    def __init__(self, folder: Path) -> None:
        from teachtext.learning.checkpoint import load_model
        from teachtext.learning.trainer import WEIGHTS

        self._model, self._spec = load_model(folder)
        self.experts = self._spec.experts
        with (folder / WEIGHTS).open("rb") as file:
            weights = hashlib.file_digest(file, "sha256").hexdigest()
        spec = self._spec
        read = [spec.kind, dict(spec.arguments), spec.text_encoder, spec.max_words, dict(spec.max_tokens)]
        told = {"kind": "trained", "name": folder.resolve().name, "folder": str(folder.resolve())}
        self.told: Mapping[str, Any] = told | {"fingerprint": fingerprint([weights, read])}
        probe = self._embed(np.zeros((1, spec.arguments["text_dim"]), np.float32))
        self.spaces = {name: len(vector) for name, vector in probe.vectors.items()}

    def embed_query(self, text: str) -> QueryVectors:
        """Embed one query; see `SearchModel.embed_query`."""
        return self._embed(self._encoder.encode(text))

    @cached_property
    def _encoder(self) -> QueryEncoder:
        return QueryEncoder(self._spec.text_encoder)

    def _embed(self, rows: NDArray[np.float32]) -> QueryVectors:
        import torch

        from teachtext.data.batch import TextBatch

        kept = rows[: self._spec.max_words]
        tokens = np.zeros((1, self._spec.max_words if self._spec.fill_words else len(kept), rows.shape[1]), np.float32)
        tokens[0, : len(kept)] = kept
        with torch.inference_mode():
            found = self._model.encode_text(TextBatch([""], torch.from_numpy(tokens), torch.tensor([len(kept)])))
        return QueryVectors({name: one[0].numpy() for name, one in found.vectors.items()}, found.weights[0].numpy())

    def embed_videos(self, files: Mapping[str, FeatureFile], video_ids: Sequence[str]) -> list[Vectors]:
        """Embed videos; see `SearchModel.embed_videos`."""
        import torch

        with torch.inference_mode():
            found = self._model.encode_video(self._spec.videos(files, video_ids))
        vectors = {name: found.vectors[name].numpy() for name in sorted(found.vectors)}
        return [
            {name: vectors[name][row] for name, there in zip(vectors, present, strict=True) if there}
            for row, present in enumerate(found.present.tolist())
        ]


def model_at(told: Mapping[str, Any], folder: Path | None = None) -> SearchModel:
    """Return the model of an index.

    Args:
        told: what the index keeps of it; or, for a new one, `{"kind": "classnames"}`.
        folder: where it is now, if it was moved.

    Raises:
        InputError: it is not where it was, or is another one.
    """
    if told["kind"] != "trained":
        model: SearchModel = load("teachtext.search.zero_shot:ClassNames", "index")()
    else:
        place = Path(told["folder"]) if folder is None else folder
        if not place.is_dir():
            raise InputError(f"the model of this index is not in {place} any more", "give its folder with --model")
        model = TrainedModel(place)
    if "fingerprint" in told:
        check_same(told, model)
    return model


def check_same(told: Mapping[str, Any], model: SearchModel) -> None:
    """Refuse a model that is not the one of an index.

    Raises:
        InputError: it is another one.
    """
    if model.told["fingerprint"] != told["fingerprint"]:
        now = f"'{model.told['name']}'" if model.told["name"] != told["name"] else "another one of that name"
        raise InputError(
            f"the index was made by model '{told['name']}' ({told['fingerprint']}), not by {now} "
            f"({model.told['fingerprint']})",
            "use the model that it was made by, or index into another folder with --index",
        )
