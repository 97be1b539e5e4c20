"""The part of a config that says how a model is made: its architecture, its training, its teaching."""

from typing import Any, Literal

from pydantic import Field, model_validator

from teachtext.experiment.config_base import Config


class ModelConfig(Config):
    """A retrieval model. What the other kinds of model know is left out."""

    kind: Literal["ce", "moee", "concat", "mmt", "dual"] = Field(
        "ce",
        description="Collaborative Experts, Mixture of Embedding Experts, plain concatenation, multi-modal "
        "transformer, or dual encoder of pooled features",
    )
    faithful: bool = Field(
        False,
        description="the authors' model exactly: 'gating: sequential', and neither 'mask_padding' nor 'aligned_start' "
        "(ce, moee)",
    )
    shared_dim: int = Field(768, ge=1, description="width of the shared spaces (ce, mmt, dual)")
    text_clusters: int = Field(
        12, ge=1, description="NetVLAD clusters of a caption's tokens; unused for sentence vectors"
    )
    ghost_clusters: int = Field(0, ge=0, description="ghost clusters of that NetVLAD")
    gating: Literal["parallel", "sequential", "none"] = Field(
        "parallel", description="sequential is the original order, none leaves it out (ce)"
    )
    mixture: Literal["learned", "uniform"] = Field(
        "learned", description="weights of the experts, by the caption or uniform (ce, moee, mmt)"
    )
    mask_padding: bool = Field(True, description="false takes padding for tokens, as the original did (ce, moee)")
    aligned_start: bool = Field(
        True, description="words heard or read start where their encoder leaves them, if it is the captions' (ce, moee)"
    )
    layers: int = Field(4, ge=1, description="of the transformer (mmt)")
    heads: int = Field(4, ge=1, description="of its attention (mmt)")
    feedforward: int = Field(3072, ge=1, description="width between its layers (mmt)")
    dropout: float = Field(0.1, ge=0, lt=1, description="share of values dropped in training (mmt, dual)")
    identity_start: bool = Field(False, description="start from features that are aligned already (dual)")
    max_words: int = Field(30, ge=1, description="keep at most so many tokens of a caption")

    @model_validator(mode="before")
    @classmethod
    def _as_the_authors(cls, values: Any) -> Any:
        if not isinstance(values, dict) or values.get("faithful") is not True:
            return values
        if values.get("kind", "ce") not in ("ce", "moee"):
            raise ValueError(f"'faithful' is said of 'ce' and 'moee' alone, not of '{values['kind']}'")
        if values.get("gating") == "parallel" or values.get("mask_padding") is True:
            raise ValueError("'faithful' has sequential gating and takes padding for tokens, leave those settings out")
        return {"gating": "sequential"} | values | {"mask_padding": False, "aligned_start": False}


class TrainingConfig(Config):
    """How a model is trained."""

    epochs: int = Field(50, ge=1, description="the epoch with the best validation t2v geometric mean is kept")
    batch_size: int = Field(64, ge=2, description="videos a batch, each with one caption picked at random")
    optimizer: Literal["radam", "ranger", "adam", "adamw"] = Field(
        "radam", description="ranger is RAdam inside Lookahead"
    )
    lr: float = Field(1e-3, gt=0, description="learning rate in the first epoch")
    lr_decay: float = Field(0.95, gt=0, le=1, description="factor on the learning rate from epoch to epoch")
    weight_decay: float = Field(1e-5, ge=0, description="weight decay, decoupled but for adam")
    loss: Literal["max_margin", "info_nce"] = Field("max_margin", description="the ranking loss")
    margin: float = Field(0.2, gt=0, description="margin (max_margin)")
    temperature: float = Field(0.07, gt=0, description="temperature at the start, then learned (info_nce)")


class DistillationConfig(Config):
    """The TeachText objective."""

    weight: float = Field(1.0, ge=0, description="of the distillation loss beside the ranking loss")
    pool: Literal["mean", "min", "max", "median"] = Field("mean", description="how teacher matrices become one")
    threshold: float = Field(1.0, gt=0, description="of the Huber distance")


class StudentConfig(Config):
    """The model that runs at test time."""

    text: str = Field(description="its text encoder")
    experts: list[str] | None = Field(None, min_length=1, description="the experts it sees; by default all")


class TeacherConfig(Config):
    """A model that the student learns from. What is not set is as in the run."""

    text: str = Field(description="its text encoder")
    experts: list[str] | None = Field(None, min_length=1, description="the experts it sees; by default all")
    model: ModelConfig | None = Field(None, description="settings of its model that differ from the run's")
    training: TrainingConfig | None = Field(None, description="settings of its training that differ from the run's")
