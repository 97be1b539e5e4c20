"""What `teachtext index` and `extract` end with where files are set aside."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from clips import write_clip, write_model

pytest.importorskip("av")
pytest.importorskip("cv2")
pytest.importorskip("lancedb")
pytest.importorskip("wordllama")

pytestmark = pytest.mark.slow

Command = Callable[..., Any]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "model")


def test_index_ends_with_3_for_some_files_and_with_2_for_all_of_them(teachtext: Command, model: Path, tmp_path: Path):
    videos, place = tmp_path / "videos", tmp_path / "index"
    clip = write_clip(videos / "good.mp4", 1)
    (videos / "broken\n.mp4").write_text("no video\n" * 99)
    some = teachtext("index", videos, "--index", place, "--model", model)
    assert some.returncode == 3 and some.stdout.count("set aside: ") == 1 and "1 added" in some.stdout
    again = teachtext("index", videos, "--index", place)
    assert again.returncode == 3 and "1 unchanged" in again.stdout
    clip.unlink()
    none = teachtext("index", videos, "--index", place)
    assert none.returncode == 2 and none.stdout.count("set aside: ") == 1
    assert none.stderr.endswith("teachtext: no file can be used: 1 were set aside: see the reasons above\n")
    (videos / "broken\n.mp4").unlink()
    gone = teachtext("index", videos, "--index", place, "--remove-missing")
    assert gone.returncode == 0 and "1 removed, whose files are gone" in gone.stdout
    empty = teachtext("index", videos, "--index", place)
    assert empty.returncode == 2 and f"{videos} holds no videos: give a folder" in empty.stderr


def test_extract_ends_with_3_for_some_files_and_with_2_for_all_of_them(teachtext: Command, tmp_path: Path):
    arguments = ("extract", tmp_path, "--out", tmp_path / "out", "--expert", "motion")
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "broken.mp4").write_text("no video\n" * 99)
    none = teachtext(*arguments)
    assert none.returncode == 2 and none.stdout.count("set aside: ") == 1 and "no file can be used" in none.stderr
    write_clip(tmp_path / "videos" / "good.mp4", 1)
    some = teachtext(*arguments)
    assert some.returncode == 3 and "1 video extracted" in some.stdout
    (tmp_path / "videos" / "broken.mp4").unlink()
    assert teachtext(*arguments).returncode == 0
