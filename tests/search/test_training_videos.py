"""The videos that a model has learned from have no advantage in an index: its training captions correct them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("lancedb")
from teachtext.data.kept_captions import KeptCaption, KeptCaptions, save_captions
from teachtext.data.store import FeatureFile
from teachtext.encoders.embedder import QueryVectors, VideoVectors
from teachtext.learning.losses import MaxMarginRankingLoss
from teachtext.search.hubness import choose_bank, embed_bank
from teachtext.search.manifest import Manifest
from teachtext.search.searcher import Searcher
from teachtext.search.stores import open_store
from teachtext.search.types import Entry, Item
from teachtext.search.vectors import row_of

LEARNED, NEW, PER_VIDEO, DIM = 60, 40, 8, 96


@dataclass
class World:
    """Videos of which a few numbers are known, captions that are near them, and a student of the first videos."""

    videos: np.ndarray
    captions: np.ndarray
    weights: tuple[np.ndarray, np.ndarray]

    @property
    def texts(self) -> list[KeptCaption]:
        """The texts number the captions of the learned videos."""
        return [KeptCaption(f"v{n // PER_VIDEO}", str(n)) for n in range(LEARNED * PER_VIDEO)]


@pytest.fixture(scope="module")
def world() -> World:
    random = np.random.default_rng(0)
    behind = random.standard_normal((LEARNED + NEW, 4))
    # what is seen has much noise, which the student learns by heart; what is said has little
    seen = behind @ random.standard_normal((4, DIM)) + 10 * random.standard_normal((LEARNED + NEW, DIM))
    said = behind.repeat(PER_VIDEO, axis=0) @ random.standard_normal((4, DIM))
    said += 0.1 * random.standard_normal(said.shape)
    return World(seen, said, _student(seen[:LEARNED], said[: LEARNED * PER_VIDEO]))


def _student(seen: np.ndarray, said: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Learn two projections by the ranking loss, long enough to know the training videos by heart."""
    torch.manual_seed(0)
    video, text = (torch.nn.Linear(DIM, 32, bias=False) for _ in range(2))
    optimizer = torch.optim.Adam([*video.parameters(), *text.parameters()], lr=0.01)
    loss, videos = MaxMarginRankingLoss(margin=0.2), torch.from_numpy(seen).float()
    captions = torch.from_numpy(said).float().view(len(seen), PER_VIDEO, DIM)
    for step in range(300):
        picked = captions[:, step % PER_VIDEO]
        scores = torch.nn.functional.normalize(text(picked)) @ torch.nn.functional.normalize(video(videos)).T
        optimizer.zero_grad()
        loss(scores).backward()
        optimizer.step()
    return video.weight.detach().numpy(), text.weight.detach().numpy()


class Student:
    """The student as an embedder: a query is the number of a caption."""

    experts: Sequence[str] = ["scene"]
    expert_settings: Mapping[str, Any] = {}
    spaces: Mapping[str, int] = {"scene": 32}

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.identity = {"kind": "trained", "name": "student", "folder": str(folder), "fingerprint": "f"}

    def embed_query(self, text: str) -> QueryVectors:
        return QueryVectors({"scene": self._unit(self.world.captions[int(text)], 1)}, np.ones(1, np.float32))

    def embed_queries(self, texts: Sequence[str]) -> list[QueryVectors]:
        return [self.embed_query(text) for text in texts]

    def embed_videos(self, files: Mapping[str, FeatureFile], video_ids: Sequence[str]) -> list[VideoVectors]:
        return [{"scene": self._unit(self.world.videos[int(name[1:])], 0)} for name in video_ids]

    def _unit(self, values: np.ndarray, side: int) -> np.ndarray:
        vector = self.world.weights[side] @ values
        return (vector / np.linalg.norm(vector)).astype(np.float32)


def searched(world: World, folder: Path, *, kept: bool) -> tuple[float, float]:
    """Index all videos; return two shares of the captions of new videos: a learned video is first; their own is."""
    student = Student(world, folder)
    if kept:
        save_captions(folder, KeptCaptions(dataset="world", training=world.texts))
    bank, _ = choose_bank(None, student)
    assert (bank is not None) == kept
    manifest = Manifest(
        model=student.identity, spaces=student.spaces, experts=["scene"], roots={"videos": str(folder)}, bank=bank
    )
    names = [f"v{number}" for number in range(LEARNED + NEW)]
    entries = [
        Entry.of_clip(Item(id=f"videos/{name}", content=name, made="", added_s=0, size=1), vectors)
        for name, vectors in zip(names, student.embed_videos({}, names), strict=True)
    ]
    store = open_store(folder / "index")
    with store.writing():
        manifest.write(store)
        if bank is not None:
            embedded = embed_bank(bank, student, folder / "query-bank")
            rows = [row_of(entry.segments[0], student.spaces) for entry in entries]
            biases = embedded.biases(("scene",), np.stack(rows))
            entries = [
                Entry.of_clip(entry.item, entry.segments[0].vectors, bias)
                for entry, bias in zip(entries, biases, strict=True)
            ]
            store.put(entries)
            bank.hubs.extend(embedded.hubs(store))
            manifest.write(store)
        else:
            store.put(entries)
    searcher = Searcher(folder / "index", model=student)
    queries = range(LEARNED * PER_VIDEO, (LEARNED + NEW) * PER_VIDEO)
    first = [int(searcher.search(str(query), k=1).results[0].item.id[8:]) for query in queries]
    learned = np.mean([number < LEARNED for number in first])
    right = np.mean([number == query // PER_VIDEO for number, query in zip(first, queries, strict=True)])
    return float(learned), float(right)


def test_training_videos_have_no_advantage(world: World, tmp_path: Path):
    """For captions of new videos, learned videos come first nearly always; corrected, no more often than by chance."""
    share = LEARNED / (LEARNED + NEW)
    learned, right = searched(world, tmp_path / "off", kept=False)
    assert learned > 0.9, "the advantage is there without the correction"
    corrected, corrected_right = searched(world, tmp_path / "on", kept=True)
    assert share - 0.2 < corrected < share + 0.05
    assert corrected_right > right
