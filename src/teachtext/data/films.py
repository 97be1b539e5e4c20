"""Long films of the clips of a dataset, with captions whose places are known: a test bed for the search of moments."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from teachtext.data.folder import load_folder
from teachtext.data.places import PLACES, Place
from teachtext.data.protocol import Caption, Protocol
from teachtext.data.types import Dataset
from teachtext.errors import InputError, first_of
from teachtext.files import content_hash, fingerprint, read_json, write_json, write_text
from teachtext.processes import spread
from teachtext.progress import Progress, relayed, silent
from teachtext.video.file import checked_seconds
from teachtext.video.joined import Clip, JoinKind, Shape, Stretch, join_clips

# Raise the version whenever the same settings give other films.
_VERSION = 1
_STARTED = ".films-started.json"
_FADE_S = (0.5, 1.5)
_FADES: tuple[JoinKind, ...] = ("cross-fade", "fade through black")
# length of a clip that states none; only the length of its film depends on it
_USUAL_S = 10.0
# a film of less than this share of the length would be left: its clips belong to the film before
_LEAST_REST = 0.25
_MOST_MINUTES, _MOST_PIXELS, _MOST_RATE = 24 * 60, 4096, 120


@dataclass(frozen=True)
class FilmSettings:
    """How films are put together.

    Args:
        split: whose clips are joined.
        minutes: length of a film, or a little more. The last film holds the rest.
        fades: share of the joins that are fades, half of them cross-fades and half fades through black; the others are
            cuts.
        seed: of the order of the clips, of the joins, and of the lengths of the fades.
        width: pixels, an even number.
        height: pixels, an even number.
        rate: pictures a second.
    """

    split: str = "test"
    minutes: float = 20.0
    fades: float = 0.3
    seed: int = 0
    width: int = 320
    height: int = 240
    rate: int = 25


@dataclass(frozen=True)
class Films:
    """The films that were made.

    Attributes:
        folder: the dataset folder with them.
        films: their lengths in seconds, by id.
        stretches: the places of the clips, by film.
        captions: number of captions with a place.
        notes: what was left out, a sentence each.
    """

    folder: Path
    films: Mapping[str, float]
    stretches: Mapping[str, Sequence[Mapping[str, Any]]]
    captions: int
    notes: Sequence[str]


def make_films(
    source: Path, folder: Path, settings: FilmSettings | None = None, *, workers: int = 2, progress: Progress = silent
) -> Films:
    """Join the clips of a split of a dataset to long films, and write them as a dataset folder.

    The folder then has these files:

    - `videos/film-001.mp4` and so on: H.264, with sound where a clip has sound.
    - `captions.jsonl`: the captions of the clips, each now of a film. `splits.json`: one split, of all films.
    - `places.json`, written last: the settings; of each film the stretches of its clips; of each caption the film, the
      start, the end and the clip.

    Each clip stands in one film, once. A second call with the same settings does nothing. A call that was stopped goes
    on where it stopped. Two processes must not write into the same folder at the same time.

    Args:
        source: the dataset folder.
        folder: a new or empty folder, or the folder of an earlier call with the same settings.
        settings: how films are put together.
        workers: processes; each joins one film at a time.
        progress: told about each film how many of its clips are joined.

    Raises:
        InputError: a setting is out of its range, the dataset has no such split or no video file of it, the folder
            holds other files, or the disk is full.
    """
    settings = settings or FilmSettings()
    _check(settings, workers)
    dataset = load_folder(
        source, protocol=Protocol(train=settings.split, select=None, test=settings.split), missing_videos="drop"
    )
    clips = _clips(dataset, settings.split)
    record = {"version": _VERSION, **asdict(settings), "dataset": dataset.name, "clips": _identity(clips)}
    notes = list(dataset.notes)
    if not _is_complete(folder, record):
        write_json(folder / _STARTED, record)
        plans = _plans(clips, settings, progress)
        stretches, left_out = _join(plans, folder, settings, workers, progress)
        _write(dataset, settings.split, folder, record, plans, stretches, left_out)
        for name in plans:
            _part(folder, name).unlink(missing_ok=True)
        (folder / _STARTED).unlink()
    content = read_json(folder / PLACES)
    if content["left_out"]:
        reason = next(iter(content["left_out"].values()))
        notes.append(
            f"left out, cannot be decoded: {len(content['left_out']):,} clips "
            f"({first_of(list(content['left_out']))}); the first: {reason}"
        )
    films = {name: film["seconds"] for name, film in content["films"].items()}
    stretches_of = {name: film["stretches"] for name, film in content["films"].items()}
    return Films(folder, films, stretches_of, len(content["captions"]), notes)


def _check(settings: FilmSettings, workers: int) -> None:
    if not 0 < settings.minutes <= _MOST_MINUTES:
        raise InputError(f"minutes={settings.minutes} is out of range", f"use at most {_MOST_MINUTES:,}")
    if not 0 <= settings.fades <= 1:
        raise InputError(f"fades={settings.fades} is not a share", "use a number from 0 to 1")
    if settings.seed < 0:
        raise InputError(f"seed={settings.seed} is negative", "use 0 or more")
    for name, pixels in (("width", settings.width), ("height", settings.height)):
        if not 16 <= pixels <= _MOST_PIXELS or pixels % 2:
            raise InputError(f"{name}={pixels} is out of range", f"use an even number from 16 to {_MOST_PIXELS:,}")
    if not 1 <= settings.rate <= _MOST_RATE:
        raise InputError(f"rate={settings.rate} is out of range", f"use 1 to {_MOST_RATE} pictures a second")
    if workers < 1:
        raise InputError(f"workers={workers} is out of range", "use at least 1")


def _clips(dataset: Dataset, split: str) -> dict[str, Path]:
    """Return the files of a split by id."""
    paths = {video_id: dataset.videos[video_id].path for video_id in dataset.splits[split]}
    return {video_id: path for video_id, path in paths.items() if path is not None}


def _identity(clips: Mapping[str, Path]) -> str:
    """Return a hash of the files that are joined."""
    try:
        return fingerprint({video_id: content_hash(path) for video_id, path in clips.items()})
    except OSError as error:
        raise InputError(f"{error.filename} cannot be read ({error.strerror})", "check its permissions") from error


def _is_complete(folder: Path, record: dict[str, Any]) -> bool:
    """Return whether a folder has the finished films; False if it is new or half made with these settings."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file", "give a folder")
    elsewhere = "give another folder, or delete this folder to make the films anew"
    for name in (PLACES, _STARTED):
        if (folder / name).exists():
            made = read_json(folder / name)
            if name == PLACES:
                made = made.get("settings") if isinstance(made, dict) else None
            if made != record:
                raise InputError(f"{folder} holds films of other clips or settings ({made})", elsewhere)
            return name == PLACES
    foreign = sorted(path.name for path in folder.iterdir() if path.name[0] != ".") if folder.exists() else []
    if foreign:
        raise InputError(f"{folder} holds other files ({', '.join(foreign[:3])})", elsewhere)
    return False


