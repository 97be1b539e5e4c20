"""A teacher that asks several queries for each caption, while its student will ask one (GQE's scores as a teacher)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from teachtext.data.protocol import Caption
from teachtext.data.store import FeatureFile
from teachtext.devices import resolve_device
from teachtext.encoders.registry import TEXT_ENCODERS
from teachtext.errors import InputError
from teachtext.experiment.artifacts import artifact_path
from teachtext.experiment.config_data import CAPTIONS
from teachtext.experiment.plan import AskingTeacher
from teachtext.experiment.teachers import checksum_of
from teachtext.extraction.embed import embed, text_hash
from teachtext.learning.fused_queries import fused, query_rows
from teachtext.learning.inference import embed_texts
from teachtext.learning.teachers import CachedTeacher
from teachtext.models.similarity import TextEmbedding, concat_text
from teachtext.progress import Progress
from teachtext.rewriting.farthest import farthest
from teachtext.rewriting.kept_rewritings import write_once
from teachtext.rewriting.writers import open_writer

if TYPE_CHECKING:
    from teachtext.experiment.train import Training

_SECONDS = 10.0


@dataclass(frozen=True)
class AskingTraining:
    """A trained model that asks several queries, and the folder of that model.

    Attributes:
        plan: the teacher.
        model: the training of its model, which reads captions like any other.
    """

    plan: AskingTeacher
    model: "Training"

    @property
    def before(self) -> "Training":
        """The training that comes first."""
        return self.model

    @property
    def folder(self) -> Path:
        """Folder of the model, which also gets what is written."""
        return self.model.folder

    @property
    def identity(self) -> list[Any]:
        """A value that changes whenever the scores of the teacher could."""
        return [self.folder.name, self._writer_identity, self.plan.queries]

    def check(self) -> None:
        """Raise InputError where there is no such writer, or what it writes cannot be encoded."""
        if self.plan.writer != CAPTIONS:
            open_writer(self.plan.writer)
            TEXT_ENCODERS.check([self.plan.model.text])

    def as_teacher(self, progress: Progress) -> CachedTeacher:
        """Return the teacher over the whole training split; a caption has the mean of the scores of its queries.

        Raises:
            InputError: the writer is down, or what it wrote before is damaged.
        """
        alone = self.model.as_teacher(progress)
        assert isinstance(alone, CachedTeacher)  # a live teacher asks one query (see `TeacherConfig`)
        data = self.model.data
        captions = {caption.id: caption for caption in data.dataset.queries_of(data.dataset.protocol.train)}
        listed = [captions[caption_id] for caption_id in alone.caption_ids]
        if self.plan.writer == CAPTIONS:
            text, groups = alone.text, _of_one_video(listed)
        else:
            text, groups = self._with_written(alone.text, listed, progress)
        if self.plan.queries:
            rows = query_rows(text)
            groups = [[group[place] for place in farthest(rows[group], self.plan.queries)] for group in groups]
        return CachedTeacher(
            caption_ids=alone.caption_ids,
            text=fused(text, groups),
            video_ids=alone.video_ids,
            video=alone.video,
            name=alone.name,
        )

    def _with_written(
        self, text: TextEmbedding, captions: Sequence[Caption], progress: Progress
    ) -> tuple[TextEmbedding, list[list[int]]]:
        """Return captions and written queries, and for each caption the rows of its queries, its own first."""
        path = artifact_path(self.folder, "queries", self._writer_identity, ".jsonl")
        texts = list(dict.fromkeys(caption.text for caption in captions))
        stage = f"write queries, {self.plan.model.label}"
        written = write_once(
            open_writer(self.plan.writer), texts, path, seconds=_SECONDS, stage=stage, progress=progress
        )
        every = list(dict.fromkeys(query for queries in written.values() for query in queries))
        if not every:
            raise InputError(f"{self.plan.writer} wrote no query for any caption", "take another writer, or none")
        row = {query: len(captions) + number for number, query in enumerate(every)}
        groups = [[number, *(row[query] for query in written[caption.text])] for number, caption in enumerate(captions)]
        return concat_text([text, self._embedded(every, path.with_suffix(""), progress)]), groups

    def _embedded(self, queries: Sequence[str], store: Path, progress: Progress) -> TextEmbedding:
        ids = [text_hash(query) for query in queries]
        spec = self.plan.model.text
        embed(
            [Caption(i, "", query) for i, query in zip(ids, queries, strict=True)],
            [spec],
            store,
            device=self.model.workspace.config.device,
            progress=progress,
        )
        features = replace(self.model.features, text=FeatureFile(store / TEXT_ENCODERS.folder_name(spec)))
        model = self.model.load().to(resolve_device(self.model.workspace.config.device))
        return embed_texts(model, features, ids)

    @property
    def _writer_identity(self) -> Any:
        kind, _, path = self.plan.writer.partition(":")
        return [kind, checksum_of(Path(path))] if kind == "file" else self.plan.writer


def _of_one_video(captions: Sequence[Caption]) -> list[list[int]]:
    """Return for each caption the places of all captions of its video, its own first."""
    by_video: dict[str, list[int]] = {}
    for place, caption in enumerate(captions):
        by_video.setdefault(caption.video_id, []).append(place)
    return [
        [place, *(other for other in by_video[caption.video_id] if other != place)]
        for place, caption in enumerate(captions)
    ]
