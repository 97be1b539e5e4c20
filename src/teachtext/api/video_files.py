"""The videos that a caller names: files, folders, or ids of a feature store."""

from collections.abc import Callable, Sequence
from pathlib import Path

from teachtext.arguments import check_items, check_place
from teachtext.data.folder import VIDEO_ENDINGS, find_videos
from teachtext.data.types import Video
from teachtext.errors import InputError


def videos_of(videos: str | Path | Sequence[str | Path], *, is_stored: Callable[[str], bool]) -> list[Video]:
    """Return the videos that a caller names.

    Args:
        videos: files, folders, dataset folders (with `videos/` inside), or ids of stored features.
        is_stored: whether features of an id are stored.

    Returns:
        Files have their path as id. Videos of a dataset folder have the dataset's ids. Ids of stored features have no
        path.

    Raises:
        InputError: a folder without videos, no video at all, an empty string, or a value that is no path.
    """
    names = check_items("video", videos, check_place)
    listed = [video for name in names for video in _videos(name, is_stored)]
    if not listed:
        raise InputError("there is no video to encode", "give at least one file")
    return listed


def _videos(name: str | Path, is_stored: Callable[[str], bool]) -> list[Video]:
    path = Path(name).expanduser()
    if not path.is_dir():
        is_id = not path.exists() and is_stored(str(name))
        return [Video(str(name), None if is_id else path)]
    if (path / "videos").is_dir():
        videos = find_videos(path)
    else:
        files = sorted(file for file in path.rglob("*") if _is_video(file.relative_to(path)) and not file.is_dir())
        videos = [Video(str(file), file) for file in files]
    if not videos:
        raise InputError(f"{path} holds no video", "give a folder with video files in it")
    return videos


def _is_video(path: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.parts)
    return path.suffix.lower() in VIDEO_ENDINGS and not hidden
