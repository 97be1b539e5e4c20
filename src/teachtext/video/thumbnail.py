"""One small picture of a video."""

from pathlib import Path

from teachtext.errors import InputError
from teachtext.video.decode import sample_video
from teachtext.video.sampling import FrameSampling

_MOMENTS = 3


def thumbnail(path: Path, *, width: int = 192, height: int = 144) -> bytes | None:
    """Return a JPEG from the middle of a video; None if it cannot be decoded, for a picture is no reason to stop."""
    import cv2

    sampling = FrameSampling(per_second=_MOMENTS, most=_MOMENTS, height=height, width=width)
    try:
        frames = sample_video(path, [sampling])[0][0]
    except InputError:
        return None
    picture = frames[len(frames) // 2, 0, :, :, ::-1]
    done, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 80])
    return bytes(encoded) if done else None
