import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from processes import PATIENCE_S, needs_proc, processes_of, wait_until

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")
from teachtext.data.store import FeatureFile
from teachtext.errors import InputError
from teachtext.evaluation.metrics import metrics_from_ranks
from teachtext.evaluation.query_ranks import QueryRanks
from teachtext.evaluation.results import Results
from teachtext.evaluation.significance import compare, interval
from teachtext.experiment.run import run_study
from teachtext.experiment.study.parallel import jobs_of
from teachtext.experiment.study.study import Study, load_study
from teachtext.files import locked

pytestmark = pytest.mark.slow

Tiny = Callable[..., Study]
COMMAND = str(Path(sys.executable).parent / "teachtext")
ROWS = ["student words, alone", "light, TeachText", "heavy, TeachText"]


def models(study: Study) -> dict[str, int]:
    """Every trained model, with the time that it was done."""
    return {path.parent.name: path.stat().st_mtime_ns for path in study.folder.glob("*/models/*/metrics.json")}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, write_study: Callable[..., Path]) -> tuple[Study, Results]:
    """A whole study; nothing about it is changed by the tests below."""
    study = load_study(write_study(tmp_path_factory.mktemp("done")))
    results, set_aside = run_study(study, jobs=2)
    assert set_aside == []
    return study, results


@pytest.fixture
def copied(done: tuple[Study, Results], tmp_path: Path, tiny: Tiny) -> Tiny:
    """A copy of the whole study, to go on from with changes."""

    def copy(**changes: Any) -> Study:
        shutil.copytree(done[0].folder, tmp_path / "study")
        return tiny(**changes)

    return copy


def test_results_hold_every_row_seed_by_seed(done: tuple[Study, Results]):
    study, results = done
    assert Results.load(study.folder / "results.json") == results
    assert [row.label for row in results.rows] == ROWS
    for row in results.rows:
        assert [seed.seed for seed in row.seeds] == [0, 1]
        assert row.tested.videos == 8 and row.tested.queries == 24 and not row.tested.generated
        for seed, path in zip(row.seeds, row.ranks, strict=True):
            kept = QueryRanks.load(study.folder / path)
            assert metrics_from_ranks(kept.t2v).as_dict() == seed.t2v
            assert (study.folder / seed.model / "model.safetensors").exists()
    assert [row.changes for row in results.rows] == [{"distillation.weight": w} for w in (1, 1, 50)]
    assert [row.teachers for row in results.rows] == [[], ["words", "phrases"], ["words", "phrases"]]


def test_intervals_and_differences_are_those_of_the_ranks(done: tuple[Study, Results]):
    study, results = done
    ranks = {row.label: [QueryRanks.load(study.folder / path) for path in row.ranks] for row in results.rows}
    video_of = ranks[ROWS[0]][0].video_of
    t2v = {label: [seed.t2v for seed in seeds] for label, seeds in ranks.items()}
    for row in results.rows:
        assert row.interval == interval(t2v[row.label], video_of, resamples=200)
    light, heavy = results.comparisons
    assert light.difference == compare(t2v[ROWS[1]], t2v[ROWS[0]], video_of, resamples=200)
    assert heavy.difference == compare(t2v[ROWS[2]], t2v[ROWS[0]], video_of, resamples=200)
    p = sorted(found.difference.p_interval for found in (light, heavy) if found.difference)
    assert sorted(found.p_holm for found in (light, heavy) if found.p_holm is not None) == pytest.approx(
        sorted([min(1, 2 * p[0]), max(p[1], min(1, 2 * p[0]))])
    )


def test_equal_trainings_of_variants_are_trained_once(done: tuple[Study, Results]):
    study, results = done
    # two teachers, of which one is the student alone too, and two students with teachers; each for two seeds
    assert len(models(study)) == 2 * (2 + 2)
    alone, light, heavy = ({seed.model for seed in row.seeds} for row in results.rows)
    assert not (alone & light or alone & heavy or light & heavy)


def test_running_again_makes_nothing_anew(done: tuple[Study, Results], copied: Tiny):
    study = copied()
    before = models(study)
    again, _ = run_study(study, jobs=2)
    assert models(study) == before
    assert (again.rows, again.comparisons) == (done[1].rows, done[1].comparisons)


