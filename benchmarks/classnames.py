"""How good the index without a trained model is. Run: python benchmarks/classnames.py DATASET FEATURES [SPLIT].

Text-to-video over the videos of a split that have features, every caption a query, with the vectors and weights that
`teachtext index` stores and `teachtext search` asks with. Features are read from FEATURES/video/<expert>, as far as
they are there.
"""

import sys
from pathlib import Path

import numpy as np
import torch

from teachtext.data.folder import load_folder
from teachtext.data.store import FeatureFile, shards_of
from teachtext.encoders.zero_shot import ClassNames
from teachtext.evaluation.metrics import METRIC_NAMES, metrics_from_ranks
from teachtext.evaluation.ranks import t2v_ranks
from teachtext.models.similarity import TextEmbedding, VideoEmbedding, similarity


class Nothing:
    """An expert that was not extracted."""

    def rows_of(self, video_id: str) -> int:
        return 0


def main() -> None:
    dataset, features, *split = sys.argv[1:]
    loaded = load_folder(Path(dataset), missing_videos="keep")
    model = ClassNames()
    folders = {name: Path(features) / "video" / name for name in model.experts}
    files = {name: FeatureFile(folder) if shards_of(folder) else Nothing() for name, folder in folders.items()}
    listed = loaded.splits[split[0] if split else "test"]
    videos = [video for video in listed if any(file.rows_of(video) for file in files.values())]
    column = {video: number for number, video in enumerate(videos)}
    captions = [caption for caption in loaded.captions if caption.video_id in column]
    print(f"{len(captions):,} captions, {len(videos)} videos", flush=True)
    found = model.embed_videos(files, videos)
    asked = [model.embed_query(caption.text) for caption in captions]
    own = np.array([column[caption.video_id] for caption in captions])
    for chosen in (model.experts, ["scene"]):
        present = np.array([[name in one and name in chosen for name in model.experts] for one in found])
        vectors = {
            name: np.stack([one.get(name, np.zeros(dim, np.float32)) for one in found])
            for name, dim in model.spaces.items()
        }
        video = VideoEmbedding(
            {name: torch.from_numpy(one) for name, one in vectors.items()}, torch.from_numpy(present)
        )
        text = TextEmbedding(
            {name: torch.from_numpy(np.stack([one.vectors[name] for one in asked])) for name in model.experts},
            torch.from_numpy(np.stack([one.weights for one in asked])),
        )
        metrics = metrics_from_ranks(t2v_ranks(similarity(text, video).numpy(), own)).as_dict()
        shares = ", ".join(f"{n} in {present[:, e].mean():.0%}" for e, n in enumerate(model.experts) if n in chosen)
        print(
            "  ".join(f"{METRIC_NAMES[key]} {value:.1f}" for key, value in metrics.items()), f"({shares})", flush=True
        )


if __name__ == "__main__":
    main()
