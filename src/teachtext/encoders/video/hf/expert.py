"""A model of the transformers family as a video expert, by its id or folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from teachtext.devices import AUTO
from teachtext.encoders.base import Hearing, Rows, hear_all
from teachtext.encoders.computing import TorchDevice
from teachtext.encoders.hub import model_settings, resolve
from teachtext.encoders.video.hf.clips import ClipNetwork, frames_a_clip
from teachtext.encoders.video.hf.images import ImageTower
from teachtext.encoders.video.hf.network import Network
from teachtext.encoders.video.hf.processor import processor_of
from teachtext.encoders.video.hf.sounds import SoundModel
from teachtext.errors import InputError
from teachtext.video.sampling import Sampled, Sampling, Sound

Reader = ImageTower | ClipNetwork | SoundModel


class HuggingFace:
    """Any image, video or sound model. Weights must be safetensors, and code that comes with a model is never run.

    An image model (CLIP, SigLIP, DINOv2, ViT, ...) gives a row for each frame. A video network (VideoMAE, V-JEPA 2,
    TimeSformer, ViViT, ...) gives a row for each clip of some frames. A sound model (CLAP, Whisper, ...) gives a row
    for each piece of 10 s that is not silent.

    A row is the first of these that the model has: the projection into the space shared with text, its own pooled
    output, its class token, the mean of its tokens. For a sound model the last is the mean over time.

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
        folder = resolve(model)
        place = TorchDevice(device, threads=threads)
        try:
            with place.inference():
                self._reader = _reader(folder, place, {key: value for key, value in settings.items() if value})
        except InputError as error:
            raise InputError(f"{model} cannot be a video expert: {error.problem}", error.mend) from error
        except (OSError, ValueError, ImportError, LookupError, RuntimeError, TypeError, AttributeError) as error:
            # a model of any kind can fail in any way
            reason = str(error).strip().split("\n")[0]
            mend = (
                "give an image, video or sound model that transformers knows, with its processor and weights in "
                "safetensors"
            )
            raise InputError(f"{model} cannot be loaded as a video expert ({reason})", mend) from error
        self.notes = place.notes
        self._pooled = output == "pooled"
        self.sampling: Sampling = self._reader.sampling
        self.outputs: Mapping[str, int] = {name: self._reader.dim}
        self.settings: Mapping[str, Any] = {
            **model_settings(model, folder),
            "output": output,
            **self._reader.settings,
        }

    def begin(self) -> Hearing:
        """Begin with one video, if this is a sound model; see `SoundExpert.begin`."""
        assert isinstance(self._reader, SoundModel)
        return self._reader.begin(self._named)

    def encode(self, sampled: Sampled) -> dict[str, Rows]:
        """Encode one video; see `VideoExpert.encode`."""
        if isinstance(sampled, Sound):
            return hear_all(self.begin(), sampled)
        assert not isinstance(self._reader, SoundModel)
        return self._named(self._reader.rows(sampled))  # type: ignore[arg-type]

    def _named(self, rows: Rows) -> dict[str, Rows]:
        [name] = self.outputs
        if self._pooled and len(rows.values):
            return {name: Rows(rows.values.mean(axis=0, keepdims=True))}
        return {name: rows._replace(times=None) if self._pooled else rows}


def _reader(folder: Path, place: TorchDevice, settings: Mapping[str, Any]) -> Reader:
    network = Network(folder, place)
    if frames_a_clip(network.config) is not None:
        _check("a video network", settings, ("per_second", "most", "frames"))
        return ClipNetwork(network, folder, **settings)
    if "sampling_rate" in processor_of(folder):
        _check("a sound model", settings, ("most_s",))
        return SoundModel(network, folder, **settings)
    _check("an image model", settings, ("per_second", "most"))
    return ImageTower(network, folder, **settings)


def _check(kind: str, settings: Mapping[str, Any], names: Sequence[str]) -> None:
    if strange := sorted(set(settings) - set(names)):
        raise InputError(f"'{strange[0]}' is no setting of {kind}", f"choose from {', '.join(names)}")