def _plans(clips: Mapping[str, Path], settings: FilmSettings, progress: Progress) -> dict[str, list[tuple[str, Clip]]]:
    """Return the clips of each film, in their order, with their joins."""
    rng = np.random.default_rng((settings.seed, 15))
    names = sorted(clips)
    order = [names[place] for place in rng.permutation(len(names))]
    lengths = []
    for done, name in enumerate(order):
        progress("measure the clips", done, len(order))
        lengths.append(checked_seconds(clips[name]) or _USUAL_S)
    progress("measure the clips", len(order), len(order))
    films: dict[str, list[tuple[str, Clip]]] = {}
    length, rest, number = 0.0, float(np.sum(lengths)), 1
    for name, seconds in zip(order, lengths, strict=True):
        if length >= 60 * settings.minutes and rest >= 60 * settings.minutes * _LEAST_REST:
            length, number = 0.0, number + 1
        length, rest = length + seconds, rest - seconds
        fade_s = round(float(rng.uniform(*_FADE_S)), 2)
        kind = _FADES[int(rng.integers(2))]
        clip = Clip(clips[name], kind, fade_s) if rng.random() < settings.fades else Clip(clips[name])
        films.setdefault(f"film-{number:03}", []).append((name, clip))
    return films


def _part(folder: Path, film: str) -> Path:
    """Return the file that keeps the places of a film until all films are made."""
    return folder / f".{film}.json"


