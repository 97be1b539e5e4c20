"""PE-AV: Perception Encoders of clips, of sound, and of both, with texts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoFeatureExtractor

from teachtext.encoders.computing import TorchDevice
from teachtext.encoders.shared_space.family import BOTH, CLIPS, SOUND, TEXT, Family, Pixels, Role, Samples
from teachtext.encoders.video.hf.processor import ClipProcessor

_FRAMES, _SECONDS = 16, 10


class PEVideo(Family):
    """PE-AV's model of clips (Meta, 2025).

    A text is the state of its first token, by the head for clips. Methods of transformers that should return such
    vectors cannot be reached in version 5.23, so the vectors are computed as its `forward` computes them.
    """

    class_name = "PeVideoModel"
    towers = frozenset({TEXT, CLIPS})

    def __init__(self, folder: Path, place: TorchDevice) -> None:
        super().__init__(folder, place)
        self.clip_frames = self.clip_processor.frames or _FRAMES
        self.clip_per_second = self.clip_frames / _SECONDS

    def text_vectors(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return the vectors of texts that are tokenised already."""
        return torch.as_tensor(self._text_head(self._text_states(input_ids, attention_mask)))

    def _text_states(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        output = self.model.text_model(input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True)
        return torch.as_tensor(output.hidden_states[-1][:, 0])

    def clip(self, frames: Sequence[Pixels]) -> torch.Tensor:
        """Return the vector of one clip of `clip_frames` frames."""
        part = self._clip_part
        pixels = self.clip_processor.prepared(frames).to(self.place.name)
        return torch.as_tensor(part.video_head(part.video_encoder(pixel_values_videos=pixels).pooler_output))

    @property
    def clip_processor(self) -> ClipProcessor:
        """How frames of a video are decoded for the clip tower."""
        processor: ClipProcessor = self.image_processor
        return processor

    @property
    def _clip_part(self) -> Any:
        return self.model

    @property
    def _text_head(self) -> Any:
        return self.model.text_video_head

    def _image_processor(self) -> ClipProcessor:
        return ClipProcessor.of(self.folder)


class PEAudio(PEVideo):
    """PE-AV's model of sound. A text is the state of its first token, by the head for sound."""

    class_name = "PeAudioModel"
    towers = frozenset({TEXT, SOUND})

    def __init__(self, folder: Path, place: TorchDevice) -> None:
        Family.__init__(self, folder, place)
        self._prepare_sound()

    def sound(self, samples: Samples) -> torch.Tensor:
        """Return the vector of one piece of sound."""
        part = self._sound_part
        return torch.as_tensor(part.audio_head(part.audio_encoder(**self._heard(samples)).pooler_output))

    def _heard(self, samples: Samples) -> Mapping[str, Any]:
        return self._on_device(self._hearing([samples], sampling_rate=self.sound_rate, return_tensors="pt"))

    def _prepare_sound(self) -> None:
        self._hearing: Any = AutoFeatureExtractor.from_pretrained(self.folder, trust_remote_code=False)
        self.sound_rate = self._hearing.sampling_rate

    @property
    def _sound_part(self) -> Any:
        return self.model

    @property
    def _text_head(self) -> Any:
        return self.model.text_audio_head


class PEAudioVideo(PEAudio):
    """PE-AV's model of clips and sound.

    Clips and sound were trained against one another. Texts take the head that was trained against clips. A clip
    together with its sound has a vector in a space of its own, for which texts have another head.
    """

    class_name = "PeAudioVideoModel"
    towers = frozenset({TEXT, CLIPS, SOUND, BOTH})

    def __init__(self, folder: Path, place: TorchDevice) -> None:
        PEVideo.__init__(self, folder, place)
        self._prepare_sound()

    def both(self, frames: Sequence[Pixels], samples: Samples) -> torch.Tensor:
        """Return the vector of one clip of `clip_frames` frames together with its sound."""
        pixels = self.clip_processor.prepared(frames).to(self.place.name)
        embedded = self.model.get_audio_video_embeds(pixel_values_videos=pixels, **self._heard(samples))
        return torch.as_tensor(embedded.audio_video_embeds)

    def texts_for_both(self, texts: Sequence[str], role: Role) -> torch.Tensor:
        """Return the vectors of texts that fit those of clips with sound."""
        return torch.as_tensor(self.model.text_audio_video_head(self._text_states(**self._text_inputs(texts, role))))

    @property
    def _clip_part(self) -> Any:
        return self.model.video_model

    @property
    def _sound_part(self) -> Any:
        return self.model.audio_model

    @property
    def _text_head(self) -> Any:
        return self.model.video_model.text_video_head
