"""Files that the service returns: files of videos of the index, pictures of these videos, and no others."""

from pathlib import Path

from teachtext.errors import InputError
from teachtext.files import content_hash, write_bytes
from teachtext.search.manifest import Manifest
from teachtext.search.types import Item
from teachtext.video.frames import thumbnail


def file_of(manifest: Manifest, item: Item) -> Path:
    """Return the file of a video.

    A link out of the indexed folder is followed only to the content that was indexed: a link that was put in the place
    of a video later could give out any file.

    Raises:
        InputError: the file is gone, or is a link to something else.
    """
    try:
        path = manifest.path_of(item.id).resolve(strict=True)
        inside = path.is_relative_to(Path(manifest.roots[item.id.partition("/")[0]]).resolve())
        served = path.is_file() and (inside or content_hash(path) == item.content)
    except (OSError, RuntimeError):  # no file, or links in a circle
        served = False
    if not served:
        raise InputError(f"the file of '{item.id}' is gone", "remove the video from the index, or put the file back")
    return path


def has_file(manifest: Manifest, item: Item) -> bool:
    """Return whether the file of a video is there."""
    return manifest.path_of(item.id).is_file()


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
