from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import onnx
import pytest

pytest.importorskip("cv2")
pytest.importorskip("rapidocr_onnxruntime")
from teachtext.devices import CPU
from teachtext.encoders.computing import open_session
from teachtext.encoders.video.ocr_graph import with_fewer_passes

FOLDER = Path(str(distribution("rapidocr-onnxruntime").locate_file("rapidocr_onnxruntime/models")))


@pytest.mark.parametrize(("name", "height"), [("ch_PP-OCRv4_det_infer.onnx", 96), ("ch_PP-OCRv4_rec_infer.onnx", 48)])
def test_the_results_are_the_same(name: str, height: int):
    import cv2

    before, after = (
        open_session(graph, threads=1, device=CPU)[0] for graph in (FOLDER / name, with_fewer_passes(FOLDER / name))
    )
    picture = np.random.default_rng(0).integers(180, 255, (height, 192, 3), np.uint8)
    cv2.putText(picture, "TeachText", (10, height - 16), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (0, 0, 0), 2)
    values = {before.get_inputs()[0].name: picture.transpose(2, 0, 1)[None].astype(np.float32) / 127.5 - 1}
    [expected], [actual] = before.run(None, values), after.run(None, values)
    assert np.abs(actual - expected).max() < 1e-4 < 0.5 < expected.max() - expected.min()


def test_no_number_and_no_activation_is_left_between_convolutions():
    path = FOLDER / "ch_PP-OCRv4_det_infer.onnx"
    before, after = onnx.load(path), onnx.load_from_string(with_fewer_passes(path))

    def count(model: onnx.ModelProto, kind: str) -> int:
        return sum(node.op_type == kind for node in model.graph.node)

    assert count(before, "Div") == 24 and count(before, "BatchNormalization") == 3
    assert count(after, "Div") == 0 and count(after, "BatchNormalization") == 0
    # those of several branches
    assert count(after, "Add") < count(before, "Add") / 5
