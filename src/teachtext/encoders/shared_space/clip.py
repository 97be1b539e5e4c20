"""CLIP and its kin: two towers with `get_text_features` and `get_image_features`."""

from teachtext.encoders.shared_space.family import Family


class CLIP(Family):
    """CLIP (Radford et al., ICML 2021) and MetaCLIP 2 (Chuang et al., 2025): the end-of-text state."""


class AIMv2(Family):
    """AIMv2-LiT (Fini et al., CVPR 2025): the state of the end-of-text token, each token reading those before it.

    The default attention of transformers reads both ways where no text of the batch is padded.
    """

    attention = "eager"


class ChineseCLIP(Family):
    """Chinese CLIP (Yang et al., 2022): a BERT as text tower."""

    trained_tokens = 52


class AltCLIP(Family):
    """AltCLIP (Chen et al., 2022): XLM-RoBERTa as text tower."""

    trained_tokens = 77


class ALIGN(Family):
    """ALIGN (Jia et al., ICML 2021): a BERT and an EfficientNet."""

    trained_tokens = 64
