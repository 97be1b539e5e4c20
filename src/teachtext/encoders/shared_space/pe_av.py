"""PE-AV: Perception Encoders of clips, of sound, and of both, with texts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoFeatureExtractor

from teachtext.encoders.computing import TorchDevice
from teachtext.encoders.shared_space.family import CLIPS, SOUND, TEXT, Family, Pixels, Samples
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
        output = self.model.text_model(input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True)
        return torch.as_tensor(self._text_head(output.hidden_states[-1][:, 0]))

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
        inputs = self._on_device(self._hearing([samples], sampling_rate=self.sound_rate, return_tensors="pt"))
        part = self._sound_part
        return torch.as_tensor(part.audio_head(part.audio_encoder(**inputs).pooler_output))

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

    Clips and sound were trained against one another. Texts take the head that was trained against clips. The vector of
    a clip together with its sound is not used here.
    """

    class_name = "PeAudioVideoModel"
    towers = frozenset({TEXT, CLIPS, SOUND})

    def __init__(self, folder: Path, place: TorchDevice) -> None:
        PEVideo.__init__(self, folder, place)
        self._prepare_sound()

    @property
    def _clip_part(self) -> Any:
        return self.model.video_model

    @property
    def _sound_part(self) -> Any:
        return self.model.audio_model

    @property
    def _text_head(self) -> Any:
        return self.model.video_model.text_video_head
