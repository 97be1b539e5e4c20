"""From trained models and files to teachers: frozen once, found again, and never mistaken for what they were before."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from teachtext.data.features import Features
from teachtext.errors import InputError
from teachtext.experiment.plan import Given
from teachtext.experiment.workspace import Workspace
from teachtext.files import fingerprint
from teachtext.learning.checkpoint import CONFIG, load_model, load_spec
from teachtext.learning.sparse import SparseTeacher
from teachtext.learning.teachers import CachedTeacher, LiveTeacher, Teacher
from teachtext.learning.trainer import WEIGHTS
from teachtext.progress import Progress


def frozen(
    folder: Path,
    features: Features,
    captions: Sequence[str],
    videos: Sequence[str],
    cache: Path,
    *,
    label: str,
    progress: Progress,
) -> CachedTeacher:
    """Freeze a trained model over captions and videos; made once, then read.

    The cache says what it was made from: where the weights or the features are others now, it is made anew, and told.

    Args:
        folder: of the trained model.
        features: what it reads.
        captions: ids of all that it will be asked about.
        videos: likewise.
        cache: where its embeddings are kept.
        label: what it is called.
        progress: told of a cache that was stale.
    """
    made_from = {
        "weights": checksum_of(folder / WEIGHTS),
        "text": features.text.checksum(),
        "experts": {name: file.checksum() for name, file in features.experts.items()},
    }
    note = ""
    if cache.exists():
        teacher = CachedTeacher.load(cache)
        if teacher.made_from == made_from:
            return teacher
        note = f"made anew, for {_changed(teacher.made_from, made_from)}"
    model, _ = load_model(folder)
    CachedTeacher.of(model, features, captions, videos, made_from=made_from).save(cache)
    progress(f"freeze {label}", 1, 1, note)
    return CachedTeacher.load(cache)


def given_teacher(
    workspace: Workspace, given: Given, captions: Sequence[str], videos: Sequence[str], progress: Progress
) -> Teacher:
    """Return a teacher that was made elsewhere.

    Raises:
        InputError: it is missing or damaged, does not know all captions and videos, is stale, or has learned from
            the test split.
    """
    if not given.is_model:
        return _in_file(given.path, captions, videos)
    features = features_of(workspace, given.path)
    if given.live:
        model, _ = load_model(given.path)
        live = LiveTeacher(model=model.to(workspace.config.device), features=features)
        live.require(captions, videos)
        return live
    name = f"{given.path.name}-{fingerprint([str(given.path), list(captions), list(videos)])}"
    cache = workspace.config.folder / "teachers" / f"{name}.safetensors"
    return frozen(given.path, features, captions, videos, cache, label=given.label, progress=progress)


def identity_of(workspace: Workspace, given: Given) -> Any:
    """Return what changes whenever the scores of a teacher that was made elsewhere could."""
    if not given.is_model:
        return checksum_of(given.path)
    features = features_of(workspace, given.path)
    experts = {name: file.checksum() for name, file in features.experts.items()}
    parts = [checksum_of(given.path / name) for name in (WEIGHTS, CONFIG)]
    return [*parts, features.text.checksum(), experts, *(["live"] if given.live else [])]


def features_of(workspace: Workspace, folder: Path) -> Features:
    """Return what a model that was trained elsewhere reads, from the features of this run.

    Raises:
        InputError: it reads an expert that the run does not have, or features of another width; it has learned from
            videos of the test split.
    """
    spec = load_spec(folder)
    known = [expert.name for expert in workspace.config.experts]
    missing = [name for name in spec.experts if name not in known]
    if missing:
        raise InputError(
            f"teacher {folder} sees expert '{missing[0]}', which is not among 'experts': {', '.join(known)}",
            "add it to the config",
        )
    test = workspace.listed_dataset.protocol.test
    seen = sorted({*(spec.trained_on or ())} & {*workspace.listed_dataset.splits[test]})
    if seen:
        raise InputError(
            f"teacher {folder} was trained on {len(seen):,} videos of split '{test}' (first: '{seen[0]}')",
            "its student would learn what it is tested on: give a teacher that has not seen them",
        )
    experts = {name: workspace.expert_file(name) for name in spec.experts}
    return spec.features(workspace.text_file(spec.text_encoder), experts)


def checksum_of(path: Path) -> str:
    """Return 16 hex digits that stand for the whole contents of a file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})", "check the path and its permissions") from error


def _in_file(path: Path, captions: Sequence[str], videos: Sequence[str]) -> CachedTeacher | SparseTeacher:
    if path.suffix == ".jsonl":
        sparse = SparseTeacher.load(path)
        sparse.require(captions, videos)
        return sparse
    cached = CachedTeacher.load(path)
    _check_beside(path, cached.made_from)
    cached.require(captions, videos)
    return cached


def _check_beside(path: Path, made_from: Mapping[str, Any] | None) -> None:
    """Raise InputError where a cache lies beside a model that is not the one it was made from."""
    weights = path.parent / WEIGHTS
    if made_from and weights.exists() and made_from.get("weights") != checksum_of(weights):
        raise InputError(
            f"{path} is stale: it was made from other weights than {weights}",
            f"delete it, and give 'folder: {path.parent}' as the teacher",
        )


def _changed(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> str:
    if before is None:
        return "it does not say what it was made from"
    names = {"weights": "the weights", "text": "the text features", "experts": "the video features"}
    changed = [name for key, name in names.items() if before.get(key) != after[key]]
    return f"{' and '.join(changed) or 'what it was made from'} changed"
