"""Files that the service returns: files of videos of the index, and no others."""

from pathlib import Path

from teachtext.errors import InputError, NotFound
from teachtext.files import content_hash
from teachtext.search.manifest import Manifest
from teachtext.search.types import Item


def file_of(manifest: Manifest, item: Item) -> Path:
    """Return the file of a video.

    A link out of the indexed folder is followed only to the content that was indexed: a link that was put in the place
    of a video later could give out any file.

    Raises:
        NotFound: the index has no folder of that name.
        InputError: the file is gone, or is a link to something else.
    """
    try:
        path = manifest.path_of(item.id).resolve(strict=True)
        inside = path.is_relative_to(manifest.folder_of(item.id).resolve())
        served = path.is_file() and (inside or content_hash(path) == item.content)
    except (OSError, RuntimeError):  # no file, or links in a circle
        served = False
    if not served:
        raise InputError(f"the file of '{item.id}' is gone", "remove the video from the index, or put the file back")
    return path


def has_file(manifest: Manifest, item: Item) -> bool:
    """Return whether the file of a video is there."""
    try:
        return manifest.path_of(item.id).is_file()
    except (NotFound, OSError):
        return False
