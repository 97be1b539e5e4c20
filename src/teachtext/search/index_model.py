"""Loads the embedder of an index by its stored identity, and compares the identities."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from teachtext.encoders.embedder import Embedder
from teachtext.encoders.registry import VIDEO_EXPERTS
from teachtext.encoders.shared_space.families import check_family
from teachtext.encoders.zero_shot import EXPERTS, ClassNames, usable_experts
from teachtext.errors import InputError
from teachtext.packages import load
from teachtext.search.blend import BLEND, Blend, identities_of

CLASS_NAMES: Mapping[str, Any] = {"kind": "classnames"}
"""The identity of the built-in embedder, which needs no trained model."""
SHARED = "shared"
"""The kind of a shared-space model."""
_MEND = "give the model's folder: model=... in Python, --model on the command line"


def load_embedder(identity: Mapping[str, Any], folder: str | Path | None = None, *, device: str = "auto") -> Embedder:
    """Return the embedder of an index.

    Args:
        identity: stored in the index; `CLASS_NAMES` for a new index without a trained model.
        folder: of the model, if it was moved.
        device: `auto`, `cpu`, `cuda`, `cuda:<number>` or `mps`.

    Raises:
        InputError: the model is not in its folder, or is another model; or there is no such device.
    """
    if identity["kind"] == BLEND:
        if folder is not None:
            raise InputError(f"{folder} is one model, and the index holds {identity['name']}", _all_of(identity))
        embedder: Embedder = Blend([load_embedder(model, device=device) for model in identity["models"]])
    elif identity["kind"] == SHARED:
        if folder is None and Path(identity["model"]).is_absolute() and not Path(identity["model"]).is_dir():
            raise InputError(f"the model of this index is not in {identity['model']} any more", _MEND)
        embedder = load_shared(identity["model"] if folder is None else str(folder), device=device)
    elif identity["kind"] != "trained":
        embedder = ClassNames(_experts_of(identity), device=device)
    else:
        place = Path(identity["folder"] if folder is None else folder)
        if not place.is_dir():
            problem = f"{place} holds no model" if folder else f"the model of this index is not in {place} any more"
            raise InputError(problem, _MEND)
        embedder = load("teachtext.learning.trained_model:TrainedModel", "index")(place, device=device)
    if "fingerprint" in identity:
        check_same(identity, embedder)
    return embedder


def load_shared(model: str, *, device: str = "auto") -> Embedder:
    """Return the embedder of a shared-space model.

    Args:
        model: a local folder, or an id of the Hugging Face hub, without `hf:`.
        device: `auto`, `cpu`, `cuda`, `cuda:<number>` or `mps`.

    Raises:
        InputError: no such folder or id, or a model without a space for texts and videos; a package is not installed.
    """
    # what cannot be used is refused before weights are downloaded, and before torch is imported, which takes seconds
    check_family(model, load("teachtext.encoders.hub:resolve_config", "hf", model=model))
    embedder: Embedder = load(
        "teachtext.encoders.shared_space.embedder:SharedEmbedder", "hf", model=model, device=device
    )
    return embedder


def missing_senses(identity: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each shared-space model of an index that hears videos and does not see them."""
    return [
        f"searches by the model '{each['name']}' go by the sound of the videos alone, because it has no tower for "
        "pictures"
        for each in identities_of(identity)
        if each["kind"] == SHARED and each["tower"] == "sound"
    ]


def model_folders(identity: Mapping[str, Any]) -> list[Path]:
    """Return the local folders of the models of an index."""
    places = [Path(str(each[key])) for each in identities_of(identity) for key in ("folder", "model") if key in each]
    return [place for place in places if place.is_absolute()]


def unused_experts(identity: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each expert that the built-in embedder of an index cannot use, with the mend."""
    experts = [_experts_of(each) for each in identities_of(identity) if each["kind"] == CLASS_NAMES["kind"]]
    return [
        f"searches of this index cannot use '{name}', whose packages were not installed when the index was made: "
        f"{VIDEO_EXPERTS[name].install}, and index into another folder"
        for used in experts
        for name in EXPERTS
        if name not in used
    ]


def _experts_of(identity: Mapping[str, Any]) -> Collection[str]:
    """Return the experts of the built-in embedder: of a new index those that are installed."""
    if "fingerprint" not in identity:
        return usable_experts()
    experts: Collection[str] = identity.get("experts", EXPERTS)
    return experts


def check_same(identity: Mapping[str, Any], embedder: Embedder) -> None:
    """Refuse an embedder other than the embedder of an index.

    Raises:
        InputError: the fingerprints differ.
    """
    other = embedder.identity
    if other["fingerprint"] != identity["fingerprint"]:
        name = f"'{other['name']}'" if other["name"] != identity["name"] else "another one of that name"
        raise InputError(
            f"the index was made by model '{identity['name']}' ({identity['fingerprint']}), not by {name} "
            f"({other['fingerprint']})",
            f"{_all_of(identity)}, or index into another folder with --index",
        )


def _all_of(identity: Mapping[str, Any]) -> str:
    """Return what to give as the model of an index."""
    if identity["kind"] != BLEND:
        return "use the model that it was made by"
    return f"give all its models in this order: {', '.join(each['name'] for each in identity['models'])}"
