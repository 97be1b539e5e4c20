"""A cheap student for videos without captions: teachers score videos and sentences, the student learns the scores.

No caption is right or wrong here. The teachers' scores of sentences and videos are all that the student learns from, as
in the distillation term of TeachText (Croitoru et al., ICCV 2021, eq. 5); there is no ranking loss.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from teachtext.data.store import FeatureFile
from teachtext.data.types import Video
from teachtext.data.video_files import list_video_files
from teachtext.encoders.embedder import Embedder, joined_settings
from teachtext.encoders.registry import VIDEO_EXPERTS
from teachtext.errors import InputError
from teachtext.experiment.adapt.agreement import Agreement, QueryCost, agreement_of, query_cost
from teachtext.experiment.adapt.scores import embed_all
from teachtext.experiment.adapt.sentences import made_sentences, read_sentences
from teachtext.experiment.adapt.teaching_set import Parts, write_teaching_set
from teachtext.experiment.config import RunConfig
from teachtext.experiment.config_file import run_config, show_config
from teachtext.experiment.main_student import Candidate, write_best
from teachtext.experiment.plan import plans_of
from teachtext.experiment.train import Training, training_of
from teachtext.experiment.workspace import Workspace
from teachtext.extraction.extract import Extraction, extract
from teachtext.files import locked, write_json, write_text
from teachtext.learning.trained_model import TrainedModel
from teachtext.progress import Progress, silent

OBJECTIVE: Mapping[str, Any] = {
    "preset": "teachtext",
    "standardise": "z_score",
    "ranking_weight": 0.0,
}
"""What the student learns: the mean of the teachers' z-scores of a batch, by TeachText's distance."""

MODEL: Mapping[str, Any] = {"kind": "ce"}
TRAINING: Mapping[str, Any] = {"lr": 0.001}
"""Settings of the student and of its training that differ from those of a run; no others were measured here."""

DATASET = "first-choices"
"""The folder of the data set that the teachers make."""

FEWEST_VIDEOS = 10
"""Fewer videos teach nothing."""


@dataclass(frozen=True)
class Adapted:
    """A student that was taught without captions.

    Attributes:
        folder: of all files; `teachtext.load` accepts it.
        seeds: of the trainings.
        models: folder of the student of each seed.
        agreement: of the student of each seed with the teachers.
        cost: of a query.
        videos: number of videos that were used.
        extraction: how many videos were encoded, and which were set aside.
        notes: remarks for the user, a sentence each.
    """

    folder: Path
    seeds: Sequence[int]
    models: Sequence[Path]
    agreement: Sequence[Agreement]
    cost: QueryCost
    videos: int
    extraction: Extraction
    notes: Sequence[str]

    def as_dict(self) -> dict[str, Any]:
        """Return all figures, for files."""
        students = {model.name: each.as_dict() for model, each in zip(self.models, self.agreement, strict=True)}
        return {"videos": self.videos, "students": students, "query": self.cost.as_dict(), "notes": list(self.notes)}


def adapt(
    videos: Path,
    teachers: Sequence[Embedder],
    out: Path,
    *,
    sentences: Path | None = None,
    text: str = "wordllama",
    experts: Sequence[str] = (),
    seeds: Sequence[int] = (0,),
    workers: int = 1,
    device: str = "auto",
    progress: Progress = silent,
) -> Adapted:
    """Teach a student by the scores of other models on videos without captions. Finished work is not repeated.

    A fifth of the videos and of the sentences is held out, by name. The agreement is measured on these alone.

    Args:
        videos: folder of videos. Its subfolders count too.
        teachers: models that score sentences and videos; their z-scores are averaged.
        out: folder of the features, the sentences and the student.
        sentences: file of sentences (see `read_sentences`); by default they are made from the names of visible things.
        text: text encoder of the student.
        experts: video experts of the student; by default those of the teachers.
        seeds: the student is trained once for each.
        workers: processes that extract features.
        device: where encoders and training compute.
        progress: called as each step goes on.

    Raises:
        InputError: fewer than ten videos or twenty sentences can be used, two teachers read an expert with different
            settings, or a text encoder or expert is unknown.
    """
    if not teachers:
        raise InputError("there is no teacher", "give at least one model")
    texts, notes = read_sentences(sentences) if sentences else (made_sentences(), [])
    listed = list_video_files(videos)
    notes = [*notes, *map(str, listed.left_out)]
    if len(listed.files) < FEWEST_VIDEOS:
        raise InputError(f"{videos} holds {len(listed.files)} videos", f"give a folder with at least {FEWEST_VIDEOS}")
    VIDEO_EXPERTS.check(experts)
    of_teachers = joined_settings(teachers, mend="adapt with one of them")
    settings = of_teachers | {name: {} for name in experts if name not in of_teachers}
    out.mkdir(parents=True, exist_ok=True)
    with locked(out):
        extraction = extract(
            [Video(name, path) for name, path in listed.files.items()],
            list(settings),
            out / "features" / "video",
            settings=settings,
            workers=workers,
            device=device,
            progress=lambda what, *state: progress(f"extract {what}", *state),
        )
        files = {
            name: FeatureFile(out / "features" / "video" / VIDEO_EXPERTS.folder_name(name, values))
            for name, values in settings.items()
        }
        names = _described(listed.files, files, teachers)
        notes += [*extraction.notes, *_notes_on(len(listed.files) - len(extraction.failed) - len(names))]
        if len(names) < FEWEST_VIDEOS:
            raise InputError(
                f"the teachers can describe {len(names)} of the {len(listed.files)} videos of {videos}",
                f"give at least {FEWEST_VIDEOS} that all of them can describe",
            )
        parts = Parts.of(texts, names)
        embedded = [embed_all(teacher, texts, files, names, out / "teachers", progress) for teacher in teachers]
        teacher_files = [out / "teachers" / f"teacher{number}.safetensors" for number in range(len(teachers))]
        write_teaching_set(out / DATASET, teacher_files, embedded, parts)
        config = _config(out, teacher_files, settings, experts, text, seeds, device)
        trainings = _train(config, progress)
        students = [TrainedModel(training.folder, device=device) for training in trainings]
        agreement = []
        for student in students:
            held = embed_all(student, parts.held_texts, files, parts.held_videos, out / "agreement", progress)
            agreement.append(agreement_of(parts.held_scores([held]), parts.held_scores(embedded)))
        cost = query_cost(students[0], teachers, texts)
        models = [training.folder for training in trainings]
        adapted = Adapted(out, list(seeds), models, agreement, cost, len(names), extraction, notes)
        write_json(
            out / "agreement.json", {"teachers": [each.identity["name"] for each in teachers], **adapted.as_dict()}
        )
    return adapted


def _described(names: Iterable[str], files: Mapping[str, FeatureFile], teachers: Collection[Embedder]) -> list[str]:
    """Return the videos of which every teacher can say something."""
    return [
        name
        for name in names
        if all(any(files[expert].rows_of(name) for expert in teacher.experts) for teacher in teachers)
    ]


def _notes_on(left_out: int) -> list[str]:
    return [f"{left_out:,} videos are left out: the experts of a teacher find nothing in them"] if left_out else []


def _config(
    out: Path,
    teacher_files: Sequence[Path],
    settings: Mapping[str, Mapping[str, Any]],
    experts: Sequence[str],
    text: str,
    seeds: Sequence[int],
    device: str,
) -> RunConfig:
    """Write and return the config of the student's training."""
    values = {
        "name": "adapted",
        "work": str(out.resolve()),
        "dataset": {
            "path": str((out / DATASET).resolve()),
            "features": str((out / "features").resolve()),
            "missing_videos": "keep",
            "select": None,
        },
        "experts": [{"name": name, "settings": dict(values)} for name, values in settings.items()],
        "teachers": [{"file": str(path.resolve())} for path in teacher_files],
        "student": {"text": text, **({"experts": list(experts)} if experts else {})},
        "distillation": dict(OBJECTIVE),
        "model": dict(MODEL),
        "training": dict(TRAINING),
        "seeds": list(seeds),
        "device": device,
    }
    config = run_config(values, where="the settings of the student", folder=Path())
    write_text(out / "config.yaml", show_config(config))
    return config


def _train(config: RunConfig, progress: Progress) -> list[Training]:
    """Train the taught student of a config, once for each seed, and no other model."""
    workspace = Workspace(config, progress)
    workspace.check()
    workspace.make_features()
    plan = next(plan for plan in plans_of(config) if plan.role == "taught")
    trainings = [training_of(workspace, plan, seed) for seed in config.seeds]
    for training in trainings:
        training.data.check()
        training.sources.check(progress)
        training.train(progress)
    folders = [str(training.folder.relative_to(config.folder)) for training in trainings]
    write_best(
        [
            Candidate(plan.label, plan.role, seed, folder, None)
            for seed, folder in zip(config.seeds, folders, strict=True)
        ],
        config.folder,
    )
    return trainings
