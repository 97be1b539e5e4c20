"""Settings of learning one space for text, video, sound and their pairs, and what they do not go with."""

from collections.abc import Iterator, Sequence

from pydantic import Field, model_validator

from teachtext.experiment.config_data import Config
from teachtext.experiment.config_model import ModelConfig
from teachtext.experiment.config_training import TrainingConfig
from teachtext.learning.distillation.presets import PresetFrom
from teachtext.models.omni import experts_by_modality


class AnyToAnyConfig(Config):
    """How a student of kind `omni` learns more than the alignment of pairs: OmniRetriever's losses, on features.

    All of them have the temperature of the training.
    """

    preset_from: PresetFrom = Field(
        "paper",
        description="paper: all pairs, modalities and exchanges in every step; code: in turn one pair, its two "
        "modalities and one exchange",
    )
    alignment_weight: float = Field(1.0, ge=0, description="weight of the alignment of pairs of modalities")
    distillation_weight: float = Field(
        1.0, ge=0, description="weight of the distillation of the fusion into each modality"
    )
    tuple_weight: float = Field(
        1.0, ge=0, description="weight of the contrast of fusions with those of which one modality is exchanged"
    )

    @model_validator(mode="after")
    def _something_to_learn(self) -> "AnyToAnyConfig":
        if not (self.alignment_weight or self.distillation_weight or self.tuple_weight):
            raise ValueError("all weights are 0: nothing is learned")
        return self


def problems_of_omni(model: ModelConfig, training: TrainingConfig, experts: Sequence[str]) -> Iterator[str]:
    """Yield what a model of kind `omni` cannot be trained with; nothing for models of other kinds."""
    if model.kind != "omni":
        return
    try:
        experts_by_modality(sorted(experts), model.sound)
    except ValueError as error:
        yield f"'model.kind: omni' needs an expert that hears and one that sees, and {error}"
    if training.loss != "info_nce" or training.learn_temperature or training.same_video != "mask":
        yield (
            "'model.kind: omni' aligns modalities by cross-entropy: it needs 'loss: info_nce', a temperature that is "
            "not learned, and 'same_video: mask'"
        )
