"""Models of an index whose folders were moved: a model is known by the hash of its files, not by its path."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from teachtext.data.feature_writer import adopt
from teachtext.data.provenance import without_names
from teachtext.data.store import FeatureFile, shards_of
from teachtext.encoders.embedder import Embedder
from teachtext.encoders.registry import VIDEO_EXPERTS
from teachtext.files import locked, move
from teachtext.search.blend import identities_of
from teachtext.search.index_model import SHARED
from teachtext.search.manifest import Manifest
from teachtext.search.segments import long_settings

# seconds to wait for an extraction that writes to the same features
_WAIT_S = 60.0


def shared_experts(identity: Mapping[str, Any]) -> dict[str, str]:
    """Return the fingerprint of each shared-space model of an index, by the spec of the model's video expert.

    Args:
        identity: of the model, or of the models, of the index.
    """
    return {
        VIDEO_EXPERTS.full_spec(f"hf:{each['model']}#pooled", Path()): each["fingerprint"]
        for each in identities_of(identity)
        if each["kind"] == SHARED
    }


def follow_models(manifest: Manifest, model: Embedder, features: Path) -> Manifest:
    """Return the manifest of an index with the places where its models are now.

    The features of a shared-space model that was moved are moved too, and not made again. A call that was stopped can
    be repeated.

    Args:
        manifest: of the index.
        model: the models of the index, by their fingerprints.
        features: folder in which the features are kept.

    Raises:
        InputError: a folder of features is damaged, cannot be moved, or is held by another process.
    """
    if manifest.model == model.identity:
        return manifest
    now = {maker: expert for expert, maker in shared_experts(model.identity).items()}
    moved = {old: now[maker] for old, maker in shared_experts(manifest.model).items() if old != now[maker]}
    store = features / f"video-{manifest.detail}"
    if moved and store.is_dir():
        with locked(store, wait_s=_WAIT_S):
            for old, new in moved.items():
                # another model of the index may read the features at the old place
                if old not in model.experts:
                    _move(*(store / _folder_name(expert, model) for expert in (old, new)))
    return replace(
        manifest,
        model=model.identity,
        experts=sorted({*model.experts, *(moved.get(name, name) for name in manifest.experts)}),
        made_by={moved.get(name, name): maker for name, maker in manifest.made_by.items()},
    )


def _folder_name(expert: str, model: Embedder) -> str:
    settings = long_settings([expert], model.expert_settings).get(expert, {})
    return VIDEO_EXPERTS.folder_name(expert, settings)


def _move(before: Path, now: Path) -> None:
    if not now.exists() and before.is_dir():
        move(before, now)
    elif shards_of(before) and (not shards_of(now) or _are_of_one_model(before, now)):
        now.mkdir(exist_ok=True)
        adopt(now, before)


def _are_of_one_model(*folders: Path) -> bool:
    first, second = (without_names(FeatureFile(folder).provenance) for folder in folders)
    return first == second
