"""What the page shows of a result: copies as one card, the words that matched, and bars for the score."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote, urlencode

from teachtext.search.answer import SearchResult
from teachtext.search.places import Place
from teachtext.search.types import Item, Moment
from teachtext.service.state import Library
from teachtext.service.strip import Stripe, scored, strip
from teachtext.service.titles import title_of

_MOST_MOMENTS = 3
_COLORS = 8
# probability of a class name that is shown
_LIKELY = 0.1


class Bar(NamedTuple):
    """A small bar, from 0 to 100, that shows what raised a score and what lowered it.

    Attributes:
        zero: place of the zero line.
        parts: left end and width by space.
    """

    zero: float
    parts: Mapping[str, tuple[float, float]]


class BarPart(NamedTuple):
    """The part of one space in a bar: its share of the score, left end, width, and number of its color."""

    name: str
    value: float
    left: float
    width: float
    color: int


@dataclass(frozen=True, kw_only=True)
class Card:
    """A video in the list of results.

    Attributes:
        number: place of the video, from 1.
        result: the result.
        copies: ids of all copies, the video's among them.
        bar: the bar of the score.
        parts: the parts of the bar.
        query: the query.
        log_id: id of the search in the query log, if there is one.
        title: a title that a person reads.
        looks_like: what the video looks like, in words.
        stripes: all places of a longer video, in order of time.
    """

    number: int
    result: SearchResult
    copies: Sequence[str]
    bar: Bar
    parts: Sequence[BarPart]
    query: str
    log_id: str | None
    title: str
    looks_like: Sequence[str] = ()
    stripes: Sequence[Stripe] = ()

    @property
    def item(self) -> Item:
        """The video."""
        return self.result.item

    @property
    def is_weaker(self) -> bool:
        """Whether the index says that the video does not answer the query strongly."""
        return self.result.is_strong is False

    @property
    def moments(self) -> Sequence[Moment]:
        """The first moments with words of the query."""
        return self.result.moments[:_MOST_MOMENTS]

    @property
    def places(self) -> Sequence[Place]:
        """The best places of a longer video, best first; none of a clip."""
        return self.result.places if self.stripes else ()

    @property
    def at_s(self) -> float:
        """Where the video is opened, in seconds."""
        if self.result.moments:
            return self.result.moments[0].start_s
        return self.places[0].start_s if self.places else 0.0

    @property
    def name_words(self) -> Sequence[str]:
        """Words of the query that stand in the path of the file, and were neither heard nor read."""
        return [word for word in self._unspoken if word.casefold() in self.item.id.casefold()]

    @property
    def title_words(self) -> Sequence[str]:
        """Words of the query that stand in what the file says of itself alone."""
        return [word for word in self._unspoken if word.casefold() not in self.item.id.casefold()]

    @property
    def _unspoken(self) -> Sequence[str]:
        text = " ".join(moment.text for moment in self.result.moments).casefold()
        return [word for word in self.result.words if word.casefold() not in text]

    def link(self, at_s: float | None = None) -> str:
        """Return the address of the video's page, which plays from a time and notes the choice."""
        start_s = self.at_s if at_s is None else at_s
        fields = {
            "id": self.item.id,
            "t": "" if at_s is None and not start_s else f"{start_s:.1f}",
            "q": self.query,
            "query": self.log_id,
        }
        given = {name: value for name, value in fields.items() if value}
        return f"/video?{urlencode(given, quote_via=quote, safe='')}"


def cards(
    library: Library,
    results: Sequence[SearchResult],
    *,
    first: int,
    copies: Mapping[str, Sequence[str]],
    query: str = "",
    log_id: str | None = None,
) -> list[Card]:
    """Return the cards of a page.

    Args:
        library: the index.
        results: of the page.
        first: place of the first, from 0.
        copies: ids of copies, by content.
        query: the query; empty for videos like a video.
        log_id: id of the search in the query log, if there is one.
    """
    searcher = library.searcher
    spaces = sorted(searcher.manifest.spaces)
    vectors = searcher.embed_captions([query])[query] if query.strip() else None
    drawn = bars([result.why for result in results])
    made = []
    for number, (result, bar) in enumerate(zip(results, drawn, strict=True), first + 1):
        entry = searcher.entry(result.item.id)
        parts = scored(entry, vectors) if vectors is not None and len(entry.segments) > 1 else []
        seen = library.seen.of(result.item.id)
        made.append(
            Card(
                number=number,
                result=result,
                copies=copies.get(result.item.content, [result.item.id]),
                bar=bar,
                parts=[
                    BarPart(name, result.why[name], left, width, spaces.index(name) % _COLORS)
                    for name, (left, width) in bar.parts.items()
                ],
                query=query,
                log_id=log_id,
                title=title_of(result.item, result.path, seen),
                looks_like=[name.name for name in seen if name.probability >= _LIKELY],
                stripes=strip(parts, result.item.duration_s),
            )
        )
    return made


def bars(contributions: Sequence[Mapping[str, float]]) -> list[Bar]:
    """Return the bars of a page. Parts right of the zero line raised a score, parts left of it lowered it.

    All bars have one scale and one zero line. Together they reach from 0 to 100.

    Args:
        contributions: of each result, the part of its score by space.
    """
    below = max((-sum(min(part, 0.0) for part in parts.values()) for parts in contributions), default=0.0)
    above = max((sum(max(part, 0.0) for part in parts.values()) for parts in contributions), default=0.0)
    scale = 100 / (below + above) if below + above > 0 else 0.0
    return [Bar(below * scale, _bar_parts(parts, below * scale, scale)) for parts in contributions]


def _bar_parts(contributions: Mapping[str, float], zero: float, scale: float) -> Mapping[str, tuple[float, float]]:
    parts, left, right = {}, zero, zero
    for name, value in sorted(contributions.items()):
        width = abs(value) * scale
        if value < 0:
            left -= width
            parts[name] = (left, width)
        else:
            parts[name] = (right, width)
            right += width
    return parts


def marked(moment: Moment, words: Sequence[str]) -> list[tuple[str, bool]]:
    """Cut the text of a moment into pieces; each piece with whether it is a word of the query."""
    if not words:
        return [(moment.text, False)]
    longest_first = sorted(words, key=len, reverse=True)
    pattern = "(" + "|".join(re.escape(word) for word in longest_first) + ")"
    pieces = re.split(pattern, moment.text, flags=re.IGNORECASE)
    return [(piece, number % 2 == 1) for number, piece in enumerate(pieces)]
