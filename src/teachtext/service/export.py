"""Chosen videos, or their places one by one, as a file for other programs: CSV, JSON, or a playlist."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args
from urllib.parse import quote

from teachtext.data.video_files import printable
from teachtext.search import GroupBy, RankBy
from teachtext.search.answer import SearchResult
from teachtext.search.filters import Filter
from teachtext.search.types import Item, Moment
from teachtext.service.state import Library

Format = Literal["csv", "json", "m3u8"]
FORMATS: tuple[Format, ...] = get_args(Format)
MEDIA_TYPES: dict[Format, str] = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "m3u8": "application/vnd.apple.mpegurl",
}
_COLUMNS = ("video", "title", "start_s", "end_s", "score", "match", "words", "address")
# a spreadsheet takes a cell that begins so for a formula
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A part of a video.

    Attributes:
        start_s: seconds.
        end_s: seconds; None where the length of the video is not known.
        score: similarity of the query and the part; None without a query.
        moments: where words of the query are heard or read in the part.
    """

    start_s: float
    end_s: float | None
    score: float | None = None
    moments: Sequence[Moment] = ()


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """A video that was chosen on the page, or one of its places.

    Attributes:
        item: the video.
        title: its title.
        address: where the service has its file.
        stretches: the places that answer the query, best first, or the one place; else the whole video.
        score: similarity of the query and the video or the place; None without a query.
        match: `strong` or `weaker`; empty without a query, and where the index does not say.
        moments: where words of the query are heard or read.
    """

    item: Item
    title: str
    address: str
    stretches: Sequence[Stretch]
    score: float | None = None
    match: str = ""
    moments: Sequence[Moment] = ()


def chosen_videos(
    library: Library, ids: Sequence[str], *, text: str, by: RankBy, group_by: GroupBy = "video", root: str
) -> list[Chosen]:
    """Return the chosen videos: by how well they answer a query, else in the order of their choice.

    Args:
        library: the index.
        ids: of the chosen videos; an id that stands twice counts once.
        text: the query; empty for none.
        by: how videos are ranked.
        group_by: `moment` returns each place that answers the query by itself, all places of all videos in one ranking.
        root: address of the service, without a slash at its end.

    Raises:
        NotFound: the index does not hold a video.
        InputError: the query cannot be used.
    """
    entries = {name: library.searcher.entry(name) for name in dict.fromkeys(ids)}
    results: Sequence[SearchResult] = ()
    if text.strip() and entries:
        # there are no more places than segments
        most = sum(len(entry.segments) for entry in entries.values())
        where = Filter(ids=frozenset(entries))
        results = library.searcher.search(text, k=most, where=where, by=by, group_by=group_by).results
    ranked: list[tuple[Item, SearchResult | None]] = [(result.item, result) for result in results]
    names = {item.id for item, _ in ranked}
    ranked += [(entry.item, None) for name, entry in entries.items() if name not in names]
    return [
        Chosen(
            item=item,
            title=library.title(item),
            address=f"{root}/api/files/{quote(item.id, safe='/')}",
            stretches=_stretches(item, result, group_by),
            score=result.score if result else None,
            match={True: "strong", False: "weaker", None: ""}[result.is_strong if result else None],
            moments=result.moments if result else (),
        )
        for item, result in ranked
    ]


def _stretches(item: Item, result: SearchResult | None, group_by: GroupBy) -> list[Stretch]:
    """Return the places of a result; the whole video where it has none."""
    if result is None:
        return [Stretch(start_s=0.0, end_s=item.duration_s)]
    if group_by == "video" and not result.is_cut:
        return [Stretch(start_s=0.0, end_s=item.duration_s, score=result.score, moments=result.moments)]
    return [
        Stretch(
            start_s=place.start_s,
            end_s=place.end_s,
            score=place.score,
            moments=[
                moment
                for moment in result.moments
                # words at the very end of a video may begin behind its last segment
                if group_by == "moment" or place.start_s <= moment.start_s < place.end_s
            ],
        )
        for place in result.places
    ]


def export(videos: Sequence[Chosen], form: Format, *, text: str) -> str:
    """Return chosen videos as the text of a file.

    Args:
        videos: as they shall stand in the file.
        form: `csv` has a line for each place, with its words; `json` all facts; `m3u8` an entry for
            each place.
        text: the query; empty for none.
    """
    write: dict[Format, Callable[[], str]] = {
        "csv": lambda: _csv(videos),
        "json": lambda: json.dumps(_plain(videos, text), ensure_ascii=False, indent=2) + "\n",
        "m3u8": lambda: _playlist(videos),
    }
    return write[form]()


def _csv(videos: Sequence[Chosen]) -> str:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(_COLUMNS)
    for video in videos:
        for part in video.stretches:
            numbers = [_seconds(part.start_s), _seconds(part.end_s), "" if part.score is None else f"{part.score:.4f}"]
            words = _cell(" / ".join(moment.text for moment in part.moments))
            writer.writerow([_cell(video.item.id), _cell(video.title), *numbers, video.match, words, video.address])
    return file.getvalue()


def _cell(text: str) -> str:
    """Return a text that a spreadsheet takes for a text.

    >>> _cell("=1+1"), _cell("dog.mp4")
    ("'=1+1", 'dog.mp4')
    """
    return f"'{text}" if text.startswith(_FORMULA) else text


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.2f}"


def _plain(videos: Sequence[Chosen], text: str) -> dict[str, Any]:
    return {
        "query": text,
        "videos": [
            {
                "video": video.item.id,
                "title": video.title,
                "duration_s": video.item.duration_s,
                "tags": list(video.item.tags),
                "score": video.score,
                "match": video.match or None,
                "places": [
                    {"start_s": part.start_s, "end_s": part.end_s, "score": part.score} for part in video.stretches
                ],
                "words": [
                    {
                        "start_s": moment.start_s,
                        "end_s": moment.end_s,
                        "how": "said" if moment.heard else "written",
                        "text": moment.text,
                    }
                    for moment in video.moments
                ],
                "address": video.address,
            }
            for video in videos
        ],
    }


def _playlist(videos: Sequence[Chosen]) -> str:
    """Return an extended M3U; VLC reads where an entry starts and stops."""
    lines = ["#EXTM3U"]
    for video in videos:
        for part in video.stretches:
            length = -1 if part.end_s is None else round(part.end_s - part.start_s)
            lines.append(f"#EXTINF:{length},{printable(video.title)}")
            if part.start_s > 0:
                lines.append(f"#EXTVLCOPT:start-time={part.start_s:.2f}")
            if part.end_s is not None and part.end_s < (video.item.duration_s or 0.0):
                lines.append(f"#EXTVLCOPT:stop-time={part.end_s:.2f}")
            lines.append(video.address)
    return "\n".join(lines) + "\n"
