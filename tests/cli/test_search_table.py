"""How sure an answer is, in the table of `teachtext search`."""

from pathlib import Path
from typing import Any

import pytest
from entries import make_entry

from teachtext.cli.search import print_answer
from teachtext.search.answer import Answer, Level, SearchResult
from teachtext.search.places import Place


@pytest.mark.parametrize(
    ("level", "sentence"),
    [("strong", ""), ("weaker", "No video is a strong match."), ("nothing", "Nothing here is like that."), (None, "")],
)
def test_a_table_begins_with_how_sure_the_answer_is(capsys: Any, level: Level | None, sentence: str):
    place = Place(start_s=0.0, end_s=2.0, at_s=1.0, score=0.3, why={"scene": 0.3})
    result = SearchResult(
        item=make_entry("v/dog.mp4", duration_s=2.0).item,
        path=Path("v/dog.mp4"),
        has_file=True,
        score=0.3,
        why={"scene": 0.3},
        is_strong=None if level is None else level == "strong",
        places=[place],
    )
    answer = Answer(results=[result], total=1, exact=True, corrected=False, seconds=0.01, confidence=level)
    print_answer(answer, as_json=False, paths=False, null=False)
    printed = capsys.readouterr().out
    assert "v/dog.mp4" in printed and printed.startswith(sentence)
    assert ("strong match" in printed) == (level == "weaker") and ("Nothing" in printed) == (level == "nothing")
