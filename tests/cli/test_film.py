"""`teachtext data film`: films of the playground through the real command."""

import json

import pytest

from teachtext.data.places import read_places

pytest.importorskip("av")
pytest.importorskip("cv2")


@pytest.mark.slow
def test_films_of_the_playground_have_their_places(teachtext, tmp_path):
    clips, films = tmp_path / "clips", tmp_path / "films"
    teachtext("data", "playground", clips, "--videos", 12, "--captions", 2)
    said = teachtext("data", "film", clips, films, "--split", "train", "--minutes", 0.2, "--fades", 0.5)
    assert said.returncode == 0, said.stderr
    train = json.loads((clips / "splits.json").read_text())["train"]
    places = read_places(films)
    names = sorted(path.stem for path in (films / "videos").iterdir())
    assert sorted(places.boundaries) == names
    assert {place.clip for place in places.captions.values()} == set(train)
    assert f"of {len(train)} clips with {2 * len(train)} captions" in said.stdout
    assert f"join {names[0]}: " in said.stderr
    checked = teachtext("data", "check", films)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.slow
def test_an_index_of_films_is_measured_by_its_places(teachtext, teachtext_here, tmp_path):
    pytest.importorskip("lancedb")
    clips, films, index = tmp_path / "clips", tmp_path / "films", tmp_path / "index"
    teachtext("data", "playground", clips, "--videos", 12, "--captions", 2)
    teachtext("data", "film", clips, films, "--split", "train", "--fades", 0.5)
    said = teachtext("index", films / "videos", "--index", index)
    assert said.returncode == 0, said.stderr
    said = teachtext_here("evaluate-index", index, films, "--split", "train")
    assert said.returncode == 0, said.stderr
    for text in ("places of 16 captions in 8 clips", "true places", "windows of 10 s", "Within 1 s of a cut"):
        assert text in said.stdout
    figures = json.loads(teachtext_here("evaluate-index", index, films, "--split", "train", "--json").stdout)["places"]
    assert (figures["captions"], figures["clips"]) == (16, 8)
    assert [cut["cut"] for cut in figures["cuts"]] == ["segments", "windows of 10 s", "true places", "whole videos"]
    assert figures["cuts"][2]["segments"] == 8
    assert all(0 <= share <= 1 for share in figures["boundaries_found"].values())
    # of a folder of clips nothing is said of places
    said = teachtext_here("evaluate-index", index, clips, "--split", "train")
    assert said.returncode == 2
    assert "holds none of the 8 videos" in said.stderr + said.stdout
    (films / "places.json").write_text("{}")
    said = teachtext_here("evaluate-index", index, films, "--split", "train")
    assert said.returncode == 2
    assert "is not a file of places" in said.stderr + said.stdout


def test_a_data_set_that_is_not_there_is_one_sentence(teachtext_here, tmp_path):
    said = teachtext_here("data", "film", tmp_path / "none", tmp_path / "films")
    assert said.returncode == 2
    assert "is not a folder" in said.stderr + said.stdout
    assert not (tmp_path / "films").exists()
