"""Full-text search over words that were heard and read, subtitles, file names and titles: SQLite beside a store.

The index is derived from the store and brought up to date when it is searched. So it serves every store, and may be
deleted. A file that is damaged, or that something else has written, is made anew; where the file cannot be written,
the index is kept in memory.
"""

import os
import re
import sqlite3
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from teachtext.errors import Unavailable
from teachtext.search.stores.base import Store
from teachtext.search.types import Item
from teachtext.search.vectors import PresencePattern

_BEGIN, _END = "\x02", "\x03"
_TABLES = {
    "known": "CREATE TABLE known (row INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, made TEXT NOT NULL)",
    "seen": "CREATE TABLE seen (versions TEXT NOT NULL)",
    "words": "CREATE VIRTUAL TABLE words USING fts5(text, name, tokenize = 'porter unicode61 remove_diacritics 2')",
}
# The file is not to be trusted any more: not a database, damaged, or of another schema.
_DAMAGED = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_SCHEMA,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_FORMAT,
}
# Where a name has no separator: birthdayAnna, anna2019, 2019anna.
_INNER_BORDER = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")
_PARTS = ("", "-journal", "-wal", "-shm")
# English stop words. A query of stop words alone is searched as it is.
_COMMON = """
a an and are as at be been being but by can did do does for from had has have he her him his how i if in into is it its
me my no not of on or our she so some than that the their them then there these they this those to too up us was we
were what when where which while who whom why will with you your
"""
_ATTEMPTS = 3
_STOP = frozenset(_COMMON.split())
_MOST_WORDS = 64
# videos that are read and written at once
_BATCH = 500


class WordMatch(NamedTuple):
    """Where the words of a query stand in a video.

    Attributes:
        words: the words that matched, as the video and its file name have them first, each once whatever its case.
        moments: positions, in the item's moments, of those with a match.
    """

    words: Sequence[str]
    moments: Sequence[int]


class FullTextIndex:
    """A full-text index of a store's moments, file names and what files say of themselves. Threads may share it.

    English words match in all their forms. Words of other languages match as they are written. Case and accents do not
    count.

    While one search brings the index up to date, other searches use the index as it is.

    Args:
        store: the store.
        path: file of the index. None, or a file that cannot be written, keeps the index in memory.
    """

    def __init__(self, store: Store, path: Path | None) -> None:
        self._store = store
        self._path = path
        self._updating = Lock()
        self._using = Lock()
        self._database = _connect(path)

    def find(self, text: str, versions: Mapping[PresencePattern, Hashable] | None = None) -> list[str]:
        """Return the ids of the videos that have all words of a query, best first (BM25).

        Words count wherever they stand: in the sound, on the screen, in subtitles, in what the file says of itself, or
        in the path of the file in its indexed folder.

        Stop words (the, of, ...) are left out. Words in double quotes must follow one another.

        Args:
            text: the query.
            versions: of the store, if the caller has read them already.
        """
        expression = _expression(text)
        rows = self._ask(
            "SELECT known.id FROM words JOIN known ON known.row = words.rowid "
            "WHERE words MATCH ? ORDER BY words.rank, known.id",
            [expression],
            self._store.versions() if versions is None else versions,
        )
        return [name for (name,) in rows]

    def matches(self, query: str, ids: Collection[str]) -> dict[str, WordMatch]:
        """Return where the words of a query stand, by id, in those of some videos that have all the words."""
        expression = _expression(query)
        if not expression:
            return {}
        marks = ", ".join("?" * len(ids))
        text_and_name = ", ".join(f"highlight(words, {column}, '{_BEGIN}', '{_END}')" for column in (0, 1))
        rows = self._ask(
            f"SELECT known.id, {text_and_name} FROM words JOIN known ON known.row = words.rowid "
            f"WHERE words MATCH ? AND known.id IN ({marks})",
            [expression, *ids],
        )
        return {video_id: _word_match(text, name) for video_id, text, name in rows}

    def forget_removed(self) -> None:
        """Bring the index up to date; afterwards its file holds no word of a video that was removed."""
        self._ask("SELECT versions FROM seen", [""], self._store.versions())
        # a deletion is only noted at first; newer releases of SQLite overwrite the words at once
        with suppress(sqlite3.Error):
            self._run("INSERT INTO words (words) VALUES ('optimize')")

    def _ask(
        self, statement: str, values: Sequence[str], versions: Mapping[PresencePattern, Hashable] | None = None
    ) -> list[Any]:
        """Return the rows of a statement, whose first value is the query; no rows for an empty query.

        Args:
            statement: in SQL.
            values: of the statement.
            versions: of the store, if the index is to be up to date.
        """
        for _ in range(_ATTEMPTS):
            database = self._database
            try:
                if versions is not None:
                    self._refresh(versions)
                return self._run(statement, values) if values[0] else []
            except sqlite3.Error as error:
                failure = error
                self._renew(database, error)
                versions = self._store.versions()
        raise Unavailable(f"words cannot be searched ({failure})", "try again")

    def _renew(self, database: sqlite3.Connection, error: sqlite3.Error) -> None:
        """Open another database after an error, unless another thread has done so."""
        with self._using:
            if self._database is not database:
                return
            if _is_damaged(error) and self._path is not None:
                _remove(self._path)
            elif _code(error) != sqlite3.SQLITE_READONLY_DBMOVED:
                self._path = None
            self._database = _connect(self._path)

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
            self._write(batch, list(self._store.items(batch).values()))
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
                run("INSERT INTO words (rowid, text, name) VALUES (?, ?, ?)", [row, _text(item), _name(item)])

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._using:
            database = self._database
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
                database.execute("COMMIT")
            except BaseException:
                # a full disk has rolled back already
                with suppress(sqlite3.Error):
                    database.execute("ROLLBACK")
                raise


