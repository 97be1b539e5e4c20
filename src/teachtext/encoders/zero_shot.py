"""The embedder of an index without a trained model: names of visible things, and spoken and written words.

An image network's class probabilities become text (convex combination of class names: Norouzi et al., Zero-Shot
Learning by Convex Combination of Semantic Embeddings, ICLR 2014). Everything then meets in the space of one sentence
encoder: the names of the classes, spoken words, written words, and the query.

The embedder has learned nothing from videos and captions. It has learned from photographs of ImageNet's thousand
classes, many of them animals, and from English text. It has no notion of actions, numbers or people's names. A model
that was trained on similar videos with captions is far better.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.data.types import FeatureRows
from teachtext.devices import check_device, resolve_device
from teachtext.encoders.base import TextEncoder
from teachtext.encoders.class_names import CLASS_NAMES_VERSION, TEMPLATE, class_name_vectors
from teachtext.encoders.embedder import QueryVectors, VideoVectors
from teachtext.encoders.query import QueryEncoder
from teachtext.encoders.registry import build_text_encoder, check_installed
from teachtext.errors import InputError
from teachtext.files import fingerprint

ENCODER = "minilm"
"""The text encoder in whose space everything meets."""
# chosen on the training and validation videos of MSVD-476
_WEIGHTS: Mapping[str, float] = {"ocr": 0.1, "scene": 0.8, "speech": 0.1}
EXPERTS = tuple(_WEIGHTS)
"""The video experts that the embedder can use; it needs `scene`."""


def usable_experts() -> list[str]:
    """Return `scene`, and those of the other experts whose packages are installed."""
    usable = ["scene"]
    for name in sorted({*EXPERTS} - {"scene"}):
        with suppress(InputError):
            check_installed([name])
            usable.append(name)
    return usable


class ClassNames:
    """Names of visible things, and words (see `teachtext.encoders.embedder.Embedder`).

    A video's vector for `scene` is the sum of the vectors of all classes (see `class_name_vectors`), each times the
    square root of its probability. The vectors for `speech` and `ocr` are the means of their passages.

    Args:
        experts: those of `EXPERTS` that it uses.
        device: `auto`, `cpu`, `cuda`, `cuda:<number>` or `mps`.

    Raises:
        InputError: a package is not installed, or there is no such device.
    """

    def __init__(self, experts: Collection[str] = EXPERTS, *, device: str = "auto") -> None:
        check_device(device)
        self._device = device
        self._query = QueryEncoder(ENCODER, device=device)
        self.experts: Sequence[str] = sorted(experts)
        self.expert_settings: Mapping[str, Mapping[str, Any]] = {}
        self.spaces: Mapping[str, int] = dict.fromkeys(self.experts, self._query.dim)
        self._weights = np.array([_WEIGHTS[name] for name in self.experts], np.float32)
        weights = {name: _WEIGHTS[name] for name in self.experts}
        settings = [TEMPLATE, weights, CLASS_NAMES_VERSION, self._query.settings]
        name = "classnames"
        # an identity without experts is of all of them
        some = {} if len(weights) == len(EXPERTS) else {"experts": list(self.experts)}
        self.identity: Mapping[str, Any] = {"kind": name, "name": name, "fingerprint": fingerprint(settings), **some}

    @cached_property
    def encoder(self) -> TextEncoder:
        """The text encoder in whose space everything meets."""
        return build_text_encoder(ENCODER, device=resolve_device(self._device))

    def embed_query(self, text: str) -> QueryVectors:
        """Embed one query; see `QueryEmbedder.embed_query`."""
        return self.embed_queries([text])[0]

    def embed_queries(self, texts: Sequence[str]) -> list[QueryVectors]:
        """Embed C queries; see `QueryEmbedder.embed_queries`."""
        return [
            QueryVectors(dict.fromkeys(self.experts, query.rows[0]), self._weights, read=query.cut, unread=query.unread)
            for query in self._query.encode_all(texts)
        ]

    def embed_videos(self, files: Mapping[str, FeatureRows], video_ids: Sequence[str]) -> list[VideoVectors]:
        """Embed B videos; see `Embedder.embed_videos`."""
        return [
            {
                name: self._embed(name, files[name].read(video_id))
                for name in self.experts
                if files[name].rows_of(video_id)
            }
            for video_id in video_ids
        ]

    def _embed(self, expert: str, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Return the vector of one expert's rows, (D,), of unit length."""
        mean = rows.astype(np.float32).mean(axis=0)
        if expert == "scene":
            mean = mean @ self._names
        return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), np.float32)

    @cached_property
    def _names(self) -> NDArray[np.float32]:
        """Vectors of the names of the classes: (classes, D)."""
        return class_name_vectors(self.encoder)
