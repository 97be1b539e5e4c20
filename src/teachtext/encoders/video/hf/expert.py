"""A model of the transformers family as a video expert, by its id or folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from teachtext.devices import AUTO
from teachtext.encoders.base import Hearing, Rows, hear_all
from teachtext.encoders.checkpoint import first_line
from teachtext.encoders.computing import TorchDevice
from teachtext.encoders.hub import model_settings, resolve
from teachtext.encoders.shared_space.families import family_of, network_folder
from teachtext.encoders.shared_space.family import CLIPS, PICTURES
from teachtext.encoders.shared_space.model import SharedSpace
from teachtext.encoders.video.hf.clips import ClipNetwork, frames_a_clip
from teachtext.encoders.video.hf.images import ImageTower
from teachtext.encoders.video.hf.network import Network
from teachtext.encoders.video.hf.processor import processor_of
from teachtext.encoders.video.hf.shared import SharedClips, SharedPictures, SharedSound
from teachtext.encoders.video.hf.sounds import SoundModel
from teachtext.errors import InputError
from teachtext.video.sampling import Sampled, Sampling, Sound

Reader = ImageTower | ClipNetwork | SoundModel | SharedPictures | SharedClips | SharedSound
_OF_IMAGES, _OF_SOUND = ("per_second", "most"), ("most_s",)


class HuggingFace:
    """Any image, video or sound model. Weights must be safetensors, and code that comes with a model is never run.

    An image model (CLIP, SigLIP, DINOv2, ViT, ...) gives a row for each frame. A video network (X-CLIP, VideoMAE,
    V-JEPA 2, TimeSformer, ViViT, ...) gives a row for each clip of some frames. A sound model (CLAP, Whisper, ...)
    gives a row for each piece of 10 s that is not silent.

    A model with one space for texts and videos (see `teachtext.encoders.shared_space`) gives rows of that space, of
    unit length. A row of another model is the first of these that the model has: its own pooled output, its class
    token, the mean of its tokens. For a sound model the last is the mean over time.

    Args:
        model: a local folder, or an id of the Hugging Face hub; a model that is in the hub's cache needs no network.
        output: `frames` = a row a frame, clip or piece, with times; `pooled` = their mean, one row.
        name: the name of the output.
        threads: CPU threads.
        device: where the model computes (see `teachtext.devices`).
        per_second: frames a second; by default 1, and for a video network that of the training of its family.
        most: frames or clips a video, at most; by default 32.
        frames: frames a clip of a video network; by default those of its config.
        most_s: seconds of sound, at most; by default an hour.

    Raises:
        InputError: no such folder or id, or no network; a model that breaks these rules; a setting that the model does
            not have; or no such device.
    """

    def __init__(
        self,
        *,
        model: str,
        output: Literal["frames", "pooled"],
        name: str,
        threads: int = 1,
        device: str = AUTO,
        per_second: float | None = None,
        most: int | None = None,
        frames: int | None = None,
        most_s: float | None = None,
    ) -> None:
        settings = {"per_second": per_second, "most": most, "frames": frames, "most_s": most_s}
        chosen = {key: value for key, value in settings.items() if value}
        folder = resolve(model)
        build = _other if family_of(network_folder(folder)) is None else _shared
        self._reader, identity, self.notes = build(model, folder, TorchDevice(device, threads=threads), chosen)
        self._pooled = output == "pooled"
        self.sampling: Sampling = self._reader.sampling
        self.outputs: Mapping[str, int] = {name: self._reader.dim}
        self.settings: Mapping[str, Any] = {**identity, "output": output, **self._reader.settings}

    def begin(self) -> Hearing:
        """Begin with one video, if this is a sound model; see `SoundExpert.begin`."""
        assert isinstance(self._reader, SoundModel | SharedSound)
        return self._reader.begin(self._named)

    def encode(self, sampled: Sampled) -> dict[str, Rows]:
        """Encode one video; see `VideoExpert.encode`."""
        if isinstance(sampled, Sound):
            return hear_all(self.begin(), sampled)
        assert not isinstance(self._reader, SoundModel | SharedSound)
        return self._named(self._reader.rows(sampled))  # type: ignore[arg-type]

    def _named(self, rows: Rows) -> dict[str, Rows]:
        [name] = self.outputs
        if self._pooled and len(rows.values):
            return {name: Rows(rows.values.mean(axis=0, keepdims=True))}
        return {name: rows._replace(times=None) if self._pooled else rows}


def _shared(
    model: str, folder: Path, place: TorchDevice, settings: Mapping[str, Any]
) -> tuple[Reader, Mapping[str, Any], list[str]]:
    """Return the reader of a model with a shared space, the settings of the model, and notes on its device."""
    space = SharedSpace(model=model, threads=place.threads, device=place.name)
    if PICTURES in space.towers:
        _check("an image model", settings, _OF_IMAGES)
        return SharedPictures(space, **settings), space.settings, space.notes
    if CLIPS in space.towers:
        _check("a model of clips in a shared space", settings, _OF_IMAGES)
        return SharedClips(space, **settings), space.settings, space.notes
    _check("a sound model", settings, _OF_SOUND)
    return SharedSound(space, **settings), space.settings, space.notes


def _other(
    model: str, folder: Path, place: TorchDevice, settings: Mapping[str, Any]
) -> tuple[Reader, Mapping[str, Any], list[str]]:
    """Return the reader of any other model, the settings of the model, and notes on its device."""
    try:
        with place.inference():
            return _reader(Network(folder, place), folder, settings), model_settings(model, folder), place.notes
    except InputError as error:
        raise InputError(f"{model} cannot be a video expert: {error.problem}", error.mend) from error
    except (OSError, ValueError, ImportError, LookupError, RuntimeError, TypeError, AttributeError) as error:
        # a model of any kind can fail in any way
        mend = (
            "give an image, video or sound model that transformers knows, with its processor and weights in safetensors"
        )
        raise InputError(f"{model} cannot be loaded as a video expert ({first_line(error)})", mend) from error


def _reader(network: Network, folder: Path, settings: Mapping[str, Any]) -> Reader:
    if frames_a_clip(network.config) is not None:
        _check("a video network", settings, ("per_second", "most", "frames"))
        return ClipNetwork(network, folder, **settings)
    if "sampling_rate" in processor_of(folder):
        _check("a sound model", settings, _OF_SOUND)
        return SoundModel(network, folder, **settings)
    _check("an image model", settings, _OF_IMAGES)
    return ImageTower(network, folder, **settings)


def _check(kind: str, settings: Mapping[str, Any], names: Sequence[str]) -> None:
    if strange := sorted(set(settings) - set(names)):
        raise InputError(f"'{strange[0]}' is no setting of {kind}", f"choose from {', '.join(names)}")
