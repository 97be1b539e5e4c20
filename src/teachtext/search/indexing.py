"""A folder of videos to an index: what is new or has changed is extracted, embedded and stored, the rest left alone."""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from teachtext.data.store import FeatureFile
from teachtext.data.types import Video
from teachtext.devices import AUTO
from teachtext.encoders.embedder import Embedder
from teachtext.encoders.query import check_text
from teachtext.encoders.registry import VIDEO_EXPERTS, word_experts
from teachtext.errors import InputError
from teachtext.extraction.extract import Failure, extract
from teachtext.files import fingerprint
from teachtext.packages import load
from teachtext.progress import Progress, silent
from teachtext.search.encoders import check_same
from teachtext.search.hubness import QueryBank, describe_bank, embed_bank
from teachtext.search.manifest import Manifest, read_manifest
from teachtext.search.scan import Seen, scan
from teachtext.search.stores.base import Store
from teachtext.search.types import Entry, Item, Moment
from teachtext.search.vectors import row_of

# videos that are extracted before they are stored, all of which can be found from then on
_CHUNK = 256


@dataclass(frozen=True, kw_only=True)
class Indexed:
    """What became of a folder's videos.

    Attributes:
        added: new in the index.
        updated: their files have changed.
        renamed: their content was in the index under an id whose file is gone.
        unchanged: left alone.
        gone: ids whose files are not there any more, sorted; still in the index unless they were to be removed.
        failed: files that cannot be used.
    """

    added: int
    updated: int
    renamed: int
    unchanged: int
    gone: Sequence[str]
    failed: Sequence[Failure]


