"""`teachtext data import`: one command from the files of the field to a dataset folder."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from teachtext.data.folder import load_folder
from teachtext.files import read_json

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def msrvtt(tmp_path: Path) -> Path:
    folder = tmp_path / "MSRVTT"
    (folder / "videos" / "all").mkdir(parents=True)
    splits = ["train", "train", "validate", "test"]
    for number in range(4):
        (folder / "videos" / "all" / f"video{number}.mp4").write_bytes(bytes([number]))
    videos = [{"video_id": f"video{number}", "split": split} for number, split in enumerate(splits)]
    sentences = [{"video_id": f"video{i}", "caption": f"thing {i}, way {k}"} for i in range(4) for k in range(3)]
    (folder / "MSRVTT_data.json").write_text(json.dumps({"videos": videos, "sentences": sentences}))
    (folder / "MSRVTT_train.9k.csv").write_text("video_id\nvideo0\nvideo1\nvideo2\n")
    (folder / "MSRVTT_JSFUSION_test.csv").write_text('key,vid_key,video_id,sentence\nret0,m,video3,"thing 3, way 1"\n')
    return folder


def test_one_command_makes_a_data_set_with_the_1k_a_split(teachtext_here: Command, msrvtt: Path, tmp_path: Path):
    out = tmp_path / "out"
    said = teachtext_here("data", "import", msrvtt, "--out", out)
    assert said.returncode == 0, said.stderr
    assert "12 captions, 4 captioned videos, 4 videos" in said.stdout
    assert "note: splits from MSRVTT_JSFUSION_test.csv (test, 1 videos), MSRVTT_train.9k.csv" in said.stdout
    assert read_json(out / "splits-1k-a.json") == {"train": ["video0", "video1", "video2"], "test": ["video3"]}
    assert read_json(out / "chosen-1k-a.json") == {"video3": "video3#1"}
    assert load_folder(out).captions == load_folder(msrvtt).captions
    checked = teachtext_here("data", "check", out)
    assert checked.returncode == 0 and "Sound." in checked.stdout
    again = teachtext_here("data", "import", msrvtt, "--out", out)
    assert again.returncode == 2 and "exists and is not empty" in again.stderr


def test_what_was_mended_is_printed_and_the_folder_is_not_called_sound(teachtext_here: Command, tmp_path: Path):
    source = tmp_path / "captions.tsv"
    source.write_text("clip;caption\nv0;a man; who walks\nv1;a dog\nv2;\n")
    said = teachtext_here("data", "import", source, "--out", tmp_path / "out")
    assert said.returncode == 0, said.stderr
    assert "warning: captions.tsv: 1 rows have more cells than the header" in said.stdout
    assert "warning: 1 empty captions were left out (v2#0)" in said.stdout
    checked = teachtext_here("data", "check", tmp_path / "out")
    assert "Sound" not in checked.stdout
    refused = teachtext_here("data", "import", source, "--out", tmp_path / "b", "--format", "msrvtt")
    assert refused.returncode == 2 and "captions.tsv is not MSR-VTT" in refused.stderr and not (tmp_path / "b").exists()


@pytest.mark.slow
def test_a_run_reads_the_files_of_the_field_where_they_are(ready, write_config, teachtext: Command, tmp_path: Path):
    dataset, folder = load_folder(ready.playground), tmp_path / "MSRVTT"
    (folder / "videos").mkdir(parents=True)
    shutil.copytree(ready.playground / "videos", folder / "videos" / "all")
    # captions with commas and no quotation marks, and lists of the authors
    rows = "".join(f"{caption.video_id}.mp4,{caption.text}, and so on\n" for caption in dataset.captions)
    (folder / "MSRVTT_captions.csv").write_text(f"Video_ID,Sentence\n{rows}")
    for split, ids in dataset.splits.items():
        (folder / f"{split}_list.txt").write_text("".join(f"{video_id}\n" for video_id in ids))
    config = write_config(tmp_path / "config.yaml", dataset={"path": str(folder)})
    said = teachtext("run", config)
    assert said.returncode == 0, said.stderr
    results = (tmp_path / "run" / "results.json").read_text()
    for note in (
        f"MSRVTT_captions.csv: {len(dataset.captions)} rows have more cells than the header",
        f"splits from test_list.txt (test, {len(dataset.splits['test'])} videos)",
        f"ids read as those of files: {len(dataset.videos)} with an ending",
    ):
        assert note in results and f"note: {note}" in said.stdout
