"""Published objectives by name, as settings of the parts.

What belongs to a method's ranking loss, model or data is not here: `training.loss` is the user's choice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from teachtext.learning.distillation.parts import Parts

PresetFrom = Literal["paper", "code"]


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A published objective.

    Attributes:
        what: the publication, and what of its method is left out.
        parts: the settings of the paper.
        code: settings in which the released code differs from the paper, by name.
    """

    what: str
    parts: Parts
    code: Mapping[str, Any] = field(default_factory=dict)


PRESETS: dict[str, Preset] = {
    "teachtext": Preset(
        what="Croitoru et al., ICCV 2021. The teachers may have other text encoders or more experts than the student.",
        parts=Parts(
            pool="mean",
            pairs="all",
            target="raw",
            distance="huber",
            threshold=1.0,
            direction="rows",
            reduction="mean_pairs",
            weight=1.0,
        ),
    ),
    "c2kd": Preset(
        what="Rouditchenko et al., ICASSP 2023, as on MSR-VTT: one loss for each language, teachers read English. The "
        "code exchanges 'min' and 'max', and counts the ranking loss of English twice. Its alpha of 0.5 is of a sum "
        "over both directions: 1 of 'info_nce', which takes their mean.",
        parts=Parts(
            pool="min",
            pairs="all",
            target="softmax",
            temperature=0.1,
            distance="kl",
            direction="both",
            reduction="mean_lists",
            weight=0.5,
            ranking_weight=1.0,
        ),
        code={"pool": "max", "english_weight": 2.0},
    ),
    "teachclip": Preset(
        what="Tian et al., CVPR 2024, without its frame weights, which 'method: teachclip' has. CLIP's logits are 100 "
        "cosines: temperature 0.01.",
        parts=Parts(
            pool="none",
            pairs="all",
            target="softmax",
            temperature=0.01,
            distance="pearson",
            direction="both",
            reduction="mean_lists",
            weight=1.0,
        ),
        code={"ranking_weight": 0.2},
    ),
    "dcd": Preset(
        what="Rao et al., IEEE TMM 2023, for video to text. Its hard candidates hold for the distance; the ranking "
        "loss sees all. In the code the weights of its samples cancel, and the right pair gets the highest score.",
        parts=Parts(
            pool="none",
            pairs="top",
            candidates=7,
            target="raw",
            distance="mse",
            direction="columns",
            reduction="mean_pairs",
            weight=0.2,
            ranking_weight=0.8,
            samples="entropy_share",
            ranking_samples="entropy_share",
        ),
        code={"samples": "uniform", "label_first": True},
    ),
    "momentum": Preset(
        what="Momentum distillation, Li et al., NeurIPS 2021 (CLIP2TV has it for video), without a queue. The label is "
        "in the target, so the ranking loss has weight 0.",
        parts=Parts(
            source="momentum",
            momentum=0.995,
            pool="none",
            pairs="all",
            target="softmax",
            temperature=0.07,
            label_share=0.6,
            distance="kl",
            direction="both_halved",
            reduction="mean_lists",
            weight=1.0,
            ranking_weight=0.0,
        ),
    ),
    "crosskd": Preset(
        what="CrossKD, ACCV 2022: the student's own caption-to-caption similarities, with MSVD's "
        "temperature. The teachers' loss that it can be added to is left out.",
        parts=Parts(
            source="captions",
            pool="none",
            pairs="all",
            target="softmax",
            temperature=2.0,
            distance="kl",
            direction="rows",
            reduction="mean_lists",
            weight=1.0,
        ),
    ),
    "fusion": Preset(
        what="Ours, after OmniRetriever (2026): the student's fused matrix teaches that of each expert alone. Its keys "
        "are fused embeddings in one space, which models with a space an expert do not have.",
        parts=Parts(
            source="own",
            views="experts",
            pool="none",
            pairs="all",
            target="softmax",
            temperature=0.1,
            distance="kl",
            direction="both_halved",
            reduction="mean_lists",
            weight=1.0,
        ),
    ),
}


def preset(name: str, *, preset_from: PresetFrom = "paper") -> Parts:
    """Return the parts of a published objective.

    Args:
        name: a name of `PRESETS`.
        preset_from: the settings of the paper, or those of the released code where it differs.

    >>> preset("c2kd").pool, preset("c2kd", preset_from="code").pool
    ('min', 'max')
    """
    published = PRESETS[name]
    return replace(published.parts, **published.code) if preset_from == "code" else published.parts
