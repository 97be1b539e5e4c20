"""What a writer wrote for many texts, kept in a file, so that no text is written anew twice."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from teachtext.errors import InputError, first_of
from teachtext.progress import Progress, silent
from teachtext.rewriting.file_writer import FileWriter
from teachtext.rewriting.writer import Writer, screened

# a writer that fails so often in a row is down
_FAILURES = 5


def write_once(
    writer: Writer,
    texts: Sequence[str],
    path: Path,
    *,
    seconds: float,
    stage: str = "write queries",
    progress: Progress = silent,
) -> Mapping[str, Sequence[str]]:
    """Return other queries for each text. The writer is asked for the texts that are not in the file yet.

    Answers are appended as they come, so a stopped call goes on where it was. The file is one that `FileWriter` reads.
    A text for which the writer fails is kept without queries.

    Args:
        writer: the writer.
        texts: different texts.
        path: of the file, `.jsonl`.
        seconds: time limit of the writer for a text.
        stage: name of the work in `progress`.
        progress: told how many texts are done; at the end with a note on texts without other queries.

    Raises:
        InputError: the file is damaged, or the writer fails for several texts in a row.
    """
    _cut_last_line(path)
    kept = FileWriter(path) if path.exists() else None
    missing = [text for text in texts if kept is None or not kept.knows(text)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        failed: list[str] = []
        in_a_row = 0
        for number, text in enumerate(missing):
            progress(stage, len(texts) - len(missing) + number, len(texts))
            try:
                written = screened(writer.name, text, writer.write(text, seconds=seconds)).texts
            except InputError as error:
                failed.append(text)
                in_a_row += 1
                if in_a_row == _FAILURES:
                    problem = f"{writer.name} failed for {_FAILURES} captions in a row: {error.problem}"
                    raise InputError(problem, f"{error.mend}; what was written before is kept") from error
                continue
            in_a_row = 0
            file.write(_line(text, written))
            file.flush()
        # last, so that a writer that is down is asked again for them
        file.writelines(_line(text, ()) for text in failed)
    answers = FileWriter(path) if missing or kept is None else kept
    every = {text: list(answers.write(text, seconds=seconds)) for text in texts}
    alone = [text for text, written in every.items() if not written]
    note = f"{len(alone):,} of {len(texts):,} captions have no other query: {first_of(alone)}" if alone else ""
    progress(stage, len(texts), len(texts), note)
    return every


def _line(text: str, queries: Sequence[str]) -> str:
    return json.dumps({"query": text, "queries": list(queries)}, ensure_ascii=False) + "\n"


def _cut_last_line(path: Path) -> None:
    """Remove a last line that was not written to its end."""
    if path.exists():
        with path.open("rb+") as file:
            content = file.read()
            file.truncate(content.rfind(b"\n") + 1)
