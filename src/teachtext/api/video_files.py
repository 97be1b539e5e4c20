"""The videos that a caller names: files, folders, or ids of a feature store."""

from collections.abc import Callable, Sequence
from pathlib import Path

from teachtext.arguments import check_items, check_place
from teachtext.data.types import Video
from teachtext.data.video_files import list_video_files
from teachtext.data.video_ids import read_video_folder
from teachtext.errors import InputError


def videos_of(
    videos: str | Path | Sequence[str | Path], *, is_stored: Callable[[str], bool]
) -> tuple[list[Video], list[str]]:
    """Return the videos that a caller names, and notes on what is left out of folders.

    Args:
        videos: files, folders, dataset folders (with `videos/` inside), or ids of stored features.
        is_stored: whether features of an id are stored.

    Returns:
        The videos: files have their path as id; videos of a dataset folder have the dataset's ids; ids of stored
        features have no path. And a sentence for each reason to leave files out.

    Raises:
        InputError: a folder without videos, no video at all, an empty string, or a value that is no path.
    """
    names = check_items("video", videos, check_place)
    listed: list[Video] = []
    notes: list[str] = []
    for name in names:
        path = Path(name).expanduser()
        if path.is_dir():
            inside, left_out = _videos_in(path)
            listed += inside
            notes += left_out
        else:
            is_id = not path.exists() and is_stored(str(name))
            listed.append(Video(str(name), None if is_id else path))
    if not listed:
        raise InputError("there is no video to encode", "give at least one file")
    return listed, notes


def _videos_in(folder: Path) -> tuple[list[Video], list[str]]:
    if (folder / "videos").is_dir():
        dataset = read_video_folder(folder)
        videos, notes = dataset.videos, dataset.notes
    else:
        listed = list_video_files(folder)
        videos, notes = (
            [Video(str(path), path) for path in listed.files.values()],
            [str(row) for row in listed.left_out],
        )
    if not videos:
        raise InputError("; ".join([f"{folder} holds no video", *notes]), "give a folder with video files in it")
    return videos, notes
