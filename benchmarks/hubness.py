"""What correcting hubs is worth. Run: python benchmarks/hubness.py DATASET FEATURES MODEL ....

Text-to-video over the test videos of a dataset, every caption a query, for trained models whose features are in
FEATURES; the query bank is the captions of the training split. `always` adds the biases to every query, `dynamic` only
where a known hub would come first, as a search does.
"""

import sys
from pathlib import Path

import numpy as np

from teachtext.data.features import only_described
from teachtext.data.folder import load_folder
from teachtext.data.store import FeatureFile
from teachtext.encoders.registry import TEXT_ENCODERS
from teachtext.evaluation.metrics import METRIC_NAMES, metrics_from_ranks
from teachtext.evaluation.ranks import t2v_ranks
from teachtext.learning.checkpoint import load_model
from teachtext.learning.inference import embed_texts, embed_videos
from teachtext.models.similarity import similarity
from teachtext.search.hubness import BETA


def main() -> None:
    dataset, store, *folders = map(Path, sys.argv[1:])
    for folder in folders:
        model, spec = load_model(folder)
        files = {name: FeatureFile(store / "video" / name) for name in spec.experts}
        features = spec.features(FeatureFile(store / "text" / TEXT_ENCODERS.folder_name(spec.text_encoder)), files)
        loaded = only_described(load_folder(dataset, missing_videos="keep"), files.values())
        videos = loaded.splits["test"]
        gallery = embed_videos(model, features, videos)
        bank = [caption.id for caption in loaded.queries_of("train")]
        asked = loaded.queries_of("test")
        of_bank = similarity(embed_texts(model, features, bank), gallery).numpy().astype(np.float64)
        plain = similarity(embed_texts(model, features, [one.id for one in asked]), gallery).numpy()
        biases = (-np.log(np.exp(BETA * of_bank).mean(axis=0)) / BETA).astype(np.float32)
        hub = np.isin(plain.argmax(axis=1), np.unique(of_bank.argmax(axis=1)))
        own = np.array([videos.index(one.video_id) for one in asked])
        print(f"{folder.name}: {len(asked):,} captions, {len(videos)} videos, {len(bank):,} captions in the bank")
        print(f"  {len(np.unique(of_bank.argmax(axis=1)))} hubs, {hub.mean():.0%} of the queries corrected")
        ways = {"plain": plain, "always": plain + biases, "dynamic": plain + biases * hub[:, None]}
        for name, scores in ways.items():
            metrics = metrics_from_ranks(t2v_ranks(scores, own)).as_dict()
            told = "  ".join(f"{METRIC_NAMES[key]} {value:.1f}" for key, value in metrics.items())
            print(f"  {name:8} {told}", flush=True)


if __name__ == "__main__":
    main()
