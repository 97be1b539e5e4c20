"""Qwen3-VL-Embedding: the last state of a chat."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from teachtext.encoders.computing import TorchDevice
from teachtext.encoders.shared_space.family import Family, Pixels, Role
from teachtext.encoders.shared_space.text_form import TextForm

_INSTRUCTION = "Represent the user's input."
# stands for the text of a chat
_TEXT = "<the text>"
_PIXELS = {"shortest_edge": 4_096, "longest_edge": 1_843_200}


class Qwen3VL(Family):
    """Qwen3-VL-Embedding (Qwen team, 2026): the state of the last token of a chat that shows the text or picture.

    Clips are not taken here, because their processor in transformers needs torchvision; their frames are pictures.
    """

    trained_tokens = 8_192

    def __init__(self, folder: Path, place: TorchDevice) -> None:
        super().__init__(folder, place)
        self.tokenizer.padding_side = "right"

    def form(self, role: Role) -> TextForm:
        """Return the form in which the model was trained to read texts."""
        return self._form

    def text_vectors(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return the vectors of texts that are tokenised already."""
        return self._last({"input_ids": input_ids, "attention_mask": attention_mask})

    def pictures(self, pictures: Sequence[Pixels]) -> torch.Tensor:
        """Return the vectors of pictures."""
        return torch.cat([self._picture(picture) for picture in pictures])

    @property
    def picture_side(self) -> int:
        """Pixels of the side of the square to which frames of a video are decoded for the picture tower."""
        return 448

    def _picture(self, picture: Pixels) -> torch.Tensor:
        inputs = self.image_processor(images=[Image.fromarray(picture)], size=_PIXELS, return_tensors="pt")
        count = int(inputs["image_grid_thw"].prod()) // self.image_processor.merge_size**2
        ids = self.tokenizer(self._chat({"type": "image"}))["input_ids"]
        place = ids.index(self.config.image_token_id)
        tokens = torch.tensor([[*ids[:place], *[self.config.image_token_id] * count, *ids[place + 1 :]]])
        kinds = (tokens == self.config.image_token_id).int()
        text = {"input_ids": tokens, "attention_mask": torch.ones_like(tokens), "mm_token_type_ids": kinds}
        return self._last(self._on_device({**text, **inputs}))

    def _last(self, inputs: Mapping[str, Any]) -> torch.Tensor:
        """Return the states of the last valid tokens, (N, D)."""
        # the model remembers positions of the input before
        self.model.rope_deltas = None
        names = ("input_ids", "attention_mask", "mm_token_type_ids", "pixel_values", "image_grid_thw")
        states = self.model(**{name: inputs[name] for name in names if name in inputs}, use_cache=False)
        last = inputs["attention_mask"].sum(dim=1) - 1
        return torch.as_tensor(states.last_hidden_state[torch.arange(len(last)), last])

    def _chat(self, content: Mapping[str, str]) -> str:
        messages = [
            {"role": "system", "content": [{"type": "text", "text": _INSTRUCTION}]},
            {"role": "user", "content": [content]},
        ]
        return str(self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))

    @cached_property
    def _form(self) -> TextForm:
        before, _, after = self._chat({"type": "text", "text": _TEXT}).partition(_TEXT)
        return TextForm(before=before, after=after)
