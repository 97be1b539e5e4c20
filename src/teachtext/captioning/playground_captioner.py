"""Captions of generated videos, by the grammar that wrote their captions: it knows what a stretch shows."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from teachtext.captioning.captioner import Event, EventCaption
from teachtext.data.types import Video
from teachtext.errors import InputError
from teachtext.playground.build import GENERATOR_VERSION, read_scenes
from teachtext.playground.captions import stretch_caption


class PlaygroundCaptioner:
    """Describes stretches of generated scenes (see `teachtext.captioning.captioner.Captioner`).

    Args:
        folder: a finished playground.

    Raises:
        InputError: the folder holds none.
    """

    needs_events = True
    name = "the grammar of the playground"

    def __init__(self, folder: Path) -> None:
        self._scenes, self._seed = read_scenes(folder)
        self.settings: Mapping[str, Any] = {"generator": GENERATOR_VERSION, "seed": self._seed}

    def caption(self, video: Video, events: Sequence[Event]) -> Sequence[EventCaption]:
        """Return a caption for each event."""
        scene = self._scenes.get(video.id)
        if scene is None:
            raise InputError(f"'{video.id}' is no video of this playground", "give its captions in a file")
        return [
            EventCaption(event, stretch_caption(scene, event.start_s, event.end_s or scene.seconds, self._seed))
            for event in events
        ]

    def remarks(self, asked: Collection[str]) -> Sequence[str]:
        """Return nothing: captions are written on demand."""
        return ()