def _connect(path: Path | None) -> sqlite3.Connection:
    """Open the file of an index, made anew if need be; or an index in memory."""
    # a damaged file is removed, then made anew
    for place in [path, path] if path else []:
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            return _open(str(place))
        except OSError:
            break
        except sqlite3.Error as error:
            if not _is_damaged(error) or not _remove(place):
                break
    return _open(":memory:")


def _open(place: str) -> sqlite3.Connection:
    """Open a database, with its tables.

    Raises:
        sqlite3.Error: the file cannot be read or written, is damaged, or is of another schema.
    """
    if place != ":memory:":
        # private, because the file says what people said
        with suppress(OSError):
            Path(place).touch(mode=0o600)
    database = sqlite3.connect(place, timeout=60, check_same_thread=False, isolation_level=None)
    # what is deleted is overwritten
    database.execute("PRAGMA secure_delete = ON")
    tables = dict(database.execute("SELECT name, sql FROM sqlite_master WHERE name IN ('known', 'seen', 'words')"))
    if not tables:
        database.execute("BEGIN IMMEDIATE")
        for name, statement in _TABLES.items():
            database.execute(statement.replace(f" {name} ", f" IF NOT EXISTS {name} ", 1))
        database.execute("COMMIT")
        # not every release of SQLite can
        with suppress(sqlite3.Error):
            database.execute("INSERT INTO words (words, rank) VALUES ('secure-delete', 1)")
    elif tables != _TABLES:
        raise sqlite3.DatabaseError("another schema")
    return database


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)


def _is_damaged(error: sqlite3.Error) -> bool:
    return _code(error) & 0xFF in _DAMAGED


def _remove(path: Path) -> bool:
    """Remove a database; return whether its file is gone."""
    for part in _PARTS:
        with suppress(OSError):
            path.with_name(path.name + part).unlink()
    return not os.path.lexists(path)


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _BATCH):
        yield ids[start : start + _BATCH]


def _text(item: Item) -> str:
    """Return the words of an item, one line for each moment."""
    return "\n".join(_one_line(moment.text) for moment in item.moments)


def _name(item: Item) -> str:
    """Return the path of a file in its indexed folder, with spaces at the borders inside words too, and its facts."""
    path = _one_line(item.id.partition("/")[2])
    words = _INNER_BORDER.sub(" ", path)
    names = [path] if words == path else [path, words]
    return " ".join([*names, *map(_one_line, item.about.values())])


def _one_line(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f\u2028\u2029]", " ", text)


def _word_match(text: str, name: str) -> WordMatch:
    lines = text.split("\n")
    words = re.findall(f"{_BEGIN}(.*?){_END}", f"{text}\n{name}")
    first = {word.casefold(): word for word in reversed(words)}
    each_once = [word for word in dict.fromkeys(words) if first[word.casefold()] == word]
    return WordMatch(each_once, [number for number, line in enumerate(lines) if _BEGIN in line])


def _expression(text: str) -> str:
    """Return a query in the language of FTS5. Every word or phrase is quoted, so that no word is an operator."""
    phrases = [quoted or word for quoted, word in re.findall(r'"([^"]*)"|([^\s"]+)', text)]
    spoken = [phrase for phrase in dict.fromkeys(phrases) if any(map(str.isalnum, phrase))]
    content = [phrase for phrase in spoken if re.sub(r"\W", "", phrase).casefold() not in _STOP]
    chosen = (content or spoken)[:_MOST_WORDS]
    return " AND ".join(f'"{phrase}"' for phrase in chosen).replace("\x00", " ")
