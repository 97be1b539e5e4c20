"""What is read again and what is not, in frames that follow one another."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

cv2 = pytest.importorskip("cv2")
av = pytest.importorskip("av")
rapidocr = pytest.importorskip("rapidocr_onnxruntime")
from teachtext.encoders.video.screen_text import TextReader  # noqa: E402

Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def engine() -> Any:
    return rapidocr.RapidOCR(intra_op_num_threads=1, inter_op_num_threads=1, det_limit_side_len=1, use_cls=False)


def slide(
    *lines: str, colour: tuple[int, int, int] = (255, 255, 255), back: tuple[int, int, int] = (60, 90, 60)
) -> Picture:
    picture = np.full((480, 640, 3), back, np.uint8)
    for number, line in enumerate(lines):
        cv2.putText(picture, line, (40, 90 + 90 * number), cv2.FONT_HERSHEY_DUPLEX, 1.3, colour, 2, cv2.LINE_AA)
    return picture


def noisy(picture: Picture, seed: int) -> Picture:
    noise = np.random.default_rng(seed).integers(-5, 6, picture.shape)
    return (picture.astype(np.int16) + noise).clip(0, 255).astype(np.uint8)


@pytest.mark.slow
def test_of_a_slide_that_changes_by_a_word_only_that_line_is_read_again(engine: Any):
    reader = TextReader(engine)
    first, second = slide("SUMMER", "WATER LEVEL"), slide("SUMMER", "WATER LEVEN")
    texts = [reader.read(noisy(picture, seed)) for seed, picture in enumerate([first, first, first, second, second])]
    assert texts == ["SUMMER WATER LEVEL"] * 3 + ["SUMMER WATER LEVEN"] * 2
    assert (reader.searched, reader.recognised) == (2, 3)


@pytest.mark.slow
def test_text_of_a_single_frame_is_read_and_goes_with_the_frame(engine: Any):
    reader = TextReader(engine)
    assert [reader.read(picture) for picture in (slide(), slide("THE END"), slide())] == ["", "THE END", ""]


@pytest.mark.slow
def test_text_that_differs_from_its_background_by_colour_alone_is_seen(engine: Any):
    """Equal light: a comparison of grey pictures would take both for the same."""
    reader = TextReader(engine)
    back, colour = (0, 128, 0), (251, 0, 0)
    greys = cv2.cvtColor(np.array([[back, colour]], np.uint8), cv2.COLOR_RGB2GRAY)
    assert abs(int(greys[0, 0]) - int(greys[0, 1])) <= 1
    reader.read(slide(back=back))
    reader.read(slide("OPEN", back=back, colour=colour))
    assert reader.searched == 2


@pytest.mark.slow
def test_text_that_appears_slowly_is_read(engine: Any):
    """No frame differs visibly from the frame before."""
    reader = TextReader(engine)
    shares = np.linspace(0, 1, 60)
    blank, full = slide(), slide("SLOWLY")
    texts = [reader.read(cv2.addWeighted(blank, 1 - share, full, share, 0)) for share in shares]
    assert texts[0] == "" and texts[-1] == "SLOWLY" and reader.searched < len(shares)


@pytest.mark.slow
def test_a_long_video_is_read_as_one_and_the_next_video_anew(tmp_path: Path, make_video: Any):
    from teachtext.encoders.registry import build_video_experts
    from teachtext.extraction.encode import encode_video
    from teachtext.video.sampling import PieceRule

    pictures = [noisy(slide("SUMMER", word), 7 * number) for word in ("WATER", "WINTER") for number in range(18)]
    path = make_video("slides.mp4", pictures, fps=2)
    [expert] = build_video_experts(["ocr"])
    rows = [encode_video(path, [expert], PieceRule())["ocr"] for _ in range(2)]
    assert rows[0].passages is not None
    assert [passage.text for passage in rows[0].passages] == ["SUMMER WATER", "SUMMER WINTER"]
    assert rows[0].passages == rows[1].passages and np.array_equal(rows[0].values, rows[1].values)
