"""From trained models and files to teachers, which are frozen once; a stale file is noticed."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from teachtext.data.features import Features
from teachtext.devices import resolve_device
from teachtext.errors import InputError
from teachtext.experiment.artifacts import Artifact, artifact_path
from teachtext.experiment.plan import ExternalTeacher
from teachtext.experiment.workspace import Workspace
from teachtext.learning.checkpoint import load_model, load_spec
from teachtext.learning.frames import FrameScores
from teachtext.learning.model_files import CONFIG, WEIGHTS
from teachtext.learning.sparse_teacher import SparseTeacher
from teachtext.learning.teachers import CachedTeacher, LiveTeacher, Teacher
from teachtext.models.retrieval import RetrievalModel
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
    """Freeze a trained model over captions and videos, once.

    The cache holds checksums of the weights and features that it was made from. Where they have changed, the cache is
    made anew and `progress` gets a note.

    Args:
        folder: of the trained model.
        features: what the model reads.
        captions: ids of all captions that it will score.
        videos: ids of all videos that it will score.
        cache: file of its embeddings.
        label: its name.
        progress: is called when a cache was made.
    """
    made_from = _made_from(folder, features)

    def make(model: RetrievalModel) -> CachedTeacher:
        return CachedTeacher.of(model, features, captions, videos, made_from=made_from)

    return _kept(folder, cache, make, CachedTeacher.load, made_from, f"freeze {label}", progress)


def frame_scores(
    folder: Path,
    features: Features,
    video_of: Mapping[str, str],
    experts: Sequence[str],
    cache: Path,
    *,
    label: str,
    progress: Progress,
) -> FrameScores:
    """Score captions against the single rows of their videos with a trained model, once; see `frozen`.

    Args:
        folder: of the trained model.
        features: what the model reads.
        video_of: by caption id, the id of its video.
        experts: whose rows are scored.
        cache: folder of the file of the scores.
        label: its name.
        progress: is called when the scores were made.

    Raises:
        InputError: the model does not read one of the experts.
    """
    unread = [name for name in experts if name not in features.experts]
    if unread:
        raise InputError(
            f"teacher {folder} does not read '{unread[0]}', whose rows the student weighs",
            "give another teacher, or 'distillation.frame_weight: 0'",
        )
    made_from = _made_from(folder, features)

    def make(model: RetrievalModel) -> FrameScores:
        return FrameScores.made_by(model, features, video_of, experts, made_from=made_from)

    path = artifact_path(cache, "frames", [folder.name, dict(video_of), list(experts)], ".safetensors")
    return _kept(folder, path, make, FrameScores.load, made_from, f"score rows {label}", progress)


_Frozen = TypeVar("_Frozen", CachedTeacher, FrameScores)


def _kept(
    folder: Path,
    path: Path,
    make: Callable[[RetrievalModel], _Frozen],
    read: Callable[[Path], _Frozen],
    made_from: Mapping[str, Any],
    stage: str,
    progress: Progress,
) -> _Frozen:
    """Return what a trained model of a folder is frozen to; it is made anew where weights or features have changed."""
    return Artifact(
        path=path,
        build=lambda: make(load_model(folder)[0]),
        write=lambda path, value: value.save(path),
        read=read,
        stale=lambda value: _changes(value.made_from, made_from),
        on_built=lambda reason: progress(stage, 1, 1, f"made anew, for {reason}" if reason else ""),
    ).get()


def _made_from(folder: Path, features: Features) -> dict[str, Any]:
    """Return the checksums of the weights and features that a frozen model is made from."""
    return {
        "weights": checksum_of(folder / WEIGHTS),
        "text": features.text.checksum(),
        "experts": {name: file.checksum() for name, file in features.experts.items()},
    }


def external_teacher(
    workspace: Workspace, teacher: ExternalTeacher, captions: Sequence[str], videos: Sequence[str], progress: Progress
) -> Teacher:
    """Return a teacher that was made elsewhere.

    Raises:
        InputError: it is missing or damaged, lacks a caption or video, is stale, or has learned from the test split.
    """
    if not teacher.is_model:
        return _in_file(workspace, teacher, captions, videos, progress)
    features = features_of(workspace, teacher.path)
    if teacher.live:
        model, _ = load_model(teacher.path)
        live = LiveTeacher(model=model.to(resolve_device(workspace.config.device)), features=features)
        live.require(captions, videos)
        return live
    key = [str(teacher.path), list(captions), list(videos)]
    cache = artifact_path(workspace.config.folder / "teachers", teacher.path.name, key, ".safetensors")
    return frozen(teacher.path, features, captions, videos, cache, label=teacher.label, progress=progress)


def identity_of(workspace: Workspace, teacher: ExternalTeacher) -> Any:
    """Return a value that changes whenever the scores of an external teacher could."""
    if not teacher.is_model:
        return checksum_of(teacher.path)
    features = features_of(workspace, teacher.path)
    experts = {name: file.checksum() for name, file in features.experts.items()}
    parts = [checksum_of(teacher.path / name) for name in (WEIGHTS, CONFIG)]
    return [*parts, features.text.checksum(), experts, *(["live"] if teacher.live else [])]


def features_of(workspace: Workspace, folder: Path) -> Features:
    """Return the features of this run that a model trained elsewhere reads.

    Raises:
        InputError: it reads an expert that the run does not have, or features of another width; it has learned from
            videos of the test split.
    """
    spec = load_spec(folder)
    experts = [expert.name for expert in workspace.config.experts]
    missing = [name for name in spec.experts if name not in experts]
    if missing:
        raise InputError(
            f"teacher {folder} sees expert '{missing[0]}', which is not among 'experts': {', '.join(experts)}",
            "add it to the config",
        )
    test = workspace.listed_dataset.protocol.test
    trained_on = sorted({*(spec.trained_on or ())} & {*workspace.listed_dataset.splits[test]})
    if trained_on:
        raise InputError(
            f"teacher {folder} was trained on {len(trained_on):,} videos of split '{test}' (first: '{trained_on[0]}')",
            "its student would learn what it is tested on: give a teacher that has not seen them",
        )
    files = {name: workspace.features.expert(name) for name in spec.experts}
    return spec.features(workspace.features.text(spec.text_encoder), files)


def teacher_file(teacher: Teacher, folder: Path) -> Path:
    """Return the file that a teacher was read from: of a live teacher its weights.

    Args:
        teacher: a teacher.
        folder: of its model; not read for a teacher that is a file itself.
    """
    return Path(teacher.name) if isinstance(teacher, CachedTeacher | SparseTeacher) else folder / WEIGHTS


def checksum_of(path: Path) -> str:
    """Return 16 hex digits of the SHA-256 of a file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})", "check the path and its permissions") from error


def _in_file(
    workspace: Workspace, teacher: ExternalTeacher, captions: Sequence[str], videos: Sequence[str], progress: Progress
) -> CachedTeacher | SparseTeacher:
    path = teacher.path
    if path.suffix == ".jsonl":
        dataset, listed = workspace.described_dataset, {*captions}
        training = [query for query in dataset.queries_of(dataset.protocol.train) if query.id in listed]
        ids_of: dict[str, list[str]] = {}
        for query in training:
            # an id is an id, even where it is the text of another caption
            if query.text not in listed:
                ids_of.setdefault(query.text, []).append(query.id)
        sparse = SparseTeacher.load(path, ids_of=ids_of)
        sparse.require(captions, videos)
        for remark in sparse.remarks({query.id: query.video_id for query in training}, videos):
            progress(f"read {teacher.label}", 1, 1, remark)
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


def _changes(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> str:
    """Return what a cache was made from and is no more; empty where all is the same."""
    if before == after:
        return ""
    if before is None:
        return "it does not say what it was made from"
    names = {"weights": "the weights", "text": "the text features", "experts": "the video features"}
    changed = [name for key, name in names.items() if before.get(key) != after[key]]
    return f"{' and '.join(changed) or 'what it was made from'} changed"
