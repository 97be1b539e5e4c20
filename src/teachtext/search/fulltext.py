"""Literal search over the words that were heard and read: SQLite's full-text index beside a store.

It is derived from the store and brought up to date when it is searched, so that it serves every store, and may be
deleted.
"""

import re
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from teachtext.search.stores.base import Store
from teachtext.search.types import Item

_BEGIN, _END = "\x02", "\x03"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS known (row INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, made TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS seen (versions TEXT NOT NULL);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(text, tokenize = 'porter unicode61 remove_diacritics 2');
"""
# what says nothing of a video, in English; a query of nothing else is taken as it is
_COMMON = """
a an and are as at be been being but by can did do does for from had has have he her him his how i if in into is it its
me my no not of on or our she so some than that the their them then there these they this those to too up us was we
were what when where which while who whom why will with you your
"""
_STOP = frozenset(_COMMON.split())
_MOST_WORDS = 64
_BATCH = 500


class WordMatch(NamedTuple):
    """Where the words of a query stand in a video.

    Attributes:
        words: those that matched, as they stand there, each once.
        moments: numbers of the moments in which they stand.
    """

    words: Sequence[str]
    moments: Sequence[int]


class FullTextIndex:
    """A full-text index of a store's moments. May be shared by threads.

    English words match in all their forms, words of other languages as they are written, without regard to case and
    accents.

    Args:
        store: whose moments.
        path: of the index; None keeps it in memory, as is done where it cannot be written.
    """

    def __init__(self, store: Store, path: Path | None) -> None:
        self._store = store
        self._lock = Lock()
        self._database = _connect(path)

    def find(self, text: str) -> list[str]:
        """Return the ids of the videos in which all words of a query were heard or read, best first (BM25).

        FullTextIndex that say nothing (the, of, ...) are left out; words in double quotes must follow one another.
        """
        asked = _expression(text)
        if not asked:
            return []
        with self._fresh() as database:
            found = database.execute(
                "SELECT known.id FROM words JOIN known ON known.row = words.rowid "
                "WHERE words MATCH ? ORDER BY words.rank, known.id",
                [asked],
            )
            return [name for (name,) in found]

    def where(self, text: str, ids: Collection[str]) -> dict[str, WordMatch]:
        """Return where the words of a query stand in videos that were found with it."""
        asked = _expression(text)
        marks = ", ".join("?" * len(ids))
        with self._fresh() as database:
            found = database.execute(
                f"SELECT known.id, highlight(words, 0, '{_BEGIN}', '{_END}') FROM words "
                f"JOIN known ON known.row = words.rowid WHERE words MATCH ? AND known.id IN ({marks})",
                [asked, *ids],
            )
            return {name: _said(marked) for name, marked in found} if asked else {}

    @contextmanager
    def _fresh(self) -> Iterator[sqlite3.Connection]:
        """Yield the database, as new as the store."""
        with self._lock:
            versions = repr(sorted(self._store.versions().items()))
            if self._database.execute("SELECT versions FROM seen").fetchall() != [(versions,)]:
                self._update(versions)
            yield self._database

    def _update(self, versions: str) -> None:
        there = {item.id: item.made for item in self._store.catalog()}
        run = self._database.execute
        with _transaction(self._database):
            known = {name: (row, made) for row, name, made in run("SELECT row, id, made FROM known")}
            for name, (row, made) in known.items():
                if there.get(name) != made:
                    run("DELETE FROM words WHERE rowid = ?", [row])
                    run("DELETE FROM known WHERE row = ?", [row])
            new = iter([name for name, made in there.items() if known.get(name, (0, ""))[1] != made])
            while batch := list(islice(new, _BATCH)):
                for entry in self._store.get(batch).values():
                    row = run("INSERT INTO known (id, made) VALUES (?, ?)", [entry.item.id, entry.item.made]).lastrowid
                    if entry.item.moments:
                        run("INSERT INTO words (rowid, text) VALUES (?, ?)", [row, _text(entry.item)])
            run("DELETE FROM seen")
            run("INSERT INTO seen VALUES (?)", [versions])


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


@contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def _text(item: Item) -> str:
    """Return the words of an item, a line a moment."""
    return "\n".join(re.sub(r"[\x00-\x1f\x7f\u2028\u2029]", " ", moment.text) for moment in item.moments)


def _said(marked: str) -> WordMatch:
    lines = marked.split("\n")
    words = re.findall(f"{_BEGIN}(.*?){_END}", marked)
    return WordMatch(list(dict.fromkeys(words)), [number for number, line in enumerate(lines) if _BEGIN in line])


def _expression(text: str) -> str:
    """Return a query in the language of FTS5: every word or phrase quoted, so that nothing in it is an operator."""
    phrases = [quoted or word for quoted, word in re.findall(r'"([^"]*)"|([^\s"]+)', text)]
    spoken = [phrase for phrase in dict.fromkeys(phrases) if any(map(str.isalnum, phrase))]
    telling = [phrase for phrase in spoken if re.sub(r"\W", "", phrase).casefold() not in _STOP]
    chosen = (telling or spoken)[:_MOST_WORDS]
    return " AND ".join(f'"{phrase}"' for phrase in chosen).replace("\x00", " ")
