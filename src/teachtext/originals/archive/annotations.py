"""The words of an archive, written as the files of a dataset folder."""

import json
from collections.abc import Iterator, Mapping, Sequence

from teachtext.files import write_json, write_text
from teachtext.originals.archive.captions import read_captions, read_chosen, read_list, read_mask, split_families
from teachtext.originals.archive.job import Job
from teachtext.originals.archive.record import Row


def import_captions(job: Job) -> Iterator[Row]:
    """Write `captions.jsonl`; a caption's id is `<video>#<its place in the authors' list>`."""
    paths = list(job.found.first_of("captions").values())
    if not paths:
        job.notes.append("without raw captions the folder needs a captions file before it can be loaded")
        yield Row(kind="captions", name="raw captions")
        return
    job.captions = read_captions(paths[0])
    entries = [
        {"id": f"{video_id}#{k}", "video": video_id, "text": text}
        for video_id, texts in job.captions.items()
        for k, text in enumerate(texts)
    ]
    kept = [json.dumps(entry, ensure_ascii=False) for entry in entries if entry["text"].strip()]
    write_text(job.target / "captions.jsonl", "".join(f"{line}\n" for line in kept))
    empty = len(entries) - len(kept)
    note = f"{empty} empty ones left out" if empty else f"of {len(job.captions):,} videos"
    yield Row(kind="captions", name="raw captions", files=job.files(paths), items=len(kept), note=note)


def import_splits(job: Job) -> Iterator[Row]:
    """Write `splits.json`, and `splits-<family>.json` for every other way to split the same videos."""
    paths = job.found.first_of("list")
    job.lists = {key: read_list(path, cut=job.dataset == "DiDeMo") for key, path in paths.items()}
    families = split_families(job.lists)
    for family in dict.fromkeys([*job.layout.families, *families]):
        splits = families.get(family)
        if splits is None:
            yield Row(kind="splits", name=family)
            continue
        write_json(job.target / ("splits.json" if family == "main" else f"splits-{family}.json"), splits)
        job.notes.extend(_overlaps(family, splits))
        ids = {video_id for split in splits.values() for video_id in split}
        yield Row(
            kind="splits",
            name=family,
            files=job.files(path for (_, own), path in paths.items() if own == family),
            items=len(ids),
            missing=len(ids - job.captions.keys()),
            note=", ".join(f"{split} {len(listed):,}" for split, listed in splits.items()),
        )


def import_chosen(job: Job) -> Iterator[Row]:
    """Write `chosen-1k-a.json`: the one caption of a video that is its query."""
    if job.layout.chosen is None:
        return
    paths = list(job.found.first_of("chosen").values())
    if not paths:
        yield Row(kind="chosen captions", name="1k-a", note="never packed into the published archives")
        return
    chosen = read_chosen(paths[0], job.captions)
    write_json(job.target / "chosen-1k-a.json", chosen)
    yield Row(kind="chosen captions", name="1k-a", files=job.files(paths), items=len(chosen))


def import_masks(job: Job) -> Iterator[Row]:
    """Write `denoising/<name>.json`: which captions are kept and dropped, and the reduced list of training videos."""
    masks = {name: path for (name, _), path in job.found.first_of("mask").items()}
    reduced = {name: path for (name, _), path in job.found.first_of("reduced list").items()}
    for name in dict.fromkeys([*job.layout.masks, *sorted(masks.keys() | reduced.keys())]):
        paths = [files[name] for files in (masks, reduced) if name in files]
        if not paths:
            yield Row(kind="mask", name=name)
            continue
        told = read_mask(masks[name], job.captions) if name in masks else {}
        if name in reduced:
            told["videos"] = read_list(reduced[name], cut=job.dataset == "DiDeMo")
        write_json(job.target / "denoising" / f"{name}.json", {"name": name, **told})
        note = ", ".join(f"{key} {len(ids):,}" for key, ids in told.items())
        yield Row(kind="mask", name=name, files=job.files(paths), note=note)


def _overlaps(family: str, splits: Mapping[str, Sequence[str]]) -> Iterator[str]:
    split_of: dict[str, str] = {}
    for split, ids in splits.items():
        twice = [video_id for video_id in ids if video_id in split_of]
        if twice:
            also = split_of[twice[0]]
            yield f"splits '{family}': {len(twice)} of '{split}' are in others too ('{twice[0]}' in '{also}')"
        split_of |= dict.fromkeys(ids, split)
