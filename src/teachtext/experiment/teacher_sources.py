"""Where the teachers of a training come from: other trainings of the run, slow teachers, and files made elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from teachtext.experiment.asking_teacher import AskingTraining
from teachtext.experiment.plan import AnyTeacher, AskingTeacher, ExternalTeacher, ModelPlan
from teachtext.experiment.slow_teacher import SlowTraining
from teachtext.experiment.teachers import (
    checksum_of,
    external_teacher,
    features_of,
    frame_scores,
    identity_of,
    teacher_file,
)
from teachtext.learning.frames import FrameScores
from teachtext.learning.teachers import Teacher
from teachtext.progress import Progress

if TYPE_CHECKING:
    from teachtext.experiment.train import Training


Source: TypeAlias = "Training | ExternalTeacher | SlowTraining | AskingTraining"
"""Where a teacher comes from."""


@dataclass(frozen=True)
class TeacherSources:
    """The sources of the teachers of a training.

    Attributes:
        student: the training that has the teachers.
    """

    student: "Training"

    @cached_property
    def listed(self) -> list[Source]:
        """The sources, in the order of the config."""
        return [self._source(teacher) for teacher in self.student.plan.teachers]

    @property
    def trainings(self) -> "list[Training]":
        """The trainings that come before the teachers can teach."""
        trained = [source for source in self.listed if not isinstance(source, ExternalTeacher)]
        return [source.before if isinstance(source, SlowTraining | AskingTraining) else source for source in trained]

    @property
    def epochs_of_slow_teachers(self) -> int:
        """Number of epochs of the slow teachers that are not trained yet."""
        slow = [source for source in self.listed if isinstance(source, SlowTraining)]
        return sum(source.towers.epochs for source in slow if not source.done)

    def check(self, progress: Progress) -> None:
        """Raise InputError where an external teacher does not fit the training data, or there is no such writer."""
        for source in self.listed:
            if isinstance(source, ExternalTeacher):
                self._teacher(source, progress)
            elif isinstance(source, AskingTraining):
                source.check()

    def teachers(self, progress: Progress) -> list[Teacher]:
        """Return the teachers; those that are trained in the run must be trained."""
        return [self._teacher(source, progress) for source in self.listed]

    def frame_scores(self, experts: Sequence[str], progress: Progress) -> list[FrameScores]:
        """Return the teachers' scores of captions against the single rows of some experts of their videos.

        Raises:
            InputError: a teacher does not read one of the experts.
        """
        student, scores = self.student, []
        for source in self.listed:
            # the config lets neither a file nor a slow teacher come so far
            assert not isinstance(source, SlowTraining)
            if isinstance(source, ExternalTeacher):
                folder, cache, label = source.path, student.workspace.config.folder / "teachers", source.label
                features = features_of(student.workspace, folder)
            else:
                training = source.before if isinstance(source, AskingTraining) else source
                folder, cache, label, features = training.folder, training.folder, training.label, training.features
            pairs = student.data.taught_pairs()
            scores.append(frame_scores(folder, features, pairs, experts, cache, label=label, progress=progress))
        return scores

    def identities(self) -> list[Any]:
        """Return for each source a value that changes whenever the scores of the teacher could."""
        return [self._identity(source) for source in self.listed]

    def checksums(self, teachers: Sequence[Teacher], frames: Sequence[FrameScores]) -> dict[str, str]:
        """Return by name the checksums of the files of the teachers, which are in the order of the sources."""
        folders = [source.path if isinstance(source, ExternalTeacher) else source.folder for source in self.listed]
        paths = [teacher_file(teacher, folder) for teacher, folder in zip(teachers, folders, strict=True)]
        paths += [Path(scores.name) for scores in frames]
        return {f"teacher file {path.parent.name}/{path.name}": checksum_of(path) for path in paths}

    def _source(self, teacher: AnyTeacher) -> Source:
        if isinstance(teacher, ExternalTeacher):
            return teacher
        if isinstance(teacher, ModelPlan):
            return self.student.of_plan(teacher)
        if isinstance(teacher, AskingTeacher):
            return AskingTraining(teacher, self.student.of_plan(teacher.model))
        return SlowTraining(teacher, self.student.of_plan(teacher.towers), self.student.of_plan(teacher.fast))

    def _teacher(self, source: Source, progress: Progress) -> Teacher:
        if isinstance(source, ExternalTeacher):
            return external_teacher(self.student.workspace, source, *self.student.data.taught_ids(), progress)
        return source.as_teacher(progress)

    def _identity(self, source: Source) -> Any:
        if isinstance(source, ExternalTeacher):
            return identity_of(self.student.workspace, source)
        if isinstance(source, SlowTraining):
            return source.folder.name
        if isinstance(source, AskingTraining):
            return source.identity
        return [source.folder.name, "live"] if source.plan.live else source.folder.name
