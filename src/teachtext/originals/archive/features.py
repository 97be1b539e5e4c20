"""Writes the features and teachers of an archive as feature stores and teacher caches."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from teachtext.errors import InputError
from teachtext.originals.archive.captions import read_mapping
from teachtext.originals.archive.import_state import ImportState
from teachtext.originals.archive.layouts import SEQUENCES, TEXT_DIMS
from teachtext.originals.archive.report import ArchiveEntry, TeacherWriter
from teachtext.originals.archive.stores import WrittenFeatures, write_expert, write_text


def import_experts(state: ImportState) -> Iterator[ArchiveEntry]:
    """Write `features/video/<expert>`; videos outside all lists are imported too."""
    paths = {name: path for (name, _), path in state.archive.first_of("expert").items()}
    for role, path in state.archive.all_of("expert"):
        if path != paths[role.name]:
            relative = path.relative_to(state.archive.root).as_posix()
            state.notes.append(f"{relative} left out: '{role.name}' is imported from another file")
    for name in sorted({*state.layout.expected_experts, *paths}):
        if name not in paths:
            yield ArchiveEntry(kind="expert", name=name)
            continue
        files = state.files([paths[name]])
        written = write_expert(
            paths[name],
            state.target / "features" / "video" / name,
            sequence=name in SEQUENCES,
            provenance={"dataset": state.dataset, "files": files},
            progress=state.progress,
        )
        yield _feature_row("expert", name, files, written, state.layout.dim_of(name), state.videos)


def import_texts(state: ImportState) -> Iterator[ArchiveEntry]:
    """Write `features/text/<encoder>`, keyed by the ids of captions or of fused queries."""
    mappings = list(state.archive.first_of("mapping").values())
    if state.layout.mapping:
        yield ArchiveEntry(kind="id mapping", name=state.layout.mapping, files=state.files(mappings))
    dataset_ids = {} if not mappings else read_mapping(mappings[0], state.videos)
    paths: dict[str, list[Path]] = {}
    for role, path in state.archive.all_of("text"):
        if role.part == "val2":
            state.notes.append(f"{path.name} left out: validation 2 has other captions than the raw captions")
        else:
            paths.setdefault(role.name, []).append(path)
    for name in [*TEXT_DIMS, *sorted(paths.keys() - TEXT_DIMS.keys())]:
        if name not in paths:
            yield ArchiveEntry(kind="text", name=name)
            continue
        files = state.files(paths[name])
        written = write_text(
            paths[name],
            state.target / "features" / "text" / name,
            captions=state.captions,
            dataset_ids=dataset_ids,
            fused=state.layout.fused,
            provenance={"dataset": state.dataset, "files": files, "output": "tokens"},
            progress=state.progress,
        )
        if written and state.queries and state.queries.isdisjoint(written.items):
            mapping = (
                f", or add {state.layout.mapping}.pkl, which maps its ids to those of the videos"
                if state.layout.mapping
                else ""
            )
            raise InputError(f"{paths[name][0]} describes none of the captioned videos", f"remove it{mapping}")
        yield _feature_row("text", name, files, written, TEXT_DIMS.get(name), state.queries)


def import_teachers(state: ImportState, write_teacher: TeacherWriter | None) -> Iterator[ArchiveEntry]:
    """Write `teachers/<name>.safetensors`."""
    paths = {name: path for (name, _), path in state.archive.first_of("teacher").items()}
    if not paths:
        yield ArchiveEntry(kind="teacher", name="any")
    if write_teacher is None:
        return
    for name, path in sorted(paths.items()):
        target = state.target / "teachers" / f"{name}.safetensors"
        target.parent.mkdir(exist_ok=True)
        items = set(write_teacher(path, target, captions=state.captions, fused=state.layout.fused))
        yield ArchiveEntry(
            kind="teacher",
            name=name,
            files=state.files([path]),
            items=len(items),
            missing=len(state.queries - items),
            dtype="float32",
        )


def _feature_row(
    kind: str,
    name: str,
    files: Mapping[str, str],
    written: WrittenFeatures | None,
    expected_dim: int | None,
    ids: Collection[str],
) -> ArchiveEntry:
    if written is None:
        return ArchiveEntry(kind=kind, name=name, files=files, items=0, missing=len(ids), note="all are missing")
    wrong = expected_dim is not None and written.dim != expected_dim
    return ArchiveEntry(
        kind=kind,
        name=name,
        files=files,
        dim=written.dim,
        dtype=written.dtype,
        items=len(written.items),
        missing=len(set(ids) - written.items),
        note=f"{expected_dim} wide expected" if wrong else "",
    )
