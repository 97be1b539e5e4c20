"""A shared-space model: texts, pictures, clips and sound as vectors of unit length in one space."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import resample_poly

from teachtext.devices import AUTO, batch_size
from teachtext.encoders.base import Limit
from teachtext.encoders.checkpoint import first_line, too_little_memory
from teachtext.encoders.computing import TorchDevice
from teachtext.encoders.hub import model_settings, resolve
from teachtext.encoders.shared_space.families import family_of, network_folder, not_shared
from teachtext.encoders.shared_space.family import BOTH, CLIPS, PICTURES, SOUND, TEXT, Pixels, Role
from teachtext.errors import InputError

Vectors = NDArray[np.float32]
_Input = TypeVar("_Input")
_TEXTS, _GPU_TEXTS = 64, 512
_PICTURES, _GPU_PICTURES = 4, 32
PIECE_S = 10
"""Seconds of a piece of sound, each of which has a vector."""


class SharedSpace:
    """A model of one of the families in `FAMILIES`, by its folder or its id on the Hugging Face hub.

    Each family is called as it was trained: its own padding, case, prefixes, pooling and frames a clip. Weights must be
    safetensors, and code that comes with a model is never run.

    Args:
        model: a local folder, or an id of the hub; a model that is in the hub's cache needs no network.
        threads: CPU threads.
        device: where the model computes (see `teachtext.devices`).

    Attributes:
        dim: D.
        towers: kinds of input that the checkpoint takes: some of `text`, `pictures`, `clips`, `sound`,
            `clips with sound`.
        settings: everything that changes its values (JSON-able): the model, a hash of its files, its revision on the
            hub.
        notes: sentences for the user on what its device cannot do.
        limit: the length that it reads of a text; None where it reads texts of any length.

    Raises:
        InputError: no such folder or id, or a hub that cannot be reached; a model of another kind, or with weights that
            are missing or do not fit; or no such device.

    The cosine of a text and a picture is `model.encode_texts([text]) @ model.encode_pictures([picture]).T`.
    """

    def __init__(self, *, model: str, threads: int = 1, device: str = AUTO) -> None:
        folder = resolve(model)
        self._model = model
        self._place = TorchDevice(device, threads=threads)
        self.notes = self._place.notes
        with self._refusing():
            network = network_folder(folder)
            family = family_of(network)
            if family is None:
                raise not_shared(model, network)
            self.family = family(network, self._place)
            self.towers = self.family.towers
            self.limit: Limit | None = self.family.limit
            with self._place.inference():
                self.dim = self.family.texts(["a"], "query").shape[1]
                self.family.checkpoint.check_complete(self._probe)
            if self.family.half:
                self._place.use_half_if_equal(self._probe_values)
        self.settings: Mapping[str, Any] = {**model_settings(model, folder), "space": self.family.config.model_type}

    def encode_texts(self, texts: Sequence[str], *, role: Role = "query", for_both: bool = False) -> Vectors:
        """Return (N, D), of unit length; a text longer than `limit` is cut.

        Args:
            texts: N texts.
            role: `query`, or `document` for texts that queries look for; a few families tell them apart.
            for_both: for the vectors of `encode_clips_with_sound`, which lie in a space of their own.

        Raises:
            InputError: the model has no tower for clips with sound.
        """
        self._check(BOTH if for_both else TEXT)
        embed = self.family.texts_for_both if for_both else self.family.texts
        if not texts:
            return np.zeros((0, self.dim), np.float32)
        # texts of one length are padded least
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        vectors = self._in_batches(
            [texts[row] for row in order],
            batch_size(self._place.name, cpu=_TEXTS, gpu=_GPU_TEXTS),
            lambda batch: embed(batch, role),
        )
        return vectors[np.argsort(order)]

    def encode_pictures(self, pictures: Sequence[Pixels]) -> Vectors:
        """Return (N, D), of unit length, of N pictures (height, width, 3) RGB; sizes may differ.

        Raises:
            InputError: the model has no picture tower, or an array is no picture.
        """
        self._check(PICTURES)
        for picture in pictures:
            _check_frames(picture, 3)
        size = batch_size(self._place.name, cpu=_PICTURES, gpu=_GPU_PICTURES)
        return self._in_batches(pictures, size, self.family.pictures)

    def encode_clips(self, clips: Sequence[Pixels]) -> Vectors:
        """Return (N, D), of unit length, of N clips (frames, height, width, 3) RGB.

        The frames that the model takes are spread evenly over those of a clip; a short clip repeats frames.

        Raises:
            InputError: the model has no clip tower, or an array is no clip.
        """
        self._check(CLIPS)
        for clip in clips:
            _check_frames(clip, 4)
        return self._in_batches(clips, 1, lambda batch: self.family.clip(spread(batch[0], self.family.clip_frames)))

    def encode_sound(self, samples: NDArray[np.float32] | NDArray[np.int16], rate: int) -> Vectors:
        """Return (pieces, D), of unit length, of the sound's pieces of 10 s; what is left at the end is a piece too.

        Args:
            samples: (S,), all channels mixed to one: int16, or float from -1 to 1.
            rate: samples a second; other rates than the model's are resampled.

        Raises:
            InputError: the model has no sound tower, or there are no samples.
        """
        self._check(SOUND)
        wave = self._wave(samples, rate)
        length = PIECE_S * self.family.sound_rate
        pieces = [wave[start : start + length] for start in range(0, len(wave), length)]
        return self._in_batches(pieces, 1, lambda batch: self.family.sound(batch[0]))

    def encode_clips_with_sound(
        self, clips: Sequence[Pixels], sounds: Sequence[NDArray[np.float32] | NDArray[np.int16]], rate: int
    ) -> Vectors:
        """Return (N, D), of unit length, of N clips, each together with its sound. Only PE-AV has such vectors.

        They fit the texts of `encode_texts(texts, for_both=True)`.

        Args:
            clips: see `encode_clips`.
            sounds: the sound of each clip, (S,); see `encode_sound`.
            rate: samples a second.

        Raises:
            InputError: the model has no tower for clips with sound, an array is no clip or no sound, or a clip lacks
                its sound.
        """
        self._check(BOTH)
        if len(clips) != len(sounds):
            raise InputError(f"{len(clips)} clips have {len(sounds)} sounds", "give each clip its sound")
        for clip in clips:
            _check_frames(clip, 4)
        pairs = [(clip, self._wave(sound, rate)) for clip, sound in zip(clips, sounds, strict=True)]
        frames = self.family.clip_frames
        return self._in_batches(pairs, 1, lambda batch: self.family.both(spread(batch[0][0], frames), batch[0][1]))

    def _wave(self, samples: NDArray[np.float32] | NDArray[np.int16], rate: int) -> NDArray[np.float32]:
        """Return samples at the rate of the model, from -1 to 1."""
        if samples.ndim != 1 or not len(samples):
            raise InputError(f"sound of shape {samples.shape} has no samples", "give one row of samples")
        wave = samples.astype(np.float32) / np.float32(32768 if samples.dtype == np.int16 else 1)
        divisor = int(np.gcd(rate, self.family.sound_rate))
        up, down = self.family.sound_rate // divisor, rate // divisor
        return wave if up == down else np.asarray(resample_poly(wave, up, down), np.float32)

    def _in_batches(
        self, inputs: Sequence[_Input], size: int, embed: Callable[[Sequence[_Input]], torch.Tensor]
    ) -> Vectors:
        parts = [np.zeros((0, self.dim), np.float32)]
        with self._refusing(), self._place.inference():
            for start in range(0, len(inputs), size):
                vectors = embed(inputs[start : start + size]).float().flatten(1)
                if vectors.shape[1] != self.dim:
                    raise InputError(
                        f"its texts are {self.dim} wide and its other inputs {vectors.shape[1]}: no shared space",
                        "give a model whose towers end in one space",
                    )
                parts.append(torch.nn.functional.normalize(vectors, dim=1).cpu().numpy())
        return np.concatenate(parts)

    def _check(self, tower: str) -> None:
        if tower not in self.towers:
            others = ", ".join(sorted(self.towers))
            raise InputError(f"{self._model} has no tower for {tower}", f"it takes {others}; {_INSTEAD[tower]}")

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        """Turn errors of transformers and torch into one sentence."""
        try:
            yield
        except InputError as error:
            if self._model in error.problem:
                raise
            raise InputError(f"{self._model} cannot be used: {error.problem}", error.mend) from error
        except (torch.OutOfMemoryError, MemoryError) as error:
            memory = too_little_memory(self._place)
            raise InputError(f"{self._model} cannot be used: {memory.problem}", memory.mend) from error
        except Exception as error:
            # a model of any kind can fail in any way
            raise InputError(
                f"{self._model} cannot be used ({first_line(error)})",
                "give the whole folder of a model that transformers knows, with weights in safetensors",
            ) from error

    def _probe(self) -> torch.Tensor:
        """Return vectors of fixed inputs of all towers, (N, D)."""
        generator = np.random.default_rng(0)
        family, parts = self.family, [self.family.texts(["a dog runs after a ball", "two people"], "query")]
        noise = generator.integers(0, 256, (max(2, family.clip_frames), 64, 64, 3), np.uint8)
        if PICTURES in self.towers:
            parts.append(family.pictures([noise[0]]))
        if CLIPS in self.towers:
            parts.append(family.clip(spread(noise, family.clip_frames)))
        if SOUND in self.towers:
            parts.append(family.sound(hiss := generator.normal(0, 0.1, family.sound_rate).astype(np.float32)))
        if BOTH in self.towers:
            parts += [family.both(spread(noise, family.clip_frames), hiss), family.texts_for_both(["a dog"], "query")]
        return torch.cat([part.float().flatten(1) for part in parts])

    def _probe_values(self) -> Vectors:
        with self._place.inference():
            values: Vectors = torch.nn.functional.normalize(self._probe(), dim=1).cpu().numpy()
        return values


_INSTEAD: Mapping[str, str] = {
    TEXT: "for texts use a model such as openai/clip-vit-base-patch32",
    PICTURES: "for pictures use a model such as openai/clip-vit-base-patch32",
    CLIPS: "for clips use a model such as microsoft/xclip-base-patch32, or the mean of the vectors of frames",
    SOUND: "for sound use a model such as laion/clap-htsat-unfused",
    BOTH: "for clips together with their sound use a model such as facebook/pe-av-small",
}


def spread(frames: Sequence[Pixels] | Pixels, count: int) -> list[Pixels]:
    """Return `count` frames that lie evenly over a clip, the first and the last among them.

    >>> [int(frame[0]) for frame in spread(np.array([[0], [1], [2]]), 5)]
    [0, 0, 1, 2, 2]
    """
    places = np.linspace(0, len(frames) - 1, count).round().astype(int)
    return [frames[place] for place in places]


def _check_frames(pixels: Pixels, axes: int) -> None:
    if pixels.ndim != axes or pixels.shape[-1] != 3 or pixels.dtype != np.uint8 or not pixels.size:
        form = "(height, width, 3)" if axes == 3 else "(frames, height, width, 3)"
        raise InputError(
            f"an array of shape {pixels.shape} and type {pixels.dtype} is no {'picture' if axes == 3 else 'clip'}",
            f"give uint8 of shape {form}",
        )