class _Job(NamedTuple):
    film: str
    path: Path
    part: Path
    clips: Sequence[tuple[str, Clip]]
    shape: Shape
    progress: Progress


def _join(
    plans: Mapping[str, Sequence[tuple[str, Clip]]],
    folder: Path,
    settings: FilmSettings,
    workers: int,
    progress: Progress,
) -> tuple[dict[str, list[Stretch]], dict[str, str]]:
    """Write the films that are not there; return the stretches of all, and why clips were left out, by clip."""
    shape = Shape(settings.width, settings.height, settings.rate)
    with relayed(progress) as listener:
        jobs = [
            _Job(film, folder / "videos" / f"{film}.mp4", _part(folder, film), clips, shape, listener)
            for film, clips in plans.items()
        ]
        missing = [job for job in jobs if not (job.path.exists() and job.part.exists())]
        if workers == 1 or len(missing) < 2:
            for job in missing:
                _join_film(job)
        else:
            for _ in spread(_join_film, missing, workers=min(workers, len(missing))):
                pass
    stretches: dict[str, list[Stretch]] = {}
    left_out: dict[str, str] = {}
    for job in jobs:
        part = read_json(job.part)
        stretches[job.film] = [Stretch(*stretch) for stretch in part["stretches"]]
        left_out |= part["left_out"]
    return stretches, left_out


def _join_film(job: _Job) -> None:
    left_out: dict[str, str] = {}

    def leave_out(number: int, reason: str) -> None:
        left_out[job.clips[number][0]] = reason

    stretches = join_clips(
        job.path,
        [clip for _, clip in job.clips],
        job.shape,
        left_out=leave_out,
        progress=lambda done: job.progress(f"join {job.film}", done, len(job.clips)),
    )
    write_json(job.part, {"stretches": stretches, "left_out": left_out})


def _write(
    dataset: Dataset,
    split: str,
    folder: Path,
    record: Mapping[str, Any],
    plans: Mapping[str, Sequence[tuple[str, Clip]]],
    stretches: Mapping[str, Sequence[Stretch]],
    left_out: Mapping[str, str],
) -> None:
    places = {
        plans[film][stretch.number][0]: Place(film, stretch.start_s, stretch.end_s, plans[film][stretch.number][0])
        for film, parts in stretches.items()
        for stretch in parts
    }
    captions = [caption for caption in dataset.queries_of(split) if caption.video_id in places]
    lines = [_line(caption, places[caption.video_id].film) for caption in captions]
    write_text(folder / "captions.jsonl", "".join(f"{line}\n" for line in lines))
    write_json(folder / "splits.json", {split: list(stretches)})
    films = {
        film: {
            "seconds": parts[-1].end_s,
            "stretches": [
                {"clip": plans[film][part.number][0], **{k: v for k, v in part._asdict().items() if k != "number"}}
                for part in parts
            ],
        }
        for film, parts in stretches.items()
    }
    of_captions = {caption.id: places[caption.video_id]._asdict() for caption in captions}
    write_json(
        folder / PLACES,
        {"settings": dict(record), "films": films, "captions": of_captions, "left_out": dict(left_out)},
    )


def _line(caption: Caption, film: str) -> str:
    entry = {"id": caption.id, "video": film, "text": caption.text}
    language = {} if caption.language == "en" else {"language": caption.language}
    return json.dumps(entry | language, ensure_ascii=False)