def index_folder(
    folder: Path,
    store: Store,
    model: Embedder,
    features: Path,
    *,
    words: bool = False,
    tags: Collection[str] = (),
    query_bank: Path | None = None,
    remove_missing: bool = False,
    workers: int = 1,
    device: str = AUTO,
    time_limit: float | None = None,
    progress: Progress = silent,
) -> Indexed:
    """Bring an index up to date with a folder; make it if it is not there.

    Files are told apart by their content, so that a renamed one keeps its tags and the date of its coming, and is not
    extracted again. Stopped or killed, it goes on where it was: what is stored is whole, and can be found.

    Args:
        folder: videos, in folders in it too.
        store: of the index.
        model: what the index was made by, or is to be.
        features: folder in which features are kept.
        words: also hear and read the videos, so that their words can be searched; once asked for it stays so.
        tags: added to all videos of the folder.
        query_bank: file of captions, one a line, with which hubs are corrected; once given it stays so.
        remove_missing: remove videos whose files are gone.
        workers: processes that extract.
        device: where video experts compute (see `teachtext.devices`).
        time_limit: seconds that one video may take (see `extract`).
        progress: told how far each step is.

    Raises:
        InputError: no folder, another model, another writer, a store that is down, experts that are not installed.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder", "give a folder with videos in it")
    check_tags(tags)
    with store.writing():
        manifest, root = _begin(store, model, words).with_root(folder)
        run = _Run(store, model, features, manifest, query_bank)
        seen = scan(folder, root)
        known = {item.id: item for item in store.catalog() if item.id.partition("/")[0] == root}
        gone = sorted(known.keys() - seen.found.keys() - {failure.id for failure in seen.failed})
        # a file whose content is still there, under another name, was renamed, or was one of several copies
        contents = {file.content for file in seen.found.values()}
        elsewhere = {known[name].content: known[name] for name in gone if known[name].content in contents}
        lost = [name for name in gone if known[name].content not in contents]
        todo = {name: file for name, file in seen.found.items() if not run.is_current(known.get(name), file.content)}
        before = {name: known.get(name) or elsewhere.get(file.content) for name, file in todo.items()}
        failed = run.update(
            todo, before, tags, workers=workers, device=device, time_limit=time_limit, progress=progress
        )
        bad = {failure.id for failure in failed}
        store.remove([name for name in known if name in bad or (name in gone and name not in lost)])
        if remove_missing:
            store.remove(lost)
        add_tags(store, [name for name in seen.found.keys() & known.keys() if name not in bad], tags)
        run.finish()
    done = [name for name in todo if name not in bad]
    return Indexed(
        added=sum(before[name] is None for name in done),
        updated=sum(name in known for name in done),
        renamed=sum(before[name] is not None and name not in known for name in done),
        unchanged=len(seen.found) - len(todo),
        gone=lost,
        failed=[*seen.failed, *failed],
    )


def add_tags(store: Store, ids: Collection[str], tags: Collection[str]) -> None:
    """Add tags to videos that lack them. Only inside `Store.writing`."""
    for batch in _chunks(list(ids) if tags else [], _CHUNK):
        entries = store.get(batch).values()
        lacking = [entry for entry in entries if not set(tags) <= set(entry.item.tags)]
        store.put([replace(one, item=replace(one.item, tags=_joined(one.item.tags, tags))) for one in lacking])


def check_tags(tags: Collection[str]) -> None:
    """Raise InputError for a tag that is empty, or that is no whole text."""
    for tag in tags:
        check_text(tag, "a tag")


def _begin(store: Store, model: Embedder, words: bool) -> Manifest:
    """Return what the index is, or is to be."""
    VIDEO_EXPERTS.check(model.experts)
    if store.manifest() is None:
        manifest = Manifest(model=model.identity, spaces=model.spaces, experts=list(model.experts))
    else:
        manifest = read_manifest(store)
        check_same(manifest.model, model)
    return replace(manifest, experts=sorted({*manifest.experts, *(word_experts() if words else ())}))


class _Run:
    """One run over a folder.

    Args:
        store: of the index; inside `writing`.
        model: of the index.
        features: folder in which features are kept.
        manifest: what the index is to be.
        query_bank: a file, if one was given.
    """

    def __init__(
        self, store: Store, model: Embedder, features: Path, manifest: Manifest, query_bank: Path | None
    ) -> None:
        self._store = store
        self._model = model
        self._features = features / "video"
        file = query_bank or (Path(manifest.bank.file) if manifest.bank else None)
        bank = manifest.bank
        if file is not None:
            bank = describe_bank(file)
            if manifest.bank and not query_bank and bank.fingerprint != manifest.bank.fingerprint:
                raise InputError(f"{file}, the query bank of this index, has changed", "give it with --query-bank")
            if manifest.bank and bank.fingerprint == manifest.bank.fingerprint:
                bank = replace(bank, hubs=manifest.bank.hubs)
        self._manifest = replace(manifest, bank=bank)
        self._maker = [model.identity["fingerprint"], manifest.experts, bank.fingerprint if bank else None]
        self._before = store.versions()
        self._manifest.write(store)

    @cached_property
    def _bank(self) -> QueryBank:
        assert self._manifest.bank is not None
        return embed_bank(self._manifest.bank, self._model)

    def is_current(self, item: Item | None, content: str) -> bool:
        """Say whether an item was made from a file with this content, in the way in which this run makes it."""
        return item is not None and item.content == content and item.made == self._made(content)

    def _made(self, content: str) -> str:
        return fingerprint([content, *self._maker])

    def update(
        self,
        todo: Mapping[str, Seen],
        before: Mapping[str, Item | None],
        tags: Collection[str],
        *,
        workers: int,
        device: str,
        time_limit: float | None,
        progress: Progress,
    ) -> list[Failure]:
        """Extract, embed and store videos; return those that cannot be used."""
        failed: list[Failure] = []
        for number, chunk in enumerate(_chunks(list(todo), _CHUNK)):
            begun = number * _CHUNK

            def tell(what: str, done: int, total: int, note: str = "", begun: int = begun) -> None:
                progress("videos", begun + done, len(todo), *([note] if note else []))

            videos = [Video(name, todo[name].path) for name in chunk]
            experts = self._manifest.experts
            done = extract(
                videos,
                experts,
                self._features,
                workers=workers,
                device=device,
                time_limit=time_limit,
                progress=tell,
            )
            failed += done.failed
            bad = {failure.id for failure in done.failed}
            whole = [name for name in chunk if name not in bad]
            if whole:
                failed += self._store_entries({name: todo[name] for name in whole}, before, tags)
        return failed

    def _store_entries(
        self, todo: Mapping[str, Seen], before: Mapping[str, Item | None], tags: Collection[str]
    ) -> list[Failure]:
        files = {name: FeatureFile(self._features / VIDEO_EXPERTS.folder_name(name)) for name in self._manifest.experts}
        self._check_makers(files)
        seen_by = {name: [one for one in self._model.experts if files[one].rows_of(name)] for name in todo}
        described = [name for name in todo if seen_by[name]]
        vectors = self._model.embed_videos(files, described) if described else []
        moments = _moments(files, described)
        now = time.time()
        entries = []
        for name, found in zip(described, vectors, strict=True):
            was, file = before[name], todo[name]
            item = Item(
                id=name,
                content=file.content,
                made=self._made(file.content),
                added_s=was.added_s if was else now,
                size=file.size,
                duration_s=load("teachtext.video.probe:stated_seconds", "video")(file.path),
                tags=_joined(was.tags if was else (), tags),
                moments=moments[name],
            )
            entries.append(self._with_bias(Entry(item, found)))
        self._store.put(entries)
        told = f"none of the experts {', '.join(self._model.experts)} finds anything in it"
        return [Failure(name, str(file.path), told) for name, file in todo.items() if not seen_by[name]]

    def _with_bias(self, entry: Entry) -> Entry:
        if self._manifest.bank is None:
            return entry
        row = row_of(entry, self._manifest.spaces)[None]
        return replace(entry, bias=float(self._bank.biases(entry.pattern, row)[0]))

    def _check_makers(self, files: Mapping[str, FeatureFile]) -> None:
        """Refuse features that were made otherwise than those in the index; keep how they were made."""
        made_by = {name: fingerprint(file.provenance) for name, file in files.items()}
        for name, maker in made_by.items():
            if self._manifest.made_by.get(name, maker) != maker:
                raise InputError(
                    f"expert '{name}' is not what it was when {self._store.place} was made (another version or other "
                    "settings)",
                    "install what it was made with, or index into another folder with --index",
                )
        if made_by != self._manifest.made_by:
            self._manifest = replace(self._manifest, made_by=made_by)
            self._manifest.write(self._store)

    def finish(self) -> None:
        """Find the hubs anew if anything has changed, and tidy the store."""
        bank = self._manifest.bank
        if bank is not None and (not bank.hubs or self._store.versions() != self._before):
            self._manifest = replace(self._manifest, bank=replace(bank, hubs=self._bank.hubs(self._store)))
            self._manifest.write(self._store)
        self._store.tidy()


def _moments(files: Mapping[str, FeatureFile], ids: Sequence[str]) -> dict[str, list[Moment]]:
    """Return the words that were heard and read in videos."""
    found: dict[str, list[Moment]] = {name: [] for name in ids}
    for expert in sorted({*files} & word_experts()):
        for name, passages in files[expert].passages(ids).items():
            found[name] += [Moment(one.start_s, one.end_s, expert, one.text) for one in passages]
    return found


def _joined(tags: Collection[str], more: Collection[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*tags, *more]))


def _chunks(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), size):
        yield names[start : start + size]
