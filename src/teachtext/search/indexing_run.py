"""The work of one indexing run: extract, embed and store the videos of a folder that are new or have changed."""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from teachtext.data.provenance import is_maker, maker_of
from teachtext.data.store import FeatureFile
from teachtext.data.types import Video
from teachtext.encoders.embedder import Embedder
from teachtext.encoders.registry import VIDEO_EXPERTS
from teachtext.errors import InputError
from teachtext.extraction.extract import Extraction, Failure, extract
from teachtext.files import fingerprint
from teachtext.packages import load
from teachtext.progress import Progress, silent
from teachtext.search.blend import Blend, with_shares
from teachtext.search.blend_shares import choose_shares
from teachtext.search.confidence import Confidence, confidence_of, texts_without_meaning
from teachtext.search.copies import MOST_VIDEOS, Sketches, copy_groups
from teachtext.search.first_for_texts import may_come_first
from teachtext.search.hubness import EmbeddedBank, embed_bank, example_captions, hubs_of, read_captions
from teachtext.search.item_words import heard_and_read, written_along
from teachtext.search.manifest import Manifest
from teachtext.search.moved_models import shared_experts
from teachtext.search.scan import FileScan
from teachtext.search.segments import CUTTING_VERSION, Stretch, embed_stretches, long_settings, stretches_of
from teachtext.search.stores.base import Store, entries_in_groups
from teachtext.search.types import Entry, Item
from teachtext.search.vectors import row_of
from teachtext.video.sampling import DETAILS

BATCH = 256
"""Videos of one write to the index; what is written can be found."""
_SEGMENTS = 2048
# rises when other texts are read of the same files
_TEXTS_VERSION = 1


