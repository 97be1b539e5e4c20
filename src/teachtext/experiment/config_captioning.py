"""Settings of the captions of events and of the pre-training on them, and what they do not go with."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo

from teachtext.captioning.captioners import check_captioner
from teachtext.encoders.registry import TEXT_ENCODERS
from teachtext.errors import InputError
from teachtext.experiment.config_data import Config, DatasetConfig, folder_of
from teachtext.experiment.config_model import ModelConfig


def _full_captioner(spec: str, info: ValidationInfo) -> str:
    try:
        return check_captioner(spec, folder_of(info))
    except InputError as error:
        raise ValueError(str(error)) from error


class CaptioningConfig(Config):
    """Further captions of the training videos, one an event, on which the student is pre-trained.

    The student is trained for as many epochs as a student without them: the first ones with the captions of events and
    the captions of the dataset, the others with those of the dataset alone.
    """

    captioner: Annotated[str, AfterValidator(_full_captioner)] = Field(
        description="what captions the events: file:PATH, relative to the config file; hf:<model id or folder>; or "
        "playground, for the generated videos"
    )
    pretraining: float = Field(0.5, gt=0, lt=1, description="share of the epochs that are pre-training")
    event_share: float | None = Field(
        None,
        ge=0,
        le=1,
        description="share of captions of events among those that pre-training picks; by default every caption of a "
        "video is equally likely",
    )
    learning_rate: float = Field(1.0, gt=0, description="learning rate after pre-training, as a share of 'training.lr'")
    penalty: float = Field(
        0.2,
        gt=0,
        description="seconds of scatter that a cut between two events must save: more make fewer events",
    )
    least_s: float = Field(1.0, gt=0, description="length of an event in seconds, at least")

    def identity(self) -> dict[str, Any]:
        """Return what changes a training beside its captions, as plain data for fingerprints."""
        return {"event_share": self.event_share}


def check_captioning(captioning: CaptioningConfig, dataset: DatasetConfig, model: ModelConfig, text: str) -> None:
    """Raise ValueError for what does not go with captions of events.

    Args:
        captioning: settings of the captions.
        dataset: settings of the dataset.
        model: settings of the student's model.
        text: the student's text encoder.
    """
    if model.kind == "omni":
        raise ValueError("a student of kind 'omni' is not pre-trained: leave 'captioning' out")
    if dataset.captions != "separate":
        raise ValueError(
            f"'captioning' adds captions to those of a video, which 'captions: {dataset.captions}' makes one"
        )
    if captioning.captioner == "playground" and dataset.playground is None:
        raise ValueError("'captioner: playground' describes generated videos alone: give file:PATH or hf:MODEL")
    if not TEXT_ENCODERS.is_spec(text):
        raise ValueError(f"'{text}' cannot embed captions of events: give a text encoder")
