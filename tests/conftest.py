import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# The tests start hundreds of processes. Each would compile the package anew where the shell asks for no bytecode.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# limits on the time of an example would need a quiet machine
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

SHARED = Path(__file__).resolve().parents[2] / "shared"
Arrays = dict[str, np.ndarray]


def shared(*parts: str) -> Path:
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs {'/'.join(('../shared', *parts))}, which is not part of the project")
    return path


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_works() -> Iterator[None]:
    """Give SIGINT Python's handler. Under nohup and in the background of a script SIGINT is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Return what mounts a small disk with some options of tmpfs, and returns its folder."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options: str) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if os.geteuid() != 0 or shutil.which("mount") is None:
            pytest.skip("only root can mount a small disk")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
        return folder

    yield mount
    subprocess.run(["umount", str(folder)], capture_output=True, check=False)


@pytest.fixture
def parity_folder() -> Path:
    return shared("parity")


@pytest.fixture
def legacy_folder() -> Path:
    return shared("legacy")


@pytest.fixture
def msvd476_folder() -> Path:
    return shared("data", "msvd476")


@pytest.fixture(scope="session")
def record() -> Callable[..., Arrays]:
    """Records a model of our own under the authors' names, stored in single precision: the arrays of a parity file."""
    torch = pytest.importorskip("torch")
    from teachtext.data.batch import TextBatch, VideoBatch
    from teachtext.learning.losses import MaxMarginRankingLoss
    from teachtext.models.build import build_model
    from teachtext.models.similarity import similarity
    from teachtext.originals.parameter_names import original_names

    def make(
        *,
        kind: str = "CE",
        dims: Mapping[str, int],
        clusters: Mapping[str, int] | None = None,
        seed: int = 0,
        **sizes: int,
    ) -> Arrays:
        torch.manual_seed(seed)
        names, clusters = sorted(dims), dict(clusters or {})
        sizes = {"text_dim": 5, "text_clusters": 2, "ghost_clusters": 0, "shared_dim": 4} | sizes
        meta = {"kind": kind, "experts": names, "dims": dict(dims), "video_clusters": clusters, **sizes, "margin": 0.2}
        arguments = {"expert_dims": dims, "expert_clusters": clusters, "gating": "sequential", "mask_padding": False}
        # the authors' MoEE has each expert's own width
        own_widths = {"shared_dim": None} if kind == "MoEE" else {}
        model = build_model(kind.lower(), arguments | sizes | own_widths)
        theirs = original_names(model)
        arrays: Arrays = {"meta": np.array(json.dumps(meta))}

        def keep(folder: str, tensors: Mapping[str, Any]) -> None:
            for name, tensor in tensors.items():
                whole = tensor[None] if name.endswith(".centres") else tensor
                array = whole.detach().numpy()
                arrays[f"{folder}/{theirs.get(name, name)}"] = array.astype(
                    "float32" if array.dtype.kind == "f" else "int64"
                )

        keep("state", model.double().state_dict())
        for mode, videos, captions in (("eval", 5, 2), ("train", 6, 1)):
            present = torch.rand(videos, len(names)) < 0.7
            present[:, 0] |= ~present.any(dim=1)
            shapes = {name: (videos, 3, dims[name]) if name in clusters else (videos, dims[name]) for name in names}
            experts = {name: torch.randn(*shape).double() for name, shape in shapes.items()}
            rows = {}
            for e, name in enumerate(names):
                known = experts[name] * present[:, e].view(-1, *[1] * (experts[name].ndim - 1))
                rows[name] = known if name in clusters else known[:, None]
            lengths = {name: present[:, e].long() * rows[name].shape[1] for e, name in enumerate(names)}
            words = 4 if sizes["text_clusters"] else 1
            text = torch.randn(videos, captions, words, sizes["text_dim"]).double()
            used = torch.full((videos, captions), words)
            video = model.train(mode == "train").encode_video(VideoBatch(list("abcdef"), rows, lengths))
            said = model.encode_text(TextBatch([], text.flatten(0, 1), used.flatten()))
            scores = similarity(said, video)
            keep(mode, {"text": text, "text_lengths": used, "similarity": scores})
            for e, name in enumerate(names):
                given, vector = experts[name].clone(), video.vectors[name].detach().clone()
                given[~present[:, e]], vector[~present[:, e]] = torch.nan, torch.nan
                keep(mode, {f"expert/{name}": given, f"present/{name}": present[:, e].float()})
                keep(mode, {f"video_embedding/{name}": vector})
                keep(mode, {f"text_embedding/{name}": said.vectors[name].unflatten(0, (videos, captions))})
        teachers = torch.rand(2, 6, 6).double()
        ranking = MaxMarginRankingLoss(margin=0.2)(scores)
        distillation = torch.nn.functional.huber_loss(scores, teachers.mean(dim=0))
        (ranking + distillation).backward()
        keep("train/teacher_similarity", {"0": teachers[0], "1": teachers[1]})
        keep("train", {"ranking_loss": ranking, "distillation_loss": distillation})
        keep("train/grad", {name: parameter.grad for name, parameter in model.named_parameters()})
        keep("train/after", {name: buffer for name, buffer in model.named_buffers() if "running" in name})
        return arrays

    return make


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Name bytes by their argument: packed bytes may hold the time, and all workers must collect the same tests."""
    return argname if isinstance(val, bytes) else None
