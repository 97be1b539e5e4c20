"""A picture file: what it is by its first bytes, and its pixels, which are decoded only if they are not too many."""

import warnings
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame
from PIL import Image, ImageOps, UnidentifiedImageError

from teachtext.errors import InputError
from teachtext.video.file import COPY_AGAIN, MOST_PIXELS, check_file

_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
_HEADS = (b"GIF8", b"\x89PNG", b"\xff\xd8\xff", b"BM", b"II*\0", b"MM\0*")
_UNREAD = {b"heic", b"heix", b"hevc", b"mif1", b"msf1"}
_READ = {b"avif", b"avis"}


def is_picture(path: Path) -> bool:
    """Return whether a file is a picture, by its first bytes; its name plays no part.

    Raises:
        InputError: no such file, or an empty one.
    """
    check_file(path)
    with path.open("rb") as file:
        head = file.read(16)
    brand = head[8:12] if head[4:8] == b"ftyp" else b""
    is_webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    return head.startswith(_HEADS) or is_webp or brand in _READ | _UNREAD


def read_picture(path: Path) -> VideoFrame:
    """Return a picture as a video frame, upright, in RGB; what is transparent is white.

    Of a file with several pictures, such as an animation, the first counts. The size is read before anything is
    decoded.

    Raises:
        InputError: the file is no whole picture, is of a kind that cannot be read, or has more than `MOST_PIXELS`.
    """
    # the formats are unknown before that
    Image.init()
    try:
        with warnings.catch_warnings():
            # the bound below is stricter
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as image:
                _check_size(path, *image.size)
                pixels = np.asarray(_in_colour(ImageOps.exif_transpose(image)))
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        raise _too_large(path, "more") from error
    except UnidentifiedImageError as error:
        raise InputError(f"{path} is a picture that cannot be read here", "convert it to JPEG or PNG") from error
    except Exception as error:
        # a hostile file can trip the decoder in any way
        raise InputError(f"{path} is not a whole picture ({type(error).__name__})", COPY_AGAIN) from error
    return VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")


def _check_size(path: Path, width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise _too_large(path, f"{width} x {height} pixels, more")


def _too_large(path: Path, size: str) -> InputError:
    return InputError(f"{path} has {size} than {MOST_PIXELS // 10**6} megapixels", "give a smaller picture")


def _in_colour(image: Image.Image) -> Image.Image:
    """Return a picture in RGB, on white where it is transparent."""
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image.convert("RGB")
    image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")
