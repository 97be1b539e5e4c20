"""Captions from a file, whoever wrote them: a person, or a model that ran before."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from teachtext.captioning.caption_file import VideoCaptions, read_event_captions
from teachtext.captioning.captioner import Event, EventCaption
from teachtext.data.types import Video
from teachtext.errors import first_of
from teachtext.files import fingerprint, read_text
from teachtext.packages import load

# a caption may end a little after its video: containers round
_SLACK_S = 1.0


class FileCaptioner:
    """Looks captions up by video id (see `teachtext.captioning.captioner.Captioner`).

    Args:
        path: see `teachtext.captioning.caption_file`.

    Raises:
        InputError: there is no such file, or a line has another form.
    """

    needs_events = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self._captions = read_event_captions(path)
        self.settings: Mapping[str, Any] = {"file": fingerprint(read_text(path))}
        self._outside: list[str] = []

    @property
    def name(self) -> str:
        """The captioner in messages."""
        return f"the file {self.path.name}"

    def caption(self, video: Video, events: Sequence[Event]) -> Sequence[EventCaption]:
        """Return the captions of the file; those of a time after the end of the video are left out."""
        listed = self._captions.get(video.id, VideoCaptions(())).captions
        length_s = None
        if listed and video.path is not None:
            stated_seconds: Callable[[Path], float | None] = load("teachtext.video.file:stated_seconds", "video")
            length_s = stated_seconds(video.path)
        inside = [each for each in listed if length_s is None or (each.event.end_s or 0.0) <= length_s + _SLACK_S]
        self._outside += [video.id] * (len(listed) - len(inside))
        return inside

    def remarks(self, asked: Collection[str]) -> Sequence[str]:
        """Return sentences on captions that were not asked for, or are of no time of their video."""
        notes = []
        if self._outside:
            where = first_of(list(dict.fromkeys(self._outside)))
            notes.append(
                f"left out, captions of {self.name} that end after their video: {len(self._outside):,} ({where})"
            )
        others = {name: len(each.captions) for name, each in self._captions.items() if name not in asked}
        if others:
            count = sum(others.values())
            notes.append(
                f"left out, captions of {self.name} of videos that are not trained on: {count:,} "
                f"({first_of(list(others))})"
            )
        return notes
