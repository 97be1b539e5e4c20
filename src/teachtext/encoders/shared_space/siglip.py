"""SigLIP and SigLIP 2: texts padded to the full length and read without a mask, in lower case."""

from functools import cached_property

import torch

from teachtext.encoders.shared_space.family import Family, Role, pooled
from teachtext.encoders.shared_space.text_form import TextForm
from teachtext.files import read_json


class SigLIP(Family):
    """SigLIP (Zhai et al., ICCV 2023) and SigLIP 2 (Tschannen et al., 2025), of fixed resolution or NaFlex.

    The vector of a text is the state of its last position. So it depends on the padding, and every text is padded to
    the full length. SigLIP was trained without punctuation, SigLIP 2 with it. NaFlex keeps the shape of a picture: its
    processor gives patches, with a mask and the shape.
    """

    padded = True

    def form(self, role: Role) -> TextForm:
        """Return the form in which the model was trained to read texts: in lower case, SigLIP 1 without punctuation."""
        return TextForm(lower=True, without_punctuation=self._drops_punctuation)

    def text_vectors(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return the vectors of texts that are tokenised already; padding is read too."""
        return pooled(self.model.get_text_features(input_ids=input_ids))

    @cached_property
    def _drops_punctuation(self) -> bool:
        path = self.folder / "tokenizer_config.json"
        settings = read_json(path) if path.is_file() else {}
        return str(settings.get("tokenizer_class", "")).removesuffix("Fast") == "SiglipTokenizer"
