"""What a family of shared-space models has to say: how its checkpoint turns each kind of input into a vector."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from transformers import AutoImageProcessor

from teachtext.encoders.base import Limit
from teachtext.encoders.checkpoint import Checkpoint, load_tokenizer
from teachtext.encoders.computing import TorchDevice
from teachtext.encoders.shared_space.text_form import TextForm
from teachtext.encoders.text.transformer import positions
from teachtext.encoders.video.hf.processor import ClipProcessor, picture_side
from teachtext.errors import InputError

Pixels = NDArray[np.uint8]
Samples = NDArray[np.float32]
Role = Literal["query", "document"]
TEXT, PICTURES, CLIPS, SOUND, BOTH = "text", "pictures", "clips", "sound", "clips with sound"
# pixels; the largest picture towers take about a thousand
_MOST_SIDE = 4096


class Family:
    """A checkpoint of a family. This class does what most families share; a family overrides the rest.

    A method of a tower takes a batch, and returns (N, D) that need not have unit length. No vector may depend on the
    other inputs of the batch.

    Args:
        folder: of the model.
        place: the device that it computes on.

    Attributes:
        class_name: class of transformers that holds all towers.
        attention: implementation of attention in transformers, where the default is not right.
        towers: kinds of input that the checkpoint takes.
        half: whether the family may compute in half precision.
        lower: whether texts are read in lower case.
        padded: whether every text is padded to the full length.
        trained_tokens: tokens of a text in training, where the config does not state them.
        sound_rate: samples a second that `sound` takes.
        clip_frames: frames of one clip; a clip with other frames is sampled down or repeated.
        clip_per_second: frames a second of the clips in training.
    """

    class_name: ClassVar[str] = "AutoModel"
    attention: ClassVar[str | None] = None
    towers: frozenset[str] = frozenset({TEXT, PICTURES})
    half: ClassVar[bool] = True
    lower: ClassVar[bool] = False
    padded: ClassVar[bool] = False
    trained_tokens: ClassVar[int | None] = None
    sound_rate: int = 48_000
    clip_frames: int = 8
    clip_per_second: float = 4.0

    def __init__(self, folder: Path, place: TorchDevice) -> None:
        self.folder = folder
        self.place = place
        self.checkpoint = Checkpoint(folder, place, class_name=self.class_name, attention=self.attention)
        self.model, self.config = self.checkpoint.model, self.checkpoint.config
        self.tokenizer: Any = load_tokenizer(folder)
        self.max_tokens = self._max_tokens()
        self.image_processor: Any = self._image_processor() if {PICTURES, CLIPS} & self.towers else None
        if self.image_processor is not None and self.picture_side > _MOST_SIDE:
            raise InputError(
                f"its processor makes pictures of {self.picture_side:,} pixels a side",
                "give the folder as its authors published it",
            )

    @property
    def limit(self) -> Limit:
        """The length that the text tower reads of a text."""
        return Limit(self._most, "tokens", self._lengths)

    @property
    def picture_side(self) -> int:
        """Pixels of the side of the square to which frames of a video are decoded for the picture tower."""
        return picture_side(self.image_processor)

    @property
    def clip_processor(self) -> ClipProcessor:
        """How frames of a video are decoded for the clip tower."""
        return ClipProcessor.of(self.folder)

    def texts(self, texts: Sequence[str], role: Role) -> torch.Tensor:
        """Return the vectors of texts."""
        return self.text_vectors(**self._text_inputs(texts, role))

    def text_vectors(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return the vectors of texts that are tokenised already, (N, L) each."""
        return pooled(self.model.get_text_features(input_ids=input_ids, attention_mask=attention_mask))

    def pictures(self, pictures: Sequence[Pixels]) -> torch.Tensor:
        """Return the vectors of pictures, (height, width, 3) each."""
        return pooled(self.model.get_image_features(**self._picture_inputs(pictures)))

    def clip(self, frames: Sequence[Pixels]) -> torch.Tensor:
        """Return the vector of one clip of `clip_frames` frames."""
        raise NotImplementedError

    def sound(self, samples: Samples) -> torch.Tensor:
        """Return the vector of one piece of sound of `sound_rate`, from -1 to 1."""
        raise NotImplementedError

    def both(self, frames: Sequence[Pixels], samples: Samples) -> torch.Tensor:
        """Return the vector of one clip of `clip_frames` frames together with its sound."""
        raise NotImplementedError

    def texts_for_both(self, texts: Sequence[str], role: Role) -> torch.Tensor:
        """Return the vectors of texts that fit those of clips with sound."""
        raise NotImplementedError

    def form(self, role: Role) -> TextForm:
        """Return the form in which the model was trained to read texts."""
        return TextForm(lower=self.lower)

    def _image_processor(self) -> Any:
        # on PIL, because the alternative needs torchvision
        return AutoImageProcessor.from_pretrained(self.folder, trust_remote_code=False, backend="pil")

    def _text_inputs(self, texts: Sequence[str], role: Role) -> Mapping[str, torch.Tensor]:
        form = self.form(role)
        written = [form.fitting(text, self._most, ids_of=self._ids, text_of=self.tokenizer.decode) for text in texts]
        inputs = self.tokenizer(
            written,
            padding="max_length" if self.padded else True,
            truncation=not form.after,
            max_length=None if form.after else self.max_tokens,
            return_tensors="pt",
        )
        return self._on_device({name: inputs[name] for name in ("input_ids", "attention_mask")})

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        return ids

    def _picture_inputs(self, pictures: Sequence[Pixels]) -> Mapping[str, Any]:
        return self._on_device(self.image_processor(images=list(map(Image.fromarray, pictures)), return_tensors="pt"))

    def _on_device(self, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        return {name: value.to(self.place.name) for name, value in inputs.items()}

    def _max_tokens(self) -> int:
        config = getattr(self.config, "text_config", self.config)
        limits = (self.trained_tokens, positions(config), self.tokenizer.model_max_length)
        return min(limit for limit in limits if limit)

    @cached_property
    def _most(self) -> int:
        """The tokens of a text that are read: all but those of the prompt."""
        with_prompt, empty = self.tokenizer([self.form("query").prompted(""), ""], verbose=False)["input_ids"]
        return self.max_tokens - len(with_prompt) + len(empty)

    def _lengths(self, texts: Sequence[str]) -> list[int]:
        form = self.form("query")
        return list(map(len, self.tokenizer([form.prepared(text) for text in texts], verbose=False)["input_ids"]))


def pooled(output: Any) -> torch.Tensor:
    """Return (N, D) of what a method `get_*_features` of transformers returns."""
    return torch.as_tensor(output if isinstance(output, torch.Tensor) else output.pooler_output)
