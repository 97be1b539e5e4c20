"""Writes captions, splits and denoising masks of an archive as the files of a dataset folder."""

import json
from collections.abc import Iterator, Mapping, Sequence

from teachtext.files import write_json, write_text
from teachtext.originals.archive.captions import read_captions, read_chosen, read_list, read_mask, split_families
from teachtext.originals.archive.import_state import ImportState
from teachtext.originals.archive.report import ArchiveEntry


def import_captions(state: ImportState) -> Iterator[ArchiveEntry]:
    """Write `captions.jsonl`; a caption's id is `<video>#<number in the authors' list>`."""
    paths = list(state.archive.first_of("captions").values())
    if not paths:
        state.notes.append("without raw captions the folder needs a captions file before it can be loaded")
        yield ArchiveEntry(kind="captions", name="raw captions")
        return
    state.captions = read_captions(paths[0])
    entries = [
        {"id": f"{video_id}#{k}", "video": video_id, "text": text}
        for video_id, texts in state.captions.items()
        for k, text in enumerate(texts)
    ]
    kept = [json.dumps(entry, ensure_ascii=False) for entry in entries if entry["text"].strip()]
    write_text(state.target / "captions.jsonl", "".join(f"{line}\n" for line in kept))
    empty = len(entries) - len(kept)
    note = f"{empty} empty ones left out" if empty else f"of {len(state.captions):,} videos"
    yield ArchiveEntry(kind="captions", name="raw captions", files=state.files(paths), items=len(kept), note=note)


def import_splits(state: ImportState) -> Iterator[ArchiveEntry]:
    """Write `splits.json`, and `splits-<family>.json` for every other family of splits of the same videos."""
    paths = state.archive.first_of("list")
    state.lists = {key: read_list(path, cut=state.dataset == "DiDeMo") for key, path in paths.items()}
    families = split_families(state.lists)
    for family in dict.fromkeys([*state.layout.families, *families]):
        splits = families.get(family)
        if splits is None:
            yield ArchiveEntry(kind="splits", name=family)
            continue
        write_json(state.target / ("splits.json" if family == "main" else f"splits-{family}.json"), splits)
        state.notes.extend(_overlaps(family, splits))
        ids = {video_id for split in splits.values() for video_id in split}
        yield ArchiveEntry(
            kind="splits",
            name=family,
            files=state.files(path for (_, part), path in paths.items() if part == family),
            items=len(ids),
            missing=len(ids - state.captions.keys()),
            note=", ".join(f"{split} {len(video_ids):,}" for split, video_ids in splits.items()),
        )


def import_chosen(state: ImportState) -> Iterator[ArchiveEntry]:
    """Write `chosen-1k-a.json`: by video, the id of the caption that is its query."""
    if state.layout.chosen is None:
        return
    paths = list(state.archive.first_of("chosen").values())
    if not paths:
        yield ArchiveEntry(kind="chosen captions", name="1k-a", note="never packed into the published archives")
        return
    chosen = read_chosen(paths[0], state.captions)
    write_json(state.target / "chosen-1k-a.json", chosen)
    yield ArchiveEntry(kind="chosen captions", name="1k-a", files=state.files(paths), items=len(chosen))


def import_masks(state: ImportState) -> Iterator[ArchiveEntry]:
    """Write `denoising/<name>.json`: ids of kept and dropped captions, and the reduced list of training videos."""
    masks = {name: path for (name, _), path in state.archive.first_of("mask").items()}
    reduced = {name: path for (name, _), path in state.archive.first_of("reduced list").items()}
    for name in dict.fromkeys([*state.layout.masks, *sorted(masks.keys() | reduced.keys())]):
        paths = [files[name] for files in (masks, reduced) if name in files]
        if not paths:
            yield ArchiveEntry(kind="mask", name=name)
            continue
        mask = read_mask(masks[name], state.captions) if name in masks else {}
        if name in reduced:
            mask["videos"] = read_list(reduced[name], cut=state.dataset == "DiDeMo")
        write_json(state.target / "denoising" / f"{name}.json", {"name": name, **mask})
        note = ", ".join(f"{key} {len(ids):,}" for key, ids in mask.items())
        yield ArchiveEntry(kind="mask", name=name, files=state.files(paths), note=note)


def _overlaps(family: str, splits: Mapping[str, Sequence[str]]) -> Iterator[str]:
    split_of: dict[str, str] = {}
    for split, ids in splits.items():
        twice = [video_id for video_id in ids if video_id in split_of]
        if twice:
            also = split_of[twice[0]]
            yield f"splits '{family}': {len(twice)} of '{split}' are in other splits too ('{twice[0]}' in '{also}')"
        split_of |= dict.fromkeys(ids, split)
