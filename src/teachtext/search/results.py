"""From entries of an index to the results of a search: the places, the words, and how sure the answer is."""

import os
from collections.abc import Sequence
from dataclasses import replace

from teachtext.encoders.embedder import QueryVectors
from teachtext.search.answer import Level, SearchResult
from teachtext.search.confidence import Confidence
from teachtext.search.fulltext import WordMatch
from teachtext.search.manifest import Manifest
from teachtext.search.places import Place
from teachtext.search.types import Entry


def result_of(
    entry: Entry,
    places: Sequence[Place],
    match: WordMatch | None,
    manifest: Manifest,
    confidence: Confidence | None = None,
) -> SearchResult:
    """Return a video as the result of a search.

    Args:
        entry: the video.
        places: those that answer the query, best first (see `places_of`).
        match: the words of the query that the video has.
        manifest: of the index.
        confidence: what makes a result strong, if the index says so (see `judged`).
    """
    item, path = entry.item, manifest.path_of(entry.item.id)
    # the full-text index may be older, or newer, than the entry
    numbers = [number for number in match.moments if number < len(item.moments)] if match else []
    words = match.words if match else []
    return SearchResult(
        item=item,
        path=path,
        has_file=os.path.exists(path),  # noqa: PTH110 -- twice as fast as the method of the path
        score=places[0].score,
        is_strong=None if confidence is None else places[0].score >= confidence.strong_from or bool(words),
        why=places[0].why,
        places=places,
        moments=[item.moments[number] for number in numbers],
        words=words,
        copies=manifest.copies_of(item.id),
    )


def judged(
    results: Sequence[SearchResult], confidence: Confidence | None
) -> tuple[Sequence[SearchResult], Level | None]:
    """Return the results with their strength, and the confidence of the whole answer.

    Words of the query that were heard, read, or stand in subtitles, a title or a file's name make a strong result.

    Args:
        results: best first.
        confidence: of the index, if it says so.
    """
    if confidence is None:
        return results, None
    marked = [
        result
        if result.is_strong is not None
        else replace(result, is_strong=result.score >= confidence.strong_from or bool(result.words))
        for result in results
    ]
    if any(result.is_strong for result in marked):
        return marked, "strong"
    best = max((result.score for result in results), default=float("-inf"))
    return marked, "weaker" if best >= confidence.nothing_below else "nothing"


def notes_on(query: QueryVectors) -> list[str]:
    """Return a sentence for what the model has not read of a query."""
    notes = [f"the query is long: only its first {query.read} were read"] if query.read else []
    if query.unread:
        notes.append(f"the query seems to be {query.unread}, which the model does not read: try English words")
    return notes
