import json

import pytest

from teachtext.errors import InputError
from teachtext.rewriting.kept_rewritings import write_once

TEXTS = ["a dog runs", "a cat sleeps", "rain"]


class Counting:
    """Writes two queries for a text, and fails for the texts in `fails`."""

    name = "a counting writer"

    def __init__(self, fails=()):
        self.fails = set(fails)
        self.asked = []

    def write(self, text, *, seconds):
        self.asked.append(text)
        if text in self.fails:
            raise InputError("nobody answers", "start the endpoint")
        return [f"{text} again", "", f"{text} in other words"]


def written(path, writer, texts=TEXTS, notes=None):
    progress = (lambda what, done, total, note="": notes.append(note)) if notes is not None else lambda *said: None
    return write_once(writer, texts, path, seconds=1, progress=progress)


def test_every_text_is_written_anew_once(tmp_path):
    path = tmp_path / "deep" / "queries.jsonl"
    writer = Counting()
    first = written(path, writer)
    assert first["rain"] == ["rain again", "rain in other words"]
    assert written(path, writer) == first and writer.asked == TEXTS
    written(path, writer, [*TEXTS, "snow"])
    assert writer.asked == [*TEXTS, "snow"]


def test_a_stopped_call_goes_on_behind_the_last_whole_line(tmp_path):
    path = tmp_path / "queries.jsonl"
    whole = written(path, Counting())
    path.write_bytes(path.read_bytes()[:-7])
    writer = Counting()
    assert written(path, writer) == whole
    assert writer.asked == ["rain"]


def test_a_text_for_which_the_writer_fails_is_kept_without_queries_and_named(tmp_path):
    path, notes = tmp_path / "queries.jsonl", []
    assert written(path, Counting(fails=["rain"]), notes=notes)["rain"] == []
    assert notes[-1] == "1 of 3 captions have no other query: 'rain'"
    writer = Counting()
    written(path, writer)
    assert writer.asked == []


def test_a_writer_that_is_down_ends_the_work_and_is_asked_again_for_what_failed(tmp_path):
    path, texts = tmp_path / "queries.jsonl", ["good", *(f"bad {number}" for number in range(9))]
    writer = Counting(fails=texts[1:])
    with pytest.raises(InputError, match=r"a counting writer failed for 5 captions in a row: nobody answers"):
        written(path, writer, texts)
    assert len(writer.asked) == 6
    assert [json.loads(line)["query"] for line in path.read_text().splitlines()] == ["good"]
    mended = Counting()
    assert all(written(path, mended, texts).values()) and mended.asked == texts[1:]


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "queries.jsonl"
    path.write_text("no json\n")
    with pytest.raises(InputError, match=r"queries.jsonl, line 1 is no JSON"):
        written(path, Counting())
