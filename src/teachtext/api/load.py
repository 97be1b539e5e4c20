"""From a place to a model: a run, a model's folder, an index, or an id of the hub.

What cannot be loaded is refused before torch is imported, which takes seconds.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from teachtext import hub
from teachtext.arguments import check_place
from teachtext.devices import check_device, resolve_device
from teachtext.encoders.embedder import Embedder
from teachtext.encoders.shared_space.families import of_open_clip
from teachtext.errors import InputError
from teachtext.evaluation.result_rows import Row
from teachtext.evaluation.results import Results
from teachtext.experiment.main_student import main_student
from teachtext.files import read_json
from teachtext.learning.model_card import SplitMetrics, load_measured
from teachtext.learning.model_files import CONFIG, MODEL_FILES, WEIGHTS
from teachtext.search.blend import BLEND, Blend
from teachtext.search.index_model import CLASS_NAMES, load_embedder, load_shared
from teachtext.search.manifest import read_manifest
from teachtext.search.stores import is_url, open_store

if TYPE_CHECKING:
    from teachtext.api.model import Model

Models: TypeAlias = "Model | str | Path | Sequence[Model | str | Path] | None"
"""A loaded model, a place that `load` accepts, or `zero-shot`; or several of them."""

_RESULTS, _RUN_CONFIG, _INDEX, _MODULES = "results.json", "config.yaml", "index.json", "modules.json"
_HF, _OPEN_CLIP = "hf:", "open_clip:"
_ZERO_SHOT = ("zero-shot", "classnames")
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def load(place: str | Path, *, device: str = "auto", revision: str | None = None) -> "Model":
    """Load a model. Weights are safetensors, and nothing that comes with a model is ever executed.

    Args:
        place: one of five places.
            The folder of a run or study: its main student, which is the taught student, or the student alone where
            nobody teaches. Of its seeds the one with the best validation counts; the test split plays no part.
            The folder of a trained model.
            The folder or URL of an index: the model that made the index.
            An id of the Hugging Face hub, `user/name`.
            A model with one space for texts and videos, such as CLIP: `hf:user/name`, or its folder.
        device: `auto` (a GPU where there is one), `cpu`, `cuda`, `cuda:<number>` or `mps`.
        revision: branch, tag or commit of a hub id; by default the main branch.

    Raises:
        InputError: the place is empty or holds no model, the hub cannot be reached, or the device is not there.

    >>> import teachtext
    >>> teachtext.load("no/such/folder")  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    teachtext.errors.InputError: no/such/folder does not exist: give the folder of a run, a model or an index
    """
    check_place("place", place)
    check_device(device)
    if is_url(place):
        return _index_model(place, device)
    if str(place).startswith(_HF):
        if str(place) == _HF:
            raise InputError("'hf:' names no model", "write hf:ID or hf:FOLDER")
        if revision is not None:
            raise InputError(f"{place} is read as the cache has it", "leave 'revision' out, or give a folder")
        return _shared(str(place).removeprefix(_HF), device)
    if str(place).startswith(_OPEN_CLIP):
        raise of_open_clip(str(place))
    folder = Path(place).expanduser()
    if revision is None and (folder / _INDEX).exists() and not (folder / CONFIG).exists():
        return _index_model(folder, device)
    trained = model_folder(place, revision=revision)
    if not is_transformers(trained):
        return _trained(trained, device)
    if not folder.exists():
        raise InputError(f"'{place}' is a model of transformers, not of TeachText", f"write hf:{place}")
    return _shared(str(folder.resolve()), device)


def is_transformers(folder: Path) -> bool:
    """Return whether a folder holds a model that transformers or sentence-transformers saved."""
    if (folder / _MODULES).exists():
        return True
    config = read_json(folder / CONFIG) if (folder / CONFIG).exists() else None
    return isinstance(config, dict) and "model_type" in config and "format" not in config


def model_folder(place: str | Path, *, revision: str | None = None) -> Path:
    """Return the folder of the trained model at a place, which may be the folder itself.

    Args:
        place: the folder of a run or study (see `load`), the folder of a trained model, or an id of the hub.
        revision: branch, tag or commit of a hub id; by default the main branch.

    Raises:
        InputError: the place holds no model, or the hub cannot be reached.
    """
    folder = Path(place).expanduser()
    if not folder.exists() and _is_hub_id(place):
        return hub.download(str(place), MODEL_FILES, revision=revision)
    if revision is not None:
        raise InputError(f"{folder} has no revisions", "leave 'revision' out, or give an id of the hub")
    if not folder.is_dir():
        problem = "is a file" if folder.exists() else "does not exist"
        raise InputError(f"{folder} {problem}", "give the folder of a run, a model or an index")
    if (folder / CONFIG).exists() or (folder / _MODULES).exists():
        return folder
    if (folder / _RESULTS).exists() or (folder / _RUN_CONFIG).exists():
        return main_student(folder)
    raise InputError(f"{folder} holds no run, model or index", "give a folder that 'teachtext run' or 'index' made")


def _is_hub_id(place: str | Path) -> bool:
    """Return whether a place that does not exist can only be an id of the hub."""
    text = str(place)
    is_path = isinstance(place, Path) or text.startswith((".", "~", "/")) or Path(text).parent.is_dir()
    return bool(_HUB_ID.fullmatch(text)) and not is_path


def _trained(folder: Path, device: str) -> "Model":
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).exists():
            raise InputError(f"{folder} has no {name}", "train the model to its end, or copy it again")
    from teachtext.api.model import Model
    from teachtext.learning.trained_model import TrainedModel

    device = resolve_device(device)
    embedder = TrainedModel(folder, device=device)
    return Model(embedder, device=device, folder=folder, measured=load_measured(folder) or _measured_by_run(folder))


def _shared(model: str, device: str) -> "Model":
    embedder = load_shared(model, device=device)
    from teachtext.api.model import Model

    return Model(embedder, device=resolve_device(device))


def _index_model(place: str | Path, device: str) -> "Model":
    identity = read_manifest(open_store(place)).model
    if identity["kind"] == BLEND:
        raise InputError(f"{place} is an index of several models: {identity['name']}", "load one of the models")
    from teachtext.api.model import Model

    device = resolve_device(device)
    embedder = load_embedder(identity, device=device)
    folder = Path(identity["folder"]) if "folder" in identity else None
    return Model(embedder, device=device, folder=folder, measured=_measured_by_run(folder) if folder else ())


def _measured_by_run(folder: Path) -> list[SplitMetrics]:
    """Return what the run that a model lies in has measured for it; nothing where it lies elsewhere."""
    path = folder.resolve().parent.parent / _RESULTS
    if not path.exists():
        return []
    return [metrics for row in Results.load(path).rows for metrics in _of_row(row, folder)]


def _of_row(row: Row, folder: Path) -> list[SplitMetrics]:
    tested = row.tested
    return [
        SplitMetrics(
            dataset=tested.dataset,
            split=tested.split,
            videos=tested.videos,
            queries=tested.queries,
            t2v=seed.t2v,
            v2t=seed.v2t,
            trained_on=row.trained_on,
        )
        for seed in row.seeds
        if Path(seed.model).name == folder.name
    ]


def embedder_of(model: Models, device: str) -> Embedder | None:
    """Return the embedder of a model, or of several models; None for None.

    Args:
        model: a model, or several ones.
        device: where a model that is loaded here computes.

    Raises:
        InputError: an empty list, a model that is given twice, or a place without a model.
    """
    embedders = embedders_of(model, device)
    return Blend(embedders) if len(embedders) > 1 else next(iter(embedders), None)


def embedders_of(model: Models, device: str) -> list[Embedder]:
    """Return the embedder of each model; none for None.

    Raises:
        InputError: an empty list, or a place without a model.
    """
    if model is None:
        return []
    if not isinstance(model, Sequence) or isinstance(model, str):
        return [_single(model, device)]
    if not model:
        raise InputError("the list of models is empty", "give a model, or leave it out")
    return [_single(each, device) for each in model]


def _single(model: "Model | str | Path", device: str) -> Embedder:
    if not isinstance(model, (str, Path)):
        return model.embedder
    if model in _ZERO_SHOT and not Path(model).exists():
        return load_embedder(CLASS_NAMES, device=resolve_device(device))
    if _is_hub_id(model) and not Path(model).exists():
        folder = model_folder(model)
        return (_shared(str(model), device) if is_transformers(folder) else _trained(folder, device)).embedder
    return load(model, device=device).embedder
