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


def test_a_data_set_that_is_not_there_is_one_sentence(teachtext_here, tmp_path):
    said = teachtext_here("data", "film", tmp_path / "none", tmp_path / "films")
    assert said.returncode == 2
    assert "is not a folder" in said.stderr + said.stdout
    assert not (tmp_path / "films").exists()
