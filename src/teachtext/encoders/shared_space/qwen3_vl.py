"""Qwen3-VL-Embedding: the last state of a chat."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from teachtext.encoders.computing import TorchDevice
from teachtext.encoders.shared_space.family import CLIPS, PICTURES, TEXT, Family, Pixels, Role
from teachtext.encoders.shared_space.text_form import TextForm

_INSTRUCTION = "Represent the user's input."
# stands for the text of a chat
_TEXT = "<the text>"
_PIXELS = {"shortest_edge": 4_096, "longest_edge": 1_843_200}
# of a frame in a clip; the network joins two frames to one
_FRAME_PIXELS = {"shortest_edge": 4_096, "longest_edge": 786_432}
_JOINED = 2
_INPUTS = (
    *("input_ids", "attention_mask", "mm_token_type_ids"),
    *("pixel_values", "image_grid_thw", "pixel_values_videos", "video_grid_thw"),
)


class Qwen3VL(Family):
    """Qwen3-VL-Embedding (Qwen team, 2026): the state of the last token of a chat that shows the text or picture.

    A clip is a chat too, in which each two frames stand behind their time in seconds. Its processor in transformers
    needs torchvision, so its work is done here.
    """

    towers = frozenset({TEXT, PICTURES, CLIPS})
    trained_tokens = 8_192
    clip_frames = 16
    clip_per_second = 1.0

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

    def clip(self, frames: Sequence[Pixels]) -> torch.Tensor:
        """Return the vector of one clip of `clip_frames` frames, a second from one to the next."""
        processor, names = self.image_processor, self.tokenizer.convert_ids_to_tokens
        images = [Image.fromarray(frame) for frame in frames]
        inputs = processor(images=images, size=_FRAME_PIXELS, return_tensors="pt")
        pairs, (_, height, width) = len(frames) // _JOINED, inputs["image_grid_thw"][0].tolist()
        side = processor.patch_size
        values = inputs["pixel_values"].reshape(pairs, _JOINED, height * width, -1, _JOINED, side, side)
        # a picture stands in both places of a patch, and in a clip two frames do
        joined = torch.stack([values[:, place, :, :, place] for place in range(_JOINED)], dim=3)
        token, begin, end = names(
            [self.config.video_token_id, self.config.vision_start_token_id, self.config.vision_end_token_id]
        )
        shown = f"{begin}{token * (height * width // processor.merge_size**2)}{end}"
        seconds = [(_JOINED * pair + (_JOINED - 1) / 2) / self.clip_per_second for pair in range(pairs)]
        written = "".join(f"<{second:.1f} seconds>{shown}" for second in seconds)
        tokens = torch.tensor([self.tokenizer(self._chat({"type": "video"}).replace(token, written))["input_ids"]])
        clip = {"pixel_values_videos": joined.flatten(0, 1).flatten(1)}
        clip["video_grid_thw"] = torch.tensor([[pairs, height, width]])
        kinds = 2 * (tokens == self.config.video_token_id).int()
        text = {"input_ids": tokens, "attention_mask": torch.ones_like(tokens), "mm_token_type_ids": kinds}
        return self._last(self._on_device({**text, **clip}))

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
        states = self.model(**{name: inputs[name] for name in _INPUTS if name in inputs}, use_cache=False)
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
