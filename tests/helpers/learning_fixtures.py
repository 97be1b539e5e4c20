"""A tiny world: videos that some experts describe, captions, their features on disk, and models to read them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from teachtext.data.batch import Batch
from teachtext.data.feature_writer import FeatureWriter
from teachtext.data.features import Features
from teachtext.data.protocol import Caption
from teachtext.data.store import FeatureFile
from teachtext.learning.checkpoint import ModelSpec


@pytest.fixture(autouse=True)
def one_thread_and_seeded() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


@dataclass(frozen=True)
class World:
    folder: Path
    videos: Sequence[str]
    captions: Sequence[Caption]

    @property
    def caption_ids(self) -> list[str]:
        return [caption.id for caption in self.captions]

    @property
    def by_video(self) -> dict[str, list[str]]:
        own: dict[str, list[str]] = {}
        for caption in self.captions:
            own.setdefault(caption.video_id, []).append(caption.id)
        return own

    def file(self, name: str) -> FeatureFile:
        return FeatureFile(self.folder / name)

    def spec(self, *, text: str = "words", experts: Sequence[str] = ("rgb.0", "audio"), **changes: Any) -> ModelSpec:
        arguments: dict[str, Any] = {
            "expert_dims": {name: self.file(name).dim for name in experts},
            "expert_clusters": {"audio": 2},
            "text_dim": self.file(text).dim,
            "text_clusters": 2 if text == "words" else 0,
            "shared_dim": 8,
        }
        kind = changes.pop("kind", "ce")
        return ModelSpec(
            kind=kind,
            arguments=arguments | changes,
            text_encoder=text,
            max_words=5,
            max_tokens=dict.fromkeys(arguments["expert_dims"], 4),
            origin={},
        )

    def features(self, spec: ModelSpec) -> Features:
        return spec.features(self.file(spec.text_encoder), {name: self.file(name) for name in spec.experts})

    def batch(self, features: Features, caption_ids: Sequence[str], video_ids: Sequence[str]) -> Batch:
        return Batch(features.texts(caption_ids), features.videos(video_ids))


def world_of(folder: Path, *, videos: int = 9) -> World:
    """Return the world that `make_world` has made in a folder."""
    ids = [f"video {i}" for i in range(videos)]
    captions = [Caption(f"{video}/{j}", video, "text") for i, video in enumerate(ids) for j in range(1 + i % 3)]
    return World(folder, ids, captions)


def make_world(folder: Path, *, videos: int = 9) -> World:
    random = np.random.default_rng(0)
    world = world_of(folder, videos=videos)
    ids, captions = world.videos, world.captions
    # experts: name, width, most rows, share of videos that lack it; 'flow' belongs to teachers
    for name, dim, longest, lacking in (("rgb.0", 5, 1, 0.0), ("audio", 3, 6, 0.4), ("flow", 4, 1, 0.4)):
        with FeatureWriter(folder / name, provenance={"name": name}, dim=dim, dtype="float32") as writer:
            for video in ids:
                rows = random.normal(size=(int(random.integers(1, longest + 1)), dim))
                writer.add(video, None if random.random() < lacking else rows)
    for name, dim, longest in (("words", 6, 7), ("sentences", 8, 1)):
        with FeatureWriter(folder / name, provenance={"name": name}, dim=dim, dtype="float32") as writer:
            for caption in captions:
                writer.add(caption.id, random.normal(size=(int(random.integers(1, longest + 1)), dim)))
    return world


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture
def trained_a_little(world: World) -> Callable[[ModelSpec], Any]:
    """Builds a model whose batch statistics are not those of a fresh one."""

    def build(spec: ModelSpec) -> Any:
        model, features = spec.build().train(), world.features(spec)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        for first in (0, 3):
            videos = list(world.videos[first : first + 6])
            batch = world.batch(features, [world.by_video[video][0] for video in videos], videos)
            optimizer.zero_grad()
            (-model(batch).diagonal().sum()).backward()
            optimizer.step()
        return model.eval()

    return build
