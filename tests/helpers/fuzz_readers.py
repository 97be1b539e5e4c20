"""The readers of foreign files that are fuzzed: by name, a function of a path that reads the whole file.

A reader returns, or raises `InputError`. Worker processes import this module. A reader is added with a line in
`READERS` here, and whole files to mutate with a function in `BASES` of `fuzz_files`.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from teachtext.errors import InputError
from teachtext.processes import BoundedCalls

NATIVE_S, NATIVE_MB = 60.0, 500.0
"""Limits of a container that a library in C reads: half of what `test_fuzz.py` allows in all."""


def video(path: Path) -> None:
    from teachtext.video.decode import sample_video
    from teachtext.video.frames import thumbnail
    from teachtext.video.sampling import FrameSampling, SoundSampling
    from teachtext.video.sound import Ear

    sampling = FrameSampling(per_second=2, most=8, height=32, width=32)
    ear = Ear(SoundSampling(most_s=60), lambda samples: None)
    for read in (lambda: thumbnail(path, 0), lambda: thumbnail(path)):
        refused_or_read(read)
    sample_video(path, [sampling], [ear])


def subtitles(path: Path) -> None:
    from teachtext.video.subtitles import read_subtitles

    cues = read_subtitles(path).cues
    assert all(cue.text and 0 <= cue.start_s <= cue.end_s for cue in cues) and list(cues) == sorted(cues)


def text_tracks(path: Path) -> None:
    from teachtext.video.about import read_about
    from teachtext.video.file import open_video

    # what cannot be opened says nothing of itself
    open_video(path).close()
    about = read_about(path)
    assert all(cue.text for cue in about.cues) and all(about.facts.values())


def archive(path: Path) -> None:
    from teachtext.originals.archive.tar import unpack
    from teachtext.progress import silent

    with tempfile.TemporaryDirectory() as folder:
        unpack(path, Path(folder), lambda name: True, silent)


def pickled(path: Path) -> None:
    from teachtext.data.restricted.pickles import unpickled
    from teachtext.originals.archive.captions import read_captions, read_chosen, read_mapping, read_mask
    from teachtext.originals.archive.stores import write_expert, write_text

    with unpickled(path):
        pass
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "store"
        for read in (
            lambda: write_expert(path, target, sequence=True, provenance={}),
            lambda: write_text([path], target, captions={}, dataset_ids={}, fused=False, provenance={}),
            lambda: read_captions(path),
            lambda: read_mask(path, {}),
            lambda: read_chosen(path, {}),
            lambda: read_mapping(path, []),
        ):
            refused_or_read(read)
            shutil.rmtree(target, ignore_errors=True)


def checkpoint(path: Path) -> None:
    from teachtext.data.restricted.checkpoints import read_checkpoint
    from teachtext.data.restricted.tensors import read_tensors

    with path.open("rb") as file:
        refused_or_read(lambda: read_tensors(file, path))
    read_checkpoint(path)


def shard(path: Path) -> None:
    from teachtext.data.shard import Shard

    opened = Shard.open(path)
    refused_or_read(opened.verify)
    opened.rows(0, int(opened.offsets[-1]))
    opened.times(0, int(opened.offsets[-1]))


def teacher(path: Path) -> None:
    from teachtext.learning.sparse_teacher import SparseTeacher
    from teachtext.learning.teachers import CachedTeacher

    refused_or_read(lambda: SparseTeacher.load(path))
    CachedTeacher.load(path)


def config(path: Path) -> None:
    from teachtext.experiment.config_file import load_config, show_config
    from teachtext.experiment.study.study import load_study

    refused_or_read(lambda: load_study(path))
    show_config(load_config(path))


def json_file(path: Path) -> None:
    from teachtext.files import fingerprint, read_json

    fingerprint(read_json(path))


def arrays(path: Path) -> None:
    from teachtext.evaluation.similarity_file import read_similarity

    read_similarity(path)


def captions(path: Path) -> None:
    from teachtext.data.readers.registry import read_file

    read_file(path)


def features(path: Path) -> None:
    from teachtext.data.feature_import.importing import open_features
    from teachtext.progress import silent

    with tempfile.TemporaryDirectory() as folder:
        open_features(path).store(Path(folder) / "store", silent)


def _native(path: Path) -> None:
    """Import a container that a library in C reads: in a process beside this one, which that library may end."""
    from teachtext.data.feature_import import importing

    # one process for all files, because a start takes a second
    importing.BoundedCalls = _kept_calls  # type: ignore[misc,assignment]
    features(path)


@cache
def _kept_process() -> BoundedCalls[Any, Any]:
    from teachtext.data.feature_import import importing

    return BoundedCalls(importing._call, seconds=NATIVE_S, memory_mb=NATIVE_MB)


@contextmanager
def _kept_calls(*_: object, **__: object) -> Iterator[BoundedCalls[Any, Any]]:
    yield _kept_process()


def hdf5(path: Path) -> None:
    _native(path)


def lmdb(path: Path) -> None:
    _native(path)


def parquet(path: Path) -> None:
    _native(path)


def scores(path: Path) -> None:
    from teachtext.data.tensors import read_safetensors, read_torch

    refused_or_read(lambda: read_torch(path))
    read_safetensors(path)


def dataset(path: Path) -> None:
    from teachtext.data.folder import read_raw

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        shutil.copy(path, folder / f"captions{path.suffix}")
        try:
            read_raw(folder)
        except InputError as error:
            raise InputError(error.problem.replace(temporary, str(path)), error.mend) from error


def model(path: Path) -> None:
    """Read a model whose config is the file; its weights lie beside it."""
    from teachtext.learning.trained_model import TrainedModel

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        shutil.copy(path, folder / "config.json")
        shutil.copy(path.with_name("model.safetensors"), folder)
        try:
            TrainedModel(folder, device="cpu")
        except InputError as error:
            raise InputError(error.problem.replace(temporary, str(path)), error.mend) from error


READERS: Mapping[str, Callable[[Path], None]] = {
    reader.__name__: reader
    for reader in (
        video, archive, pickled, checkpoint, shard, teacher, config, json_file, arrays, features, hdf5, lmdb, parquet,
        scores, captions, dataset, model, subtitles, text_tracks,
    )
}  # fmt: skip


def refused_or_read(read: Callable[[], object]) -> None:
    """Call one of several readers; a refusal must be one sentence, and does not stop the others."""
    try:
        read()
    except InputError as error:
        check_sentence(error)


def check_sentence(error: InputError) -> None:
    text = str(error)
    assert "\n" not in text and len(text) < 1500 and error.mend, f"not one sentence: {text[:2000]!r}"


def read_one(task: tuple[str, Path]) -> str:
    """Read a file with a reader, and return `read` or the sentence of the refusal."""
    name, path = task
    try:
        READERS[name](path)
    except InputError as error:
        check_sentence(error)
        return str(error)
    return "read"
