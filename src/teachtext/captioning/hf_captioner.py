"""Captions by an image captioner of transformers: of the picture in the middle of each event."""

import io
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from PIL import Image
from transformers import AutoImageProcessor

from teachtext.captioning.captioner import Event, EventCaption
from teachtext.data.types import Video
from teachtext.devices import AUTO
from teachtext.encoders.checkpoint import Checkpoint, first_line, load_tokenizer, too_little_memory
from teachtext.encoders.computing import TorchDevice
from teachtext.encoders.hub import model_settings, quiet, resolve
from teachtext.errors import InputError
from teachtext.files import read_json
from teachtext.video.frames import thumbnail

_MOST_TOKENS = 40
# an encoder of pictures and a decoder of texts, joined by the class of transformers that loads both
_JOINED = "vision-encoder-decoder"


class HuggingFaceCaptioner:
    """Any model of transformers that turns a picture into a text without a prompt, such as BLIP and GIT.

    Weights must be safetensors, and code that comes with a model is never run. The most likely word is taken at each
    place, so that the same picture has the same caption.

    Args:
        model: a local folder, or an id of the Hugging Face hub; a model that is in the hub's cache needs no network.
        device: where the model computes (see `teachtext.devices`).
        threads: CPU threads.

    Raises:
        InputError: no such model, a hub that cannot be reached, a model that writes no captions, or no such device.
    """

    needs_events = True

    def __init__(self, model: str, *, device: str = AUTO, threads: int = 1) -> None:
        folder = resolve(model)
        self._place = TorchDevice(device, threads=threads)
        kind = read_json(folder / "config.json").get("model_type")
        class_name = "VisionEncoderDecoderModel" if kind == _JOINED else "AutoModelForImageTextToText"
        try:
            checkpoint = Checkpoint(folder, self._place, class_name=class_name)
            with quiet():
                self._prepare: Any = AutoImageProcessor.from_pretrained(folder, trust_remote_code=False, backend="pil")
            self._tokenizer = load_tokenizer(folder)
            self._model = checkpoint.model
            with self._place.inference():
                checkpoint.check_complete(self._first_scores)
        except InputError as error:
            raise InputError(f"the captioner '{model}' cannot be used: {error.problem}", error.mend) from error
        except Exception as error:
            # a model that is no captioner can fail anywhere
            raise InputError(
                f"the captioner '{model}' cannot be used ({first_line(error)})",
                "give a model that captions pictures without a prompt, such as BLIP or GIT",
            ) from error
        self.settings: Mapping[str, Any] = {**model_settings(model, folder), "tokens": _MOST_TOKENS}

    @property
    def name(self) -> str:
        """The captioner in messages."""
        return f"the captioner '{self.settings['model']}'"

    def caption(self, video: Video, events: Sequence[Event]) -> Sequence[EventCaption]:
        """Return a caption of the picture in the middle of each event."""
        if video.path is None:
            raise InputError(f"'{video.id}' has no video file", "give its captions in a file")
        captions = []
        for event in events:
            middle_s = None if event.end_s is None else (event.start_s + event.end_s) / 2
            picture = Image.open(io.BytesIO(thumbnail(video.path, middle_s))).convert("RGB")
            captions.append(EventCaption(event, self._write(picture)))
        return captions

    def remarks(self, asked: Collection[str]) -> Sequence[str]:
        """Return nothing: captions are written on demand."""
        return ()

    def _write(self, picture: Image.Image) -> str:
        try:
            with quiet(), self._place.inference():
                tokens = self._generate(picture, _MOST_TOKENS).sequences
            text: str = self._tokenizer.batch_decode(tokens, skip_special_tokens=True)[0]
        except (torch.OutOfMemoryError, MemoryError) as error:
            raise too_little_memory(self._place) from error
        except Exception as error:
            # a model may fail on a text of a length that it was not made for
            raise InputError(f"{self.name} failed ({first_line(error)})", "give another captioner") from error
        return text.strip()

    def _generate(self, picture: Image.Image, most: int) -> Any:
        pixels = self._prepare(images=[picture], return_tensors="pt")["pixel_values"].to(self._place.name)
        return self._model.generate(
            pixel_values=pixels,
            max_new_tokens=most,
            do_sample=False,
            num_beams=1,
            num_return_sequences=1,
            output_logits=True,
            return_dict_in_generate=True,
        )

    def _first_scores(self) -> torch.Tensor:
        """Return the scores of the first word for a picture of one colour."""
        scores: torch.Tensor = self._generate(Image.new("RGB", (64, 64), (90, 120, 150)), 1).logits[0]
        return scores
