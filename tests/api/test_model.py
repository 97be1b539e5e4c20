"""`Model`: texts and videos to embeddings and similarities, and the model to a folder."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("av")
pytest.importorskip("cv2")
pytest.importorskip("torch")
pytest.importorskip("wordllama")
import torch
from clips import DIMS, write_clip, write_model

import teachtext
from teachtext.data.feature_writer import FeatureWriter
from teachtext.data.kept_captions import CAPTIONS, load_captions


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "motion")


@pytest.fixture(scope="module")
def model(folder: Path) -> teachtext.Model:
    return teachtext.load(folder)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for number in range(3):
        write_clip(folder / f"{number}.mp4", number)
    return folder


def test_texts_are_embedded_one_or_many(model: teachtext.Model):
    texts = ["a dog runs", "two men play chess"]
    many, single = model.encode_text(texts), model.encode_text(texts[0])
    assert (many.ids, single.ids, len(many), len(single)) == (texts, texts[:1], 2, 1)
    assert many.vectors["motion"].shape == (2, model.spaces["motion"]) and many.weights.shape == (2, 1)
    assert torch.equal(single.vectors["motion"][0], model.encode_text([texts[0]]).vectors["motion"][0])
    assert torch.allclose(single.vectors["motion"][0], many.vectors["motion"][0], atol=1e-6)
    query = model.embedder.embed_query(texts[0])
    assert np.array_equal(query.vectors["motion"], single.vectors["motion"][0].numpy())
    for texts in ([], [" "], ["\ud800"]):
        with pytest.raises(teachtext.InputError):
            model.encode_text(texts)


def test_videos_come_from_files_a_folder_or_features(model: teachtext.Model, clips: Path, tmp_path: Path):
    files = sorted(clips.iterdir())
    video = model.encode_video([files[1], str(files[0]), files[1]], features=tmp_path)
    assert video.ids == [str(files[1]), str(files[0]), str(files[1])] and len(video) == 3
    assert video.present.all() and not video.failed
    scores = model.similarity(model.encode_text(["a", "b"]), video)
    assert scores.shape == (2, 3) and torch.equal(scores[:, 0], scores[:, 2])
    whole = model.encode_video(clips, features=str(tmp_path))
    assert whole.ids == [str(path) for path in files]
    # a batch of another size is summed in another order
    assert torch.allclose(whole.vectors["motion"][:2], video.vectors["motion"][[1, 0]], atol=1e-6)
    for stored in (model.encode_video(features=tmp_path), model.encode_video(whole.ids, features=tmp_path)):
        assert stored.ids == whole.ids and torch.equal(stored.vectors["motion"], whole.vectors["motion"])


def test_an_id_of_stored_features_needs_no_file(model: teachtext.Model, tmp_path: Path):
    with FeatureWriter(tmp_path / "video" / "motion", provenance={}, dim=DIMS["motion"]) as writer:
        writer.add("first", np.ones((1, DIMS["motion"])))
        writer.add("empty", None)
    video = model.encode_video(["empty", "first"], features=tmp_path)
    assert video.present.tolist() == [[False], [True]] and not video.failed
    assert model.similarity(model.encode_text("a dog"), video)[0, 0] == -2


def test_videos_that_cannot_be_read_are_counted_and_named(model: teachtext.Model, clips: Path, tmp_path: Path):
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    good = clips / "0.mp4"
    with pytest.warns(UserWarning, match=r"2 of 3 videos could not be read, the first: .*bad\.mp4"):
        video = model.encode_video([tmp_path / "bad.mp4", good, "missing.mp4"])
    assert video.ids == [str(tmp_path / "bad.mp4"), str(good), "missing.mp4"]
    assert video.present.tolist() == [[False], [True], [False]]
    assert {failure.id for failure in video.failed} == {str(tmp_path / "bad.mp4"), "missing.mp4"}
    with pytest.raises(teachtext.InputError, match=r"missing\.mp4 does not exist"):
        model.encode_video("missing.mp4")
    with pytest.raises(teachtext.InputError, match=r"the video cannot be read: .*bad\.mp4"):
        model.encode_video(tmp_path / "bad.mp4")


def test_what_holds_no_video_is_refused(model: teachtext.Model, tmp_path: Path):
    for videos, features, message in (
        (tmp_path, None, "holds no video"),
        ([], None, "there is no video to encode"),
        (None, None, "there is no video to encode"),
        (None, tmp_path, "holds no features of motion"),
    ):
        with pytest.raises(teachtext.InputError, match=message):
            model.encode_video(videos, features=features)


@pytest.mark.slow
def test_a_plain_script_works_and_is_run_once(folder: Path, clips: Path, tmp_path: Path):
    script = tmp_path / "script.py"
    script.write_text(
        "import teachtext\n"
        "print('begin')\n"
        f"model = teachtext.load({str(folder)!r})\n"
        f"print(model.encode_video({str(clips)!r}, workers=2).present.sum().item())\n"
    )
    environment = {"PYTHONPATH": ":".join(sys.path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, env=environment)
    assert (done.stdout, done.returncode) == ("begin\n3\n", 0), done.stderr


@pytest.mark.slow
def test_a_saved_model_is_the_same_and_its_card_has_what_the_run_measured(run: Any, tmp_path: Path):
    model = teachtext.load(run.folder)
    saved = model.save(str(tmp_path / "saved"), license="cc-by-4.0")
    again = teachtext.load(saved)
    assert again.embedder.identity["fingerprint"] == model.embedder.identity["fingerprint"]
    assert torch.equal(*(each.encode_text("a dog").vectors["motion"] for each in (model, again)))
    row = run.experiment.results.main
    seed = next(seed for seed in row.seeds if Path(seed.model).name == model.folder.name)
    assert [metrics.t2v for metrics in again.measured] == [seed.t2v]
    card = (saved / "README.md").read_text()
    assert "license: cc-by-4.0" in card and f"| text to video | {seed.t2v['r1']:.1f} |" in card
    for table in (card, (model.folder / "README.md").read_text()):
        assert f"| selected epoch | {seed.best_epoch} of 2, validation t2v geometric mean" in table
    kept = load_captions(saved / CAPTIONS)
    assert {caption.video_id for caption in kept.training} <= set(again.embedder.spec.trained_on or ())
    assert kept == load_captions(model.folder / CAPTIONS)
    for table in (card, (model.folder / "README.md").read_text()):
        assert f"| captions in this folder | {kept.description} (`captions.json`" in table
    bare = model.save(tmp_path / "bare", captions=False)
    assert not (bare / CAPTIONS).exists() and "captions.json" not in (bare / "README.md").read_text()
    assert teachtext.load(bare).embedder.identity["fingerprint"] == model.embedder.identity["fingerprint"]
    with pytest.raises(teachtext.InputError, match="exists and is not empty"):
        model.save(saved)


def test_features_that_a_caller_has_need_no_folder(model: teachtext.Model, tmp_path: Path):
    arrays = {f"v{number}": np.random.default_rng(number).normal(size=(2, DIMS["motion"])) for number in range(3)}
    video = model.encode_video(features={"motion": arrays})
    assert video.ids == ["v0", "v1", "v2"] and video.present.all()
    tensors = {"v1": torch.from_numpy(arrays["v1"]), "none": None}
    some = model.encode_video(["v1", "none"], features={"motion": tensors})
    assert some.present[:, 0].tolist() == [True, False]
    torch.testing.assert_close(some.vectors["motion"][0], video.vectors["motion"][1])
    np.savez(tmp_path / "made.npz", **arrays)
    file = model.encode_video(features={"motion": tmp_path / "made.npz"})
    torch.testing.assert_close(file.vectors["motion"], video.vectors["motion"])
    for features, message in (
        ({"sound": arrays}, "unknown expert of '.*' 'sound'"),
        ({"motion": {"v": [np.nan] * DIMS["motion"]}}, "features of 'motion': item 'v' holds NaN"),
        ({"motion": {"v": [1, 2]}}, "item 'v' holds int64, not floats"),
        ({"motion": {"v": [1.0, 2.0]}}, "features of width 2, the model reads"),
        ({"motion": {}}, "no rows of any"),
    ):
        with pytest.raises(teachtext.InputError, match=message):
            model.encode_video(features=features)
