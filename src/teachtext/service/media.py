"""Files that the service returns: files of videos of the index, pictures of these videos, and no others."""

from pathlib import Path

from teachtext.errors import InputError
from teachtext.files import write_bytes
from teachtext.search.manifest import Manifest
from teachtext.video.frames import thumbnail


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


def cached_thumbnail(path: Path, at_s: float, cache: Path) -> Path:
    """Return a picture of a video: JPEG, 384 pixels wide. Made once, then kept.

    Args:
        path: file of the video.
        at_s: seconds from the start. A shorter video gives its first picture.
        cache: path of the picture without its ending `-<second>.jpg`.

    Raises:
        InputError: no picture can be decoded.
    """
    second = max(0, int(at_s))
    file = cache.with_name(f"{cache.name}-{second}.jpg")
    if not file.is_file():
        write_bytes(file, thumbnail(path, second))
    return file
