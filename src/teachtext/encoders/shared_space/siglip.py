"""SigLIP and SigLIP 2: texts padded to the full length and read without a mask, in lower case."""

import re
import string
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from teachtext.encoders.shared_space.family import Family
from teachtext.files import read_json

_PUNCTUATION = str.maketrans("", "", string.punctuation)


class SigLIP(Family):
    """SigLIP (Zhai et al., ICCV 2023) and SigLIP 2 (Tschannen et al., 2025), of fixed resolution or NaFlex.

    The vector of a text is the state of its last position. So it depends on the padding, and every text is padded to
    the full length. SigLIP was trained without punctuation, SigLIP 2 with it. NaFlex keeps the shape of a picture: its
    processor gives patches, with a mask and the shape.
    """

    def prepared_text(self, text: str) -> str:
        """Return a text in lower case, for SigLIP 1 without punctuation."""
        text = text.lower()
        return re.sub(r"\s+", " ", text.translate(_PUNCTUATION)).strip() if self._drops_punctuation else text

    @cached_property
    def _drops_punctuation(self) -> bool:
        path = self.folder / "tokenizer_config.json"
        settings = read_json(path) if path.is_file() else {}
        return str(settings.get("tokenizer_class", "")).removesuffix("Fast") == "SiglipTokenizer"

    def _text_inputs(self, texts: Sequence[str], **options: Any) -> Mapping[str, Any]:
        inputs = super()._text_inputs(texts, padding="max_length", **options)
        return {"input_ids": inputs["input_ids"]}
