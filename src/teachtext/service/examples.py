"""Queries that an index can answer, for those who do not know what to ask."""

from collections.abc import Sequence

from teachtext.search.types import Item
from teachtext.service.seen_names import SeenNames
from teachtext.service.titles import name_as_words

_SURE = 0.3
_MOST_SEEN, _MOST_SAID, _MOST_NAMES = 4, 2, 2
_MOST_WORDS = 4


def example_queries(items: Sequence[Item], seen: SeenNames) -> list[str]:
    """Return what some videos look like, what is said or written in them, and file names that are words.

    Args:
        items: some videos, with their moments.
        seen: what the videos look like.
    """
    likely = {
        name.name: name.probability for item in items for name in seen.of(item.id)[:1] if name.probability > _SURE
    }
    looks = sorted(likely, key=lambda name: -likely[name])[:_MOST_SEEN]
    said = [words for item in items if (words := _said(item))][:_MOST_SAID]
    names = [words for item in items if (words := name_as_words(item.id).lower())][:_MOST_NAMES]
    return list(dict.fromkeys([*looks, *said, *names]))


def _said(item: Item) -> str:
    for moment in item.moments:
        words = moment.text.split()
        if moment.heard and len(words) >= 3:
            return " ".join(words[:_MOST_WORDS]).strip(".,;:!?")
    return ""
