"""Queries that an index can answer, for those who do not know what to ask."""

from collections.abc import Sequence

from teachtext.data.types import Dataset
from teachtext.search.quality import VideoFinder
from teachtext.search.searcher import Searcher
from teachtext.search.types import Item
from teachtext.service.seen_names import SeenNames
from teachtext.service.titles import name_as_words

_SURE = 0.3
_MOST_SEEN, _MOST_SAID, _MOST_NAMES = 4, 2, 2
_MOST_WORDS = 4
# captions of a dataset: how many are offered, their words, and how many of a video are tried
_MOST_OFFERED, _FEWEST_WORDS, _SHORT_WORDS, _TRIED = 10, 3, 8, 3


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


def captions_that_find(searcher: Searcher, dataset: Dataset, *, most: int = _MOST_OFFERED) -> list[str]:
    """Return short captions of a dataset that find their own video first, and strongly; one for each video.

    Args:
        searcher: searches in the index.
        dataset: captions and videos; videos that the index does not hold are passed over.
        most: at most so many captions.
    """
    items = sorted(searcher.store.catalog(), key=lambda item: item.id)
    finder = VideoFinder(items, searcher.snapshot().manifest, dataset)
    short: dict[str, list[str]] = {}
    for caption in dataset.captions:
        if _FEWEST_WORDS <= len(caption.text.split()) <= _SHORT_WORDS:
            short.setdefault(caption.video_id, []).append(caption.text)
    offered: list[str] = []
    for video_id, texts in short.items():
        item_id = finder.find(video_id) if len(offered) < most else None
        finding = (text for text in texts[:_TRIED] if item_id is not None and _finds(searcher, text, item_id))
        offered += [text for text in [next(finding, "")] if text]
    return offered


def _finds(searcher: Searcher, text: str, item_id: str) -> bool:
    answer = searcher.search(text, k=1)
    return answer.confidence in ("strong", None) and [result.item.id for result in answer.results] == [item_id]


def _said(item: Item) -> str:
    for moment in item.moments:
        words = moment.text.split()
        if moment.heard and len(words) >= 3:
            return " ".join(words[:_MOST_WORDS]).strip(".,;:!?")
    return ""
