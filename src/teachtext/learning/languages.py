"""Training with captions in several languages: which captions meet in a batch, and a loss for each language (C2KD)."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from teachtext.data.batch import Batch
from teachtext.data.protocol import Caption
from teachtext.errors import InputError
from teachtext.learning.batches import CaptionPicks
from teachtext.learning.objective import Objective
from teachtext.models.similarity import Embedded

PIVOT = "en"
"""The language that teachers read."""


def in_english(captions: Sequence[Caption]) -> list[Caption]:
    """Return the captions in English where there are any, otherwise all.

    >>> [caption.id for caption in in_english([Caption("a#0", "a", "a dog"), Caption("a#0.de", "a", "ein Hund", "de")])]
    ['a#0']
    """
    return [caption for caption in captions if caption.language == PIVOT] or list(captions)


class LanguagePicks(CaptionPicks):
    """Batches of one epoch: every video once, with a caption in each language that it has.

    The English caption is picked at random. Those in other languages say the same where the video has a parallel one
    (see `Caption.parallel_id`), and are picked at random elsewhere. The rows of a video follow one another, English
    first.

    Args:
        queries: the captions to learn from.
        options: `features`, `batch_size` and `seed` of `CaptionPicks`.

    Raises:
        InputError: a video has no English caption; see `CaptionPicks`.
    """

    def __init__(self, *, queries: Sequence[Caption], **options: object) -> None:
        self._queries = {query.id: query for query in queries}
        captions: dict[str, list[str]] = {}
        for query in queries:
            captions.setdefault(query.video_id, []).append(query.id)
        english = {query.video_id for query in queries if query.language == PIVOT}
        without = [video for video in captions if video not in english]
        if without:
            raise InputError(
                f"{len(without):,} training videos have captions in other languages and none in English "
                f"(first: {without[0]})",
                "add English captions, or leave these videos out of the split",
            )
        super().__init__(captions=captions, **options)  # type: ignore[arg-type]

    def _pick(self, video_id: str, random: np.random.Generator) -> tuple[str, list[str]]:
        by_language: dict[str, list[Caption]] = {}
        for caption_id in self.captions[video_id]:
            query = self._queries[caption_id]
            by_language.setdefault(query.language, []).append(query)
        english = by_language.pop(PIVOT)
        pivot = english[int(random.integers(len(english)))]
        picks = [pivot]
        for language in sorted(by_language):
            queries = by_language[language]
            drawn = queries[int(random.integers(len(queries)))]
            picks.append(next((query for query in queries if query.parallel_id == pivot.parallel_id), drawn))
        return video_id, [query.id for query in picks]


class PerLanguage(Objective):
    """One loss for each language of a batch, against one embedding of each video, added up (Rouditchenko et al., 2023).

        L = sum over languages l of L(S_l),    S_l = captions in l against the videos

    Teachers are asked for the English captions of the same videos, whatever the language of the student's. A language
    of which fewer than two videos of the batch have captions is left out.

    Args:
        objective: L, of one matrix of captions and videos.
        queries: the captions to learn from, for their languages.
        english_weight: weight of the ranking loss of the English captions; the code of C2KD has 2.
    """

    def __init__(self, *, objective: Objective, queries: Sequence[Caption], english_weight: float = 1.0) -> None:
        super().__init__()
        self.objective = objective
        self.english_weight = english_weight
        self._languages = {query.id: query.language for query in queries}

    def start_epoch(self, epoch: int, epochs: int) -> None:
        """Tell the objective."""
        self.objective.start_epoch(epoch, epochs)

    def forward(self, student: Embedded, batch: Batch) -> dict[str, Tensor]:
        """Return the losses of all languages, added up by name."""
        losses: dict[str, Tensor] = {}
        for language, (texts, videos) in self._rows(batch).items():
            view = Embedded(student.text.select(texts), student.video.select(videos))
            for name, loss in self.objective(view, batch.rows(videos.tolist())).items():
                weight = self.english_weight if language == PIVOT and name == "ranking" else 1.0
                losses[name] = losses.get(name, torch.zeros_like(loss)) + weight * loss
        return losses

    def _rows(self, batch: Batch) -> Mapping[str, tuple[Tensor, Tensor]]:
        """Return by language the rows of its captions, and for each the row of its video's English caption."""
        languages = [self._languages[caption_id] for caption_id in batch.text.ids]
        pivots = {video_id: row for row, video_id in enumerate(batch.video.ids) if languages[row] == PIVOT}
        rows: dict[str, list[int]] = {}
        for row, language in enumerate(languages):
            rows.setdefault(language, []).append(row)
        device = batch.text.tokens.device
        return {
            language: (
                torch.tensor(texts, device=device),
                torch.tensor([pivots[batch.video.ids[row]] for row in texts], device=device),
            )
            for language, texts in rows.items()
            if len({batch.video.ids[row] for row in texts}) > 1
        }
