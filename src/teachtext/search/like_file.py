"""A picture, a sound or a clip from outside the index as a query: embedded as the videos of the index are."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from teachtext.data.feature_writer import FeatureWriter
from teachtext.data.provenance import is_maker
from teachtext.data.store import FeatureFile
from teachtext.encoders.embedder import Embedder
from teachtext.encoders.registry import VIDEO_EXPERTS
from teachtext.errors import InputError
from teachtext.extraction.task import Job, Made, Result, Task
from teachtext.search.manifest import Manifest
from teachtext.search.segments import embed_stretches, long_settings, stretches_of, with_cutter
from teachtext.search.vectors import mean_vectors
from teachtext.video.sampling import DETAILS

_FILES = {"picture": "a picture", "sound": "a sound file", "video": "a video"}
_BLIND = {"picture": "sees no pictures", "sound": "hears nothing"}
_ID = "file"
_MEND = "give another file, or search with words"


class FileVectors(NamedTuple):
    """A file from outside.

    Attributes:
        vectors: by space, (D,) of unit length; spaces that say nothing of the file are missing.
        notes: what was left out of the file, a sentence each.
    """

    vectors: Mapping[str, NDArray[np.float32]]
    notes: Sequence[str]


class FileEmbedder:
    """Embeds files from outside as the videos of an index are embedded. Threads may share it: they take turns.

    A file may be hostile, so it is decoded in a process of its own, with limits of time and memory. The process starts
    with the first file, and stays until `close`.

    Args:
        model: of the index.
        manifest: of the index.
        device: where video experts compute (see `teachtext.devices`).
        time_limit: seconds that one file may take; by default ten times its length, at least a minute.
        memory_limit: megabytes that one file may take, beyond the experts themselves; by default 4,000.
    """

    def __init__(
        self,
        model: Embedder,
        manifest: Manifest,
        *,
        device: str = "auto",
        time_limit: float | None = None,
        memory_limit: float | None = None,
    ) -> None:
        self._model = model
        self._made_by = manifest.made_by
        self._names = {name: VIDEO_EXPERTS.full_spec(name, Path()) for name in with_cutter(model.experts)}
        settings = long_settings(list(self._names), model.expert_settings)
        job = Job(
            names=list(self._names.values()),
            settings={self._names[name]: dict(values) for name, values in settings.items()},
            time_limit=time_limit,
            memory_limit=memory_limit,
            device=device,
            rule=DETAILS[manifest.detail],
            any_kind=True,
        )
        self._workers = job.workers(1)
        self._made: Mapping[str, Made] = {}
        self._lock = Lock()

    def embed(self, path: Path) -> FileVectors:
        """Embed a file.

        Raises:
            InputError: the file is no picture, sound or video, is damaged or too large; the model says nothing of such
                a file; or an expert is not what it was when the index was made.
        """
        with self._lock:
            self._made = self._made or self._begin()
            [result] = self._workers.map([Task(_ID, path, "", tuple(self._names.values()))])
            if result.reason:
                raise InputError(*_parted(result.reason))
            vectors = self._vectors(result)
        if not vectors:
            lack = "finds nothing in it" if result.features else _BLIND[result.kind]
            name = self._model.identity["name"]
            raise InputError(f"{path} is {_FILES[result.kind]}, and the model '{name}' {lack}", _MEND)
        return FileVectors(vectors, result.notes)

    def _begin(self) -> Mapping[str, Made]:
        made: Mapping[str, Made] = self._workers.begin()
        for name, spec in self._names.items():
            if name in self._made_by and not is_maker(self._made_by[name], made[spec].provenance):
                raise InputError(
                    f"expert '{name}' is not what it was when the index was made (another version or other settings)",
                    "install what it was made with, or index into another folder with --index",
                )
        return made

    def _vectors(self, result: Result) -> Mapping[str, NDArray[np.float32]]:
        """Return the vectors of features, which are rounded as those of the index are."""
        with TemporaryDirectory() as scratch:
            files: dict[str, FeatureFile] = {}
            for number, (name, spec) in enumerate(self._names.items()):
                folder, made = Path(scratch) / str(number), self._made[spec]
                with FeatureWriter(folder, provenance=made.provenance, dim=made.dim) as writer:
                    rows = result.features.get(spec)
                    if rows is None or not len(rows.values):
                        writer.add(_ID, None)
                    else:
                        writer.add(_ID, rows.values, times=rows.times)
                files[name] = FeatureFile(folder)
            segments = embed_stretches(self._model, files, {_ID: stretches_of(files, _ID)})
            return mean_vectors(segments[_ID]) if _ID in segments else {}

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._workers.close()


def _parted(reason: str) -> tuple[str, str]:
    """Return the problem and the mend of a reason."""
    problem, colon, mend = reason.rpartition(": ")
    return (problem, mend) if colon else (reason, _MEND)
