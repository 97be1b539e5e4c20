"""Training with captions in several languages: which captions meet in a batch, and a loss for each language (C2KD)."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from teachtext.data.batch import Batch, TextBatch, VideoBatch
from teachtext.data.protocol import Caption
from teachtext.errors import InputError
from teachtext.learning.batches import CaptionPicks
from teachtext.learning.objective import Objective
from teachtext.models.similarity import Embedded

PIVOT = "en"
"""The language that teachers read."""


class LanguagePicks(CaptionPicks):
    """Batches of one epoch: every video once, with a caption in each language that it has.

    The English caption is picked at random. Those in other languages say the same where a caption of the video is
    parallel to it (see `parallel_to`), and are picked at random elsewhere. The rows of a video follow one another,
    English first.

    Args:
        queries: the captions to learn from.
        options: `features`, `batch_size` and `seed` of `CaptionPicks`.

    Raises:
        InputError: a video has no English caption; see `CaptionPicks`.
    """

    def __init__(self, *, queries: Sequence[Caption], **options: object) -> None:
        self._languages = {query.id: query.language for query in queries}
        captions: dict[str, list[str]] = {}
        for query in queries:
            captions.setdefault(query.video_id, []).append(query.id)
        without = [video for video, ids in captions.items() if PIVOT not in map(self._languages.__getitem__, ids)]
        if without:
            raise InputError(
                f"{len(without):,} training videos have captions in other languages and none in English "
                f"(first: {without[0]})",
                "add English captions, or leave these videos out of the split",
            )
        super().__init__(captions=captions, **options)  # type: ignore[arg-type]

    def _pick(self, video_id: str, random: np.random.Generator) -> tuple[str, list[str]]:
        by_language: dict[str, list[str]] = {}
        for caption_id in self.captions[video_id]:
            by_language.setdefault(self._languages[caption_id], []).append(caption_id)
        pivots = by_language.pop(PIVOT)
        pivot = pivots[int(random.integers(len(pivots)))]
        picks = [pivot]
        for language in sorted(by_language):
            ids = by_language[language]
            drawn = ids[int(random.integers(len(ids)))]
            picks.append(next((name for name in ids if parallel_to(name, pivot)), drawn))
        return video_id, picks


def parallel_to(caption_id: str, pivot_id: str) -> bool:
    """Return whether a caption is a translation of another one, by its id: that of the other, a dot and a language.

    >>> parallel_to("play0003#4.de", "play0003#4"), parallel_to("play0003#41.de", "play0003#4")
    (True, False)
    """
    return caption_id.rpartition(".")[0] == pivot_id


class PerLanguage(Objective):
    """One loss for each language of a batch, against one embedding of each video, added up (Rouditchenko et al., 2023).

        L = sum over languages l of L(S_l),    S_l = captions in l against the videos

    Teachers are asked for the English captions of the same videos, whatever the language of the student's. A language
    of which fewer than two videos of the batch have captions is left out.

    Args:
        objective: L, of one matrix of captions and videos.
        queries: the captions to learn from, for their languages.
        pivot_weight: weight of the ranking loss of the English captions; the code of C2KD has 2.
    """

    def __init__(self, *, objective: Objective, queries: Sequence[Caption], pivot_weight: float = 1.0) -> None:
        super().__init__()
        self.objective = objective
        self.pivot_weight = pivot_weight
        self._languages = {query.id: query.language for query in queries}

    def start_epoch(self, epoch: int, epochs: int) -> None:
        """Tell the objective."""
        self.objective.start_epoch(epoch, epochs)

    def forward(self, student: Embedded, batch: Batch) -> dict[str, Tensor]:
        """Return the losses of all languages, added up by name."""
        losses: dict[str, Tensor] = {}
        for language, (texts, videos) in self._rows(batch).items():
            view = Embedded(student.text.select(texts), student.video.select(videos))
            for name, loss in self.objective(view, _in_english(batch, videos)).items():
                weight = self.pivot_weight if language == PIVOT and name == "ranking" else 1.0
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


def _in_english(batch: Batch, rows: Tensor) -> Batch:
    """Return some rows of a batch."""
    numbers = rows.tolist()
    text = TextBatch([batch.text.ids[row] for row in numbers], batch.text.tokens[rows], batch.text.lengths[rows])
    experts = {name: values[rows] for name, values in batch.video.experts.items()}
    lengths = {name: values[rows] for name, values in batch.video.lengths.items()}
    return Batch(text, VideoBatch([batch.video.ids[row] for row in numbers], experts, lengths))
