from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")
from teachtext.errors import InputError
from teachtext.evaluation.query_ranks import QueryRanks
from teachtext.evaluation.ranks import t2v_ranks
from teachtext.evaluation.results import Results
from teachtext.evaluation.score_normalisation import NORMALISERS, BetaChoice, normalise
from teachtext.experiment.normalise import score_split
from teachtext.experiment.run import run_study
from teachtext.experiment.study.study import Study, show_study
from teachtext.experiment.workspaces import Workspaces
from teachtext.files import read_json
from teachtext.learning.checkpoint import load_model
from teachtext.progress import silent
from teachtext.reports.study_markdown import markdown

pytestmark = pytest.mark.slow

Tiny = Callable[..., Study]
TWO: dict[str, Any] = {"experts": ["clip", "frame"]}
SHORT: dict[str, Any] = {"training": {"epochs": 6, "batch_size": 8}}


def validation(folder: Path, model: str) -> float:
    told = read_json(folder / model / "metrics.json")
    return float(told["history"][told["best_epoch"] - 1]["validation"]["t2v"]["geometric_mean"])


def test_experts_are_added_by_what_they_are_worth_on_validation(tiny: Tiny):
    study = tiny(base=TWO | SHORT, variants=None, members=None, modalities={})
    results, _ = run_study(study, jobs=2)
    assert Results.load(study.results_path) == results
    labels = [f"{size}, {who}" for size in ("1 expert", "2 experts") for who in ("alone", "TeachText")]
    assert [row.label for row in results.rows] == labels
    one, taught, both, _ = results.rows
    first, second = results.choices
    assert first.tried.keys() == {"clip", "frame"} and second.tried.keys() == {"clip", "frame"} - {first.chosen}
    assert first.chosen == max(first.tried, key=lambda name: first.tried[name])
    assert one.experts == taught.experts == [first.chosen] and both.experts == ["clip", "frame"]
    # what was compared are validation scores of students alone, and those of the winner are in the row
    mean = np.mean([validation(study.folder, seed.model) for seed in one.seeds])
    assert first.tried[first.chosen] == pytest.approx(mean)
    # teachers see all, whatever the student sees, and all are tested on the same videos
    assert taught.teachers == ["words", "phrases"]
    assert {(row.tested.videos, row.tested.queries) for row in results.rows} == {(8, 24)}
    assert [(found.ours, found.theirs) for found in results.comparisons] == [
        ("1 expert, TeachText", "1 expert, alone"),
        ("2 experts, TeachText", "2 experts, alone"),
    ]
    assert all(found.p_holm is not None for found in results.comparisons)
    # there are no videos here to measure on, and nothing is made up
    assert results.measured is None and all(row.cost is None for row in results.rows)
    assert any("were not extracted here" in note for note in results.notes)
    losers = [path for path in study.folder.glob("*/models/*") if not list(path.glob("test-*.npz"))]
    assert losers, "what was not chosen is not tested"
    again, _ = run_study(study, jobs=1)
    assert (again.rows, again.choices, again.comparisons) == (results.rows, results.choices, results.comparisons)
    report = (study.folder / "report.html").read_text()
    assert "by the number of the student" in report and f"+ {second.chosen}" in report


def test_each_variant_keeps_the_setting_that_is_best_on_validation(tiny: Tiny):
    variants = {"mse": {"distillation.distance": "mse"}, "l1": {"distillation.distance": "l1"}}
    study = tiny(base=SHORT, variants=variants, choose={"distillation.weight": [1, 50]}, claims={"x": ["mse", "l1"]})
    results, _ = run_study(study, jobs=2)
    assert [row.label for row in results.rows] == ["student words, alone", "mse, TeachText", "l1, TeachText"]
    for choice, row in zip(results.choices, results.rows[1:], strict=True):
        assert choice.tried.keys() == {"weight 1", "weight 50"}
        assert choice.chosen == f"weight {row.changes['distillation.weight']}"
        assert choice.tried[choice.chosen] == max(choice.tried.values())
        mean = np.mean([validation(study.folder, seed.model) for seed in row.seeds])
        assert choice.tried[choice.chosen] == pytest.approx(mean)
    assert f"Chosen on validation, mse: {results.choices[0].chosen} (of weight 1 " in markdown(results)


