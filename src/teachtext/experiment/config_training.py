"""Settings of a training and of its distillation."""

from dataclasses import fields
from math import ceil
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from teachtext.experiment.config_data import Config
from teachtext.experiment.defaults import TUNED_WEIGHT, default_epochs, replaced_by
from teachtext.learning.choices import NameIn
from teachtext.learning.distillation.parts import Parts
from teachtext.learning.distillation.presets import PRESETS, PresetFrom, preset
from teachtext.learning.optimizers import OPTIMIZERS
from teachtext.learning.precision import Precision


class TrainingConfig(Config):
    """The training of a model."""

    FORMER_NAMES: ClassVar = {"initial_temperature": "temperature"}

    epochs: int | None = Field(
        None, ge=1, description="number of epochs; by default as many as 600 batches are, at least 30 and at most 100"
    )
    steps: int | None = Field(
        None, ge=1, description="number of batches in all, rounded up to whole epochs, instead of 'epochs'"
    )
    batch_size: int = Field(32, ge=2, description="videos a batch, each with captions picked at random")
    captions_per_video: int = Field(1, ge=1, description="captions a video in a batch, or all where it has fewer")
    optimizer: Annotated[str, NameIn(OPTIMIZERS)] = Field("radam", description="ranger is RAdam inside Lookahead")
    lr: float = Field(2e-3, gt=0, description="learning rate in the first epoch")
    last_lr: float | None = Field(
        0.05,
        gt=0,
        le=1,
        description="learning rate of the last epoch as a share of that of the first; null leaves it as it is",
    )
    lr_decay: float | None = Field(
        None, gt=0, le=1, description="factor on the learning rate from epoch to epoch, instead of 'last_lr'"
    )
    weight_decay: float = Field(1e-5, ge=0, description="weight decay; decoupled, except for adam")
    loss: Literal["max_margin", "info_nce"] = Field("info_nce", description="the ranking loss")
    margin: float = Field(0.2, gt=0, description="margin in units of cosine similarity (max_margin)")
    initial_temperature: float = Field(
        0.1, gt=0, description="temperature; with 'learn_temperature' the first one (info_nce)"
    )
    learn_temperature: bool = Field(False, description="learn the temperature, as CLIP does (info_nce)")
    same_video: Literal["mask", "positive"] = Field(
        "mask", description="other captions of a video in the batch: left out, or right too (info_nce)"
    )
    keep: Literal["last", "best"] = Field(
        "last",
        description="the epoch whose weights are kept: the last one, or that with the best validation t2v geometric "
        "mean, which a validation split of few videos chooses by chance",
    )
    precision: Precision = Field(
        "float32",
        description="of products: bfloat16 is faster and coarser, on CUDA devices, and in large layers on processors "
        "that have such products; elsewhere it is float32",
    )
    average: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="share of the moving average of the weights that a step keeps; the average of the last epoch is "
        "then kept; by default nothing is averaged",
    )

    @model_validator(mode="before")
    @classmethod
    def _one_of_two(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        for name, value in values.items():
            other = replaced_by(name)
            if value is not None and other and values.get(other) is not None:
                raise ValueError(f"give '{name}' or '{other}', not both")
        return {"last_lr": None} | values if values.get("lr_decay") is not None else values

    def for_videos(self, videos: int, part: tuple[float, float] = (0.0, 1.0)) -> "TrainingConfig":
        """Return the settings for a number of training videos, with `epochs` and `lr_decay` for `steps` and `last_lr`.

        Args:
            videos: number of training videos.
            part: the part of the epochs that is trained, as shares. Parts that follow one another have all epochs
                together, and at least one each.

        >>> settings = TrainingConfig(steps=100, batch_size=32, last_lr=0.05).for_videos(320)
        >>> settings.epochs, round(settings.lr_decay, 3)
        (10, 0.717)
        >>> [TrainingConfig(epochs=75).for_videos(240, part).epochs for part in ((0, 0.5), (0.5, 1))]
        [38, 37]
        """
        epochs = self.epochs_for(videos, part)
        update = {"epochs": epochs, "steps": None, "lr_decay": self.lr_decay_for(epochs), "last_lr": None}
        return self.model_copy(update=update)

    def epochs_for(self, videos: int, part: tuple[float, float] = (0.0, 1.0)) -> int:
        """Return the number of epochs for a number of training videos (see `for_videos`)."""
        first, last = (round(share * self._all_epochs(videos)) for share in part)
        return max(1, last - first)

    def _all_epochs(self, videos: int) -> int:
        if self.epochs is not None:
            return self.epochs
        if self.steps is None:
            return default_epochs(videos, self.batch_size)
        return ceil(self.steps / max(1, ceil(videos / self.batch_size)))

    def lr_decay_for(self, epochs: int) -> float:
        """Return the factor on the learning rate from epoch to epoch."""
        if self.lr_decay is not None:
            return self.lr_decay
        return float((self.last_lr or 1.0) ** (1 / max(1, epochs - 1)))

    def identity(self) -> dict[str, Any]:
        """Return the settings as plain data for fingerprints; those that version 0.1.0 did not have only where set."""
        later = {"steps": None, "last_lr": None, "average": None, "keep": "best", "learn_temperature": True}
        later |= {"precision": "float32"}
        return {name: value for name, value in super().identity().items() if value != later.get(name, object)}


class DistillationConfig(Config, Parts):
    """The distillation objective: a preset, of which any part may be changed; `teachtext objectives` lists them all.

    Where neither a preset nor a weight is given, the objective is TeachText's, and the weight is of the gradient.
    """

    FORMER_NAMES: ClassVar = {"preset_from": "faithful", "pairs": "select"}

    preset: Annotated[str, NameIn(PRESETS)] = Field(description="a published objective")
    preset_from: PresetFrom = Field(description="settings of the paper, or of its released code where the two differ")

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        named: dict[str, Any] = {"preset": "teachtext", "preset_from": "paper"} | values
        # an unknown name is reported when it is validated
        published = preset(
            named["preset"] if named["preset"] in list(PRESETS) else "teachtext",
            preset_from="code" if named["preset_from"] == "code" else "paper",
        )
        tuned = {} if {"preset", "weight", "weight_unit"} & values.keys() else TUNED_WEIGHT
        return {**vars(published), **tuned, **named}

    @property
    def parts(self) -> Parts:
        """The same without the preset's name.

        Raises:
            ValueError: parts that make no sense together.
        """
        return Parts(**{field.name: getattr(self, field.name) for field in fields(Parts)})

    @model_validator(mode="after")
    def _sensible(self) -> "DistillationConfig":
        _ = self.parts
        return self
