"""Words that are heard or read in videos, with their times: a JSON-lines file beside each shard of features.

`part-00000.jsonl` belongs to `part-00000.safetensors` and is written just before the shard. A line is
`{"id": "<video>", "start_s": 1.2, "end_s": 2.5, "text": "..."}`.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from teachtext.errors import InputError
from teachtext.files import parse_json, write_text


class Passage(NamedTuple):
    """Some words, with the time in which they are heard or shown, in seconds from the start of the video."""

    start_s: float
    end_s: float
    text: str


def write_passages(path: Path, passages: Iterable[tuple[str, Passage]]) -> None:
    """Write pairs of video id and passage to a file, whole or not at all."""
    lines = (json.dumps({"id": item_id, **passage._asdict()}, ensure_ascii=False) for item_id, passage in passages)
    write_text(path, "".join(f"{line}\n" for line in lines))


def read_passages(path: Path) -> dict[str, list[Passage]]:
    """Read the passages by video id; an empty dict where the file does not exist.

    Raises:
        InputError: the file is damaged.
    """
    passages: dict[str, list[Passage]] = {}
    if not path.exists():
        return passages
    try:
        for line in path.read_text(encoding="utf-8").split("\n"):
            if line:
                entry = parse_json(line)
                passage = Passage(float(entry["start_s"]), float(entry["end_s"]), str(entry["text"]))
                passages.setdefault(str(entry["id"]), []).append(passage)
    except (OSError, ValueError, TypeError, KeyError) as error:
        mend = "delete it and the shard beside it, and extract the features again"
        raise InputError(f"{path} is not a whole file of passages ({error})", mend) from error
    return passages
