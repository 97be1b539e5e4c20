"""Models of the Hugging Face hub, or in a local folder; code that comes with a model is never run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from teachtext.errors import InputError
from teachtext.files import content_hash, fingerprint, read_json
from teachtext.hub import cached, download

_FILES = ["*.json", "*.txt", "*.model", "*.jinja", "*.safetensors"]


def model_settings(model: str, folder: Path) -> dict[str, str]:
    """Return the settings that stand for a model in provenance: name, hash of its files, and revision on the hub.

    The files are those of the folder and, of a sentence-transformers model, those of its modules.
    """
    folders = [folder, *sorted(path.parent for path in folder.glob("*/config.json") if _is_module(path.parent))]
    files = sorted(path for place in folders for pattern in _FILES for path in place.glob(pattern))
    # the hub's cache names the folder of a snapshot after its commit
    revision = {"revision": folder.name} if folder.parent.name == "snapshots" else {}
    return {
        "model": folder.name if _is_local(model) else model,
        "files": fingerprint({path.relative_to(folder).as_posix(): content_hash(path) for path in files}),
        **revision,
    }


def _is_module(folder: Path) -> bool:
    return (folder.parent / "modules.json").is_file()


def _is_local(model: str) -> bool:
    return model.startswith((".", "/", "~")) or Path(model).is_dir()


def resolve(model: str) -> Path:
    """Return the folder of a model, downloading it if it is neither a folder nor in the hub's cache.

    Raises:
        InputError: no such folder or id, one that you may not read, or a hub that cannot be reached.
    """
    if _is_local(model):
        folder = Path(model).expanduser().resolve()
        if not (folder / "config.json").is_file() and not (folder / "modules.json").is_file():
            raise InputError(f"{model} is not the folder of a model", "give a folder that transformers has saved")
        return folder
    snapshot = cached(model, _FILES)
    return snapshot if snapshot is not None and _is_whole(snapshot) else download(model, _FILES)


def resolve_config(model: str) -> Path:
    """Return the folder of a model with its config at least; the weights of a model of a hub are not downloaded.

    Raises:
        InputError: see `resolve`.
    """
    if _is_local(model):
        return resolve(model)
    snapshot = cached(model, _FILES)
    return snapshot if snapshot is not None else download(model, ["*.json"])


def _is_whole(folder: Path) -> bool:
    """Return whether all files of weights are there that a model in several files names."""
    indexes = [read_json(path) for path in folder.rglob("*.safetensors.index.json")]
    return all((folder / name).is_file() for index in indexes for name in set(index.get("weight_map", {}).values()))


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers' load report and progress bars off the terminal."""
    # takes seconds, which a look for a model does not need
    from transformers import logging as transformers_logging

    verbosity, bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()