def test_a_candidate_that_cannot_be_trained_is_named_with_its_problem(tiny: Tiny):
    study = tiny(base=SHORT, variants=None, grid=None, choose={"training.lr": [0.01, 1e30]})
    results, _ = run_study(study, jobs=1)
    [choice] = results.choices
    assert choice.tried.keys() == {"lr 0.01"} and choice.failed.keys() == {"lr 1e+30"}
    assert f"Left out, for they could not be trained: lr 1e+30 ({choice.failed['lr 1e+30']})." in markdown(results)


def test_some_of_the_seeds_may_choose_and_all_are_tested(tiny: Tiny):
    study = tiny(base=SHORT, variants=None, grid=None, choose={"distillation.weight": [1, 50]}, choosing_seeds=[1])
    results, _ = run_study(study, jobs=2)
    (choice,) = results.choices
    taught = results.rows[-1]
    assert [seed.seed for seed in taught.seeds] == [0, 1]
    assert choice.tried[choice.chosen] == validation(study.folder, taught.seeds[1].model)
    trained = {path.parent.name for path in study.folder.glob("*/models/*-taught-*/metrics.json")}
    assert len(trained) == 3, "the setting that lost is trained for the seed that chose alone"
    assert "on validation, mean over seed 1." in markdown(results)


def test_rows_behind_normalisers_and_ensembles_are_those_of_the_models(tiny: Tiny):
    variants = {"a": {"student.text": "words"}, "b": {"student.text": "phrases"}}
    study = tiny(
        base=SHORT,
        variants=variants,
        members=["student"],
        ensembles={"both": ["a", "b"]},
        normalise=["qb-norm", "sinkhorn"],
        claims={"QB-Norm helps": ["a, qb-norm", "a"]},
    )
    results, _ = run_study(study, jobs=2)
    rows = {row.label: row for row in results.rows}
    bases = ["a", "b", "both"]
    assert list(rows) == [*bases, *(f"{base}, {name}" for name in ("qb-norm", "sinkhorn") for base in bases)]
    assert [rows[label].sees for label in ("a", "both", "a, qb-norm", "a, sinkhorn")] == [
        "",
        "query alone, 2 models",
        "query + training bank",
        "all test queries at once",
    ]
    spaces = Workspaces(study, silent)
    seeds = [spaces.trainings([1], entry.variant, entry.plan)[0] for entry in study.entries]
    models = [(load_model(one.folder)[0], one.features) for one in seeds]
    similarity, video_of = score_split(models, seeds[0].data.dataset, "test")
    kept = QueryRanks.load(study.folder / rows["both"].ranks[1])
    np.testing.assert_array_equal(kept.t2v, t2v_ranks(similarity, video_of))
    behind = read_json((study.folder / rows["both, sinkhorn"].ranks[1]).with_suffix(".json"))
    expected = normalise(NORMALISERS["sinkhorn"], similarity, video_of, BetaChoice(behind["beta"]))
    assert expected.metrics()["t2v"].as_dict() == rows["both, sinkhorn"].seeds[1].t2v
    assert behind["beta"] == float(max(behind["validation"], key=lambda beta: behind["validation"][beta]))
    pairs = {(found.ours, found.theirs) for found in results.comparisons}
    assert pairs == {(f"{base}, {name}", base) for base in bases for name in ("qb-norm", "sinkhorn")}
    assert "| both, sinkhorn | all test queries at once, 2 models |" in markdown(results)
    stamps = {path: path.stat().st_mtime_ns for path in (study.folder / "derived").iterdir()}
    again, _ = run_study(study, jobs=1)
    assert again.rows == results.rows
    assert {path: path.stat().st_mtime_ns for path in (study.folder / "derived").iterdir()} == stamps


