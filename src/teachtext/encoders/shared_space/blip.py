"""BLIP-ITC: the projections that BLIP was trained to contrast."""

from collections.abc import Sequence

import torch

from teachtext.encoders.shared_space.family import Family, Pixels


class BLIP(Family):
    """BLIP (Li et al., ICML 2022), fine-tuned for retrieval: projections of the first states of text and picture.

    The class of transformers returns scores. These are the vectors whose cosines it computes with `use_itm_head=False`.
    """

    class_name = "BlipForImageTextRetrieval"
    trained_tokens = 35

    def text_vectors(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return the vectors of texts that are tokenised already."""
        states = self.model.text_encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return torch.as_tensor(self.model.text_proj(states[:, 0]))

    def pictures(self, pictures: Sequence[Pixels]) -> torch.Tensor:
        """Return the vectors of pictures."""
        states = self.model.vision_model(**self._picture_inputs(pictures)).last_hidden_state
        return torch.as_tensor(self.model.vision_proj(states[:, 0]))
