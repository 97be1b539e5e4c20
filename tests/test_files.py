import os
import pickle
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from teachtext.errors import Busy, InputError
from teachtext.files import (
    atomic,
    atomic_folder,
    content_hash,
    fingerprint,
    locked,
    read_json,
    write_bytes,
    write_json,
)
from teachtext.unfinished import remove_leftovers


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


def test_threads_that_write_one_file_do_not_share_a_temporary_file(tmp_path):
    path, start = tmp_path / "picture.jpg", threading.Barrier(8)

    def write(number: int) -> None:
        start.wait()
        for _ in range(20):
            write_bytes(path, bytes([number]) * (1000 + number))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    data = path.read_bytes()
    assert len(data) == 1000 + data[0] and set(data) == {data[0]}, "the file of one writer, whole"
    assert list(tmp_path.iterdir()) == [path]


KILLED = """
import os, signal, sys
from pathlib import Path
from teachtext.files import atomic, atomic_folder
with atomic(Path(sys.argv[1]) / "state.pt") as temporary, atomic_folder(Path(sys.argv[1]) / "model") as folder:
    temporary.write_bytes(b"half")
    (folder / "weights").write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_only_what_a_killed_process_has_left_is_removed(tmp_path):
    subprocess.run([sys.executable, "-c", KILLED, tmp_path], check=False)
    assert len(list(tmp_path.iterdir())) == 2
    with atomic(tmp_path / "other.pt") as under_way:
        foreign = [".state.pt.tmp", ".state.pt.0123456789abcdef", ".state.pt.word.tmp", f".state.pt.{os.getpid()}.tmp"]
        for name in foreign:
            (tmp_path / name).write_bytes(b"of somebody")
        (tmp_path / f".state.pt.{2**22 + 1}.tmp").write_bytes(b"of an older release, killed")
        (tmp_path / ".user.0123456789abcdef.tmp").mkdir()
        write_bytes(tmp_path / "state.pt", b"whole")
        left = {path.name for path in tmp_path.iterdir()}
        assert {"state.pt", under_way.name, ".user.0123456789abcdef.tmp", *foreign} < left and len(left) == 8
        remove_leftovers(tmp_path)
        assert under_way.exists(), "somebody writes it"
        with atomic_folder(tmp_path / "model") as folder:
            (folder / "weights").write_bytes(b"whole")
    assert {path.name for path in tmp_path.iterdir()} == {
        "state.pt", "other.pt", "model", ".user.0123456789abcdef.tmp", *foreign
    }  # fmt: skip


def test_a_name_may_be_as_long_as_the_disk_allows(tmp_path):
    for name in ("n" * 255, "日" * 85, "नमस्ते" * 14):
        write_bytes(tmp_path / name, b"whole")
    assert len(list(tmp_path.iterdir())) == 3


def test_a_folder_that_comes_and_goes_is_held_by_one_or_busy(tmp_path):
    """Each holder removes the folder, which is empty, while others are about to lock it."""
    folder, inside, most = tmp_path / "run", [], 0

    def hold(number: int) -> int:
        nonlocal most
        busy = 0
        for _ in range(60):
            try:
                with locked(folder):
                    inside.append(number)
                    most = max(most, len(inside))
                    inside.remove(number)
            except Busy:
                busy += 1
        return busy

    with ThreadPoolExecutor(6) as pool:
        busy = sum(pool.map(hold, range(6)))
    assert most == 1 and busy < 360


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
