"""A contract that every writer keeps, and what is particular to each of those that are offline."""

import json
from pathlib import Path

import pytest
from chat_server import ChatServer

from teachtext.errors import InputError
from teachtext.packages import installed
from teachtext.rewriting.wordnet import PACKAGE, read_wordnet
from teachtext.rewriting.wordnet_writer import WordNetWriter
from teachtext.rewriting.writer import Writer, write_queries
from teachtext.rewriting.writers import WRITERS, open_writer

QUERY = "a dog runs on the grass"


@pytest.fixture(params=sorted(WRITERS))
def writer(request: pytest.FixtureRequest, tmp_path: Path, server: ChatServer) -> Writer:
    server.says("a hound sprints on the lawn\na puppy runs")
    (tmp_path / "texts.json").write_text(json.dumps({QUERY: ["a hound sprints on the lawn"]}))
    specs = {"file": f"file:{tmp_path / 'texts.json'}", "chat": f"chat:{server.url}#small", "wordnet": "wordnet"}
    if request.param == "wordnet" and installed(PACKAGE) is None:
        pytest.skip(f"{PACKAGE}, which has the data of WordNet, is not installed")
    # a new kind of writer needs a spec here
    return open_writer(specs[request.param])


def test_every_writer_writes_queries_and_has_a_name(writer: Writer):
    written = write_queries(writer, QUERY, seconds=10)
    assert written.texts and QUERY not in written.texts
    assert writer.name.startswith("the ")


def test_every_writer_takes_any_query(writer: Writer):
    for text in ("", "   ", "'; DROP TABLE videos", "x" * 10_000, "\x00", "日本語", "<b>dog</b>"):
        assert len(write_queries(writer, text, seconds=10).texts) <= 20


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("words", "unknown writer 'words'"),
        ("file", "'file' is not the whole name of a writer: write file:PATH"),
        ("file:", "write file:PATH"),
        ("wordnet:x", "write wordnet"),
        ("file:/none/there.json", "/none/there.json"),
    ],
)
def test_a_spec_that_is_none_is_refused(spec: str, problem: str):
    with pytest.raises(InputError, match=problem):
        open_writer(spec)


def test_lines_of_a_file_are_joined_by_query(tmp_path: Path):
    path = tmp_path / "texts.jsonl"
    path.write_text('{"query": "A  dog", "queries": ["a hound"]}\n\n{"query": "a dog", "queries": ["a puppy"]}\n')
    assert open_writer(f"file:{path}").write("a DOG", seconds=1) == ["a hound", "a puppy"]
    assert open_writer(f"file:{path}").write("a cat", seconds=1) == []


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.json", "[1]", "is no JSON object"),
        ("a.json", '{"a dog": "a hound"}', "'a dog' is no list of texts"),
        ("a.json", '{"a dog": [1]}', "'a dog' is no list of texts"),
        ("a.json", "{", "JSON"),
        ("a.jsonl", '{"query": "a"}', "line 1 has not the keys"),
        ("a.jsonl", '{"query": "a", "queries": []}\n{', "line 2 is no JSON"),
        ("a.jsonl", "[" * 100_000, "line 1 is no JSON"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, name: str, content: str, problem: str):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=problem):
        open_writer(f"file:{tmp_path / name}")


@pytest.mark.usefixtures("wordnet")
@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a man jumps", "an adult male jumps"),
        ("two dogs run", "two domestic dogs run"),
        ("a truck", "a motortruck"),
        ("a red ball bounces", "a red ball rebounds"),
        ("a red ball bounced", "a red ball rebounded"),
    ],
)
def test_a_synonym_stands_in_the_form_of_the_word(text: str, written: str):
    assert written in WordNetWriter().write(text, seconds=1)


@pytest.mark.usefixtures("wordnet")
def test_words_without_synonyms_are_left_alone():
    assert WordNetWriter().write("the of on zzzz 123", seconds=1) == []
    assert read_wordnet().synonyms("zzzz") == ()


@pytest.mark.usefixtures("wordnet")
def test_every_word_of_the_index_can_be_looked_up():
    net = read_wordnet()
    for word in ("'hood", "zymosis", "dog", "blood-red", "10"):
        assert {sense.word for sense in net._meanings(word)} == {word}
