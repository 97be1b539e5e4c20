"""The embedder of a shared-space model: queries by its text tower, videos by the tower that sees or hears them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.data.types import FeatureRows
from teachtext.devices import AUTO
from teachtext.encoders.embedder import VideoVectors
from teachtext.encoders.registry import VIDEO_EXPERTS
from teachtext.encoders.shared_space.family import CLIPS, PICTURES, SOUND
from teachtext.encoders.shared_space.model import SharedSpace
from teachtext.encoders.shared_space.queries import SharedQueries
from teachtext.files import fingerprint

# a video is described by the first of these towers that the model has
_TOWERS = (PICTURES, CLIPS, SOUND)
_VERSION = 1


class SharedEmbedder(SharedQueries):
    """A model with one space for texts and videos (see `teachtext.encoders.embedder.Embedder`). Threads may share it.

    There is one expert, the model itself, and one space, which has the name of the tower that describes videos:
    `pictures`, `clips` or `sound`. A video's vector is the mean of the unit vectors of its frames, clips or pieces of
    sound, made unit again.

    Args:
        model: a local folder, or an id of the Hugging Face hub, without `hf:`.
        threads: CPU threads.
        device: where the model computes (see `teachtext.devices`).

    Attributes:
        space: the model.

    Raises:
        InputError: see `SharedSpace`.
    """

    def __init__(self, *, model: str, threads: int = 1, device: str = AUTO) -> None:
        self.space = SharedSpace(model=model, threads=threads, device=device)
        # pooled: the index joins such rows of a long video to segments
        self._expert = VIDEO_EXPERTS.full_spec(f"hf:{model}#pooled", Path())
        tower = next(name for name in _TOWERS if name in self.space.towers)
        settings = self.space.settings
        super().__init__(encode=self.space.encode_texts, limit=self.space.limit, space=tower)
        self.experts: Sequence[str] = [self._expert]
        self.expert_settings: Mapping[str, Mapping[str, Any]] = {}
        self.spaces: Mapping[str, int] = {tower: self.space.dim}
        self.identity: Mapping[str, Any] = {
            "kind": "shared",
            "name": str(settings["model"]).rpartition("/")[2],
            "model": self._expert.removeprefix("hf:").removesuffix("#pooled"),
            "tower": tower,
            "fingerprint": fingerprint([settings["files"], settings["space"], _VERSION]),
            **{key: settings[key] for key in ("revision",) if key in settings},
        }

    def embed_videos(self, files: Mapping[str, FeatureRows], video_ids: Sequence[str]) -> list[VideoVectors]:
        """Embed B videos; see `Embedder.embed_videos`."""
        [tower] = self.spaces
        file = files[self._expert]
        return [{tower: _mean_direction(file.read(name))} if file.rows_of(name) else {} for name in video_ids]


def _mean_direction(rows: NDArray[Any]) -> NDArray[np.float32]:
    """Return the mean of rows (N, D) in unit length, (D,)."""
    mean = rows.astype(np.float32).mean(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), np.float32)