def test_one_more_variant_trains_only_what_is_new(done: tuple[Study, Results], copied: Tiny):
    variants = {"light": {"distillation.weight": 1}, "more": {"distillation.weight": 7}}
    study = copied(variants=variants)
    before = models(study)
    results, _ = run_study(study, jobs=1)
    after = models(study)
    assert {name: after[name] for name in before} == before
    assert {name.rsplit("-", 1)[0] for name in after.keys() - before.keys()} == {
        "words-taught-seed0",
        "words-taught-seed1",
    }
    assert [row.label for row in results.rows] == ["student words, alone", "light, TeachText", "more, TeachText"]
    assert results.rows[1].seeds == done[1].rows[1].seeds


def test_a_model_that_diverges_costs_its_rows_and_no_others(tiny: Tiny):
    wild = {"text": "phrases", "training": {"lr": 1e30}}
    variants = {"calm": None, "wild": {"training.lr": 1e30}, "wild teacher": {"teachers": ["words", wild]}}
    study = tiny(variants=variants, seeds=[0], compare={"against": "calm"})
    results, _ = run_study(study, jobs=1)
    assert [row.label for row in results.rows] == ["student words, alone", "calm, TeachText"]
    missing = {row.label: row.problem for row in results.missing}
    assert missing.keys() == {"wild, alone", "wild, TeachText", "wild teacher, TeachText"}
    assert "seed 0: a loss is no number in epoch 1" in missing["wild, alone"]
    assert "of the trainings before it one failed: " in missing["wild teacher, TeachText"]
    told = {(found.ours, found.theirs): found for found in results.comparisons}
    assert told["calm, TeachText", "student words, alone"].verdict != "not computed"
    lost = told["wild teacher, TeachText", "calm, TeachText"]
    assert lost.verdict == "not computed" and "there is no 'wild teacher, TeachText'" in lost.problem
    assert "Not computed, wild, alone: seed 0" in (study.folder / "report.html").read_text()
    with pytest.raises(InputError, match=r"nothing of study 'tiny' can be computed \(seed 0: a loss is no number"):
        run_study(tiny(variants={"wild": {"training.lr": 1e30}}, seeds=[0], members=["student"]), jobs=1)


def test_an_expert_may_have_other_settings_in_another_variant(tiny: Tiny):
    pytest.importorskip("av")
    rows = [{"name": "appearance", "settings": {"rows": "moments"}, "pool": False}]
    base = {
        "dataset": {"playground": {"videos": 12, "captions_per_video": 2}},
        "experts": ["appearance"],
        "teachers": [],
        "student": {"text": "glove"},
        "training": {"epochs": 1, "batch_size": 4},
        "workers": 1,
    }
    study = tiny(base=base, variants={"mean": None, "rows": {"experts": rows}}, seeds=[0], members=["student"])
    results, set_aside = run_study(study, jobs=1)
    assert set_aside == [] and [row.label for row in results.rows] == ["mean", "rows"]
    folder = next(study.folder.glob("playground-*"))
    stores = [FeatureFile(path) for path in sorted((folder / "features" / "video").iterdir())]
    most = [max(store.rows_of(video_id) for video_id in store.ids) for store in stores]
    assert len(stores) == 2 and most[0] == 1 < most[1]


def test_playgrounds_that_differ_in_their_captions_are_seen_once(tiny: Tiny):
    for module in ("av", "cv2", "wordllama"):
        pytest.importorskip(module)
    dataset = {"playground": {"videos": 12, "captions_per_video": 2}}
    base = {"dataset": dataset, "experts": ["motion"], "teachers": [], "student": {"text": "wordllama"}, "workers": 1}
    study = tiny(
        base=base, variants=None, grid={"dataset.playground.wrong_captions": [0, 0.5]}, seeds=[0], members=["student"]
    )
    told: list[tuple[str, int, int]] = []
    results, _ = run_study(study, jobs=1, progress=lambda what, done, total, note="": told.append((what, done, total)))
    clean, noisy = (variant.config.folder for variant in study.variants)
    assert [done for what, done, _ in told if what == "make the playground"] == [*range(1, 13)], "drawn once"
    assert [done for what, done, _ in told if what == "extract videos"] == [*range(13), 12]
    motion = [FeatureFile(folder / "features" / "video" / "motion") for folder in (clean, noisy)]
    assert motion[0].checksum() == motion[1].checksum()
    assert len({seed.model for row in results.rows for seed in row.seeds}) == 2
    assert results.comparisons == [], "nothing was asked to be compared"
    assert "Generated data." in (study.folder / "report.html").read_text()


