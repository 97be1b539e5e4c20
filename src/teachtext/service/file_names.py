"""Names of uploaded files: what a client sends becomes a safe name, and of two files of one name each gets its own."""

import errno
import os
import re
import unicodedata
from itertools import count
from pathlib import Path

from teachtext.data.video_files import VIDEO_ENDINGS
from teachtext.errors import InputError

# bytes of a name without its ending; file systems take 255 for all
_LONGEST_NAME = 180
# how a disk answers that knows no second name of a file
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}


def safe_name(name: str) -> str:
    """Return a file name for what a client sends: letters of any script, digits, marks and a few others are kept.

    Raises:
        InputError: the name has no ending of a video file.

    >>> safe_name("../../etc/my clip;.MP4"), safe_name("हिन्दी.webm"), safe_name("../.mp4.mkv")
    ('my clip_.mp4', 'हिन्दी.webm', 'mp4.mkv')
    """
    base = re.split(r"[/\\]", name)[-1]
    stem, ending = Path(base).stem, Path(base).suffix.lower()
    if ending not in VIDEO_ENDINGS:
        raise InputError(
            f"'{base[:100]}' has no ending of a video file", "send one of " + ", ".join(sorted(VIDEO_ENDINGS))
        )
    letters = (letter if _is_plain(letter) else "_" for letter in unicodedata.normalize("NFC", stem))
    kept = "".join(letters).strip(" .").encode()[:_LONGEST_NAME].decode(errors="ignore").strip(" .")
    return f"{kept or 'video'}{ending}"


def free_name(file: Path, path: Path) -> Path:
    """Give a file the name `path`, or the first free one of `<name>-2`, `<name>-3` ...; return the new path.

    A name is taken in one step of the disk, so that of several processes only one gets it, and nothing is overwritten.
    The file may keep its old name too.

    Raises:
        OSError: the disk is full or read-only.
    """
    for number in count(1):
        target = path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
        try:
            _take_name(file, target)
        except FileExistsError:
            continue
        return target
    raise AssertionError


def _take_name(file: Path, target: Path) -> None:
    """Raise FileExistsError if the name is taken."""
    try:
        os.link(file, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        file.replace(target)


def _is_plain(letter: str) -> bool:
    """Return whether a file name may have a character: letters, marks and digits of any script, and a few others."""
    return letter in "-_ ()." or unicodedata.category(letter)[0] in "LMN"
