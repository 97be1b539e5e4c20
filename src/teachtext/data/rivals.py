"""Equal texts: test queries that stand word for word under another video, and the bound that they put on R@1."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from teachtext.data.protocol import Caption


@dataclass(frozen=True)
class Rivals:
    """The equal texts among the queries of a split.

    Attributes:
        queries: number of all queries.
        with_rival: queries whose text is also a query of another video. Of these videos a model can put only one first.
        repeated: queries whose text is also another query of their own video.
        r1_bound: the highest text-to-video R@1, in percent, that a model can reach.
        first: the text of the first query with a rival; empty where there is none.
    """

    queries: int
    with_rival: int
    repeated: int
    r1_bound: float
    first: str = ""

    @property
    def sentence(self) -> str:
        """State the queries with a rival and their bound; empty where there are none."""
        if not self.with_rival:
            return ""
        text = self.first if len(self.first) <= 60 else f"{self.first[:57]}..."
        return (
            f"{self.with_rival:,} of {self.queries:,} test queries are word for word a query of another video too "
            f"(first: '{text}'), so no model can have an R@1 (t2v) above {self.r1_bound:.2f}"
        )


def rivals_of(queries: Iterable[Caption], *, words_alone: bool = False) -> Rivals:
    """Find equal texts among the queries of a split.

    Args:
        queries: of the split.
        words_alone: whether texts are equal that differ in capitals, punctuation or forms of letters alone. By default
            texts are equal if all words are, capitals included.

    >>> captions = [Caption("a#0", "a", "a dog"), Caption("b#0", "b", "a dog"), Caption("b#1", "b", "a cat")]
    >>> rivals_of(captions).r1_bound.__round__(1)
    66.7
    >>> captions[1] = Caption("b#0", "b", "A dog.")
    >>> rivals_of(captions).with_rival, rivals_of(captions, words_alone=True).with_rival
    (0, 2)
    """
    # by text, the number of queries of each video
    counts: dict[str, dict[str, int]] = {}
    for query in queries:
        of_text = counts.setdefault(_words(query.text) if words_alone else " ".join(query.text.split()), {})
        of_text[query.video_id] = of_text.get(query.video_id, 0) + 1
    total = sum(sum(videos.values()) for videos in counts.values())
    shared = {text: videos for text, videos in counts.items() if len(videos) > 1}
    return Rivals(
        queries=total,
        with_rival=sum(sum(videos.values()) for videos in shared.values()),
        repeated=sum(count for videos in counts.values() for count in videos.values() if count > 1),
        # equal texts have equal rankings, so that the queries of one video are right at best
        r1_bound=100.0 * sum(max(videos.values()) for videos in counts.values()) / max(1, total),
        first=next(iter(shared), ""),
    )


def _words(text: str) -> str:
    """Return the words of a text in one form; a text without words as it is."""
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())) or " ".join(text.split())
