"""Full-text search over the words that were heard and read: an SQLite index beside a store.

The index is derived from the store and brought up to date when it is searched. So it serves every store, and may be
deleted.
"""

import re
import sqlite3
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from teachtext.search.stores.base import Store
from teachtext.search.types import Item
from teachtext.search.vectors import PresencePattern

_BEGIN, _END = "\x02", "\x03"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS known (row INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, made TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS seen (versions TEXT NOT NULL);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(text, tokenize = 'porter unicode61 remove_diacritics 2');
"""
# English stop words. A query of stop words alone is searched as it is.
_COMMON = """
a an and are as at be been being but by can did do does for from had has have he her him his how i if in into is it its
me my no not of on or our she so some than that the their them then there these they this those to too up us was we
were what when where which while who whom why will with you your
"""
_STOP = frozenset(_COMMON.split())
_MOST_WORDS = 64
# videos that are read and written at once
_BATCH = 500


class WordMatch(NamedTuple):
    """Where the words of a query stand in a video.

    Attributes:
        words: the words that matched, as the video has them, each once.
        moments: positions, in the item's moments, of those with a match.
    """

    words: Sequence[str]
    moments: Sequence[int]


class FullTextIndex:
    """A full-text index of a store's moments. May be shared by threads.

    English words match in all their forms. Words of other languages match as they are written. Case and accents do not
    count.

    While one search brings the index up to date, other searches use the index as it is.

    Args:
        store: the store.
        path: file of the index. None, or a file that cannot be written, keeps the index in memory.
    """

    def __init__(self, store: Store, path: Path | None) -> None:
        self._store = store
        self._updating = Lock()
        self._using = Lock()
        self._database = _connect(path)

    def find(self, text: str, versions: Mapping[PresencePattern, Hashable] | None = None) -> list[str]:
        """Return the ids of the videos that have all words of a query, best first (BM25).

        Stop words (the, of, ...) are left out. Words in double quotes must follow one another.

        Args:
            text: the query.
            versions: of the store, if the caller has read them already.
        """
        self._refresh(self._store.versions() if versions is None else versions)
        expression = _expression(text)
        if not expression:
            return []
        rows = self._run(
            "SELECT known.id FROM words JOIN known ON known.row = words.rowid "
            "WHERE words MATCH ? ORDER BY words.rank, known.id",
            [expression],
        )
        return [name for (name,) in rows]

    def matches(self, text: str, ids: Collection[str]) -> dict[str, WordMatch]:
        """Return where the words of a query stand, by id, in those of some videos that have all the words."""
        expression = _expression(text)
        if not expression:
            return {}
        marks = ", ".join("?" * len(ids))
        rows = self._run(
            f"SELECT known.id, highlight(words, 0, '{_BEGIN}', '{_END}') FROM words "
            f"JOIN known ON known.row = words.rowid WHERE words MATCH ? AND known.id IN ({marks})",
            [expression, *ids],
        )
        return {name: _word_match(marked) for name, marked in rows}

    def _run(self, statement: str, values: Sequence[str] = ()) -> list[Any]:
        with self._using:
            return self._database.execute(statement, values).fetchall()

    def _refresh(self, versions: Mapping[PresencePattern, Hashable]) -> None:
        """Bring the index up to date, unless another thread does so already.

        An index that was never complete has no older state, so the first searches wait for it.
        """
        state = repr(sorted(versions.items()))
        complete = self._run("SELECT versions FROM seen")
        if complete == [(state,)] or not self._updating.acquire(blocking=not complete):
            return
        try:
            if self._run("SELECT versions FROM seen") != [(state,)]:
                self._update(state)
        finally:
            self._updating.release()

    def _update(self, state: str) -> None:
        """Take over what has changed in the store; only the writing of a batch holds up searches."""
        made = {item.id: item.made for item in self._store.catalog()}
        indexed = dict(self._run("SELECT id, made FROM known"))
        for batch in _batches([name for name in indexed if name not in made]):
            self._write(batch, [])
        for batch in _batches([name for name in made if indexed.get(name) != made[name]]):
            self._write(batch, [entry.item for entry in self._store.get(batch).values()])
        with self._transaction() as database:
            database.execute("DELETE FROM seen")
            database.execute("INSERT INTO seen VALUES (?)", [state])

    def _write(self, ids: Sequence[str], items: Sequence[Item]) -> None:
        """Replace what the index holds of some ids by items."""
        with self._transaction() as database:
            run = database.execute
            for name in ids:
                run("DELETE FROM words WHERE rowid = (SELECT row FROM known WHERE id = ?)", [name])
                run("DELETE FROM known WHERE id = ?", [name])
            for item in items:
                row = run("INSERT INTO known (id, made) VALUES (?, ?)", [item.id, item.made]).lastrowid
                if item.moments:
                    run("INSERT INTO words (rowid, text) VALUES (?, ?)", [row, _text(item)])

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._using:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")


def _connect(path: Path | None) -> sqlite3.Connection:
    if path is not None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return _open(str(path))
        except (OSError, sqlite3.Error):
            pass
    return _open(":memory:")


def _open(place: str) -> sqlite3.Connection:
    database = sqlite3.connect(place, timeout=60, check_same_thread=False, isolation_level=None)
    database.executescript(_SCHEMA)
    return database


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _BATCH):
        yield ids[start : start + _BATCH]


def _text(item: Item) -> str:
    """Return the words of an item, one line for each moment."""
    return "\n".join(re.sub(r"[\x00-\x1f\x7f\u2028\u2029]", " ", moment.text) for moment in item.moments)


def _word_match(marked: str) -> WordMatch:
    lines = marked.split("\n")
    words = re.findall(f"{_BEGIN}(.*?){_END}", marked)
    return WordMatch(list(dict.fromkeys(words)), [number for number, line in enumerate(lines) if _BEGIN in line])


def _expression(text: str) -> str:
    """Return a query in the language of FTS5. Every word or phrase is quoted, so that no word is an operator."""
    phrases = [quoted or word for quoted, word in re.findall(r'"([^"]*)"|([^\s"]+)', text)]
    spoken = [phrase for phrase in dict.fromkeys(phrases) if any(map(str.isalnum, phrase))]
    content = [phrase for phrase in spoken if re.sub(r"\W", "", phrase).casefold() not in _STOP]
    chosen = (content or spoken)[:_MOST_WORDS]
    return " AND ".join(f'"{phrase}"' for phrase in chosen).replace("\x00", " ")
