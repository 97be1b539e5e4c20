"""Pictures as video frames, and files that are no whole pictures."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av")
pytest.importorskip("PIL")
from outside_files import write_png_header
from PIL import Image

from teachtext.errors import InputError
from teachtext.video.picture import is_picture, read_picture

RED, BLUE = (200, 30, 30), (30, 30, 200)


def halves() -> np.ndarray:
    """A picture, red on the left and blue on the right, 40 wide and 20 high."""
    pixels = np.zeros((20, 40, 3), np.uint8)
    pixels[:, :20], pixels[:, 20:] = RED, BLUE
    return pixels


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "bmp", "gif", "tiff", "avif"])
def test_a_picture_of_any_usual_kind_is_a_frame(ending: str, tmp_path: Path):
    # the name plays no part
    path = tmp_path / "picture.mp4"
    Image.fromarray(halves()).save(path, format={"jpg": "jpeg"}.get(ending, ending))
    assert is_picture(path)
    pixels = read_picture(path).to_ndarray(format="rgb24").astype(int)
    assert pixels.shape == (20, 40, 3)
    assert np.abs(pixels[10, 5] - RED).max() < 60 and np.abs(pixels[10, 35] - BLUE).max() < 60


def test_a_picture_stands_upright(tmp_path: Path):
    image = Image.fromarray(halves())
    exif = image.getexif()
    exif[0x0112] = 6  # to be turned by a quarter
    image.save(tmp_path / "a.jpg", exif=exif)
    assert read_picture(tmp_path / "a.jpg").to_ndarray().shape == (40, 20, 3)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "1", "CMYK"])
def test_every_kind_of_colour_becomes_rgb(mode: str, tmp_path: Path):
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    Image.fromarray(halves()).convert(mode).save(path)
    assert read_picture(path).to_ndarray().shape == (20, 40, 3)


def test_what_is_transparent_is_white(tmp_path: Path):
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png").to_ndarray().min() == 255


def test_sixteen_bits_are_not_cut_to_white(tmp_path: Path):
    Image.fromarray(np.full((4, 4), 0x8000, np.uint16)).save(tmp_path / "a.png")
    assert np.unique(read_picture(tmp_path / "a.png").to_ndarray()).tolist() == [128]


@pytest.mark.parametrize(("width", "height"), [(30_000, 30_000), (9_000, 9_000)])
def test_a_huge_picture_is_refused_before_it_is_decoded(width: int, height: int, tmp_path: Path):
    # there are no pixels in the file: decoding would say so
    path = write_png_header(tmp_path / "bomb.png", width, height)
    with pytest.raises(InputError, match=r"more than 64 megapixels: give a smaller picture"):
        read_picture(path)


def test_a_picture_that_is_not_whole_is_refused(tmp_path: Path):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 60, 3), np.uint8)).save(tmp_path / "a.jpg")
    whole = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"a.jpg is not a whole picture"):
        read_picture(tmp_path / "a.jpg")
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(99))
    assert is_picture(tmp_path / "a.heic")
    with pytest.raises(InputError, match=r"a.heic is a picture that cannot be read here: convert it to JPEG or PNG"):
        read_picture(tmp_path / "a.heic")
