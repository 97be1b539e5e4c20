"""Several models in one index: a video has the vectors of all models, and the models' scores are added with weights.

s = sum_m g_m s_m / sum_m g_m over the models that describe the video, with g_m = w_m / d_m. The score s_m is a model's
own score of query and video. Its spread d_m is the standard deviation of s_m over the videos, in the mean over
captions. So the ranking is that of the weighted sum of standardised scores, with one spread for all queries. The
weights w_m are chosen on validation captions, or are equal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from teachtext.data.kept_captions import CAPTIONS, KeptCaptions, load_captions
from teachtext.data.types import FeatureRows
from teachtext.encoders.embedder import Embedder, QueryVectors, VideoVectors, joined_settings
from teachtext.errors import InputError
from teachtext.files import fingerprint
from teachtext.search.vectors import SEPARATOR

BLEND = "blend"
"""The kind of a blend in the manifest of an index."""


class Blend:
    """Several embedders as a single one (see `teachtext.encoders.embedder.Embedder`).

    The spaces of a model begin with the model's name in the blend: `student:scene`, `zero-shot:scene`.

    Args:
        models: two embedders or more.

    Attributes:
        models: the embedders, by their names in the blend.

    Raises:
        InputError: a model is given twice, or two models read an expert with different settings.
    """

    def __init__(self, models: Sequence[Embedder]) -> None:
        identities = [model.identity for model in models]
        for first, second in combinations(identities, 2):
            if first["fingerprint"] == second["fingerprint"]:
                raise InputError(f"model '{first['name']}' is given twice", "give different models")
        self.models: Mapping[str, Embedder] = dict(zip(names_of(identities), models, strict=True))
        settings = joined_settings(models, mend="give them an index each")
        self.expert_settings = {expert: values for expert, values in settings.items() if values}
        self.experts = sorted({name for model in models for name in model.experts})
        self.spaces = joined_spaces(self.models)
        self.identity: Mapping[str, Any] = {
            "kind": BLEND,
            "name": " + ".join(self.models),
            "fingerprint": fingerprint([identity["fingerprint"] for identity in identities]),
            "models": identities,
        }

    def describes(self, pattern: Sequence[str]) -> bool:
        """Return whether videos of a presence pattern have vectors of all models."""
        return {space.partition(SEPARATOR)[0] for space in pattern} == self.models.keys()

    @property
    def kept_captions(self) -> KeptCaptions | None:
        """The captions that the first model with captions keeps of its training."""
        path = captions_path(self.identity)
        return load_captions(path) if path else None

    def embed_query(self, text: str) -> QueryVectors:
        """Embed one query; see `QueryEmbedder.embed_query`. All models have the same share."""
        return joined_queries({name: [model.embed_query(text)] for name, model in self.models.items()})[0]

    def embed_queries(self, texts: Sequence[str]) -> list[QueryVectors]:
        """Embed C queries; see `QueryEmbedder.embed_queries`. All models have the same share."""
        return joined_queries({name: model.embed_queries(texts) for name, model in self.models.items()})

    def embed_videos(self, files: Mapping[str, FeatureRows], video_ids: Sequence[str]) -> list[VideoVectors]:
        """Embed B videos; see `Embedder.embed_videos`."""
        embedded: dict[str, dict[str, NDArray[np.float32]]] = {video_id: {} for video_id in video_ids}
        for name, model in self.models.items():
            described = [
                video_id for video_id in video_ids if any(files[expert].rows_of(video_id) for expert in model.experts)
            ]
            vectors = model.embed_videos(files, described) if described else []
            for video_id, by_space in zip(described, vectors, strict=True):
                embedded[video_id] |= {name + SEPARATOR + space: vector for space, vector in by_space.items()}
        return [embedded[video_id] for video_id in video_ids]


class HasSpaces(Protocol):
    """Whatever has spaces."""

    @property
    def spaces(self) -> Mapping[str, int]:
        """Dimension D by space."""
        ...


def joined_spaces(models: Mapping[str, HasSpaces]) -> dict[str, int]:
    """Return the dimensions of the spaces of several models, by the models' names in the blend."""
    return {name + SEPARATOR + space: dim for name, model in models.items() for space, dim in model.spaces.items()}


def joined_queries(embedded: Mapping[str, Sequence[QueryVectors]]) -> list[QueryVectors]:
    """Return queries in the spaces of several models. All models have the same share.

    Args:
        embedded: the same queries by each model, by the model's name.
    """
    return [_joined(dict(zip(embedded, queries, strict=True))) for queries in zip(*embedded.values(), strict=True)]


def _joined(by_model: Mapping[str, QueryVectors]) -> QueryVectors:
    vectors, weights = {}, {}
    for model, query in by_model.items():
        for space, weight in zip(sorted(query.vectors), query.weights, strict=True):
            vectors[model + SEPARATOR + space] = query.vectors[space]
            weights[model + SEPARATOR + space] = weight / len(by_model)
    read = next((query.read for query in by_model.values() if query.read), "")
    # one model that reads the language is enough
    unread = "" if not all(query.unread for query in by_model.values()) else next(iter(by_model.values())).unread
    return QueryVectors(vectors, np.array([weights[name] for name in sorted(vectors)], np.float32), read, unread=unread)


def identities_of(identity: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the identities of the models of a blend; of one model, its own."""
    models: Sequence[Mapping[str, Any]] = identity["models"] if identity["kind"] == BLEND else [identity]
    return models


def captions_path(identity: Mapping[str, Any]) -> Path | None:
    """Return the file of captions that a model keeps, of a blend the first such file; None where there is none."""
    paths = [Path(each["folder"]) / CAPTIONS for each in identities_of(identity) if "folder" in each]
    return next((path for path in paths if path.exists()), None)


def with_shares(query: QueryVectors, shares: Mapping[str, float] | None) -> QueryVectors:
    """Return a query whose models have these shares in the score; the query itself where there are none."""
    return replace(query, shares=shares) if shares else query


def names_of(identities: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a short name for each model: `student` if trained, `shared` for a shared space, else `zero-shot`."""
    names: list[str] = []
    for identity in identities:
        base = {"trained": "student", "shared": "shared"}.get(identity["kind"], "zero-shot")
        count = sum(name.startswith(base) for name in names)
        names.append(f"{base}-{count + 1}" if count else base)
    return names
