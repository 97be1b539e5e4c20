"""The list of an index: what the page browses and counts without a query."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from teachtext.search.filters import EVERYTHING, Filter
from teachtext.search.types import Item


@dataclass(frozen=True)
class Overview:
    """The videos of an index. A large index (see `Library.overview`) has a number of videos, and no items.

    Attributes:
        video_count: number of videos.
        items: all videos, the newest first, without their moments.
        read_spoken: reads the ids of the videos in which words were heard; called once, and only where they matter.
        groups: ids of copies, group by group (see `teachtext.search.copies`).
    """

    video_count: int
    items: Sequence[Item]
    read_spoken: Callable[[], Collection[str]] = frozenset
    groups: Sequence[Sequence[str]] = ()

    @cached_property
    def spoken(self) -> Collection[str]:
        """Ids of the videos in which words were heard."""
        return frozenset(self.read_spoken())

    @cached_property
    def tags(self) -> Sequence[str]:
        """All tags, sorted."""
        return sorted({tag for item in self.items for tag in item.tags})

    @cached_property
    def copies(self) -> Mapping[str, Sequence[str]]:
        """Ids of copies, by the hash of the file's content."""
        ids: dict[str, list[str]] = {}
        for item in self.items:
            ids.setdefault(item.content, []).append(item.id)
        content_of = {item.id: item.content for item in self.items}
        for group in self.groups:
            contents = {content_of[name] for name in group if name in content_of}
            together = [name for content in contents for name in ids[content]]
            ids |= dict.fromkeys(contents, together)
        return {content: sorted(same) for content, same in ids.items()}

    def each_once(self, items: Sequence[Item]) -> list[Item]:
        """Return the first video of each group of copies."""
        first: dict[str, Item] = {}
        for item in items:
            first.setdefault(self.copies.get(item.content, [item.content])[0], item)
        return list(first.values())

    def admitted(self, where: Filter = EVERYTHING) -> Sequence[Item]:
        """Return the videos that a filter admits, the newest first."""
        if not where:
            return self.items
        facts = replace(where, has_speech=None)
        return [
            item
            for item in self.items
            if facts.admits(item) and (where.has_speech is None or (item.id in self.spoken) == where.has_speech)
        ]


def folders(items: Sequence[Item]) -> Counter[str]:
    """Return the number of videos by folder. A video counts in the folders above its own too.

    >>> video = Item(id="clips/pets/dog.mp4", content="", made="", added_s=0, size=9)
    >>> sorted(folders([video]).items())
    [('clips', 1), ('clips/pets', 1)]
    """
    counts: Counter[str] = Counter()
    for item in items:
        parts = item.id.split("/")[:-1]
        counts.update("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))
    return counts
