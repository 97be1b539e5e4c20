"""The work of a model's video processor without its class, because those of transformers need torchvision."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from teachtext.files import read_json

# where processors are kept, the special ones first; in the last file they are parts of a whole
_FILES = ("video_preprocessor_config.json", "preprocessor_config.json")
_WHOLE, _PARTS = "processor_config.json", ("video_processor", "image_processor", "feature_extractor")
_KNOWN = {"resize", "center_crop", "rescale", "normalize", "convert_rgb", "sample_frames"}
# PIL's numbers of filters, and FFmpeg's names
_FILTERS = {0: "POINT", 1: "LANCZOS", 2: "BILINEAR", 3: "BICUBIC", 4: "AREA"}
_PIL_FILTERS = {name: Image.Resampling(number) for number, name in _FILTERS.items()}


def processor_of(folder: Path) -> Mapping[str, Any]:
    """Return the settings of a model's processor.

    Raises:
        ValueError: there is none.
    """
    whole = read_json(folder / _WHOLE) if (folder / _WHOLE).is_file() else {}
    candidates = [read_json(folder / name) for name in _FILES if (folder / name).is_file()]
    candidates += [whole[part] for part in _PARTS if isinstance(whole, dict) and part in whole]
    if not candidates or not isinstance(candidates[0], dict):
        raise ValueError(f"it has no processor: none of {', '.join((*_FILES, _WHOLE))}")
    settings: Mapping[str, Any] = candidates[0]
    return settings


@dataclass(frozen=True)
class ClipProcessor:
    """How the frames of a clip become a model's input.

    Attributes:
        resize: pixels that the shorter side of a frame gets; or (height, width).
        height: pixels cut out of the middle.
        width: pixels cut out of the middle.
        interpolation: FFmpeg's name.
        scale: factor on the pixels.
        shift: added then.
        mean: subtracted then, by channel.
        std: what is divided by then, by channel.
        per_second: frames a second, where the processor tells.
        frames: frames a clip, where the processor tells.
    """

    resize: int | tuple[int, int]
    height: int
    width: int
    interpolation: str
    scale: float
    shift: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    per_second: float | None
    frames: int | None

    @classmethod
    def of(cls, folder: Path, defaults: Mapping[str, Any] = {}) -> "ClipProcessor":
        """Read the processor of a model's folder.

        Args:
            folder: of the model.
            defaults: settings of the model's family, for those that the folder leaves out.

        Raises:
            ValueError: there is none, or it asks for what is not known here.
        """
        settings = {**defaults, **processor_of(folder)}
        steps = {key.removeprefix("do_") for key, value in settings.items() if key.startswith("do_") and value}
        if strange := sorted(steps - _KNOWN):
            raise ValueError(f"its processor asks for 'do_{strange[0]}', which is not known here")
        cut = _size(settings.get("crop_size")) if settings.get("do_center_crop", "crop_size" in settings) else None
        size = _size(settings.get("size")) if settings.get("do_resize", True) else cut
        size = size or cut
        if size is None:
            raise ValueError("its processor tells no size")
        cut = cut or size
        height, width = cut if isinstance(cut, tuple) else (cut, cut)
        normalised = settings.get("do_normalize", True)
        offset = settings.get("offset", "vivit" in str(settings.get("video_processor_type", "")).lower())
        return cls(
            # a frame that is smaller than what is cut out of it would be filled up with black
            resize=max(size, height, width) if isinstance(size, int) else (max(size[0], height), max(size[1], width)),
            height=height,
            width=width,
            interpolation=_FILTERS.get(settings.get("resample", 2), "BILINEAR"),
            scale=float(settings.get("rescale_factor", 1 / 255)) if settings.get("do_rescale", True) else 1.0,
            shift=-1.0 if offset else 0.0,
            mean=_channels(settings, "image_mean") if normalised else (0.0, 0.0, 0.0),
            std=_channels(settings, "image_std") if normalised else (1.0, 1.0, 1.0),
            per_second=settings.get("fps"),
            frames=settings.get("num_frames"),
        )

    def __call__(self, clip: NDArray[np.uint8]) -> torch.Tensor:
        """Turn a clip that is resized and cut, (T, height, width, 3), into the input (1, T, 3, height, width)."""
        pixels = torch.from_numpy(clip).permute(0, 3, 1, 2).float() * self.scale + self.shift
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in (self.mean, self.std))
        return ((pixels - mean) / std)[None]

    def prepared(self, frames: Sequence[NDArray[np.uint8]]) -> torch.Tensor:
        """Resize and cut frames of any size, and turn them into the input (1, T, 3, height, width)."""
        return self(np.stack([self._cut(Image.fromarray(frame)) for frame in frames]))

    def _cut(self, frame: Image.Image) -> NDArray[np.uint8]:
        if isinstance(self.resize, int):
            # transformers rounds the longer side down
            short = min(frame.size)
            width, height = (int(side * self.resize / short) for side in frame.size)
        else:
            height, width = self.resize
        resized = frame.resize((width, height), _PIL_FILTERS[self.interpolation])
        left, top = (width - self.width) // 2, (height - self.height) // 2
        return np.asarray(resized.crop((left, top, left + self.width, top + self.height)))


def _size(size: Any) -> int | tuple[int, int] | None:
    if isinstance(size, dict) and {"height", "width"} <= size.keys():
        return int(size["height"]), int(size["width"])
    side = size.get("shortest_edge") if isinstance(size, dict) else size
    return side if isinstance(side, int) else None


def _channels(settings: Mapping[str, Any], key: str) -> tuple[float, ...]:
    values = settings.get(key)
    if isinstance(values, int | float):
        values = [values] * 3
    if not isinstance(values, list) or len(values) != 3:
        raise ValueError(f"its processor tells no '{key}' of three channels")
    return tuple(map(float, values))


def picture_side(processor: Any) -> int:
    """Return the side in pixels of the square that frames are decoded to: the size of the processor's crop."""
    if isinstance(processor, ClipProcessor):
        return max(processor.height, processor.width)
    if patches := getattr(processor, "max_num_patches", None):
        # pictures keep their shape, in that many patches
        return round(math.sqrt(patches)) * int(processor.patch_size)
    numbers = list(_numbers(getattr(processor, "size", None))) + list(_numbers(getattr(processor, "crop_size", None)))
    return max(numbers, default=224)


def _numbers(size: Any) -> Iterator[int]:
    values = dict(size).values() if size is not None and not isinstance(size, int) else [size]
    yield from (int(value) for value in values if isinstance(value, int))
