"""Subtitles that videos have already: which files beside a video are its own, and their words in the index."""

import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from teachtext.data.video_files import LeftOut
from teachtext.errors import InputError
from teachtext.files import content_hash
from teachtext.search.types import SUBTITLES, Moment, clock
from teachtext.video.subtitles import ENDINGS, MOST_BYTES, Cue, read_subtitles

# other forms of subtitles, which are not read
_OTHER_ENDINGS = (".sub", ".sup", ".smi", ".sbv", ".ttml", ".dfxp")
_MOST_TAGS = 3
# en, pt-BR, zh-Hans-CN, and what the makers of subtitles add
_TAG = re.compile(
    r"[a-z]{2,3}([-_][a-z0-9]{2,8}){0,2}|forced|sdh|cc|hi|default|orig|auto|foreign|full|signs|"
    r"arabic|chinese|czech|danish|dutch|english|finnish|french|german|greek|hebrew|hindi|hungarian|indonesian|italian|"
    r"japanese|korean|norwegian|polish|portuguese|romanian|russian|spanish|swedish|thai|turkish|ukrainian|vietnamese",
    re.IGNORECASE,
)
# the end of a video may be known to within so many seconds
_SLACK_S = 1.0


def subtitle_files(videos: Mapping[str, Path]) -> tuple[dict[str, list[Path]], list[LeftOut]]:
    """Return the files of subtitles that stand beside videos.

    A file belongs to the videos whose name it has: `film.srt`, `film.en.srt`, `film.en.forced.vtt` or `film.mp4.srt` to
    `film.mp4`. A video whose name is longer takes precedence: `film.en.srt` belongs to `film.en.mp4` if that is there.

    Args:
        videos: paths by their names in a folder.

    Returns:
        The files by the name of their video, sorted; and files that belong to no video, or are of another form.
    """
    beside: dict[str, list[Path]] = {}
    lonely: list[str] = []
    others: list[str] = []
    by_folder: dict[str, list[str]] = {}
    for name, path in videos.items():
        by_folder.setdefault(os.path.dirname(path), []).append(name)  # noqa: PTH120
    for folder, inside in by_folder.items():
        files = _files(Path(folder))
        owners = _owners(inside) if files else {}
        place = inside[0].rpartition("/")[0]
        for file in files:
            base, _, ending = file.name.rpartition(".")
            keys = _keys(_plain(base))
            names = next((owners[key] for key in keys if key in owners), [])
            if f".{ending}".casefold() in _OTHER_ENDINGS:
                others += [f"{place}/{file.name}".lstrip("/")] if names else []
            elif names:
                for name in names:
                    beside.setdefault(name, []).append(file)
            else:
                lonely.append(f"{place}/{file.name}".lstrip("/"))
    rows = [
        LeftOut("subtitles beside no video of their name", lonely, "name them as their video: film.mp4, film.en.srt"),
        LeftOut("subtitles of a form that is not read", others, f"convert them to one of {' '.join(ENDINGS)}"),
    ]
    return {name: sorted(files) for name, files in beside.items()}, [row for row in rows if row.names]


def _owners(names: Iterable[str]) -> dict[str, list[str]]:
    """Return videos of one folder by the names that their subtitles may begin with."""
    owners: dict[str, list[str]] = {}
    for name in names:
        base = _plain(name.rpartition("/")[2])
        for key in {base, PurePosixPath(base).stem}:
            owners.setdefault(key, []).append(name)
    return owners


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _keys(base: str) -> Iterable[str]:
    """Yield the names that the video of a file of subtitles may have, the longest first."""
    yield base
    for _ in range(_MOST_TAGS):
        base, dot, tag = base.rpartition(".")
        if not dot or not _TAG.fullmatch(tag):
            return
        yield base


def _files(folder: Path) -> list[Path]:
    try:
        names = os.listdir(folder)  # noqa: PTH208
    except OSError:
        # the videos of the folder cannot be read either, and are named for that
        return []
    endings = ENDINGS + _OTHER_ENDINGS
    return [folder / name for name in sorted(names) if name.casefold().endswith(endings) and name[0] != "."]


def state_of(files: Sequence[Path], hash_of: Callable[[Path], str] = content_hash) -> list[str]:
    """Return what tells whether subtitles have changed: the hashes of the files, whatever their names, sorted."""
    return sorted(_state(path, hash_of) for path in files)


def _state(path: Path, hash_of: Callable[[Path], str]) -> str:
    try:
        size = path.stat().st_size if path.is_file() else -1
        return hash_of(path) if 0 <= size <= MOST_BYTES else f"{size} bytes"
    except OSError as error:
        return str(error.strerror)


def read_files(files: Sequence[Path]) -> tuple[dict[Path, Sequence[Cue]], list[str]]:
    """Return the cues of files of subtitles, and a sentence for each problem."""
    cues: dict[Path, Sequence[Cue]] = {}
    notes: list[str] = []
    for file in files:
        try:
            if not file.is_file():
                raise InputError(f"{file} is no regular file", "give a file of subtitles")
            read = read_subtitles(file)
        except (InputError, OSError) as error:
            reason = error if isinstance(error, InputError) else f"{file} cannot be read ({error.strerror})"
            notes.append(f"left out, subtitles: {reason}")
        else:
            cues[file] = read.cues
            notes += read.notes
    return cues, notes


def words_of(sources: Mapping[Path, Sequence[Cue]], video: Path, end_s: float | None) -> tuple[list[Moment], list[str]]:
    """Return the words of subtitles as moments of a video, in order of time, and a sentence for each problem.

    Cues that begin after the end of the video are left out. Cues that stand in several sources count once.

    Args:
        sources: cues by the file in which they stand.
        video: file of the video.
        end_s: length of the video in seconds; None where that is not known.
    """
    last_s = float("inf") if end_s is None else end_s
    moments: dict[tuple[int, str], Moment] = {}
    notes = []
    for source, cues in sources.items():
        inside = [cue for cue in cues if cue.start_s <= last_s + _SLACK_S]
        if len(inside) < len(cues):
            notes.append(
                f"{source}: {len(cues) - len(inside):,} of {len(cues):,} cues begin after the end of {video.name} "
                f"({clock(last_s)}) and are left out; they may belong to another video"
            )
        for cue in inside:
            moment = Moment(min(cue.start_s, last_s), min(cue.end_s, last_s), SUBTITLES, cue.text)
            moments.setdefault((round(moment.start_s), moment.text), moment)
    return sorted(moments.values()), notes
