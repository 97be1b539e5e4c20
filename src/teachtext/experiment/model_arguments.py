"""From the config to a model and its loss, with plain arguments."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from teachtext.encoders.shared_space.provenance import check_one_space
from teachtext.encoders.video.words import same_encoder
from teachtext.experiment.config_any_to_any import AnyToAnyConfig
from teachtext.experiment.config_model import ModelConfig
from teachtext.experiment.config_training import TrainingConfig
from teachtext.experiment.plan import ModelPlan
from teachtext.experiment.workspace import Workspace
from teachtext.learning.any_to_any import AnyToAny
from teachtext.learning.checkpoint import ModelSpec
from teachtext.learning.losses import InfoNCE, MaxMarginRankingLoss
from teachtext.models.build import known_arguments
from teachtext.models.class_names import ALL_CLASSES

# settings of a model that are no argument of the same name
_NO_ARGUMENTS = {"kind", "faithful", "text_clusters", "max_text_tokens", "aligned_start", "frame_weights"}


def model_arguments(
    model: ModelConfig,
    *,
    expert_dims: dict[str, int],
    expert_clusters: dict[str, int],
    text_dim: int,
    tokens: bool,
    words: Sequence[str] = (),
    class_names: bool = False,
) -> dict[str, Any]:
    """Return the plain arguments of a kind of model.

    Args:
        model: settings of the config.
        expert_dims: width D by expert.
        expert_clusters: NetVLAD clusters, by expert that is a sequence.
        text_dim: width D of a caption's rows.
        tokens: whether a caption has one row a token, or one row in all.
        words: experts whose rows are words, encoded by the captions' text encoder.
        class_names: whether the names of classes can be encoded by the captions' text encoder.
    """
    aligned = [name for name in words if name not in expert_clusters] if model.aligned_start and not tokens else []
    arguments: dict[str, Any] = {
        "expert_dims": expert_dims,
        "expert_clusters": expert_clusters,
        "text_dim": text_dim,
        "text_clusters": model.text_clusters if tokens else 0,
        **model.model_dump(exclude=_NO_ARGUMENTS),
        **({"aligned": aligned} if aligned else {}),
        **({"weighed": sorted(expert_clusters)} if model.frame_weights and expert_clusters else {}),
    }
    # left out where they are not used: models of earlier versions do not have them
    if model.shared_dim is None and model.identity_start:
        arguments["shared_dim"] = text_dim
    elif model.shared_dim is None:
        del arguments["shared_dim"]
    standardise = {} if model.standardise is None else {"standardise": model.standardise}
    dropout = {"feature_dropout": model.feature_dropout} if model.feature_dropout else {}
    names = {"class_names": ALL_CLASSES} if model.class_names and class_names else {}
    return known_arguments(model.kind, arguments) | standardise | dropout | names


def model_spec(
    workspace: Workspace, plan: ModelPlan, *, trained_on: Sequence[str], origin: Mapping[str, Any]
) -> ModelSpec:
    """Return a model of a run, from its settings and the widths of its features.

    Args:
        workspace: of the run.
        plan: the model.
        trained_on: ids of the training videos.
        origin: what people may want to know of the training.

    Raises:
        InputError: `identity_start` of features that do not lie in one space.
    """
    features = workspace.features
    text = features.text(plan.text)
    if plan.model.identity_start and plan.model.has("identity_start"):
        check_one_space(text, {name: features.expert(name) for name in plan.experts}, name=plan.text)
    experts = [expert for expert in workspace.config.experts if expert.name in plan.experts]
    sequences = [expert for expert in experts if not expert.pool]
    return ModelSpec(
        kind=plan.model.kind,
        arguments=model_arguments(
            plan.model,
            expert_dims={name: features.expert(name).dim for name in plan.experts},
            expert_clusters={expert.name: expert.clusters for expert in sequences},
            text_dim=text.dim,
            tokens=features.text_output(plan.text) == "tokens",
            words=[name for name in plan.experts if same_encoder(features.expert(name), text)],
            class_names=features.has_class_names(plan.text, plan.experts),
        ),
        text_encoder=plan.text,
        max_words=plan.model.max_text_tokens,
        max_tokens={expert.name: expert.max_tokens for expert in sequences},
        expert_settings={expert.name: expert.settings for expert in experts if expert.settings},
        trained_on=trained_on,
        origin=origin,
    )


def ranking_loss(training: TrainingConfig) -> nn.Module:
    """Return the ranking loss that a config names."""
    if training.loss == "info_nce":
        return InfoNCE(
            temperature=training.initial_temperature,
            same_video=training.same_video,
            learn_temperature=training.learn_temperature,
        )
    return MaxMarginRankingLoss(margin=training.margin)


def any_to_any(settings: AnyToAnyConfig | None, training: TrainingConfig) -> AnyToAny:
    """Return what a model of kind `omni` learns; without settings it aligns pairs of modalities alone."""
    settings = settings or AnyToAnyConfig(preset_from="paper", distillation_weight=0.0, tuple_weight=0.0)
    return AnyToAny(temperature=training.initial_temperature, **settings.model_dump())
