import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")
from safetensors.torch import load_file

from teachtext.data.splits import folds, source_of
from teachtext.errors import InputError
from teachtext.evaluation.ranks import t2v_ranks
from teachtext.experiment.config import RunConfig
from teachtext.experiment.denoise import judges_by_fold, write_mask
from teachtext.experiment.plan import judges_of
from teachtext.experiment.run import denoise, run
from teachtext.experiment.train import Training
from teachtext.experiment.workspace import Workspace
from teachtext.learning.checkpoint import load_model, load_spec
from teachtext.learning.inference import score
from teachtext.originals.archive.captions import read_mask
from teachtext.progress import Progress, silent
from teachtext.reports.noise_report import NoiseContent

pytestmark = pytest.mark.slow

FOLDS = 3
SHORT = {"epochs": 1, "batch_size": 8}
LONG = {"epochs": 10, "batch_size": 8, "lr": 0.01}


def find(config: RunConfig, progress: Progress = silent) -> NoiseContent:
    noise, _, _ = denoise(config, jobs=1, progress=progress)
    return noise


def entries(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def lists_of(config: RunConfig) -> Path:
    return Workspace(config).denoising_folder


def models_in(config: RunConfig) -> dict[str, Path]:
    """The judges' folders by what stands before the fingerprint: encoder and fold."""
    return {path.name.rpartition("-")[0]: path for path in (config.folder / "models").iterdir()}


def written(folder: Path) -> dict[str, int]:
    return {path.as_posix(): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@dataclass
class Done:
    sketch: Any
    config: RunConfig
    found: NoiseContent

    @property
    def lists(self) -> Path:
        return lists_of(self.config)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, sketch: Callable[..., Any]) -> Done:
    """Captions judged; nothing about it is changed by the tests below."""
    folder = tmp_path_factory.mktemp("denoise")
    made = sketch(folder / "data", wrong=0.2)
    config = made.config(folder / "work", denoising={"folds": FOLDS}, training=LONG)
    return Done(made, config, find(config))


@pytest.fixture
def copied(done: Done, tmp_path: Path) -> Callable[..., RunConfig]:
    """A copy of what was found, to go on from with changed settings."""

    def copy(**changes: Any) -> RunConfig:
        if not (tmp_path / "run").exists():
            shutil.copytree(done.config.folder, tmp_path / "run")
        changes.setdefault("denoising", {"folds": FOLDS})
        config: RunConfig = done.sketch.config(tmp_path, **{"training": LONG} | changes)
        return config

    return copy


def test_wrong_captions_are_found_far_better_than_by_chance(done: Done):
    told = done.found.detection
    assert told is not None and told.wrong == len(done.sketch.wrong) == round(0.2 * told.captions)
    assert told.average_precision is not None and told.average_precision > 0.4, "chance is about 0.2"
    assert told.precision is not None and told.precision > 0.4
    above = done.found.above_chance
    assert above is not None and above.value == pytest.approx(100 * (told.precision - told.wrong / told.captions))
    assert 0 < above.low < above.value < above.high
    record = json.loads((done.lists / "denoising.json").read_text())
    assert record["against_known_wrong"]["average_precision"] == told.average_precision
    page = (done.lists / "report.html").read_text()
    assert "Finding the wrong captions" in page and "Generated data." in page


def test_both_lists_are_whole_and_say_why(done: Done):
    dropped, kept = entries(done.lists / "dropped.jsonl"), entries(done.lists / "kept.jsonl")
    training = {c["id"]: c for c in done.sketch.captions if c["video"] in done.sketch.splits["train"]}
    assert sorted([entry["id"] for entry in (*dropped, *kept)]) == sorted(training)
    for entry in (*dropped, *kept):
        assert (entry["video"], entry["text"]) == (training[entry["id"]]["video"], training[entry["id"]]["text"])
        assert set(entry["ranks"]) == {"teacher plain", "teacher rich"}
        shares = [(rank - 1) / (entry["among"] - 1) for rank in entry["ranks"].values()]
        assert entry["noise"] == pytest.approx(np.mean(shares), abs=1e-4)
    assert all(entry["noise"] > 0.5 and "is above 0.500" in entry["reason"] for entry in dropped)
    assert all("not above" in entry["reason"] or "least noisy of its video" in entry["reason"] for entry in kept)
    assert [entry["noise"] for entry in dropped] == sorted((entry["noise"] for entry in dropped), reverse=True)
    assert {entry["video"] for entry in kept} == set(done.sketch.splits["train"]), "every video keeps one"


def test_no_judge_was_trained_on_what_it_judges(done: Done):
    train = done.sketch.splits["train"]
    judged = {caption.id: row for row, caption in enumerate(done.found.captions)}
    parts = folds(train, FOLDS, seed=0)
    for place, encoder in enumerate(("plain", "rich")):
        for part in parts:
            folder = models_in(done.config)[f"{encoder}-fold{part.number}of{FOLDS}-seed0"]
            seen = load_spec(folder).trained_on or ()
            assert sorted(seen) == sorted(part.rest) and not set(seen) & set(part.held_out)
            assert not {source_of(video) for video in seen} & {source_of(video) for video in part.held_out}
            # the ranks are those of that very model, among the fold's own videos
            workspace = Workspace(done.config)
            member = Training(workspace, judges_of(done.config)[place], 0, part)
            own = [caption for caption in done.found.captions if caption.video_id in part.held_out]
            model, _ = load_model(folder)
            scores = score(model, member.features, own, part.held_out)
            ranks = t2v_ranks(scores.similarity, scores.video_of)
            rows = [judged[caption.id] for caption in own]
            assert done.found.ranks[place, rows].tolist() == ranks.tolist()
            assert set(done.found.gallery[rows].tolist()) == {len(part.held_out)}


@pytest.mark.parametrize("changed", ["caption", "video"])
def test_a_judges_weights_do_not_depend_on_what_it_judges(tmp_path: Path, sketch: Callable[..., Any], changed: str):
    settings = {"denoising": {"folds": FOLDS}, "training": SHORT, "teachers": ["rich"]}
    before = sketch(tmp_path / "a", videos=36, per_video=1).config(tmp_path / "x", **settings)
    part = folds(json.loads((tmp_path / "a" / "splits.json").read_text())["train"], FOLDS, seed=0)[1]
    item = part.held_out[0] if changed == "video" else f"{part.held_out[0]}#0"
    after = sketch(tmp_path / "b", videos=36, per_video=1, changed=item).config(tmp_path / "y", **settings)
    found = [find(before), find(after)]
    assert found[0].ranks.tolist() != found[1].ranks.tolist(), "what was changed is judged otherwise"
    ours, theirs = models_in(before), models_in(after)
    for number in range(1, FOLDS + 1):
        weights = [load_file(own[f"rich-fold{number}of{FOLDS}-seed0"] / "model.safetensors") for own in (ours, theirs)]
        same = all((weights[0][name] == weights[1][name]).all() for name in weights[0])
        # the judge of that fold has not seen the change; those of the others have learned from it
        assert same == (number == part.number)


def test_judging_again_makes_nothing_anew(done: Done, copied: Callable[..., RunConfig]):
    config = copied()
    before = written(config.folder / "models")
    lists = {name: (lists_of(config) / name).read_text() for name in ("dropped.jsonl", "kept.jsonl")}
    found = find(config)
    assert written(config.folder / "models") == before
    assert {name: (lists_of(config) / name).read_text() for name in lists} == lists
    assert found.noise.tolist() == done.found.noise.tolist()


def test_another_threshold_or_quantile_needs_no_training(done: Done, copied: Callable[..., RunConfig]):
    config = copied(denoising={"folds": FOLDS, "quantile": 0.1, "keep_at_least": 3})
    before = written(config.folder / "models")
    found = find(config)
    assert written(config.folder / "models") == before
    assert found.noise.tolist() == done.found.noise.tolist()
    assert 0 < found.dropped.sum() <= 0.1 * len(found.captions)
    assert len(entries(lists_of(config) / "dropped.jsonl")) == found.dropped.sum()
    assert (done.lists / "dropped.jsonl").read_text() != (lists_of(config) / "dropped.jsonl").read_text()
    assert all(had - lost >= 3 for had, lost in found.per_video.values())


def test_the_gallery_may_be_all_training_videos(done: Done, copied: Callable[..., RunConfig]):
    config = copied(denoising={"folds": FOLDS, "gallery": "train"})
    models = models_in(config)
    found = find(config)
    assert models_in(config) == models and set(found.gallery.tolist()) == {len(done.sketch.splits["train"])}
    # whatever is ranked beside them, videos of the fold keep their order
    assert (found.ranks >= done.found.ranks).all() and (found.ranks > done.found.ranks).any()
    assert found.detection is not None and found.detection.average_precision > 0.4


class Stopped(Exception):
    pass


def test_stopped_and_gone_on_with_it_ends_the_same_in_another_folder(tmp_path: Path, sketch: Callable[..., Any]):
    made = sketch(tmp_path / "data", videos=36)
    settings = {"denoising": {"folds": FOLDS, "seed": 3}, "training": {"epochs": 2, "batch_size": 8}}
    whole = find(made.config(tmp_path / "whole", **settings))
    config = made.config(tmp_path / "stopped", **settings)
    for after in (1, 3, 3):
        steps = iter(range(1000))

        def stop(what: str, *_: object, steps: Any = steps, after: int = after) -> None:
            if what.startswith("train") and next(steps) == after:
                raise Stopped

        with pytest.raises(Stopped):
            find(config, stop)
        assert not (config.folder / "denoising").exists()
    again = find(config)
    assert again.noise.tolist() == whole.noise.tolist()
    for name in ("dropped.jsonl", "kept.jsonl"):
        texts = [next((tmp_path / place).rglob(name)).read_text() for place in ("whole", "stopped")]
        assert texts[0] == texts[1]


def test_a_run_trains_on_what_is_kept_and_tests_on_everything(tmp_path: Path, sketch: Callable[..., Any]):
    made = sketch(tmp_path / "data", videos=36)

    def configured(**changes: Any) -> RunConfig:
        config: RunConfig = made.config(tmp_path, **{"training": SHORT, "teachers": ["rich"]} | changes)
        return config

    config = configured(denoising={"folds": 2})
    results, _ = run(config)
    dropped = {entry["id"] for entry in entries(lists_of(config) / "dropped.jsonl")}
    assert f"left out as noisy: {len(dropped)} training captions (dropped.jsonl)" in results.test.notes
    assert results.test.queries == 4 * len(made.splits["test"])
    for row in results.rows:
        origin = json.loads((config.folder / row.seeds[0].model / "config.json").read_text())["origin"]
        assert origin["train_captions"] == 4 * len(made.splits["train"]) - len(dropped), row.label
    # the same captions by a list that is named trains the very same models
    named = configured(dataset={"dropped": str(lists_of(config) / "dropped.jsonl")})
    again, _ = run(named)
    assert [row.seeds for row in again.rows] == [row.seeds for row in results.rows]
    # and all captions train others
    whole, _ = run(configured())
    assert not {row.seeds[0].model for row in whole.rows} & {row.seeds[0].model for row in results.rows}
    assert not any("noisy" in note for note in whole.test.notes)


def test_a_list_that_was_edited_is_used_and_never_written_over(done: Done, copied: Callable[..., RunConfig]):
    config = copied()
    path = lists_of(config) / "dropped.jsonl"
    first, *rest = path.read_text().splitlines(keepends=True)
    edited = "".join(rest)
    path.write_text(edited)
    found = find(config)
    assert found.by_hand == 1 and found.dropped.sum() == len(rest)
    assert path.read_text() == edited
    assert "decided otherwise by hand" in path.with_name("report.html").read_text()
    dataset = Workspace(config).dataset
    left = {caption.id for caption in dataset.captions}
    assert json.loads(first)["id"] in left and json.loads(rest[0])["id"] not in left
    assert "dropped.jsonl was edited: 1 captions were decided by hand" in dataset.notes
    find(copied(denoising={"folds": FOLDS, "threshold": 0.4}))
    assert path.read_text() == edited, "other settings have lists of their own"
    path.write_text(edited + '{"id": "nobody"}\n')
    with pytest.raises(InputError, match=r"dropped\.jsonl names caption 'nobody', which the dataset does not have"):
        find(config)
    path.unlink()
    assert find(config).by_hand == 0
    assert path.read_text() == first + edited


def test_lists_of_captions_that_were_judged_anew(tmp_path: Path, sketch: Callable[..., Any]):
    config = sketch(tmp_path / "data", videos=24).config(tmp_path, denoising={"folds": 2}, training=SHORT)
    find(config)
    path = lists_of(config) / "dropped.jsonl"
    old = path.read_text()
    shutil.rmtree(tmp_path / "data")
    item = sketch(tmp_path / "data", videos=24, changed="source00_0_5").splits["train"][0]
    find(config)
    new = path.read_text()
    assert item == "source00_0_5" and new != old
    # killed when the record was written and the list was not: it is known as our own
    path.write_text(old)
    assert find(config).by_hand == 0 and path.read_text() == new
    # but what a person wrote stays, whatever was judged since
    path.write_text(new + "\n")
    shutil.rmtree(tmp_path / "data")
    sketch(tmp_path / "data", videos=24)
    with pytest.raises(InputError, match=r"dropped\.jsonl was edited, and the captions were judged otherwise since"):
        find(config)
    assert path.read_text() == new + "\n"


def test_the_mask_of_the_authors_says_what_is_kept(done: Done, copied: Callable[..., RunConfig], tmp_path: Path):
    config = copied()
    write_mask(Workspace(config), tmp_path / "mask.pkl")
    captions: dict[str, list[str]] = {}
    for caption in done.sketch.captions:
        captions.setdefault(caption["video"], []).append(caption["text"])
    told = read_mask(tmp_path / "mask.pkl", captions)
    dropped = [entry["id"] for entry in entries(lists_of(config) / "dropped.jsonl")]
    assert told["dropped"] == sorted(dropped) and len(told["kept"]) == len(done.found.captions) - len(dropped)
    named = copied(denoising=None, dataset={"dropped": str(tmp_path / "mask.pkl")})
    assert Workspace(named).dataset.captions == Workspace(config).dataset.captions


def test_without_teachers_the_student_alone_judges(tmp_path: Path, sketch: Callable[..., Any]):
    made = sketch(tmp_path / "data", videos=36)
    config = made.config(tmp_path, teachers=[], denoising={"folds": 2, "pool": "median"}, training=SHORT)
    found = find(config)
    assert list(found.judges) == ["student plain, alone"] and found.ranks.shape == (1, 96)


def test_what_cannot_be_denoised_is_refused(done: Done, copied: Callable[..., RunConfig], tmp_path: Path):
    for captions in ("first", "fused"):
        with pytest.raises(InputError, match=rf"'denoising' needs captions .* not 'captions: {captions}'"):
            copied(dataset={"captions": captions})
        with pytest.raises(InputError, match=rf"'dataset': 'dropped' needs captions .* not 'captions: {captions}'"):
            copied(denoising=None, dataset={"captions": captions, "dropped": "x.jsonl"})
        with pytest.raises(InputError, match=f"'captions: {captions}' leaves no choice between captions"):
            judges_by_fold(Workspace(copied(denoising=None, dataset={"captions": captions})))
    with pytest.raises(InputError, match=r"give either 'denoising', .* or 'dataset\.dropped'"):
        copied(dataset={"dropped": "x.jsonl"})
    with pytest.raises(InputError, match="'denoising': give either 'threshold' or 'quantile'"):
        copied(denoising={"threshold": 0.5, "quantile": 0.1})
    with pytest.raises(InputError, match="48 training videos of 24 sources are too few for 30 folds"):
        find(copied(denoising={"folds": 30}))
    gone = copied(denoising=None, dataset={"dropped": "gone.jsonl"})
    with pytest.raises(InputError, match=r"gone\.jsonl does not exist: correct the path"):
        Workspace(gone).check()
    shutil.rmtree(gone.folder / "denoising")
    with pytest.raises(InputError, match=r"dropped\.jsonl is not there yet: run 'teachtext denoise'"):
        _ = Workspace(copied()).dataset
    video = done.sketch.splits["train"][0]
    (tmp_path / "all.json").write_text(json.dumps([f"{video}#{k}" for k in range(4)]))
    with pytest.raises(InputError, match=rf"all\.json drops every caption of video '{video}'"):
        run(copied(denoising=None, dataset={"dropped": "all.json"}))
