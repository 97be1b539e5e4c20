"""Results of a search in a player: one is opened, or all become a playlist or clips."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from teachtext.data.video_files import printable
from teachtext.errors import InputError
from teachtext.files import write_text

if TYPE_CHECKING:
    from teachtext.search.answer import SearchResult

# an opener that fails does so within this time
_FAILING_S = 3.0


def open_result(results: Sequence["SearchResult"], number: int) -> None:
    """Open the file of a result with the player of the system.

    Args:
        results: best first.
        number: of the result; 1 is the best.

    Raises:
        InputError: there is no such result, its file is gone, or nothing opens it.
    """
    if not 1 <= number <= len(results):
        raise InputError(f"there is no result {number}, of {len(results)}", "give the number of a result")
    path = results[number - 1].path
    if not path.exists():
        raise InputError(f"the file of result {number} is gone ({printable(str(path))})", "put the file back")
    if sys.platform == "win32":
        os.startfile(path)
        return
    opener = "open" if sys.platform == "darwin" else "xdg-open"
    quiet: Any = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    try:
        running = subprocess.Popen([opener, path], start_new_session=True, **quiet)
    except OSError as error:
        raise InputError(f"'{opener}' cannot be started ({error.strerror})", "print paths with --paths") from error
    try:
        code = running.wait(timeout=_FAILING_S)
    except subprocess.TimeoutExpired:
        return
    if code:
        raise InputError(f"'{opener}' could not open {printable(str(path))}", "open the file with a player of your own")


def write_playlist(results: Sequence["SearchResult"], file: Path) -> int:
    """Write the files that exist as a playlist (extended M3U); return their number.

    An entry starts where words of the query are heard or read, else at the best place of the video; VLC
    reads the start.
    """
    there = [result for result in results if result.has_file]
    write_text(file, "".join(["#EXTM3U\n", *map(_entry, there)]))
    return len(there)


def write_clips(results: Sequence["SearchResult"], folder: Path) -> None:
    """Write the best place of each result as a clip, and name the results that gave none. Ends the verb with code 3
    where there are such.

    Raises:
        InputError: no result gave a clip.
        Unwritable: the disk is full, or the folder cannot be written to.
    """
    from teachtext.cli.exit_codes import end_with
    from teachtext.cli.progress import shown
    from teachtext.search.cuts import cut_results

    with shown() as progress:
        cuts = cut_results(results, folder, progress=progress)
    for sentence in cuts.left_out:
        print(f"left out: {sentence}", file=sys.stderr)
    print(f"{len(cuts.files)} of {len(results)} results in {folder}", file=sys.stderr)
    end_with(len(cuts.left_out), len(cuts.files))


def _entry(result: "SearchResult") -> str:
    length = result.item.duration_s
    lines = [f"#EXTINF:{-1 if length is None else round(length)},{printable(result.item.id)}"]
    start_s, _ = result.span_s
    if start_s > 0:
        lines.append(f"#EXTVLCOPT:start-time={start_s:.2f}")
    return "\n".join([*lines, _address(result.path)]) + "\n"


def _address(path: Path) -> str:
    """Return a path as a playlist has it: as it is, or as a URL where a line cannot hold the path."""
    text = str(path)
    return text if text == printable(text) and text == text.strip() and not text.startswith("#") else path.as_uri()
