"""The part of a config that says how a model is made: its architecture, its training, its teaching."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from teachtext.experiment.config_base import Config, ExpertName, TextName
from teachtext.learning.distillation.parts import (
    Direction,
    Distance,
    Parts,
    Pool,
    Reduction,
    Samples,
    Schedule,
    Select,
    Source,
    Standardise,
    Target,
    Views,
)
from teachtext.learning.distillation.presets import PRESETS, Faithful, PresetName, preset


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
    batch_size: int = Field(64, ge=2, description="videos a batch, each with captions picked at random")
    captions_per_video: int = Field(1, ge=1, description="so many, or all where a video has fewer")
    optimizer: Literal["radam", "ranger", "adam", "adamw"] = Field(
        "radam", description="ranger is RAdam inside Lookahead"
    )
    lr: float = Field(1e-3, gt=0, description="learning rate in the first epoch")
    lr_decay: float = Field(0.95, gt=0, le=1, description="factor on the learning rate from epoch to epoch")
    weight_decay: float = Field(1e-5, ge=0, description="weight decay, decoupled but for adam")
    loss: Literal["max_margin", "info_nce"] = Field("max_margin", description="the ranking loss")
    margin: float = Field(0.2, gt=0, description="margin (max_margin)")
    temperature: float = Field(0.07, gt=0, description="temperature at the start, then learned (info_nce)")
    same_video: Literal["mask", "positive"] = Field(
        "mask", description="other captions of a video in the batch are left out, or right too (info_nce)"
    )


class DistillationConfig(Config):
    """The distillation objective: a preset, of which any part may be changed; `teachtext objectives` lists them all."""

    preset: PresetName = Field(description="a published objective")
    faithful: Faithful = Field(description="to the paper, or to the released code where that differs")
    source: Source = Field(description="who teaches")
    momentum: float = Field(ge=0, lt=1, description="share of the moving average that a step keeps (momentum)")
    views: Views = Field(description="which matrices of the student are taught")
    standardise: Standardise = Field(description="how matrices of different scales are brought to one")
    pool: Pool = Field(description="how teacher matrices become one, or not")
    pool_weights: list[float] | None = Field(description="of the teachers in their order (weighted)")
    select: Select = Field(description="which pairs count")
    candidates: int = Field(ge=1, description="wrong pairs of a list that count (top)")
    label_first: bool = Field(description="the right pair gets the highest of the teacher's scores")
    target: Target = Field(description="what is compared")
    temperature: float = Field(gt=0, description="of softmax, soft ranks, nce and entropies")
    label_share: float = Field(ge=0, lt=1, description="share of the right pairs in the target (softmax)")
    distance: Distance = Field(description="what is between student and target")
    threshold: float = Field(gt=0, description="of the Huber distance")
    direction: Direction = Field(description="which lists of a matrix are compared")
    reduction: Reduction = Field(description="how their pairs become one loss")
    weight: float = Field(ge=0, description="of the distillation loss")
    schedule: Schedule = Field(description="how that weight changes with the epochs")
    warm_up_epochs: int = Field(ge=1, description="until it is reached (warm_up)")
    decay: float = Field(gt=0, le=1, description="factor from epoch to epoch (exponential)")
    samples: Samples = Field(description="how much a list counts, by how sure the teacher is")
    ranking_weight: float = Field(ge=0, description="of the ranking loss")
    ranking_samples: Samples = Field(description="how much a pair counts there, by how unsure the teacher is")

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        named: dict[str, Any] = {"preset": "teachtext", "faithful": "paper"} | values
        # another name, or none at all, is told when it is validated
        known = named["preset"] if named["preset"] in list(PRESETS) else "teachtext"
        return asdict(preset(known, faithful=named["faithful"])) | named

    @property
    def parts(self) -> Parts:
        """The same without the preset's name.

        Raises:
            ValueError: parts that make no sense together.
        """
        return Parts(**self.model_dump(exclude={"preset", "faithful"}))

    @model_validator(mode="after")
    def _sensible(self) -> "DistillationConfig":
        _ = self.parts
        return self


class StudentConfig(Config):
    """The model that runs at test time."""

    text: TextName = Field(description="its text encoder")
    experts: list[ExpertName] | None = Field(None, min_length=1, description="the experts it sees; by default all")


class TeacherConfig(Config):
    """A model that the student learns from: trained in the run, or made elsewhere. What is not set is as in the run."""

    text: TextName | None = Field(None, description="its text encoder: a teacher that is trained in the run")
    experts: list[ExpertName] | None = Field(
        None, min_length=1, description="the experts it sees; by default all (text)"
    )
    model: ModelConfig | None = Field(None, description="settings of its model that differ from the run's (text)")
    training: TrainingConfig | None = Field(
        None, description="settings of its training that differ from the run's (text)"
    )
    file: Path | None = Field(
        None,
        description="instead: a teacher in a file, relative to the config file: embeddings (.safetensors) or scored "
        "pairs (.jsonl)",
    )
    folder: Path | None = Field(
        None, description="instead: the folder of a model that was trained before, relative to the config file"
    )
    live: bool = Field(False, description="score each batch by the model itself, not from embeddings that were kept")

    @model_validator(mode="after")
    def _one_kind(self) -> "TeacherConfig":
        given = [name for name in ("text", "file", "folder") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("give one of 'text', 'file' and 'folder'")
        if self.text is None:
            idle = [name for name in ("experts", "model", "training") if getattr(self, name) is not None]
            if idle:
                raise ValueError(f"'{idle[0]}' is said of a teacher that is trained here, not of a '{given[0]}'")
        if self.file is not None:
            if self.file.suffix not in (".safetensors", ".jsonl"):
                raise ValueError(f"'{self.file}' is neither .safetensors (embeddings) nor .jsonl (scored pairs)")
            if self.live:
                raise ValueError("a file holds scores or embeddings and no model: leave 'live' out")
        return self

    @property
    def path(self) -> Path | None:
        """Where it was made elsewhere; None for a teacher that is trained in the run."""
        return self.file or self.folder


class DenoisingConfig(Config):
    """Which training captions are dropped as noisy.

    Every caption is judged by teachers that were trained on other videos: its noise is the rank of its own video as a
    share of the gallery: 0 is the first place, 0.5 is chance, 1 the last. The authors' rule is not published; the names
    of their masks tell of ranks below 100 and 80.
    """

    folds: int = Field(5, ge=2, description="parts of the training videos; each is judged by teachers of the others")
    gallery: Literal["fold", "train"] = Field(
        "fold", description="among what a caption's video is ranked: those that no judge has seen, or all of training"
    )
    pool: Literal["mean", "median", "min", "max"] = Field("mean", description="how the teachers' judgements become one")
    threshold: float | None = Field(
        None, ge=0, le=1, description="drop captions with more noise than that; 0.5 unless a quantile is given"
    )
    quantile: float | None = Field(None, gt=0, lt=1, description="instead: drop this share, the noisiest")
    keep_at_least: int = Field(1, ge=1, description="captions a video that are never dropped: its least noisy")
    seed: int = Field(0, ge=0, lt=2**32, description="of the folds and of the teachers that judge")

    @property
    def limit(self) -> float:
        """The noise above which captions are dropped, where no quantile is given."""
        return 0.5 if self.threshold is None else self.threshold

    @model_validator(mode="after")
    def _one_cut(self) -> "DenoisingConfig":
        if self.threshold is not None and self.quantile is not None:
            raise ValueError("give either 'threshold' or 'quantile'")
        return self
