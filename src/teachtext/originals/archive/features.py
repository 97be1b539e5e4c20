"""The features and teachers of an archive, written as feature stores and teacher caches."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from teachtext.errors import InputError
from teachtext.originals.archive.captions import read_mapping
from teachtext.originals.archive.job import Job
from teachtext.originals.archive.layouts import SEQUENCES, TEXT_DIMS
from teachtext.originals.archive.record import Row, TeacherWriter
from teachtext.originals.archive.stores import Written, write_expert, write_text


def import_experts(job: Job) -> Iterator[Row]:
    """Write `features/video/<expert>`; videos that no list names are imported too."""
    paths = {name: path for (name, _), path in job.found.first_of("expert").items()}
    for place, path in job.found.all_of("expert"):
        if path != paths[place.name]:
            where = path.relative_to(job.found.root).as_posix()
            job.notes.append(f"{where} left out: '{place.name}' is taken from another file")
    for name in sorted({*job.layout.expected_experts, *paths}):
        if name not in paths:
            yield Row(kind="expert", name=name)
            continue
        files = job.files([paths[name]])
        written = write_expert(
            paths[name],
            job.target / "features" / "video" / name,
            sequence=name in SEQUENCES,
            provenance={"dataset": job.dataset, "files": files},
            progress=job.progress,
        )
        yield _feature_row("expert", name, files, written, job.layout.dim_of(name), job.videos)


def import_texts(job: Job) -> Iterator[Row]:
    """Write `features/text/<encoder>`, keyed by caption id, or by that of the fused query."""
    mappings = list(job.found.first_of("mapping").values())
    if job.layout.mapping:
        yield Row(kind="id mapping", name=job.layout.mapping, files=job.files(mappings))
    own_ids = {} if not mappings else read_mapping(mappings[0], job.videos)
    paths: dict[str, list[Path]] = {}
    for place, path in job.found.all_of("text"):
        if place.part == "val2":
            job.notes.append(f"{path.name} left out: validation 2 has other captions than the raw captions")
        else:
            paths.setdefault(place.name, []).append(path)
    for name in [*TEXT_DIMS, *sorted(paths.keys() - TEXT_DIMS.keys())]:
        if name not in paths:
            yield Row(kind="text", name=name)
            continue
        files = job.files(paths[name])
        written = write_text(
            paths[name],
            job.target / "features" / "text" / name,
            captions=job.captions,
            own_ids=own_ids,
            fused=job.layout.fused,
            provenance={"dataset": job.dataset, "files": files, "output": "tokens"},
            progress=job.progress,
        )
        if written and job.queries and job.queries.isdisjoint(written.items):
            mapping = f", or add {job.layout.mapping}.pkl, which maps its ids to theirs" if job.layout.mapping else ""
            raise InputError(f"{paths[name][0]} describes none of the captioned videos", f"remove it{mapping}")
        yield _feature_row("text", name, files, written, TEXT_DIMS.get(name), job.queries)


def import_teachers(job: Job, write_teacher: TeacherWriter | None) -> Iterator[Row]:
    """Write `teachers/<name>.safetensors`."""
    paths = {name: path for (name, _), path in job.found.first_of("teacher").items()}
    if not paths:
        yield Row(kind="teacher", name="any")
    if write_teacher is None:
        return
    for name, path in sorted(paths.items()):
        target = job.target / "teachers" / f"{name}.safetensors"
        target.parent.mkdir(exist_ok=True)
        items = set(write_teacher(path, target, captions=job.captions, fused=job.layout.fused))
        yield Row(
            kind="teacher",
            name=name,
            files=job.files([path]),
            items=len(items),
            missing=len(job.queries - items),
            dtype="float32",
        )


def _feature_row(
    kind: str,
    name: str,
    files: Mapping[str, str],
    written: Written | None,
    expected_dim: int | None,
    wanted: Collection[str],
) -> Row:
    if written is None:
        return Row(kind=kind, name=name, files=files, items=0, missing=len(wanted), note="all are missing")
    wrong = expected_dim is not None and written.dim != expected_dim
    return Row(
        kind=kind,
        name=name,
        files=files,
        dim=written.dim,
        dtype=written.dtype,
        items=len(written.items),
        missing=len(set(wanted) - written.items),
        note=f"{expected_dim} wide expected" if wrong else "",
    )
