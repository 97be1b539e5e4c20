"""The query log: searches and the results that people opened, which become captions to learn from.

One JSON object for each line: `{"query", "time", "text", "by", "found"}` for a search, `{"query", "chosen"}` for a
result that somebody opened. The log does not record who searched.
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
from teachtext.files import parse_json, write_text

_KEPT = 100


class QueryLog:
    """Writes a query log. May be shared by threads. If the disk is full, lines are lost and searches go on.

    Args:
        path: file of the log. New lines are added at its end.

    Raises:
        InputError: the file cannot be written to.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        try:
            # private, because the log says what people looked for
            if not path.exists():
                path.touch(mode=0o600)
            path.open("a").close()
        except OSError as error:
            raise InputError(f"{path} cannot be written to ({error.strerror})", "give another file") from error

    def search(self, text: str, by: str, ids: Sequence[str]) -> str:
        """Log a search; return its id, to which choices refer."""
        query = uuid.uuid4().hex
        self._write({"query": query, "time": round(time.time(), 3), "text": text, "by": by, "found": ids[:_KEPT]})
        return query

    def choice(self, query: str, video: str) -> None:
        """Log that a result of a search was opened."""
        self._write({"query": query, "chosen": video})

    def _write(self, fields: dict[str, Any]) -> None:
        line = json.dumps(fields, ensure_ascii=False)
        with suppress(OSError), self._lock, self._path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(line + "\n")


def pairs(log: Path, *, least: int = 1) -> list[tuple[str, str, int]]:
    """Return pairs of a query and an opened result: id of the video, query, how often it was opened; sorted.

    Args:
        log: file that `QueryLog` has written. A half-written last line is passed over, and so are choices of videos
            that the search did not return.
        least: leaves out pairs that were opened less often.

    Raises:
        InputError: there is no such file, or it is not a query log.
    """
    searches: dict[str, tuple[str, set[str]]] = {}
    chosen: set[tuple[str, str]] = set()
    for fields in _lines(log):
        if "chosen" in fields:
            chosen.add((fields["query"], fields["chosen"]))
        else:
            searches[fields["query"]] = (" ".join(str(fields["text"]).split()), set(fields["found"]))
    counts: Counter[tuple[str, str]] = Counter()
    for query, video in chosen:
        text, results = searches.get(query, ("", set()))
        if text and video in results:
            counts[video, text] += 1
    return sorted((video, text, count) for (video, text), count in counts.items() if count >= least)


def write_captions(path: Path, pairs: Sequence[tuple[str, str, int]]) -> None:
    """Write pairs as `captions.jsonl` of a dataset folder (see `teachtext.data.folder`).

    Raises:
        InputError: two videos have the same stem, which is the id of a video in a dataset.
    """
    named: dict[str, str] = {}
    for video, _, _ in pairs:
        other = named.setdefault(Path(video).stem, video)
        if other != video:
            raise InputError(f"'{other}' and '{video}' would be one video of a dataset", "rename one of the files")
    lines = [{"video": Path(video).stem, "text": text, "chosen": count} for video, text, count in pairs]
    write_text(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


def _lines(log: Path) -> Iterator[dict[str, Any]]:
    try:
        text = log.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{log} cannot be read", "give the file of 'teachtext serve --log-queries FILE'") from error
    # not `splitlines`: a query may contain other line ends
    lines = text.removesuffix("\n").split("\n") if text else []
    for number, line in enumerate(lines, start=1):
        try:
            fields = parse_json(line)
            if not isinstance(fields["query"], str) or not ("chosen" in fields or isinstance(fields["found"], list)):
                raise TypeError
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines) and not text.endswith("\n"):
                return
            raise InputError(f"{log}, line {number} is no line of a query log", "delete the line") from error
        yield fields
