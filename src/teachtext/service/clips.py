"""Chosen places as clips: an archive of MP4s, cut in a process of its own, because videos may be hostile."""

import tempfile
import threading
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from teachtext.errors import Busy, InputError, Unwritable
from teachtext.files import write_error
from teachtext.processes import BoundedCalls, Lost
from teachtext.search.cuts import SHORTEST_S, clip_name
from teachtext.service.export import Chosen
from teachtext.service.hostile_work import hostile_work
from teachtext.service.state import Library
from teachtext.video.playback import write_clip

MOST_CLIPS, MOST_SECONDS = 50, 600.0
# limits of one clip
_SECONDS, _MEMORY_MB = 600.0, 1500.0
_CHUNK = 2**20
_LEFT_OUT = "left out.txt"


class _Clip(NamedTuple):
    video_id: str
    name: str
    start_s: float
    end_s: float


class Clips:
    """Cuts clips for one client at a time. The process starts when needed.

    Args:
        library: the index.
        folder: where clips stand until they are packed; nothing stays there.
    """

    def __init__(self, library: Library, folder: Path) -> None:
        self._library = library
        self._folder = folder
        self._cut = BoundedCalls(_cut, seconds=_SECONDS, memory_mb=_MEMORY_MB)
        self._working = threading.Lock()

    def archive(self, videos: Sequence[Chosen]) -> Iterator[bytes]:
        """Return the bytes of a ZIP with a clip of each place; what could not be cut stands in `left out.txt`.

        Args:
            videos: as they shall stand in the archive.

        Raises:
            InputError: there are too many places or seconds, or no place can be cut.
            Busy: clips are being cut for somebody else.
            Unwritable: the disk is full.
        """
        clips = list(_clips_of(videos))
        seconds = sum(clip.end_s - clip.start_s for clip in clips)
        if len(clips) > MOST_CLIPS or seconds > MOST_SECONDS:
            raise InputError(
                f"{len(clips):,} clips of {seconds:,.0f} s together are too many to cut at once",
                f"choose up to {MOST_CLIPS} places of {MOST_SECONDS:.0f} s together, or export a playlist",
            )
        if not self._working.acquire(blocking=False):
            raise Busy("clips are being cut for somebody", "try again in a minute")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix="clips-", dir=self._folder) as folder:
                packed = self._pack(clips, Path(folder))
        except OSError as error:
            raise write_error(self._folder, error) from error
        finally:
            self._working.release()
        return _read(packed)

    def close(self) -> None:
        """End the process."""
        self._cut.kill()
        self._cut.close()

    def _pack(self, clips: Sequence[_Clip], folder: Path) -> IO[bytes]:
        packed = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
        left_out = []
        with zipfile.ZipFile(packed, "w") as archive:
            for number, clip in enumerate(clips, start=1):
                file = folder / f"{number}.mp4"
                try:
                    self._cut((self._library.file(clip.video_id), file, clip.start_s, clip.end_s))
                except Unwritable:
                    raise
                except (Lost, InputError) as error:
                    reason = error.reason if isinstance(error, Lost) else error.problem
                    left_out.append(f"{clip.video_id}, from {clip.start_s:.1f} s: {reason}")
                    continue
                archive.write(file, f"{number:02} {clip.name}")
                file.unlink()
            if left_out:
                archive.writestr(_LEFT_OUT, "\n".join(left_out) + "\n")
        if len(left_out) == len(clips):
            packed.close()
            raise InputError(f"no clip could be cut ({left_out[0]})", "choose other videos")
        packed.seek(0)
        return packed


def _clips_of(videos: Sequence[Chosen]) -> Iterator[_Clip]:
    for video in videos:
        for part in video.stretches:
            # a video whose length is not known is cut at what may be cut at once
            end_s = MOST_SECONDS if part.end_s is None else max(part.end_s, part.start_s + SHORTEST_S)
            yield _Clip(video.item.id, clip_name(video.item.id, part.start_s, end_s), part.start_s, end_s)


def _read(packed: IO[bytes]) -> Iterator[bytes]:
    with packed:
        while chunk := packed.read(_CHUNK):
            yield chunk


def _cut(task: tuple[Path, Path, float, float]) -> None:
    path, target, start_s, end_s = task
    with hostile_work(target, f"{path.name} cannot be cut"):
        write_clip(path, target, start_s, end_s)
