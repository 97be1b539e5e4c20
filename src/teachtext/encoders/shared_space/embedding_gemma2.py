"""EmbeddingGemma 2: one network that reads texts, pictures, clips and sound as tokens."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from PIL import Image
from transformers import AutoFeatureExtractor

from teachtext.encoders.computing import TorchDevice
from teachtext.encoders.shared_space.family import CLIPS, PICTURES, SOUND, TEXT, Family, Pixels, Role, Samples
from teachtext.encoders.shared_space.text_form import TextForm
from teachtext.encoders.video.hf.processor import ClipProcessor

_PREFIXES = {"query": "task: search result | query: ", "document": "title: none | text: "}
# tokens of a frame in a clip
_FRAME_TOKENS = 70
_FRAME_SIDE = 768


class EmbeddingGemma2(Family):
    """EmbeddingGemma 2 (Google, 2026): the mean of the states of all tokens; texts have a prefix by their role.

    Its `get_image_features` gives the tokens that the network reads, and no vector of the space. It never computes in
    half precision, for which its values are too large.
    """

    towers = frozenset({TEXT, PICTURES, CLIPS, SOUND})
    half: ClassVar[bool] = False
    clip_frames = 16
    # the processor of transformers takes a frame a second
    clip_per_second = 1.0

    def __init__(self, folder: Path, place: TorchDevice) -> None:
        super().__init__(folder, place)
        towers = {TEXT}
        if self.config.vision_config is not None:
            towers |= {PICTURES, CLIPS}
        if self.config.audio_config is not None:
            towers.add(SOUND)
            self._hearing: Any = AutoFeatureExtractor.from_pretrained(folder, trust_remote_code=False)
            self.sound_rate = self._hearing.sampling_rate
        self.towers = frozenset(towers)

    def form(self, role: Role) -> TextForm:
        """Return the form in which the model was trained to read texts."""
        return TextForm(before=_PREFIXES[role])

    def text_vectors(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return the vectors of texts that are tokenised already."""
        states = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        total = (states * attention_mask[..., None]).sum(dim=1)
        return torch.as_tensor(total / attention_mask.sum(dim=1, keepdim=True))

    def pictures(self, pictures: Sequence[Pixels]) -> torch.Tensor:
        """Return the vectors of pictures."""
        return torch.cat([self._picture(picture) for picture in pictures])

    def clip(self, frames: Sequence[Pixels]) -> torch.Tensor:
        """Return the vector of one clip: its frames one after another, without their times."""
        images = [Image.fromarray(frame) for frame in frames]
        inputs = self.image_processor(images=images, max_soft_tokens=_FRAME_TOKENS, return_tensors="pt")
        ids = [self._frame(self.config.video_token_id, int(count)) for count in inputs["num_soft_tokens_per_image"]]
        return self._mean(
            [token for frame in ids for token in frame],
            pixel_values_videos=inputs["pixel_values"],
            video_position_ids=inputs["image_position_ids"],
            num_frames_per_video=torch.tensor([len(frames)]),
        )

    def sound(self, samples: Samples) -> torch.Tensor:
        """Return the vector of one piece of sound."""
        inputs = self._hearing([samples], sampling_rate=self.sound_rate, return_tensors="pt")
        mask = inputs["input_features_mask"]
        # two convolutions keep every second step
        count = int(mask[0, ::2][::2].sum())
        ids = [self.config.boa_token_id, *[self.config.audio_token_id] * count, self.config.eoa_token_index]
        return self._mean(ids, input_features=inputs["input_features"], input_features_mask=mask)

    @property
    def picture_side(self) -> int:
        """Pixels of the side of the square to which frames of a video are decoded for the picture tower."""
        return _FRAME_SIDE

    @property
    def clip_processor(self) -> ClipProcessor:
        """How frames of a video are decoded for the clip tower: the square in the middle."""
        processor = self.image_processor
        side = int((_FRAME_TOKENS * processor.pooling_kernel_size**2) ** 0.5) * processor.patch_size
        return ClipProcessor(
            resize=side,
            height=side,
            width=side,
            interpolation="BICUBIC",
            scale=1 / 255,
            shift=0.0,
            mean=(0.0, 0.0, 0.0),
            std=(1.0, 1.0, 1.0),
            per_second=None,
            frames=None,
        )

    def _picture(self, picture: Pixels) -> torch.Tensor:
        inputs = self.image_processor(images=[Image.fromarray(picture)], return_tensors="pt")
        [count] = inputs["num_soft_tokens_per_image"]
        return self._mean(
            self._frame(self.config.image_token_id, int(count)),
            pixel_values=inputs["pixel_values"],
            image_position_ids=inputs["image_position_ids"],
        )

    def _frame(self, token: int, count: int) -> list[int]:
        return [self.config.boi_token_id, *[token] * count, self.config.eoi_token_id]

    def _mean(self, ids: Sequence[int], **inputs: torch.Tensor) -> torch.Tensor:
        """Return the mean of all states, (1, D), of tokens between those that begin and end a text."""
        special = self.tokenizer("")["input_ids"]
        begins = int(bool(special) and special[0] == self.tokenizer.bos_token_id)
        tokens = torch.tensor([[*special[:begins], *ids, *special[begins:]]])
        moved = self._on_device({"input_ids": tokens, "attention_mask": torch.ones_like(tokens), **inputs})
        return torch.as_tensor(self.model(**moved).last_hidden_state.mean(dim=1))