def test_a_variant_without_members_finds_noisy_captions_and_trains_nothing_else(tiny: Tiny):
    noisy = {"denoising": {"folds": 2, "quantile": 0.2}, "members": []}
    study = tiny(base=SHORT, variants={"all": None, "noisy": noisy}, members=["student"])
    results, _ = run_study(study, jobs=1)
    assert [row.label for row in results.rows] == ["all"]
    assert [found.variants for found in results.denoised] == [["noisy"]]
    models = {path.name.rpartition("-")[0] for path in study.folder.glob("*/models/*")}
    assert models == {
        *(f"words-seed{seed}" for seed in study.config.seeds),
        *(f"{text}-fold{fold}of2-seed0" for text in ("words", "phrases") for fold in (1, 2)),
    }
    assert "denoised:\n- noisy" in show_study(study)


def test_a_variant_that_has_nothing_to_do_is_refused(tiny: Tiny):
    with pytest.raises(
        InputError, match=r"variant 'idle': without 'members' it has nothing to do: give it 'denoising'"
    ):
        tiny(variants={"all": None, "idle": {"members": []}})


def test_what_denoising_dropped_is_in_the_results(tiny: Tiny):
    study = tiny(
        base=SHORT, variants=None, grid={"denoising": {"all": None, "denoised": {"folds": 2, "quantile": 0.2}}}
    )
    results, _ = run_study(study, jobs=2)
    assert [row.label for row in results.rows] == [
        "all, alone",
        "all, TeachText",
        "denoised, alone",
        "denoised, TeachText",
    ]
    (found,) = results.denoised
    assert found.variants == ["denoised"] and found.captions == 48 and 0 < found.dropped <= 10
    assert len(found.noisiest) == found.dropped and found.precision is None
    (path,) = study.folder.glob("*/denoising/*/dropped.jsonl")
    assert all(f'"id": "{caption}"' in path.read_text() for caption in found.noisiest)
    assert f"The noisiest: {found.noisiest[0]}" in markdown(results)
    alone, denoised = results.rows[0], results.rows[2]
    assert {seed.model for seed in alone.seeds}.isdisjoint(seed.model for seed in denoised.seeds)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"modalities": {"experts": ["clip", "sound"]}}, "'modalities.experts' names 'sound', which is not among"),
        ({"modalities": {}, "choose": {"training.lr": [1]}}, "'choose' and 'modalities' both choose"),
        ({"choose": {"training.lr": []}}, "'training.lr' has no values"),
        ({"choose": {"training.lr": ["fast"]}}, "variant 'light': 'training.lr' is 'fast'"),
        ({"normalise": ["qb"]}, "no normaliser 'qb'"),
        (
            {"ensembles": {"x": ["light", "hevy"]}},
            "'ensembles.x' names 'hevy', which is no row (did you mean 'heavy'?)",
        ),
        ({"ensembles": {"heavy": ["light", "heavy"]}}, "'heavy' is a row and an ensemble"),
        ({"ensembles": {"x": []}}, "'ensembles.x'"),
    ],
)
def test_what_is_wrong_is_told(tiny: Tiny, changes: dict[str, Any], told: str):
    with pytest.raises(InputError) as error:
        tiny(**changes)
    assert told in str(error.value)


def test_without_a_validation_split_nothing_is_chosen(tiny: Tiny, store: Path):
    dataset = {"path": str(store), "features": str(store / "features"), "missing_videos": "keep", "select": None}
    study = tiny(base=SHORT | {"dataset": dataset}, choose={"distillation.weight": [1, 2]})
    with pytest.raises(InputError, match="there is nothing to choose on"):
        run_study(study, jobs=1)
