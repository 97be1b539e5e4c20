"""The words of a video: heard, read, in subtitles, and in what its file says of itself."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from teachtext.data.store import FeatureFile
from teachtext.encoders.registry import word_experts
from teachtext.packages import load
from teachtext.search.scan import FileScan
from teachtext.search.subtitles import read_files, words_of
from teachtext.search.types import Moment

if TYPE_CHECKING:
    from teachtext.video.about import About


def heard_and_read(files: Mapping[str, FeatureFile], ids: Sequence[str]) -> dict[str, list[Moment]]:
    """Return the words that experts have heard and read in videos, by expert, then by time."""
    moments: dict[str, list[Moment]] = {name: [] for name in ids}
    for expert in sorted({*files} & word_experts()):
        for name, passages in files[expert].passages(ids).items():
            moments[name] += [Moment(passage.start_s, passage.end_s, expert, passage.text) for passage in passages]
    return moments


def written_along(file: FileScan, end_s: float) -> tuple[list[Moment], Mapping[str, str], list[str]]:
    """Return what comes along with a video.

    Args:
        file: the video and its subtitles.
        end_s: length in seconds.

    Returns:
        The words of its subtitles, in the file and beside it; facts (see `teachtext.video.about`); a sentence for each
        problem.
    """
    read_about: Callable[[Path], About] = load("teachtext.video.about:read_about", "video")
    about = read_about(file.path)
    beside, problems = read_files(file.subtitles)
    words, warnings = words_of({**beside, file.path: about.cues}, file.path, end_s)
    return words, about.facts, [*about.notes, *problems, *warnings]
