"""The workspaces of a study: each dataset and its features are made once, and shared by all variants with it."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from teachtext.experiment.config import RunConfig
from teachtext.experiment.config_data import ExpertConfig
from teachtext.experiment.config_file import show_config
from teachtext.experiment.config_model import TeacherConfig
from teachtext.experiment.plan import ModelPlan, model_of
from teachtext.experiment.study.rows import plans_in
from teachtext.experiment.study.study import Study, show_study
from teachtext.experiment.study.variants import Variant
from teachtext.experiment.train import Training, training_of
from teachtext.experiment.workspace import Workspace
from teachtext.files import atomic_folder, write_text
from teachtext.progress import Progress


class Workspaces:
    """The workspaces of the variants of a study.

    Args:
        study: a study or a run.
        progress: of all work.

    Attributes:
        set_aside: one line for each video that could not be read.
        notes: remarks of the extraction, a sentence each.
    """

    def __init__(self, study: Study, progress: Progress) -> None:
        self._by_folder: dict[Path, Workspace] = {}
        # of a folder whose variants have an expert with several settings
        self._further: dict[Path, list[RunConfig]] = {}
        self._by_config: dict[str, Workspace] = {}
        self.set_aside: list[str] = []
        self.notes: list[str] = []
        tried = [same for variant in study.variants for same in (variant, *variant.candidates.values())]
        for variant in study.variants:
            folder = variant.config.folder
            if folder not in self._by_folder:
                of_folder = [other for other in tried if other.config.folder == folder]
                first, *further = [study.run] if study.run else map(_union, _with_equal_experts(of_folder))
                self._by_folder[folder] = Workspace(first, progress)
                self._further[folder] = further

    def check(self) -> None:
        """Check, before anything is written, that every device, encoder and file is there.

        Raises:
            InputError: one of them is missing.
        """
        for folder, workspace in self._by_folder.items():
            workspace.check()
            for config in self._further[folder]:
                Workspace(config, workspace.progress).check()

    def prepare(self, study: Study) -> None:
        """Make every dataset and its features, and verify them once."""
        workspaces = list(self._by_folder.values())
        if study.run:
            write_text(study.folder / "config.yaml", show_config(study.run))
        else:
            write_text(study.folder / "study.yaml", show_study(study))
        for number, workspace in enumerate(workspaces):
            _take_over(workspaces[:number], workspace)
            workspace.make_features()
            self._note(workspace)
        for folder, workspace in self._by_folder.items():
            for config in self._further[folder]:
                other = workspace.sharing(config)
                other.make_features()
                self._note(other)
        for variant in study.variants:
            for tried in variant.candidates.values() or [variant]:
                if tried.config.captioning:
                    notes = self.of(tried).event_captions.make()
                    self.notes += [line for line in notes if line not in self.notes]

    def _note(self, workspace: Workspace) -> None:
        self.set_aside += [line for line in workspace.features.set_aside if line not in self.set_aside]
        self.notes += [line for line in workspace.features.notes if line not in self.notes]

    def of(self, variant: Variant) -> Workspace:
        """Return the workspace of a variant."""
        key = variant.config.model_dump_json()
        if key not in self._by_config:
            self._by_config[key] = self._by_folder[variant.config.folder].sharing(variant.config)
        return self._by_config[key]

    def trainings(self, seeds: Sequence[int], variant: Variant, plan: ModelPlan) -> list[Training]:
        """Return the trainings of a model of a variant, one a seed."""
        return [training_of(self.of(variant), plan, seed) for seed in seeds]


def _with_equal_experts(variants: Sequence[Variant]) -> list[list[Variant]]:
    """Return variants in groups, in each of which an expert has the same settings."""
    groups: list[tuple[dict[str, ExpertConfig], list[Variant]]] = []
    for variant in variants:
        experts = {expert.name: expert for expert in variant.config.experts}
        for shared, group in groups:
            if all(shared.get(name, expert).settings == expert.settings for name, expert in experts.items()):
                shared.update(experts)
                group.append(variant)
                break
        else:
            groups.append((experts, [variant]))
    return [group for _, group in groups]


def _union(variants: list[Variant]) -> RunConfig:
    """Return a config with the experts and text encoders of all models of these variants and of their teachers."""
    configs = [variant.config for variant in variants]
    experts = {expert.name: expert for config in configs for expert in config.experts}
    students = [plan for variant in variants for plan in plans_in(variant)]
    sources = [source for student in students for source in (student, *student.teachers)]
    parts = [model_of(source) for source in sources]
    plans = [part for part in parts if part]
    external = {str(t.path): t for config in configs for t in config.teachers if t.path}
    trained = [TeacherConfig(text=text) for text in dict.fromkeys(plan.text for plan in plans)]
    return configs[0].model_copy(update={"experts": list(experts.values()), "teachers": [*trained, *external.values()]})


def _take_over(others: Sequence[Workspace], workspace: Workspace) -> None:
    """Copy videos and features of a dataset with the same generated videos: extraction then finds equal files."""
    target = workspace.features.folder / "video"
    for other in others:
        if not workspace.source.has_videos_of(other.source):
            continue
        workspace.source = workspace.source.copying(other.source)
        source = other.features.folder / "video"
        if source.exists() and not target.exists():
            with atomic_folder(target) as temporary:
                shutil.copytree(source, temporary, dirs_exist_ok=True)
