"""Models on the hub: the real client against a stand-in for the hub's HTTP API, in fresh processes."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("huggingface_hub")
pytest.importorskip("wordllama")
from clips import write_model
from hub_server import Hub, hub_server
from processes import PATIENCE_S

from teachtext.data.kept_captions import KeptCaption, KeptCaptions, save_captions
from teachtext.learning.model_card import SplitMetrics, save_measured

pytestmark = pytest.mark.slow

Script = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def hub() -> Iterator[Hub]:
    with hub_server() as server:
        yield server


@pytest.fixture
def script(hub: Hub, tmp_path: Path) -> Script:
    """Run Python code as a user of this hub, with an empty cache of the test's own."""

    def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
        names = {
            "HF_ENDPOINT": hub.address,
            "HF_HOME": str(tmp_path / "cache"),
            "HF_TOKEN": "hf_right",
            "HF_HUB_DISABLE_XET": "1",
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        return subprocess.run(
            [sys.executable, "-c", f"import teachtext\n{code}"],
            env=inherited | names | environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    return run


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = write_model(tmp_path / "student")
    values = {"r1": 40.0, "r5": 70.0}
    save_measured(folder, [SplitMetrics(dataset="Toy", split="test", videos=9, queries=20, t2v=values, v2t=values)])
    return folder


def push(script: Script, model: Path, arguments: str = "") -> subprocess.CompletedProcess[str]:
    return script(f"print(teachtext.load({str(model)!r}).push_to_hub('me/student'{arguments}))")


QUERY = "print(teachtext.load({place!r}{more}).encode_text('a dog').vectors['motion'].tolist())"


def vectors(script: Script, place: str, more: str = "", **environment: str) -> Any:
    done = script(QUERY.format(place=place, more=more), **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_model_comes_back_from_the_hub_as_it_went(script: Script, hub: Hub, model: Path):
    done = push(script, model, ", private=True, commit_message='First', license='mit'")
    assert done.returncode == 0, done.stderr
    repository = hub.repositories["me/student"]
    assert repository.private and repository.messages[-1] == "First"
    commit = repository.branches["main"]
    assert done.stdout.strip() == f"{hub.address}/me/student/commit/{commit}"
    files = repository.commits[commit]
    assert {"config.json", "model.safetensors", "README.md", "evaluation.json"} <= files.keys()
    assert files["config.json"] == (model / "config.json").read_bytes()
    card = files["README.md"].decode()
    metadata = yaml.safe_load(card.split("---\n")[1])
    assert (metadata["library_name"], metadata["license"]) == ("teachtext", "mit")
    measured = {m["name"]: m["value"] for result in metadata["model-index"][0]["results"] for m in result["metrics"]}
    assert measured == {"R@1 (t2v)": 40.0, "R@5 (t2v)": 70.0, "R@1 (v2t)": 40.0, "R@5 (v2t)": 70.0}
    assert 'teachtext.load("me/student")' in card
    assert vectors(script, "me/student") == vectors(script, str(model))


def test_a_revision_pins_a_model(script: Script, hub: Hub, model: Path, tmp_path: Path):
    assert push(script, model).returncode == 0
    first = hub.repositories["me/student"].branches["main"]
    other = write_model(tmp_path / "other", seed=1)
    assert push(script, other).returncode == 0
    assert push(script, model, ", revision='old'").returncode == 0
    expected, changed = vectors(script, str(model)), vectors(script, str(other))
    assert expected != changed == vectors(script, "me/student")
    assert vectors(script, "me/student", f", revision={first!r}") == expected
    assert vectors(script, "me/student", ", revision='old'") == expected
    done = script("teachtext.load('me/student', revision='v9')")
    assert "InputError: the model 'me/student' has no revision 'v9' on the hub" in done.stderr


def test_captions_go_along_and_can_be_left_out(script: Script, hub: Hub, model: Path, tmp_path: Path):
    save_captions(model, KeptCaptions(dataset="Toy", training=[KeptCaption("a", "a private text")]))
    assert push(script, model).returncode == 0
    files = hub.repositories["me/student"].commits[hub.repositories["me/student"].branches["main"]]
    assert files["captions.json"] == (model / "captions.json").read_bytes()
    assert "| captions in this folder | 1 of training videos, 0 of validation videos" in files["README.md"].decode()
    vectors(script, "me/student")
    assert list((tmp_path / "cache").rglob("captions.json"))
    done = push(script, model, ", captions=False")
    assert done.returncode == 0, done.stderr
    files = hub.repositories["me/student"].commits[hub.repositories["me/student"].branches["main"]]
    assert "captions.json" not in files and "captions in this folder" not in files["README.md"].decode()
    assert not any(b"a private text" in data for data in files.values())


def test_nothing_but_the_files_of_a_model_is_downloaded(script: Script, hub: Hub, model: Path, tmp_path: Path):
    assert push(script, model).returncode == 0
    repository = hub.repositories["me/student"]
    repository.commits[repository.branches["main"]] |= {"modeling.py": b"raise SystemExit(3)", "weights.pkl": b"x"}
    vectors(script, "me/student")
    assert not list((tmp_path / "cache").rglob("*.py")) and not list((tmp_path / "cache").rglob("*.pkl"))
    assert not any("modeling.py" in request for request in hub.requests)


def test_without_a_network_the_cache_answers_or_one_sentence(script: Script, hub: Hub, model: Path):
    assert push(script, model).returncode == 0
    expected = vectors(script, "me/student")
    before = len(hub.requests)
    assert vectors(script, "me/student", HF_HUB_OFFLINE="1") == expected and len(hub.requests) == before
    assert vectors(script, "me/student", HF_ENDPOINT="http://127.0.0.1:9") == expected
    for environment in ({"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "http://127.0.0.1:9"}):
        done = script("teachtext.load('me/nothing')", **environment)
        assert done.stderr.strip().splitlines()[-1] == (
            "teachtext.errors.InputError: 'me/nothing' is neither a folder nor in the hub's cache, and the hub cannot "
            "be reached: check the name, download the model once with a network, or give the path of a folder"
        )


@pytest.mark.parametrize("place", ["me/nothing", "no/such/folder", "~/nothing"])
def test_what_cannot_be_loaded_is_refused_before_torch_is_imported(script: Script, place: str):
    """The import of torch alone would take a large part of the five seconds."""
    code = f"import sys\ntry: teachtext.load('{place}')\nexcept teachtext.InputError: print('torch' in sys.modules)"
    assert script(code, HF_HUB_OFFLINE="1").stdout == "False\n"


def test_a_hub_that_does_not_answer_is_given_up_within_five_seconds(script: Script):
    with socket.create_server(("127.0.0.1", 0), backlog=1) as silent:
        code = (
            "import time, teachtext.api.load\n"
            "from huggingface_hub import HfApi, snapshot_download\n"
            "seconds = []\n"
            # the best of three: on a busy machine a single attempt also waits for the processor
            "for _ in range(3):\n"
            "    begin = time.monotonic()\n"
            "    try: teachtext.load('me/nothing')\n"
            "    except teachtext.InputError as error: print(error)\n"
            "    seconds.append(time.monotonic() - begin)\n"
            "print(min(seconds))"
        )
        done = script(code, HF_ENDPOINT=f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert "the hub cannot be reached" in done.stdout, done.stderr
        assert float(done.stdout.splitlines()[-1]) < 5


def test_what_the_hub_refuses_is_one_sentence(script: Script, hub: Hub, model: Path):
    done = script("teachtext.load('me/nothing')")
    assert "InputError: 'me/nothing' is neither a folder nor a model on the hub that you may read" in done.stderr
    done = script(f"teachtext.load({str(model)!r}).push_to_hub('me/student')", HF_TOKEN="hf_wrong")
    assert "InputError: the hub does not accept the upload to 'me/student'" in done.stderr
    assert "me/student" not in hub.repositories
    done = script(
        f"teachtext.load({str(model)!r}).push_to_hub('me/student')",
        HF_ENDPOINT="http://127.0.0.1:9",
        HF_TOKEN="hf_token",
    )
    assert "InputError: the hub cannot be reached for the upload to 'me/student'" in done.stderr
    assert done.stderr.strip().endswith("check the network, HF_ENDPOINT and HF_HUB_OFFLINE")
