"""The text sides of an index's models, kept in the index as ONNX files, so that a search waits for no torch."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from teachtext.data.types import FeatureRows
from teachtext.encoders.embedder import Embedder, QueryEmbedder, QueryVectors, VideoVectors
from teachtext.encoders.text_side_files import DESCRIPTION, EXPORT_AGAIN
from teachtext.errors import InputError
from teachtext.packages import load
from teachtext.search.blend import Blend, HasSpaces, identities_of, joined_queries, joined_spaces, names_of
from teachtext.search.index_model import CLASS_NAMES, SHARED, load_embedder
from teachtext.search.manifest import read_manifest
from teachtext.search.stores import is_url, open_store

_READERS: Mapping[str, str] = {
    "trained": "teachtext.learning.onnx_runtime:ExportedText",
    SHARED: "teachtext.encoders.shared_space.exported_queries:ExportedQueries",
}
FOLDER = "text"
"""The folder in an index that holds the text sides, each in a folder named by the fingerprint of its model."""


def keep_text_sides(place: str, model: Embedder) -> list[str]:
    """Export the text sides of the models of an index into its folder, unless they are there.

    Trained models and shared-space models have such sides; the built-in model needs none.

    Args:
        place: folder or URL of the index. An index behind a URL keeps none.
        model: the model, or the models, of the index.

    Returns:
        A sentence for each model that cannot be exported. Its searches load the model itself.
    """
    notes = []
    for each in [] if is_url(place) else (model.models.values() if isinstance(model, Blend) else [model]):
        identity = each.identity
        if identity["kind"] == CLASS_NAMES["kind"] or _is_there(place, identity):
            continue
        try:
            _export(each, _folder(place, identity))
        except Exception as error:  # whatever the exporter lacks or cannot do is no reason to be without an index
            reason = " ".join(str(error).split())[:200]
            notes.append(
                f"searches load the whole model '{identity['name']}': its text side was not exported ({reason})"
            )
    return notes


def load_text_sides(place: str) -> Embedder | None:
    """Return the text sides that an index keeps, as one embedder; None where a side is missing.

    Their queries differ from those of the models by 1e-5 at most.

    Raises:
        InputError: there is no index, or the files of a side are damaged.
    """
    if is_url(place):
        return None
    manifest = read_manifest(open_store(place))
    identities = identities_of(manifest.model)
    sides = [_side(place, each) for each in identities]
    whole = [side for side in sides if side is not None]
    if len(whole) < len(sides):
        return None
    by_name = dict(zip(names_of(identities), whole, strict=True))
    if (spaces := joined_spaces(by_name) if len(whole) > 1 else whole[0].spaces) != manifest.spaces:
        widths = ", ".join(f"{name} {dim}" for name, dim in spaces.items())
        raise InputError(f"the text sides in {Path(place) / FOLDER} have other spaces ({widths})", EXPORT_AGAIN)
    return TextSides(whole, manifest.model)


class _Side(QueryEmbedder, HasSpaces, Protocol):
    """A text side."""


class TextSides:
    """Embeds queries by the text sides of models (see `teachtext.encoders.embedder.Embedder`).

    The models themselves are loaded only if they are asked for more than queries.

    Args:
        sides: of the models, in the order of the identity.
        identity: of the model, or of the models, of an index.
    """

    def __init__(self, sides: Sequence[QueryEmbedder], identity: Mapping[str, Any]) -> None:
        self.identity = identity
        self._sides = dict(zip(names_of(identities_of(identity)), sides, strict=True))

    def embed_query(self, text: str) -> QueryVectors:
        """Embed one query; see `QueryEmbedder.embed_query`."""
        embedded = {name: [side.embed_query(text)] for name, side in self._sides.items()}
        return (joined_queries(embedded) if len(embedded) > 1 else next(iter(embedded.values())))[0]

    def embed_queries(self, texts: Sequence[str]) -> list[QueryVectors]:
        """Embed C queries; see `QueryEmbedder.embed_queries`."""
        embedded = {name: side.embed_queries(texts) for name, side in self._sides.items()}
        return joined_queries(embedded) if len(embedded) > 1 else next(iter(embedded.values()))

    @cached_property
    def _whole(self) -> Embedder:
        return load_embedder(self.identity)

    @property
    def experts(self) -> Sequence[str]:
        """See `Embedder.experts`."""
        return self._whole.experts

    @property
    def expert_settings(self) -> Mapping[str, Mapping[str, Any]]:
        """See `Embedder.expert_settings`."""
        return self._whole.expert_settings

    @property
    def spaces(self) -> Mapping[str, int]:
        """See `Embedder.spaces`."""
        return self._whole.spaces

    def embed_videos(self, files: Mapping[str, FeatureRows], video_ids: Sequence[str]) -> list[VideoVectors]:
        """Embed B videos; see `Embedder.embed_videos`."""
        return self._whole.embed_videos(files, video_ids)


def _export(model: Embedder, folder: Path) -> None:
    if model.identity["kind"] == SHARED:
        load("teachtext.encoders.shared_space.query_export:export_queries", "onnx")(model, folder)
    else:
        export = load("teachtext.learning.onnx_export:export", "onnx")
        export(Path(model.identity["folder"]), folder, with_encoder=False)


def _folder(place: str, identity: Mapping[str, Any]) -> Path:
    return Path(place) / FOLDER / str(identity["fingerprint"])


def _is_there(place: str, identity: Mapping[str, Any]) -> bool:
    # the description is written last
    return (_folder(place, identity) / DESCRIPTION).exists()


def _side(place: str, identity: Mapping[str, Any]) -> _Side | None:
    if identity["kind"] == CLASS_NAMES["kind"]:
        return load_embedder(identity)
    if not _is_there(place, identity):
        return None
    reader = _READERS[identity["kind"]]
    side: _Side = load(reader, "onnx", folder=_folder(place, identity))
    return side
