import pickle
import signal
import subprocess
import sys

import pytest

from teachtext.errors import InputError
from teachtext.files import atomic, atomic_folder, content_hash, fingerprint, locked, read_json, write_json


def test_an_error_crosses_processes_whole():
    error = pickle.loads(pickle.dumps(InputError("a.mp4 is empty.", "copy it again")))
    assert str(error) == "a.mp4 is empty: copy it again"


def test_a_file_is_whole_or_absent(tmp_path):
    path = tmp_path / "deep" / "file"
    with pytest.raises(RuntimeError), atomic(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert not list(path.parent.iterdir())
    with atomic(path) as temporary:
        temporary.write_text("whole")
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_is_whole_or_absent(tmp_path):
    path = tmp_path / "deep" / "folder"
    with pytest.raises(RuntimeError), atomic_folder(path) as temporary:
        (temporary / "half").write_text("half")
        raise RuntimeError
    assert not list(path.parent.iterdir())
    path.mkdir()
    with atomic_folder(path) as temporary:
        (temporary / "file").write_text("whole")
    assert [item.read_text() for item in path.iterdir()] == ["whole"]
    assert list(path.parent.iterdir()) == [path]
    for taken in (path, path / "file"):
        with pytest.raises(InputError, match="exists and is not empty: give another folder"), atomic_folder(taken):
            pass
    assert (path / "file").read_text() == "whole"


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="could not be written"), atomic(tmp_path / "file" / "inside"):
        pass


def test_json_refuses_nan_and_names_a_broken_file(tmp_path):
    with pytest.raises(ValueError):
        write_json(tmp_path / "x.json", float("nan"))
    assert not list(tmp_path.iterdir())
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(InputError, match=r"x\.json is not valid JSON"):
        read_json(tmp_path / "x.json")


def test_fingerprints_follow_content_and_not_order():
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1}) != fingerprint({"a": 1, "b": 3})


def test_content_hash_sees_beginning_middle_end_and_size(tmp_path):
    path = tmp_path / "big"
    base = bytearray(2_000_000)
    path.write_bytes(base)
    hashes = {content_hash(path)}
    for position in (0, 1_000_000, 1_999_999):
        changed = bytearray(base)
        changed[position] = 1
        path.write_bytes(changed)
        hashes.add(content_hash(path))
    path.write_bytes(base + b"\0")
    hashes.add(content_hash(path))
    assert len(hashes) == 5


HOLDER = """
import sys, time
from pathlib import Path
from teachtext.files import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_folder_is_held_by_one_process_and_free_when_that_is_killed(tmp_path):
    folder = tmp_path / "new" / "run"
    with subprocess.Popen([sys.executable, "-c", HOLDER, folder], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline().strip() == "held"
            with pytest.raises(InputError, match=r"another process is at work in .*run: wait"), locked(folder):
                pass
        finally:
            process.send_signal(signal.SIGKILL)
    with locked(folder):
        (folder / "made").touch()
    short = HOLDER.replace("60", "0.5")
    with subprocess.Popen([sys.executable, "-c", short, folder], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().strip() == "held"
        with locked(folder, wait_s=30):
            assert process.wait() == 0
    assert [path.name for path in folder.iterdir()] == ["made"]
    with pytest.raises(ZeroDivisionError), locked(folder / "nothing"):
        raise ZeroDivisionError
    assert not (folder / "nothing").exists()
    with pytest.raises(InputError, match="made could not be written"), locked(folder / "made"):
        pass
