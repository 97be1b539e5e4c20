"""Files that the service returns: files of videos of the index, pictures of these videos, and no others."""

from pathlib import Path

import av
import cv2
import numpy as np

from teachtext.errors import InputError
from teachtext.files import write_bytes
from teachtext.search.manifest import Manifest
from teachtext.video.opening import open_video

_WIDTH = 384
_QUALITY = 80


def file_of(manifest: Manifest, item_id: str) -> Path:
    """Return the file of a video.

    Raises:
        InputError: the file is gone, or lies outside the indexed folder.
    """
    root = Path(manifest.roots[item_id.partition("/")[0]]).resolve()
    path = manifest.path_of(item_id).resolve()
    if not path.is_relative_to(root) or not path.is_file():
        raise InputError(f"the file of '{item_id}' is gone", "remove the video from the index, or put the file back")
    return path


def has_file(manifest: Manifest, item_id: str) -> bool:
    """Return whether the file of a video can be served."""
    try:
        file_of(manifest, item_id)
    except InputError:
        return False
    return True


def thumbnail(path: Path, at_s: float, cache: Path) -> Path:
    """Return a picture of a video: JPEG, 384 pixels wide. Made once, then kept.

    Args:
        path: file of the video.
        at_s: seconds from the start. A shorter video gives its first picture.
        cache: path of the picture without its ending `-<second>.jpg`.

    Raises:
        InputError: no picture can be decoded.
    """
    second = max(0, int(at_s))
    kept = cache.with_name(f"{cache.name}-{second}.jpg")
    if not kept.is_file():
        write_bytes(kept, _picture(path, second))
    return kept


def _picture(path: Path, second: int) -> bytes:
    frame = None
    try:
        with open_video(path) as file:
            stream = file.streams.video[0]
            file.seek(second * av.time_base)
            frame = next(file.decode(stream), None)
            if frame is None:
                file.seek(0)
                frame = next(file.decode(stream), None)
    except (av.error.FFmpegError, IndexError, StopIteration) as error:
        raise InputError(f"{path} shows no picture", "download it anew, or leave it out") from error
    if frame is None:
        raise InputError(f"{path} shows no picture", "download it anew, or leave it out")
    height = max(2, round(_WIDTH * frame.height / frame.width))
    image = frame.to_ndarray(format="bgr24", width=_WIDTH, height=min(height, 4 * _WIDTH))
    turned = np.ascontiguousarray(np.rot90(image, round(frame.rotation / 90) % 4))
    return bytes(cv2.imencode(".jpg", turned, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1])
