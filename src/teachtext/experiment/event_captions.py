"""The captions of the events of a run: videos cut, events captioned, captions screened and embedded, each once."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import Any

from teachtext.captioning.caption_file import VideoCaptions, read_event_captions, write_event_captions
from teachtext.captioning.captioner import Captioner, Event
from teachtext.captioning.captioners import Place, identity_of_captioner, open_captioner
from teachtext.captioning.events import EVENT_EXPERT, EVENT_ROWS, events_of
from teachtext.data.protocol import Caption
from teachtext.data.store import FeatureFile
from teachtext.data.types import Dataset, Video
from teachtext.encoders.registry import TEXT_ENCODERS
from teachtext.errors import InputError, first_of
from teachtext.experiment.config import RunConfig
from teachtext.experiment.config_captioning import CaptioningConfig
from teachtext.experiment.dataset_sources import DatasetSource
from teachtext.experiment.features import RunFeatures
from teachtext.extraction.embed import embed
from teachtext.extraction.extract import extract
from teachtext.files import fingerprint, has_content, read_json, write_json
from teachtext.progress import Progress
from teachtext.written_texts import screen, screening_notes

CAPTIONS, RECORD = "captions.jsonl", "record.json"
# a kill costs the captions of so many seconds at most
_SAVE_S = 30.0


@dataclass
class EventCaptions:
    """The captions of the events of the training videos of a run. Videos of other splits are never captioned.

    The folder has `captions.jsonl` with all captions as they were written, `record.json` with what wrote them and what
    was left out, and `text/<encoder>` with the features of those that are kept.

    Args:
        config: of the run; it has `captioning`.
        features: of the run.
        dataset: returns the dataset.
        source: of the dataset.
        progress: is called with the state of each step.
    """

    config: RunConfig
    features: RunFeatures
    dataset: Callable[[], Dataset]
    source: DatasetSource
    progress: Progress

    @cached_property
    def settings(self) -> CaptioningConfig:
        """The settings."""
        if self.config.captioning is None:
            raise ValueError("the config has no 'captioning'")
        return self.config.captioning

    @cached_property
    def folder(self) -> Path:
        """Folder of the captions; other captions have another folder."""
        settings = self.settings
        key = [identity_of_captioner(settings.captioner), settings.penalty, settings.least_s]
        return self.config.folder / "event-captions" / f"{settings.captioner.partition(':')[0]}-{fingerprint(key)}"

    def make(self) -> Sequence[str]:
        """Caption the training videos, and embed the captions for the student; return what was left out.

        Finished work is not repeated: a video is captioned once.

        Raises:
            InputError: the captioner cannot be used, or wrote nothing that can be used.
        """
        videos = self._videos()
        written = self._read()
        if missing := [video for video in videos if not _is_captioned(video, written)]:
            self._caption(missing, written)
        record = read_json(self.folder / RECORD)
        _, count, left_out, cut = self._screened
        notes = [*record["notes"], *screening_notes(record["captioner"], count, left_out, cut)]
        if not self.captions:
            reason = f" ({notes[0]})" if notes else ""
            raise InputError(
                f"{record['captioner']} wrote no caption that can be used{reason}",
                "give another 'captioning.captioner'",
            )
        embed(
            self.captions,
            [self.config.student.text],
            self.folder / "text",
            threads=self.config.threads,
            progress=lambda what, *state: self.progress(f"embed captions of events, {what}", *state),
        )
        without = sorted({video.id for video in videos} - {caption.video_id for caption in self.captions})
        if without:
            notes.append(f"training videos without a caption of an event: {len(without):,} ({first_of(without)})")
        kept = f"{len(self.captions):,} captions of events of {len(videos) - len(without):,} training videos"
        return [f"{kept}, by {record['captioner']}", *notes]

    @property
    def captions(self) -> list[Caption]:
        """The captions that are kept, with the language of the training captions."""
        return self._screened[0]

    def joined(self, text: FeatureFile, encoder: str) -> FeatureFile:
        """Return the features of the captions of the dataset, joined with those of these captions."""
        return text.joined_with(self.folder / "text" / TEXT_ENCODERS.folder_name(encoder))

    def _videos(self) -> list[Video]:
        dataset = self.dataset()
        return [dataset.videos[video_id] for video_id in dataset.splits[dataset.protocol.train]]

    def _read(self) -> dict[str, VideoCaptions]:
        path = self.folder / CAPTIONS
        return read_event_captions(path) if path.exists() else {}

    @cached_property
    def _screened(self) -> tuple[list[Caption], int, Counter[str], int]:
        """The captions that are kept; the number of all, of those left out by reason, and of those cut."""
        dataset = self.dataset()
        train = dataset.queries_of(dataset.protocol.train)
        language = train[0].language if train else "en"
        originals: dict[str, dict[str, str]] = {}
        for caption in train:
            originals.setdefault(caption.video_id, {})[caption.text] = "equal to a caption of the dataset"
        taken = {caption.id for caption in dataset.captions}
        kept: list[Caption] = []
        left_out: Counter[str] = Counter()
        count = cut = 0
        written = self._read()
        for video in self._videos():
            listed = written.get(video.id, VideoCaptions(())).captions
            if not any(text for _, text in listed):
                # a line without a text says that the video was captioned
                continue
            screened = screen([text for _, text in listed], originals.get(video.id, {}))
            for number, text in screened.kept.items():
                name = f"{video.id}#event{number}"
                if name in taken:
                    raise InputError(f"the dataset has a caption with the id '{name}'", "give it another id")
                kept.append(Caption(name, video.id, text, language))
            left_out += screened.left_out
            count, cut = count + len(listed), cut + screened.cut
        return kept, count, left_out, cut

    def _caption(self, videos: Sequence[Video], written: dict[str, VideoCaptions]) -> None:
        """Caption videos; those that cannot be captioned are named in the record and tried again by the next run."""
        self.progress("caption events", 0, len(videos))
        config = self.config
        captioner = open_captioner(self.settings.captioner, Place(self.source.folder, config.device, config.threads))
        self._check_same(captioner)
        failed: dict[str, str] = {}
        events, sources = self._events(videos, failed) if captioner.needs_events else ({}, {})
        saved = monotonic()
        for number, video in enumerate(videos, start=1):
            if video.id in failed:
                continue
            try:
                captions = captioner.caption(video, events.get(video.id, ()))
            except InputError as error:
                failed[video.id] = str(error)
            else:
                written[video.id] = VideoCaptions(captions, sources.get(video.id, ""))
            if monotonic() - saved > _SAVE_S:
                write_event_captions(self.folder / CAPTIONS, written)
                saved = monotonic()
            self.progress("caption events", number, len(videos))
        notes = list(captioner.remarks(written))
        if failed:
            first = next(iter(failed.values()))
            notes.append(f"videos that were not captioned: {len(failed):,} ({first_of(list(failed))}): {first}")
        write_json(self.folder / RECORD, self._record(captioner) | {"notes": notes})
        # last: these captions say that the work is done
        write_event_captions(self.folder / CAPTIONS, written)
        self.__dict__.pop("_screened", None)

    def _check_same(self, captioner: Captioner) -> None:
        """Write what captions, before the first caption; refuse captions that another version has begun."""
        path, record = self.folder / RECORD, self._record(captioner)
        before = read_json(path) if path.exists() else record
        if any(before.get(key) != record[key] for key in ("settings", "events")):
            raise InputError(
                f"the captions in {self.folder} were begun by another version of {captioner.name}",
                "delete that folder and run again",
            )
        write_json(path, record)

    def _record(self, captioner: Captioner) -> dict[str, Any]:
        settings = self.settings
        events = {"expert": EVENT_EXPERT, "penalty": settings.penalty, "least_s": settings.least_s}
        return {
            "captioner": captioner.name,
            "settings": dict(captioner.settings),
            "events": events if captioner.needs_events else None,
            "notes": [],
        }

    def _events(
        self, videos: Sequence[Video], failed: dict[str, str]
    ) -> tuple[Mapping[str, Sequence[Event]], Mapping[str, str]]:
        """Return the events of videos, and the hashes of their content; fill in the reasons why videos have none."""
        config, settings = self.config, self.settings
        place = config.folder / "event-captions" / "rows"
        extraction = extract(
            videos,
            [EVENT_EXPERT],
            place,
            workers=config.workers,
            engine=config.engine,
            time_limit=config.time_limit,
            memory_limit=config.memory_limit,
            rule=EVENT_ROWS,
            progress=lambda what, *state: self.progress(f"cut {what} into events", *state),
        )
        failed |= {failure.id: str(failure) for failure in extraction.failed}
        failed |= {video.id: f"'{video.id}' has no video file" for video in videos if video.path is None}
        if len(failed) == len(videos):
            return {}, {}
        rows = FeatureFile(place / EVENT_EXPERT)
        events = {
            video.id: events_of(rows, video.id, penalty_s=settings.penalty, least_s=settings.least_s)
            for video in videos
            if video.id not in failed
        }
        return events, rows.sources


def _is_captioned(video: Video, written: Mapping[str, VideoCaptions]) -> bool:
    """Return whether a video has been captioned, and has not changed since."""
    source = written[video.id].source if video.id in written else None
    return source is not None and (not source or video.path is None or has_content(video.path, source))
