"""Settings of the models of a run: architecture, student, teachers, denoising."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from teachtext.experiment.config_data import Config, DataPath, ExpertName, TextName, WriterName
from teachtext.experiment.config_training import TrainingConfig
from teachtext.experiment.defaults import AUTHORS_MMT, model_of_authors
from teachtext.learning.choices import NameIn
from teachtext.models.build import FORMER_KINDS, MODELS, argument_names

# settings that every kind of model has, and those that are called otherwise as an argument of a model
_OF_EVERY_KIND = ("kind", "faithful", "max_text_tokens", "standardise", "feature_dropout", "class_names")
_ARGUMENTS = {"aligned_start": "aligned", "frame_weights": "weighed"}


def _no_former_kind(kind: Any) -> Any:
    for name, former in FORMER_KINDS.items():
        if kind == former:
            raise ValueError(f"'{former}' is now called '{name}'")
    return kind


class ModelConfig(Config):
    """A retrieval model. A setting that only other kinds of model have is refused."""

    FORMER_NAMES: ClassVar = {"max_text_tokens": "max_words"}

    kind: Annotated[str, NameIn(MODELS), BeforeValidator(_no_former_kind)] = Field(
        "mmt",
        description="ce: Collaborative Experts; moee: Mixture of Embedding Experts; concat: plain concatenation; mmt: "
        "multi-modal transformer; pooled: projection heads on averaged features, for features like CLIP's; omni: text, "
        "video and sound in one space",
    )
    faithful: bool = Field(
        False,
        description="the authors' model exactly: sequential gating (ce), and neither 'mask_padding' nor "
        "'aligned_start' "
        "(ce, moee)",
    )
    shared_dim: int | None = Field(
        256,
        ge=1,
        description="width of the shared spaces (ce, moee, mmt, pooled, omni), or null: the expert's own (moee), that "
        "of the features (pooled with 'identity_start', by default)",
    )
    text_clusters: int = Field(
        12,
        ge=1,
        description="NetVLAD clusters of a caption's tokens; unused for sentence vectors (ce, moee, concat, mmt)",
    )
    ghost_clusters: int = Field(0, ge=0, description="ghost clusters of that NetVLAD (ce, moee, concat, mmt)")
    gating: Literal["parallel", "sequential", "none"] = Field(
        "parallel", description="collaborative gating; sequential is the order of the original, none leaves it out (ce)"
    )
    mixture: Literal["learned", "uniform"] = Field(
        "learned", description="mixture weights of the experts: learned from the caption, or uniform (ce, moee, mmt)"
    )
    mask_padding: bool = Field(
        True,
        description="leave padding out of NetVLAD; false takes it for tokens, as the original did (ce, moee, concat)",
    )
    aligned_start: bool = Field(
        True,
        description="experts of words start aligned with the captions, where both have one encoder (ce, moee)",
    )
    layers: int = Field(2, ge=1, description="layers of the transformer (mmt)")
    heads: int = Field(4, ge=1, description="attention heads of each layer (mmt)")
    feedforward: int = Field(512, ge=1, description="width of the hidden layer of each transformer block (mmt)")
    dropout: float = Field(0.1, ge=0, lt=1, description="share of values dropped in training (mmt, pooled, omni)")
    identity_start: bool = Field(
        False, description="start as the identity, for text and video features that are aligned already (pooled)"
    )
    frame_weights: bool = Field(
        False,
        description="learn how much each row of a sequence counts, of experts with 'pool: false' (pooled); otherwise "
        "all rows count alike",
    )
    sound: tuple[ExpertName, ...] = Field(
        ("audio", "speech"), min_length=1, description="the experts that hear; all others see (omni)"
    )
    standardise: float | None = Field(
        0.5,
        ge=0,
        le=1,
        description="bring video features to mean 0 and mean variance 1 by statistics of the training split: with 1 "
        "every dimension by itself, with 0 all dimensions of an expert together, with 0.5 half way; null reads "
        "features as they are, as 'identity_start' does by default",
    )
    feature_dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of the standardised features that training drops (with standardise); by default 0.3 for "
        "other kinds than mmt",
    )
    class_names: bool = Field(
        True,
        description="let the names of the classes that 'scene' sees count for 0.6 of the score, if they find the "
        "training videos; only where 'scene' and the captions are encoded by TeachText, and not for omni",
    )
    max_text_tokens: int = Field(30, ge=1, description="tokens of a caption that the model reads, the first ones")

    @model_validator(mode="before")
    @classmethod
    def _features_as_they_are(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        # features that are aligned already lose that with other scales, and keep their width
        aligned = {"standardise": None, "shared_dim": None} if values.get("identity_start") is True else {}
        # one space for all has no second one beside it
        one_space = {"class_names": False} if values.get("kind") == "omni" else {}
        completed = aligned | one_space | values
        # a transformer has dropout inside, and does better without more (docs/methods/recipe.md)
        if completed.get("kind", "mmt") != "mmt" and completed.get("standardise", 0.5) is not None:
            return {"feature_dropout": 0.3} | completed
        return completed

    @model_validator(mode="before")
    @classmethod
    def _as_the_authors(cls, values: Any) -> Any:
        if not isinstance(values, dict) or values.get("faithful") is not True:
            return values
        kind = values.get("kind", "ce")
        if kind not in ("ce", "moee"):
            raise ValueError(f"'faithful' is a setting of 'ce' and 'moee' alone, not of '{kind}'")
        if values.get("standardise") is not None:
            raise ValueError("'faithful' reads features as they are, leave 'standardise' out")
        if kind == "moee" and values.get("shared_dim") not in (None, 768):
            raise ValueError("'faithful' has each expert's own width (moee), leave 'shared_dim' out")
        values = model_of_authors(values) | ({"shared_dim": None} if kind == "moee" else {})
        if values.get("gating") == "parallel" or values.get("mask_padding") is True:
            raise ValueError("'faithful' has sequential gating and takes padding for tokens, leave those settings out")
        return {"gating": "sequential"} | values | {"mask_padding": False, "aligned_start": False}

    @model_validator(mode="after")
    def _dropout_of_standardised(self) -> "ModelConfig":
        if self.feature_dropout and self.standardise is None:
            raise ValueError("'feature_dropout' is of standardised features: give 'standardise' too")
        return self

    @model_validator(mode="after")
    def _one_space(self) -> "ModelConfig":
        if self.kind == "omni" and self.class_names:
            raise ValueError("'class_names' is a second space, and 'omni' has one for all: leave it out")
        return self

    @model_validator(mode="after")
    def _width_of_the_expert(self) -> "ModelConfig":
        if self.shared_dim is None and not (self.kind == "moee" or self.identity_start):
            raise ValueError(f"'shared_dim: null', a width for each expert, is of 'moee', not of '{self.kind}'")
        return self

    def has(self, name: str) -> bool:
        """Return whether this kind of model has a setting."""
        return name in _OF_EVERY_KIND or _ARGUMENTS.get(name, name) in argument_names(self.kind)

    def idle_settings(self) -> Iterator[str]:
        """Yield the settings that this kind of model does not have, and that differ from their default."""
        for name, field in type(self).model_fields.items():
            # 'faithful' sets the gating of any kind
            by_default = self.faithful and name == "gating"
            # the configs that earlier versions wrote in full have the authors' MMT for every kind
            by_default |= getattr(self, name) in (field.default, AUTHORS_MMT.get(name, field.default))
            if not by_default and not self.has(name):
                yield name


class StudentConfig(Config):
    """The model that runs at test time."""

    text: TextName = Field(description="text encoder of the student")
    experts: list[ExpertName] | None = Field(
        None, min_length=1, description="video experts that the student sees; by default all"
    )


class TeacherConfig(Config):
    """A model that the student learns from: trained in the run, or made elsewhere.

    Settings of model and training that are left out are those of the run.
    """

    text: TextName | None = Field(None, description="text encoder of a teacher that is trained in the run")
    experts: list[ExpertName] | None = Field(
        None, min_length=1, description="video experts that the teacher sees; by default all (text)"
    )
    model: ModelConfig | None = Field(
        None, description="settings of the teacher's model that differ from the run's (text)"
    )
    training: TrainingConfig | None = Field(
        None, description="settings of the teacher's training that differ from the run's (text)"
    )
    file: DataPath | None = Field(
        None,
        description="file of a teacher made elsewhere, instead of a text encoder, relative to the config "
        "file: embeddings "
        "(.safetensors) or scored lists or pairs (.jsonl)",
    )
    folder: DataPath | None = Field(
        None, description="folder of a model trained before, instead of a text encoder, relative to the config file"
    )
    copies: int = Field(
        1, ge=1, description="number of teachers with these settings, each with random numbers of its own (text)"
    )
    shortlist: int | None = Field(
        None,
        ge=2,
        description="make a slow teacher of it, which reads caption and video together: the number of videos, the best "
        "by the student alone, that it scores for each caption (text)",
    )
    writer: WriterName | None = Field(
        None,
        description="ask several queries for each caption and take the mean of their scores: 'captions' of the same "
        "video, or what a writer writes, such as 'wordnet', 'file:PATH' or 'chat:URL#MODEL' (text)",
    )
    queries: int | None = Field(
        None,
        ge=2,
        description="number of these queries, the caption itself among them, by farthest query sampling; by default "
        "all (writer)",
    )
    live: bool = Field(False, description="score each batch by the model itself, instead of by its kept embeddings")

    @model_validator(mode="after")
    def _one_kind(self) -> "TeacherConfig":
        sources = [name for name in ("text", "file", "folder") if getattr(self, name) is not None]
        if len(sources) != 1:
            raise ValueError("give one of 'text', 'file' and 'folder'")
        if self.text is None:
            idle = [
                name
                for name in ("experts", "model", "training", "shortlist", "writer")
                if getattr(self, name) is not None
            ]
            idle += ["copies"] if self.copies > 1 else []
            if idle:
                raise ValueError(f"'{idle[0]}' is said of a teacher that is trained here, not of a '{sources[0]}'")
        if self.shortlist is not None and (self.copies > 1 or self.live):
            raise ValueError("a slow teacher scores short lists once: leave 'copies' and 'live' out")
        if self.writer is not None and (self.shortlist is not None or self.live):
            raise ValueError("a teacher with a 'writer' is kept as embeddings: leave 'shortlist' and 'live' out")
        if self.queries is not None and self.writer is None:
            raise ValueError("'queries' counts what a 'writer' writes: give one, such as 'captions'")
        if self.file is not None:
            if self.file.suffix not in (".safetensors", ".jsonl"):
                raise ValueError(f"'{self.file}' is neither .safetensors (embeddings) nor .jsonl (scored pairs)")
            if self.live:
                raise ValueError("a file holds scores or embeddings and no model: leave 'live' out")
        return self

    @property
    def path(self) -> Path | None:
        """File or folder of a teacher made elsewhere; None for a teacher that is trained in the run."""
        return self.file or self.folder


class DenoisingConfig(Config):
    """Which training captions are dropped as noisy.

    Every caption is judged by teachers that were trained on other videos. Its noise is the rank of its video as a share
    of the gallery: 0 is the first place, 0.5 is chance, 1 the last. The authors' rule is not published; the names of
    their masks mention ranks below 100 and 80.
    """

    folds: int = Field(
        5, ge=2, description="parts of the training videos; teachers trained on the other parts judge each"
    )
    gallery: Literal["fold", "train"] = Field(
        "fold", description="videos among which a caption's video is ranked: the held-out fold, or all training videos"
    )
    pool: Literal["mean", "median", "min", "max"] = Field(
        "mean", description="how the noise by several teachers becomes one number"
    )
    threshold: float | None = Field(
        None,
        ge=0,
        le=1,
        description="drop captions with more noise, from 0 to 1; by default 0.5 unless a quantile is set",
    )
    quantile: float | None = Field(
        None, gt=0, lt=1, description="share of the captions to drop, the noisiest, instead of a threshold"
    )
    keep_at_least: int = Field(
        1, ge=1, description="captions of each video that are never dropped, its least noisy ones"
    )
    seed: int = Field(0, ge=0, lt=2**32, description="seed of the folds and of the teachers that judge")

    @property
    def limit(self) -> float:
        """The noise above which captions are dropped, where no quantile is set."""
        return 0.5 if self.threshold is None else self.threshold

    @model_validator(mode="after")
    def _one_cut(self) -> "DenoisingConfig":
        if self.threshold is not None and self.quantile is not None:
            raise ValueError("give either 'threshold' or 'quantile'")
        return self
