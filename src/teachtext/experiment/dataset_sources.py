"""The sources of datasets: a folder, or a generator that writes one. The rest of a run knows the folder alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from teachtext.errors import InputError
from teachtext.experiment.config import RunConfig
from teachtext.playground import build_playground
from teachtext.progress import Progress


class DatasetSource(Protocol):
    """A dataset folder, made where it is missing."""

    @property
    def folder(self) -> Path:
        """The dataset folder."""
        ...

    @property
    def generated(self) -> bool:
        """Whether a program made the videos and captions."""
        ...

    def make(self, progress: Progress) -> None:
        """Write the folder, where it is not written yet."""
        ...

    def has_videos_of(self, other: "DatasetSource") -> bool:
        """Whether both generate the same videos, so that videos and features can be copied."""
        ...

    def copying(self, other: "DatasetSource") -> "DatasetSource":
        """Return this source, which copies its videos from another one that generates the same."""
        ...


@dataclass(frozen=True)
class Folder:
    """A dataset folder of the user."""

    folder: Path
    generated: bool = False

    def make(self, progress: Progress) -> None:
        """Do nothing: the folder is the user's."""

    def has_videos_of(self, other: DatasetSource) -> bool:
        """Return False: features are extracted or come with the folder."""
        return False

    def copying(self, other: DatasetSource) -> "Folder":
        """Return this source: the videos are the user's."""
        return self


@dataclass(frozen=True)
class Playground:
    """The generated dataset, in the folder of the run.

    Attributes:
        config: of the run.
        videos_of: folder of another playground from which the same videos are copied; None where they are drawn.
    """

    config: RunConfig
    videos_of: Path | None = None
    generated: bool = True

    @property
    def folder(self) -> Path:
        """The dataset folder."""
        return self.config.folder / "playground"

    def make(self, progress: Progress) -> None:
        """Write the videos and captions that are missing."""
        settings = self.config.dataset.playground
        if settings is not None:
            build_playground(
                self.folder,
                videos=settings.videos,
                captions_per_video=settings.captions_per_video,
                train_captions=settings.train_captions,
                seed=settings.seed,
                wrong_captions=settings.wrong_captions,
                questions=settings.questions,
                languages=settings.languages,
                workers=self.config.workers,
                videos_of=self.videos_of,
                progress=lambda done, total: progress("make the playground", done, total),
            )

    def has_videos_of(self, other: DatasetSource) -> bool:
        """Whether the other is a playground that differs in its captions alone."""
        if not isinstance(other, Playground):
            return False
        ours, theirs = self.config.dataset.playground, other.config.dataset.playground
        of_videos = ("videos", "seed", "questions")
        return bool(ours and theirs and all(getattr(ours, name) == getattr(theirs, name) for name in of_videos))

    def copying(self, other: DatasetSource) -> "Playground":
        """Return this source, which copies its videos from another playground."""
        return replace(self, videos_of=other.folder)


SOURCES: Mapping[str, Callable[[RunConfig], DatasetSource]] = {
    "playground": Playground,
    "path": lambda config: Folder(config.dataset.path or Path()),
}
"""By key of the config's `dataset`."""


def source_of(config: RunConfig) -> DatasetSource:
    """Return the source of a run's dataset.

    Raises:
        InputError: the config names none.
    """
    for key, source in SOURCES.items():
        if getattr(config.dataset, key) is not None:
            return source(config)
    raise InputError("the config has no dataset", "give 'dataset.path' or 'dataset.playground'")
