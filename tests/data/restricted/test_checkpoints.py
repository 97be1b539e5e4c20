"""Other programs' checkpoints are read, and run nothing."""

import argparse
import os
import pathlib
import subprocess
import sys
import types
from collections import OrderedDict

import numpy as np
import pytest
import torch

from teachtext.data.restricted.checkpoints import read_checkpoint
from teachtext.errors import InputError


class Calls:
    """Is pickled as a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.fixture(params=[True, False], ids=["zip", "before torch 1.6"])
def save(request, tmp_path):
    def write(content):
        torch.save(content, tmp_path / "x.pth", _use_new_zipfile_serialization=request.param)
        return tmp_path / "x.pth"

    return write


@pytest.fixture
def vanishing(monkeypatch):
    """An object of a class whose module is not there when the file is read."""
    module = types.ModuleType("parse_config")
    kind = type("ConfigParser", (), {"__module__": "parse_config"})
    module.ConfigParser = kind
    monkeypatch.setitem(sys.modules, "parse_config", module)

    def make(**state):
        made = kind()
        made.__dict__.update(state)
        return made

    yield make


def gone(monkeypatch):
    monkeypatch.delitem(sys.modules, "parse_config")


def test_tensors_and_plain_values_come_back_and_objects_become_their_state(save, vanishing, monkeypatch):
    state = torch.nn.BatchNorm1d(3).state_dict()
    config = vanishing(_config=OrderedDict(text="w2v"), _args=argparse.Namespace(seed=3), _dir=pathlib.Path("a/b"))
    path = save({"state_dict": state, "epoch": 7, "monitor_best": np.float64(3.5), "config": config})
    gone(monkeypatch)
    tensors, rest = read_checkpoint(path)
    assert tensors.keys() == state.keys() and all(tensors[name].equal(tensor) for name, tensor in state.items())
    assert rest["epoch"] == 7
    assert rest["config"].state["_config"] == {"text": "w2v"}
    assert rest["config"].state["_args"].state == {"seed": 3}
    assert rest["config"].state["_dir"].values == ("a", "b")
    assert "parse_config" not in sys.modules and not isinstance(rest["monitor_best"], np.generic)


@pytest.mark.parametrize("function", [os.system, eval, exec, subprocess.Popen, subprocess.check_output, getattr, open])
def test_what_calls_is_refused_and_runs_nothing(save, tmp_path, function):
    target = tmp_path / "PWNED"
    command = f"open({str(target)!r}, 'w')" if function in (eval, exec) else f"touch {target}"
    path = save({"state_dict": {"w": torch.zeros(2)}, "config": Calls(function, command)})
    with pytest.raises(InputError, match=r"x.pth is refused, it asks (for|to run) .*\w") as caught:
        read_checkpoint(path)
    assert "\n" not in str(caught.value) and not target.exists()


def test_a_call_inside_an_objects_state_is_refused_too(save, vanishing, monkeypatch, tmp_path):
    config = vanishing(_config=Calls(os.mkdir, str(tmp_path / "PWNED")))
    path = save({"state_dict": {"w": torch.zeros(2)}, "config": config})
    gone(monkeypatch)
    with pytest.raises(InputError, match="mkdir"):
        read_checkpoint(path)
    assert not (tmp_path / "PWNED").exists()


def test_the_hostile_pickle_is_refused(legacy_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"asks for posix\.system"):
        read_checkpoint(legacy_folder / "hostile.pickle")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"weights": {}}, "has no 'state_dict'"),
        ([1, 2], "has no 'state_dict'"),
        ({"state_dict": [torch.zeros(1)]}, "has no 'state_dict'"),
        ({"state_dict": {"w": 3}}, "'w' of the state dict is not a tensor"),
        ({"state_dict": {3: torch.zeros(1)}}, "'3' of the state dict is not a tensor"),
        ({"state_dict": {"w": torch.tensor([1.0, torch.nan])}}, "'w' of the state dict is not finite"),
        ({"state_dict": {"w": torch.tensor([torch.inf])}}, "'w' of the state dict is not finite"),
        ({"state_dict": {"w": torch.zeros(1).expand(10**12)}}, "'w' of the state dict is not a plain tensor"),
        ({"state_dict": {"w": torch.eye(2).to_sparse()}}, "'w' of the state dict is not a plain tensor"),
        ({"state_dict": {"w": torch.zeros(3, device="meta")}}, "'w' of the state dict is not a plain tensor"),
    ],
)
def test_what_is_no_state_of_tensors(save, content, message):
    with pytest.raises(InputError, match=message):
        read_checkpoint(save(content))


@pytest.mark.parametrize("part", [0, 0.01, 0.3, 0.7, 0.99])
def test_truncated_files(save, part):
    path = save({"state_dict": {"w": torch.randn(99), "v": torch.randn(99)}})
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])
    with pytest.raises(InputError, match="not a whole PyTorch checkpoint") as caught:
        read_checkpoint(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_files_of_another_kind(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.zeros(3))
    (tmp_path / "x.txt").write_text("weights")
    for path in (tmp_path / "x.npz", tmp_path / "x.txt", tmp_path, tmp_path / "none.pth"):
        with pytest.raises(InputError, match="not a whole PyTorch checkpoint"):
            read_checkpoint(path)