class IndexingRun:
    """One run over a folder.

    Args:
        store: of the index; inside `writing`.
        model: of the index.
        features: folder in which features are kept.
        manifest: what the index is to be.
        progress: told how far the embedding of the query bank is.
    """

    def __init__(
        self, store: Store, model: Embedder, features: Path, manifest: Manifest, progress: Progress = silent
    ) -> None:
        self._store = store
        self._model = model
        self._features = features / f"video-{manifest.detail}"
        self._bank_folder = features / "query-bank"
        self._progress = progress
        self._manifest = manifest
        bank = manifest.bank
        self._rule = DETAILS[manifest.detail]
        shared = shared_experts(model.identity)
        self._maker = [
            model.identity["fingerprint"],
            sorted(shared.get(name, name) for name in manifest.experts),
            bank.fingerprint if bank else None,
            [asdict(self._rule), CUTTING_VERSION],
            _TEXTS_VERSION,
        ]
        self._shares_note: list[str] = []
        self._subtitle_notes: list[str] = []
        self._copies_note: list[str] = []
        self._copies, self._stored, self._workers = manifest.copies, set[str](), 1
        self._before = store.versions()
        self._last = manifest
        self._manifest.write(store)

    @cached_property
    def _bank(self) -> EmbeddedBank:
        assert self._manifest.bank is not None
        return embed_bank(
            self._manifest.bank,
            self._model,
            self._bank_folder,
            shares=self._manifest.blend,
            progress=self._progress,
        )

    def is_current(self, item: Item | None, file: FileScan) -> bool:
        """Say whether an item was made from this file and its subtitles, in the way in which this run makes it."""
        return item is not None and item.content == file.content and item.made == self._made(file)

    def _made(self, file: FileScan) -> str:
        return fingerprint([file.content, file.subtitle_state, *self._maker])

    def update(
        self,
        changed: Mapping[str, FileScan],
        before: Mapping[str, Item | None],
        tags: Collection[str],
        *,
        workers: int,
        device: str,
        time_limit: float | None,
        memory_limit: float | None,
        progress: Progress,
    ) -> Extraction:
        """Extract the videos that are new or have changed; embed and store them batch by batch.

        The videos in which no expert of the model finds anything are among the failures.
        """
        failed: list[Failure] = []
        self._workers = workers

        def store_batch(files: Mapping[str, FeatureFile], ids: Sequence[str]) -> None:
            failed.extend(self._store_batch(files, {video_id: changed[video_id] for video_id in ids}, before, tags))

        extraction = extract(
            [Video(video_id, file.path) for video_id, file in changed.items()],
            self._manifest.experts,
            self._features,
            settings=long_settings(self._manifest.experts, self._model.expert_settings),
            workers=workers,
            device=device,
            time_limit=time_limit,
            memory_limit=memory_limit,
            rule=self._rule,
            contents={video_id: file.content for video_id, file in changed.items()},
            on_batch=store_batch,
            batch=BATCH,
            progress=progress,
        )
        return replace(extraction, failed=[*extraction.failed, *failed])

    def _store_batch(
        self,
        files: Mapping[str, FeatureFile],
        videos: Mapping[str, FileScan],
        before: Mapping[str, Item | None],
        tags: Collection[str],
    ) -> list[Failure]:
        """Embed and store videos whose features are in `files`; return those without features of the model."""
        files = {name: files[VIDEO_EXPERTS.full_spec(name, Path())] for name in self._manifest.experts}
        self._check_makers(files)
        described: set[str] = set()
        for batch in _batches({video_id: stretches_of(files, video_id) for video_id in videos}):
            entries = self._entries(files, batch, videos, before, tags)
            self._put(entries)
            described.update(entry.item.id for entry in entries)
        reason = f"none of the experts {', '.join(self._model.experts)} finds anything in it"
        return [
            Failure(video_id, str(file.path), reason) for video_id, file in videos.items() if video_id not in described
        ]

    def _put(self, entries: Sequence[Entry]) -> None:
        """Store entries; after a stop, the copies among all videos are to be found anew."""
        if self._manifest.copies is not None:
            self._manifest = replace(self._manifest, copies=None)
            self._manifest.write(self._store)
        self._store.put(entries)
        self._stored.update(entry.item.id for entry in entries)

    def _entries(
        self,
        files: Mapping[str, FeatureFile],
        stretches: Mapping[str, Sequence[Stretch]],
        videos: Mapping[str, FileScan],
        before: Mapping[str, Item | None],
        tags: Collection[str],
    ) -> list[Entry]:
        """Return the entries of videos. Videos and stretches of which no expert of the model has rows are left out."""
        segments = embed_stretches(self._model, files, stretches)
        moments = heard_and_read(files, list(segments))
        now = time.time()
        entries = []
        for video_id, parts in segments.items():
            old, file = before[video_id], videos[video_id]
            duration_s = load("teachtext.video.file:checked_seconds", "video")(file.path)
            subtitles, about, notes = written_along(file, duration_s or parts[-1].end_s)
            self._subtitle_notes += notes
            item = Item(
                id=video_id,
                content=file.content,
                made=self._made(file),
                added_s=old.added_s if old else now,
                size=file.size,
                duration_s=duration_s,
                tags=joined(old.tags if old else (), tags),
                moments=[*moments[video_id], *subtitles],
                about=about,
            )
            entries.append(self._with_biases(Entry(item, parts)))
        return entries

    def _with_biases(self, entry: Entry) -> Entry:
        if self._manifest.bank is None or self._is_open:
            return entry
        rows = [row_of(segment, self._manifest.spaces)[None] for segment in entry.segments]
        segments = [
            replace(segment, bias=float(self._bank.biases(segment.pattern, row)[0]))
            for segment, row in zip(entry.segments, rows, strict=True)
        ]
        return replace(entry, segments=segments)

    def _check_makers(self, files: Mapping[str, FeatureFile]) -> None:
        """Refuse features that were made otherwise than those in the index; keep how they were made."""
        kept = self._manifest.made_by
        for name, file in files.items():
            if name in kept and not is_maker(kept[name], file.provenance):
                raise InputError(
                    f"expert '{name}' is not what it was when {self._store.place} was made (another version or other "
                    "settings)",
                    "install what it was made with, or index into another folder with --index",
                )
        made_by = {name: maker_of(file.provenance) for name, file in files.items()}
        if made_by != kept:
            self._manifest = replace(self._manifest, made_by=made_by)
            self._manifest.write(self._store)

    @property
    def _is_open(self) -> bool:
        """Whether the shares of several models are still to be chosen."""
        return isinstance(self._model, Blend) and self._manifest.blend is None

    def _close(self) -> None:
        """Choose the shares of several models by the videos of the index, then give all videos their biases."""
        assert isinstance(self._model, Blend)
        kept = self._model.kept_captions
        if self._manifest.bank is not None:
            captions = read_captions(Path(self._manifest.bank.file))
        else:
            captions = [caption.text for caption in kept.training] if kept else []
        shares = choose_shares(self._store, self._model, captions, kept.validation if kept else ())
        if shares is None:
            return
        self._shares_note = [shares.note]
        open_manifest, self._manifest = self._manifest, replace(self._manifest, blend=shares.by_model)
        if open_manifest.bank is not None:
            for entries in entries_in_groups(self._store, [item.id for item in self._store.catalog()]):
                self._store.put([self._with_biases(entry) for entry in entries])
        # last: after a stop the shares are chosen again, and all biases are made anew
        self._manifest.write(self._store)

    @property
    def notes(self) -> list[str]:
        """What was left out of subtitles; how shares were chosen; captions of the query bank that were read in part."""
        return self._subtitle_notes + self._shares_note + self._bank_notes + self._copies_note

    @property
    def _bank_notes(self) -> list[str]:
        return self._bank.notes if self._manifest.bank is not None and "_bank" in vars(self) else []

    def finish(self) -> None:
        """Find the hubs and the confidence anew if anything has changed, and tidy the store."""
        if self._is_open:
            self._close()
        bank = self._manifest.bank
        lacks = None in (self._manifest.confidence, self._manifest.copies) or (bank is not None and not bank.hubs)
        if not self._is_open and (lacks or self._store.versions() != self._before):
            best, examples = None, []
            among = may_come_first(self._store, self._last, self._manifest, self._stored)
            if bank is not None:
                best, first = self._bank.first(self._store, among)
                examples = example_captions(read_captions(Path(bank.file)), best, first)
                bank = replace(bank, hubs=hubs_of(first))
            confidence, by_chance = self._confidence(best, among)
            copies = self._copy_groups()
            self._manifest = replace(
                self._manifest,
                bank=bank,
                confidence=confidence,
                examples=examples,
                copies=copies,
                by_chance=by_chance,
            )
            self._manifest.write(self._store)
        self._store.tidy()

    def _copy_groups(self) -> list[list[str]]:
        if self._store.count() > MOST_VIDEOS:
            self._copies_note = [f"of more than {MOST_VIDEOS:,} videos, only equal files are folded as copies"]
        return copy_groups(
            self._store,
            self._manifest.spaces,
            Sketches(self._features / "sketch", self._manifest.path_of, threads=self._workers),
            before=self._copies,
            changed=self._stored,
            progress=self._progress,
        )

    def _confidence(
        self, of_captions: NDArray[np.float64] | None, among: Sequence[str] | None
    ) -> tuple[Confidence | None, list[str]]:
        """Return how sure answers of the index are, and the videos that come first for texts without a meaning.

        The confidence is None while the index is empty.
        """
        queries = self._model.embed_queries(texts_without_meaning())
        meaningless = [with_shares(query, self._manifest.blend) for query in queries]
        by_chance, first = EmbeddedBank(meaningless, self._manifest.spaces).first(self._store, among)
        confidence = confidence_of(by_chance, of_captions) if np.isfinite(by_chance).all() else None
        return confidence, hubs_of(first)


def _batches(stretches: Mapping[str, Sequence[Stretch]]) -> Iterator[Mapping[str, Sequence[Stretch]]]:
    """Yield videos in groups of about so many segments that their vectors fit into memory."""
    group: dict[str, Sequence[Stretch]] = {}
    for video_id, parts in stretches.items():
        group[video_id] = parts
        if sum(map(len, group.values())) >= _SEGMENTS:
            yield group
            group = {}
    if group:
        yield group


def joined(tags: Collection[str], more: Collection[str]) -> tuple[str, ...]:
    """Return tags and more tags, each once."""
    return tuple(dict.fromkeys([*tags, *more]))