def test_the_cores_are_not_used_twice(tiny: Tiny, monkeypatch: pytest.MonkeyPatch):
    from teachtext.experiment.study import parallel

    monkeypatch.setattr(parallel, "cores", lambda: 8)
    configs = [variant.config for variant in tiny().variants]
    assert jobs_of(configs) == 8
    assert jobs_of([configs[0], configs[1].model_copy(update={"threads": 3})]) == 2
    assert jobs_of([configs[0].model_copy(update={"threads": 20})]) == 1
    assert jobs_of([configs[0].model_copy(update={"device": "cuda"})]) == 1


def started(path: Path, until: Callable[[], bool]) -> subprocess.Popen[str]:
    """Start the command in a process group of its own, and return when something has happened."""
    process = subprocess.Popen(
        [COMMAND, "study", str(path), "--jobs", "2"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    try:
        wait_until(lambda: until() or process.poll() is not None, "the study never got there", poll_s=0.002)
        assert until(), f"the study ended before it got there: {process.communicate()[1]}"
    except AssertionError:
        end(process)
        raise
    return process


def end(process: subprocess.Popen[str]) -> None:
    for left in processes_of(process.pid):
        os.kill(left.pid, signal.SIGKILL)


def begun(folder: Path, name: str = "*") -> Callable[[], bool]:
    """Whether a model has been trained for an epoch."""
    return lambda: bool(list(folder.glob(f"*/models/{name}/model.safetensors")))


def no_process_is_left(group: int) -> None:
    wait_until(lambda: not processes_of(group), "workers outlive the command")


@needs_proc
def test_a_study_killed_and_resumed_equals_an_unbroken_one(
    done: tuple[Study, Results], tmp_path: Path, tiny: Tiny, write_study: Callable[..., Path]
):
    path, folder = write_study(tmp_path), tmp_path / "study"

    process = started(path, begun(folder))
    try:
        with pytest.raises(InputError, match=r"another process is at work in .*study: wait for it"), locked(folder):
            pass
        process.kill()
        assert process.wait(PATIENCE_S) == -signal.SIGKILL
        no_process_is_left(process.pid)
    finally:
        end(process)

    process = started(path, begun(folder, "*-taught-*"))
    try:
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 130
        no_process_is_left(process.pid)
    finally:
        end(process)

    assert not (folder / "results.json").exists()
    study = tiny()
    results, _ = run_study(study, jobs=1)
    assert results.rows == done[1].rows, "the numbers and even the folders' names are those of a study in one go"
    assert results.comparisons == done[1].comparisons
    assert models(study).keys() == models(done[0]).keys()
    for name in models(study):
        (ours,) = study.folder.glob(f"*/models/{name}/model.safetensors")
        (theirs,) = done[0].folder.glob(f"*/models/{name}/model.safetensors")
        assert ours.read_bytes() == theirs.read_bytes()


@needs_proc
def test_a_worker_that_is_killed_is_told_in_one_sentence(tmp_path: Path, write_study: Callable[..., Path]):
    path = write_study(tmp_path, base={"training": {"epochs": 5000, "batch_size": 8}})
    process = started(path, begun(tmp_path / "study"))
    try:
        workers = [one.pid for one in processes_of(process.pid) if "spawn_main" in one.command]
        os.kill(workers[0], signal.SIGKILL)
        said = process.communicate(timeout=PATIENCE_S)[1]
        assert process.returncode == 2
        assert said.splitlines()[-1].startswith("teachtext: a process that trains ended early")
        assert "Traceback" not in said
    finally:
        end(process)
