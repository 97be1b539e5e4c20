"""Results of a search as clips: the part of each video that answers the query, as an MP4."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from teachtext.data.video_files import printable
from teachtext.errors import InputError, Unwritable
from teachtext.files import atomic
from teachtext.progress import Progress, silent
from teachtext.search.answer import SearchResult
from teachtext.search.types import clock

SHORTEST_S = 3.0
"""A clip of a word that is heard, or of a sign that is read once, has this length at least, in seconds."""
_MOST_CHARACTERS = 60


class Cuts(NamedTuple):
    """What became of the results.

    Attributes:
        files: the clips, best result first.
        left_out: a sentence for each result that gave no clip.
    """

    files: Sequence[Path]
    left_out: Sequence[str]


def cut_results(results: Sequence[SearchResult], folder: Path, *, progress: Progress = silent) -> Cuts:
    """Write the part of each video that answers the query as an MP4, named by rank, video and time.

    A clip begins and ends where the result does (see `SearchResult.span_s`), and lasts 3 s at least where the video
    does. A clip of the same name is replaced.

    Args:
        results: best first.
        folder: of the clips; made if need be.
        progress: receives the number of results that are done.

    Raises:
        Unwritable: the disk is full, or the folder cannot be written to.
    """
    # a search without clips waits for no decoder
    from teachtext.video.playback import write_clip

    files, left_out = [], []
    for rank, result in enumerate(results, start=1):
        start_s, end_s = result.span_s
        end_s = max(end_s, start_s + SHORTEST_S)
        file = folder / f"{rank:02} {clip_name(result.item.id, start_s, end_s)}"
        try:
            if not result.has_file:
                raise InputError(f"the file of {printable(result.item.id)} is gone", "put the file back")
            with atomic(file) as unfinished:
                write_clip(result.path, unfinished, start_s, end_s)
            files.append(file)
        except Unwritable:
            raise
        except InputError as error:
            left_out.append(str(error))
        progress("cut", rank, len(results))
    return Cuts(files, left_out)


def clip_name(item_id: str, start_s: float, end_s: float) -> str:
    """Return the name of a clip, which every file system takes.

    >>> clip_name("clips/holiday/dog.mp4", 65, 70)
    'dog 1.05-1.10.mp4'
    """
    return f"{_title(item_id)} {_time(start_s)}-{_time(end_s)}.mp4"


def _title(item_id: str) -> str:
    """Return the name of a video in letters, digits and marks that every file system takes.

    >>> _title("clips/holiday/A dog: part 2?.mp4")
    'A dog_ part 2_'
    """
    return re.sub(r"[^\w .()+-]", "_", Path(item_id).stem)[:_MOST_CHARACTERS].strip() or "video"


def _time(seconds: float) -> str:
    return clock(seconds).replace(":", ".")
