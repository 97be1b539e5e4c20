"""What was asked and what was chosen, kept where the owner of a service wants it; chosen results become captions.

One JSON object a line: `{"query", "time", "text", "by", "found"}` for a search, and `{"query", "chosen"}` once somebody
opens one of the videos that were found. Nothing tells who asked.
"""

import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from teachtext.errors import InputError
from teachtext.files import write_text

_KEPT = 100


class QueryLog:
    """Writes a log of queries. May be shared by threads. A disk that is full later on costs the log, not the search.

    Args:
        path: of the log; what is there stays.

    Raises:
        InputError: it cannot be written to.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        try:
            path.open("a").close()
        except OSError as error:
            raise InputError(f"{path} cannot be written to ({error.strerror})", "give another file") from error

    def asked(self, text: str, by: str, found: Sequence[str]) -> str:
        """Note a search; return what its choices refer to."""
        query = uuid.uuid4().hex
        self._write({"query": query, "time": round(time.time(), 3), "text": text, "by": by, "found": found[:_KEPT]})
        return query

    def chose(self, query: str, video: str) -> None:
        """Note that one of the videos that a search found was opened."""
        self._write({"query": query, "chosen": video})

    def _write(self, told: dict[str, Any]) -> None:
        line = json.dumps(told, ensure_ascii=False)
        with suppress(OSError), self._lock, self._path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(line + "\n")


def pairs(log: Path, *, least: int = 1) -> list[tuple[str, str, int]]:
    """Return what was searched with words and then opened: id of the video, query, how often; sorted.

    Args:
        log: as `QueryLog` writes it. A last line that was broken off is passed over, and so are choices of what a
            search had not found.
        least: how often a pair has to have been chosen.

    Raises:
        InputError: no such file, or a line that is none of a log.
    """
    asked: dict[str, tuple[str, set[str]]] = {}
    chosen: set[tuple[str, str]] = set()
    for told in _lines(log):
        if "chosen" in told:
            chosen.add((told["query"], told["chosen"]))
        else:
            asked[told["query"]] = (" ".join(str(told["text"]).split()), set(told["found"]))
    counts = Counter(
        (video, asked[query][0])
        for query, video in chosen
        if query in asked and asked[query][0] and video in asked[query][1]
    )
    return sorted((video, text, count) for (video, text), count in counts.items() if count >= least)


def write_captions(path: Path, found: Sequence[tuple[str, str, int]]) -> None:
    """Write pairs as `captions.jsonl` of a dataset folder (see `teachtext.data.folder`), whose video ids are stems.

    Raises:
        InputError: two videos of different folders, or endings, have the same stem.
    """
    named: dict[str, str] = {}
    for video, _, _ in found:
        other = named.setdefault(Path(video).stem, video)
        if other != video:
            raise InputError(f"'{other}' and '{video}' would be one video of a dataset", "rename one of the files")
    lines = [{"video": Path(video).stem, "text": text, "chosen": count} for video, text, count in found]
    write_text(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


def _lines(log: Path) -> Iterator[dict[str, Any]]:
    try:
        text = log.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{log} cannot be read", "give the file of 'teachtext serve --log-queries FILE'") from error
    # not splitlines: a query may hold other ends of lines
    lines = text.removesuffix("\n").split("\n") if text else []
    for number, line in enumerate(lines, start=1):
        try:
            told = json.loads(line)
            if not isinstance(told["query"], str) or not ("chosen" in told or isinstance(told["found"], list)):
                raise TypeError
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines) and not text.endswith("\n"):
                return
            raise InputError(f"{log}, line {number} is no line of a query log", "delete the line") from error
        yield told
