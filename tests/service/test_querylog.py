import json
from pathlib import Path

import pytest
from served import Made

from teachtext.errors import InputError
from teachtext.service.querylog import QueryLog, pairs, write_captions


def test_choices_become_captions(tmp_path: Path):
    log = QueryLog(tmp_path / "log.jsonl")
    log.search("two\u2028lines\x85", "both", [])
    first = log.search("a  dog", "both", ["v/1.mp4", "v/2.mp4"])
    second = log.search("a dog", "both", ["v/2.mp4"])
    for query, video in [
        (first, "v/2.mp4"),
        (first, "v/2.mp4"),
        (second, "v/2.mp4"),
        (first, "v/1.mp4"),
        (second, "x"),
    ]:
        log.choice(query, video)
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"query": "broken')
    assert pairs(tmp_path / "log.jsonl") == [("v/1.mp4", "a dog", 1), ("v/2.mp4", "a dog", 2)]
    assert pairs(tmp_path / "log.jsonl", least=2) == [("v/2.mp4", "a dog", 2)]
    write_captions(tmp_path / "captions.jsonl", pairs(tmp_path / "log.jsonl"))
    with pytest.raises(InputError, match="would be one video"):
        write_captions(tmp_path / "captions.jsonl", [("a/1.mp4", "x", 1), ("b/1.mp4", "y", 1)])
    lines = [json.loads(line) for line in (tmp_path / "captions.jsonl").read_text().splitlines()]
    assert lines[1] == {"video": "2", "text": "a dog", "chosen": 2}


@pytest.mark.parametrize("text", ["no json\n", "[]\n", '{"query": 1, "found": []}\n', '{"time": 1}\n'])
def test_a_line_that_is_none_of_a_log_is_refused(tmp_path: Path, text: str):
    (tmp_path / "log.jsonl").write_text(text)
    with pytest.raises(InputError, match=r"log\.jsonl, line 1"):
        pairs(tmp_path / "log.jsonl")
    with pytest.raises(InputError, match="cannot be read"):
        pairs(tmp_path / "none.jsonl")


def test_a_search_and_what_is_opened_are_noted_where_it_is_wanted(serve, made: Made, tmp_path: Path):
    assert serve().post("/api/feedback", json={"query": "q", "video": "v"}).status_code == 404
    client = serve(log=QueryLog(tmp_path / "log.jsonl"))
    answer = client.get("/api/search", params={"text": "a dog"}).json()
    video = answer["results"][0]["id"]
    assert client.post("/api/feedback", json={"query": answer["query"], "video": video}).status_code == 204
    assert pairs(tmp_path / "log.jsonl") == [(video, "a dog", 1)]
