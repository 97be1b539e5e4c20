import os
import re

import numpy as np
import pytest
from archives import NAN, pack, python2

from teachtext.errors import InputError
from teachtext.originals.archive import import_archive


def files_of(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def changed(make, path, content):
    made = make("MSVD")
    made.files[path] = content(made) if callable(content) else content
    return made


TEXT = "aggregated_text_feats/w2v.pkl"
SCENE = "aggregated_scene_25fps_256px_stride1_offset0/densenet161-avg.pickle"
OCR = "aggregated_ocr_feats/ocr-w2v.pickle"
MASK = "denoising_masks/denoise-less100.pkl"
BAD = {
    "nan inside": (SCENE, {"vid.1": np.array([1, np.nan], "f4")}, "'vid.1' holds NaN or infinite values: a scalar NaN"),
    "all nan": (OCR, {"vid.1": np.full((2, 3), np.nan, "f2")}, "'vid.1' holds NaN or infinite values"),
    "infinite": (SCENE, {"vid.1": np.array([1, np.inf], "f2")}, "'vid.1' holds NaN or infinite values"),
    "beyond float32": (SCENE, {"vid.1": np.array([1, 1e300])}, "'vid.1' holds NaN or infinite values"),
    "nan in text": (
        TEXT,
        {"vid.1": [np.ones((1, 3)), np.full((1, 3), np.nan), np.ones((1, 3))]},
        "'vid.1#1' holds NaN",
    ),
    "two widths": (SCENE, {"a": np.ones(3, "f4"), "b": np.ones(4, "f4")}, r"'b' has shape \(1, 4\), not \(1, 3\)"),
    "a sequence": (SCENE, {"a": np.ones((2, 3), "f4")}, r"'a' has shape \(2, 3\), not \(1, 3\)"),
    "integers": (SCENE, {"a": np.ones(3, "i8")}, r"'a' is an array of int64 \(3,\), not floats"),
    "three axes": (OCR, {"a": np.ones((2, 3, 4), "f4")}, r"'a' is an array of float32 \(2, 3, 4\), not floats"),
    "none": (SCENE, {"a": None}, "'a' is None, not floats"),
    "a number": (SCENE, {"a": 1.0}, "'a' is 1.0, not floats"),
    "no dict": (SCENE, [1], "is not a dict of videos"),
    "ids that are numbers": (SCENE, {1: NAN}, "names a video by 1, not by a text"),
    "captions that are no list": (TEXT, {"vid.1": 3}, "'vid.1' has no list of captions"),
    "raw captions of numbers": (
        "raw-captions.pkl",
        {"vid.1": [[1]]},
        "a caption of video 'vid.1' is not of words",
    ),
    "another count": (TEXT, {"vid.1": [np.ones((1, 3))]}, "has 1 captions of video 'vid.1', the raw captions have 3"),
    "no captions": (TEXT, {"vid.1": []}, "has 0 captions of video 'vid.1', the raw captions have 3"),
    "a short mask": (MASK, {"vid.1": np.ones(2)}, "has 2 captions of video 'vid.1', the raw captions have 3"),
    "no mask": (MASK, {"vid.1": np.full(3, 7)}, "the mask of video 'vid.1' is not of 0 and 1"),
    "a list that is no text": ("val_list.txt", b"\xff\xfe\xff", "val_list.txt cannot be read"),
    "cut": (SCENE, lambda made: python2(made.experts["scene.densenet161.0"])[:-9], "not a whole pickle"),
    "hostile": (SCENE, b"cposix\nsystem\n(S'touch ran'\ntR.", "holds 'posix.system', which is not plain data"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("packed", [False, True])
def test_bad_files_stop_the_import_and_leave_nothing(make, tmp_path, name, packed):
    path, content, message = BAD[name]
    given_path = changed(make, path, content).at(tmp_path / "given")
    if packed:
        given_path = pack(given_path, tmp_path / "given.tar.gz", "data/MSVD/structured-symlinks")
    before = set(tmp_path.iterdir())
    with pytest.raises(InputError, match=message) as error:
        import_archive(given_path, dataset="MSVD", out=tmp_path / "out")
    assert error.value.problem.startswith(str(given_path)) and path in error.value.problem
    assert set(tmp_path.iterdir()) == before


def test_two_files_of_one_encoder_must_not_describe_one_video(make, tmp_path):
    made = make("DiDeMo")
    made.files["aggregated_text_feats/openai-text.pkl"] = made.texts["w2v"]
    with pytest.raises(
        InputError, match=r"openai-\w+.pkl and .*openai-\w+.pkl both describe video .*: remove one of them"
    ):
        import_archive(made.at(tmp_path / "given"), dataset="DiDeMo", out=tmp_path / "out")


def test_links(make, tmp_path):
    root = make("MSVD").at(tmp_path / "MSVD" / "structured-symlinks")
    for kept in ("stores", "elsewhere"):
        (tmp_path / ("MSVD" if kept == "stores" else ".") / kept).mkdir()
    inside, outside = root / SCENE, root / OCR
    inside.rename(tmp_path / "MSVD" / "stores" / "scene")
    inside.symlink_to("../../stores/scene")
    imported = import_archive(tmp_path / "MSVD", dataset="MSVD", out=tmp_path / "out")
    assert any(entry.name == "scene.densenet161.0" and entry.is_present for entry in imported.rows)
    outside.parent.rename(tmp_path / "elsewhere" / "ocr")
    outside.parent.symlink_to(tmp_path / "elsewhere" / "ocr")
    with pytest.raises(InputError, match=r"ocr-w2v.pickle is a link to outside .*MSVD: put the file itself there"):
        import_archive(tmp_path / "MSVD", dataset="MSVD", out=tmp_path / "again")
    outside.parent.unlink()
    outside.parent.mkdir()
    os.mkfifo(outside)
    with pytest.raises(InputError, match=r"ocr-w2v.pickle is not a file: put the file itself there"):
        import_archive(tmp_path / "MSVD", dataset="MSVD", out=tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_out_must_be_new_or_empty(make, tmp_path):
    root = make("MSVD").at(tmp_path / "given")
    out = tmp_path / "out"
    out.mkdir()
    import_archive(root, dataset="MSVD", out=out)
    before = files_of(out)
    with pytest.raises(InputError, match=r"out was imported before: use it as it is, or delete it"):
        import_archive(root, dataset="MSVD", out=out)
    assert files_of(out) == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "note").write_text("x")
    with pytest.raises(InputError, match=r"mine exists and is not empty: give another folder"):
        import_archive(root, dataset="MSVD", out=tmp_path / "mine")
    assert (tmp_path / "mine" / "note").read_text() == "x"


@pytest.mark.parametrize("name", ["gone", "empty", "other"])
def test_what_is_no_archive(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "other" / "data" / "MSRVTT" / "structured-symlinks").mkdir(parents=True)
    (tmp_path / "other" / "data" / "MSRVTT" / "structured-symlinks" / "raw-captions.pkl").write_bytes(b"N.")
    message = {"gone": "is not a file or folder"}.get(
        name, "holds no archive of MSVD: give the .tar.gz, or the unpacked folder"
    )
    with pytest.raises(InputError, match=re.escape(message)):
        import_archive(tmp_path / name, dataset="MSVD", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
