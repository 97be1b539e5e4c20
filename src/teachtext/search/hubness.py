"""Hubs of an index: videos that are near every query, and how a bank of captions corrects them.

This is QB-Norm (see `teachtext.evaluation.query_bank`) over an index. The bank gives each segment of a video one bias,
-log(mean_b exp(beta s_bj)) / beta, that is added to the segment's score. So the correction is exact in every presence
pattern, and costs a search one more product. As in the paper it is dynamic. A query is corrected only if its first
video is a hub: a video that comes first for some caption of the bank.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from teachtext.data.kept_captions import load_captions
from teachtext.encoders.embedder import Embedder, QueryVectors
from teachtext.encoders.query import check_text
from teachtext.errors import InputError
from teachtext.evaluation.query_bank import PAPER_BETA, log_sums
from teachtext.files import fingerprint, read_text
from teachtext.progress import Progress, silent
from teachtext.search.bank_vectors import embed_captions
from teachtext.search.blend import captions_path, identities_of, with_shares
from teachtext.search.manifest import BankRecord, Manifest
from teachtext.search.stores.base import Store, entries_in_groups
from teachtext.search.vectors import Floats, PresencePattern, query_row, row_of

BETA = PAPER_BETA
_GIVE = "give --query-bank FILE"
_CHUNK = 4096
_SHORT_WORDS = 8


class EmbeddedBank:
    """The embedded captions of a bank.

    Args:
        queries: one embedding a caption; at least one.
        spaces: dimension by space.
        beta: inverse temperature.

    Attributes:
        notes: how many captions were read in part; a sentence.
    """

    def __init__(self, queries: Sequence[QueryVectors], spaces: Mapping[str, int], *, beta: float = BETA) -> None:
        self._queries = queries
        self.notes = _cut(queries)
        self._spaces = spaces
        self._beta = beta
        self._rows: dict[PresencePattern, Floats] = {}

    def scores(self, pattern: PresencePattern, rows: Floats) -> Floats:
        """Return the scores of all captions against segments of a pattern: (captions, segments), uncorrected."""
        if pattern not in self._rows:
            queries = [query_row(query, pattern, self._spaces, correct=False) for query in self._queries]
            self._rows[pattern] = np.stack(queries).astype(np.float32)
        return np.asarray(self._rows[pattern] @ rows.T)

    def biases(self, pattern: PresencePattern, rows: Floats) -> Floats:
        """Return the biases of segments of a pattern, (segments,), from their rows, (segments, width)."""
        sums = log_sums(self.scores(pattern, rows).astype(np.float64), self._beta)
        return np.asarray((np.log(len(self._queries)) - sums) / self._beta, np.float32)

    def first(self, store: Store, among: Sequence[str] | None = None) -> tuple[NDArray[np.float64], list[str]]:
        """Return the best score of each caption in a store, (captions,), uncorrected, and the id of that video.

        In an empty store the scores are minus infinity, and the ids are empty.

        Args:
            store: the store.
            among: ids of the videos that may come first; by default all.
        """
        best = np.full(len(self._queries), -np.inf)
        first = [""] * len(self._queries)
        for pattern, ids, rows in _every_row(store) if among is None else _rows_of(store, among, self._spaces):
            for start in range(0, len(ids), _CHUNK):
                scores = self.scores(pattern, rows[start : start + _CHUNK])
                columns = scores.argmax(axis=1)
                highest = scores[np.arange(len(scores)), columns]
                for caption in np.flatnonzero(highest > best):
                    first[caption] = ids[start + int(columns[caption])]
                best = np.maximum(best, highest)
        return best, first

    def hubs(self, store: Store) -> list[str]:
        """Return the ids of the videos of a store that come first for one of the captions, sorted."""
        return hubs_of(self.first(store)[1])


def _every_row(store: Store) -> Iterator[tuple[PresencePattern, Sequence[str], Floats]]:
    for pattern in store.patterns():
        for block in store.read(pattern):
            yield pattern, block.ids, block.rows


def _rows_of(
    store: Store, ids: Sequence[str], spaces: Mapping[str, int]
) -> Iterator[tuple[PresencePattern, Sequence[str], Floats]]:
    for entries in entries_in_groups(store, ids):
        by_pattern: dict[PresencePattern, list[tuple[str, Floats]]] = {}
        for entry in entries:
            for segment in entry.segments:
                by_pattern.setdefault(segment.pattern, []).append((entry.item.id, row_of(segment, spaces)))
        for pattern, rows in by_pattern.items():
            yield pattern, [name for name, _ in rows], np.stack([row for _, row in rows])


def hubs_of(first: Sequence[str]) -> list[str]:
    """Return the videos that come first for one of the captions, sorted.

    >>> hubs_of(["b", "a", "b", ""])
    ['a', 'b']
    """
    return sorted({name for name in first if name})


def example_captions(
    captions: Sequence[str], best: NDArray[np.float64], first: Sequence[str], *, most: int = 10
) -> list[str]:
    """Return short captions that an index answers best, one for each video that comes first.

    Args:
        captions: of the bank, as they were embedded.
        best: (captions,) their best scores in the index.
        first: the videos with these scores.
        most: at most so many captions.

    >>> example_captions(["a dog", "a big dog", "a cat"], np.array([0.4, 0.5, 0.3]), ["v1", "v1", "v2"])
    ['a big dog', 'a cat']
    """
    chosen: dict[str, str] = {}
    for number in np.argsort(-best, kind="stable").tolist():
        if 2 <= len(captions[number].split()) <= _SHORT_WORDS and first[number]:
            chosen.setdefault(first[number], captions[number])
    return list(dict.fromkeys(chosen.values()))[:most]


def _cut(queries: Sequence[QueryVectors]) -> list[str]:
    cut = [(number, query.read) for number, query in enumerate(queries, start=1) if query.read]
    if not cut:
        return []
    first, read = cut[0]
    return [f"{len(cut):,} of {len(queries):,} captions of the query bank were cut to {read} (first: number {first})"]


def read_captions(path: Path) -> list[str]:
    """Read the captions of a bank: a text file with one a line, or the training captions in `captions.json` of a model.

    Raises:
        InputError: no such file, or no captions in it.
    """
    text = read_text(path)
    if path.suffix == ".json" and text.lstrip().startswith("{"):
        captions = [caption.text for caption in load_captions(path).training]
    else:
        captions = [line.strip() for line in text.splitlines() if line.strip()]
    if not captions:
        raise InputError(f"{path} holds no captions", "write one a line")
    for caption in captions:
        check_text(caption, f"a caption of {path}")
    return captions


def choose_bank(
    manifest: Manifest | None, model: Embedder, *, file: Path | None = None, correct: bool | None = None
) -> tuple[BankRecord | None, list[str]]:
    """Choose the bank of an index: a file, or the captions that the model keeps of its training.

    Args:
        manifest: of the index; None for a new index.
        model: of the index.
        file: captions, if the user gives a file.
        correct: whether hubs are corrected. By default an index stays as it is, and a new index corrects hubs if its
            model keeps captions.

    Returns:
        The record of the bank, with the hubs that are known already; None if hubs are not corrected. And notes.

    Raises:
        InputError: the captions are missing or have changed; a file is given, and hubs are not to be corrected.
    """
    if correct is False:
        if file is not None:
            raise InputError(f"{file} is given as query bank, and hub correction is off", "leave one of the two out")
        return None, []
    before = manifest.bank if manifest else None
    if file is not None:
        return _described(file, before), []
    if before is not None and not before.of_model:
        return _described(Path(before.file), before, must_be="give it with --query-bank"), []
    if before is None and manifest is not None and not correct:
        return None, []
    name, kept = model.identity["name"], captions_path(model.identity)
    if kept is not None and load_captions(kept).training:
        bank = _described(kept, before, of_model=True, must_be="index into another folder, or give --query-bank FILE")
        count = len(read_captions(kept))
        note = f"hubs are corrected with {count:,} captions of the training of '{name}'"
        return bank, [] if before else [f"{note}; --no-hub-correction switches this off"]
    problem = f"model '{name}' keeps no captions of its training"
    if before is not None or correct:
        raise InputError(f"{problem}, and hubs are to be corrected", f"{_GIVE}, or --no-hub-correction")
    note = f"{problem}, so hubs are not corrected; run its 'teachtext run' again, which adds them, or {_GIVE}"
    is_trained = any("folder" in identity for identity in identities_of(model.identity))
    return None, [note] if is_trained else []


def _described(file: Path, before: BankRecord | None, *, of_model: bool = False, must_be: str = "") -> BankRecord:
    """Return the record of a bank, with the hubs of the record before if the captions are the same.

    With the mend `must_be`, captions that differ are an error.
    """
    bank = BankRecord(
        file=str(file.resolve()), fingerprint=fingerprint([read_captions(file), BETA]), beta=BETA, of_model=of_model
    )
    is_same = before is not None and before.fingerprint == bank.fingerprint
    if before is not None and must_be and not is_same:
        raise InputError(f"{file}, the query bank of this index, has changed", must_be)
    return replace(bank, hubs=before.hubs) if before is not None and is_same else bank


def embed_bank(
    bank: BankRecord,
    model: Embedder,
    folder: Path,
    *,
    shares: Mapping[str, float] | None = None,
    progress: Progress = silent,
) -> EmbeddedBank:
    """Embed the captions of a bank.

    Args:
        bank: the record of the bank.
        model: of the index.
        folder: keeps the embedded captions (see `teachtext.search.bank_vectors`).
        shares: the shares of several models (see `teachtext.search.blend`).
        progress: told how many captions are embedded.

    Raises:
        InputError: see `read_captions`.
    """
    queries = embed_captions(read_captions(Path(bank.file)), model, folder, progress)
    return EmbeddedBank([with_shares(query, shares) for query in queries], model.spaces, beta=bank.beta)
