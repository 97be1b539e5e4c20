"""`teachtext evaluate-index`, as a user types it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scorers import write_scorer

pytestmark = pytest.mark.slow

pytest.importorskip("av")
pytest.importorskip("cv2")
pytest.importorskip("lancedb")


Command = Callable[..., Any]


@pytest.fixture(scope="module")
def indexed(teachtext: Command, ready: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of two indexes of the playground: `one` model, and `two` models that share the features."""
    folder = tmp_path_factory.mktemp("quality")
    alone = next(path for path in sorted((ready.folder / "models").iterdir()) if path != ready.model)
    for name, models in {"one": [ready.model], "two": [ready.model, alone]}.items():
        options = [part for model in models for part in ("--model", model)]
        said = teachtext(
            "index", ready.playground / "videos", *options, "--index", folder / name, "--features", folder / "features"
        )
        assert said.returncode == 0, said.stderr
    return folder


def test_it_prints_metrics_intervals_and_trained_videos(teachtext_here: Command, indexed: Path, ready: Any):
    said = teachtext_here("evaluate-index", indexed / "one", ready.playground)
    assert said.returncode == 0, said.stderr
    assert all(head in said.stdout for head in ("R@1", "R@5", "R@10", "95 %", "MdR", "test: text to video"))
    said = teachtext_here("evaluate-index", indexed / "one", ready.playground, "--json")
    output = json.loads(said.stdout)
    splits = json.loads((ready.playground / "splits.json").read_text())
    assert output["captions"] == 3 * len(splits["test"]) and output["captioned_videos"] == len(splits["test"])
    assert output["videos"] == len(list((ready.playground / "videos").iterdir())) and output["left_out"] == []
    assert output["learned"]["gallery"] == pytest.approx(len(splits["train"]) / output["videos"])
    assert 0 <= output["learned"]["first_places"] <= 1
    low, high = output["intervals"]["r10"]
    assert low <= output["t2v"]["r10"] <= high
    trained = teachtext_here("evaluate-index", indexed / "one", ready.playground, "--split", "train")
    assert trained.returncode == 0 and "captions are of videos that the model has learned from" in trained.stderr


def test_against_itself_nothing_is_gained_and_an_index_of_several_models_works(
    teachtext_here: Command, indexed: Path, ready: Any
):
    arguments = ("evaluate-index", indexed / "two", ready.playground, "--against")
    output = json.loads(teachtext_here(*arguments, indexed / "two", "--json").stdout)
    for difference in output["differences"].values():
        assert difference == {"value": 0, "low": 0, "high": 0, "verdict": "undecided"}
    said = teachtext_here(*arguments, indexed / "one")
    assert said.returncode == 0 and "minus" in said.stdout and "verdict" in said.stdout, said.stderr
    output = json.loads(teachtext_here(*arguments, indexed / "one", "--json").stdout)
    r1 = [output["t2v"]["r1"], output["against"]["t2v"]["r1"]]
    assert output["differences"]["r1"]["value"] == pytest.approx(r1[0] - r1[1])


def test_python_gives_the_same_numbers(teachtext_here: Command, indexed: Path, ready: Any):
    import teachtext

    quality = teachtext.open_index(indexed / "one").evaluate(ready.playground)
    output = json.loads(teachtext_here("evaluate-index", indexed / "one", ready.playground, "--json").stdout)
    assert quality.as_dict() == {key: output[key] for key in quality.as_dict()}


def test_bad_input_is_one_sentence(teachtext_here: Command, indexed: Path, ready: Any, tmp_path: Path):
    other = tmp_path / "other"
    (other / "videos").mkdir(parents=True)
    shutil.copy(__file__, other / "videos" / "odd.mp4")
    (other / "captions.json").write_text('{"odd": ["a text"]}')
    (other / "splits.json").write_text('{"test": ["odd"]}')
    for arguments, message in (
        ((tmp_path / "nothing", ready.playground), "holds no index"),
        ((indexed / "one", tmp_path / "nothing"), "is not a folder"),
        ((indexed / "one", ready.playground, "--split", "dev"), "has no split 'dev'"),
        ((indexed / "one", other), "holds none of the 1 videos of split 'test' ('odd')"),
    ):
        said = teachtext_here("evaluate-index", *arguments)
        assert said.returncode == 2 and message in said.stderr and said.stderr.count("\n") == 1, said.stderr
    assert not (tmp_path / "nothing").exists()


def test_it_is_measured_by_the_number_of_queries(teachtext_here: Command, indexed: Path, ready: Any, tmp_path: Path):
    texts = tmp_path / "texts.json"
    captions = [json.loads(line)["text"] for line in (ready.playground / "captions.jsonl").read_text().splitlines()]
    texts.write_text(json.dumps({text: [f"{text} again", f"now {text}"] for text in captions}))
    arguments = ("evaluate-index", indexed / "one", ready.playground, "--writer", f"file:{texts}")
    said = teachtext_here(*arguments)
    assert said.returncode == 0, said.stderr
    assert "by number of queries, fused by 'reciprocal'" in said.stdout and "R@1 gained" in said.stdout
    assert "where 5 queries are asked, captions have 3.0 in the mean" in said.stderr
    output = json.loads(teachtext_here(*arguments, "--queries", "1", "--queries", "3", "--json").stdout)
    by_queries = output["by_queries"]["queries"]
    assert list(by_queries) == ["1", "3"] and by_queries["1"]["t2v"] == output["t2v"]


def test_the_ranking_of_a_slow_scorer_is_compared(teachtext_here: Command, indexed: Path, ready: Any, tmp_path: Path):
    scorer = write_scorer(tmp_path / "scorer-1", {"motion": 243})
    arguments = ("evaluate-index", indexed / "one", ready.playground, "--rerank", scorer)
    features = ("--features", indexed / "features")
    output = json.loads(teachtext_here(*arguments, *features, "--slow-share", "0", "--json").stdout)
    assert output["index"].endswith("one, ranked anew") and output["t2v"]["r1"] == output["against"]["t2v"]["r1"]
    said = teachtext_here(*arguments, *features)
    assert said.returncode == 0 and "ranked anew minus" in " ".join(said.stdout.split()), said.stderr
    refused = teachtext_here(*arguments)
    assert refused.returncode == 2 and "--features" in refused.stderr
    refused = teachtext_here(*arguments, "--against", indexed / "two")
    assert refused.returncode == 2 and "give one of them" in " ".join(refused.stderr.split())
