"""Memory and time of `teachtext evaluate` on benchmarks of full size, whose captions are gigabytes of token features.

Features are random and captions as long as they may be; the model is CE+ with random weights. Linux only.
Run: python benchmarks/streaming.py msvd, or msrvtt; --fraction 0.05 for a quick look.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

# the heavy imports stand where a fresh process builds: memory that this one held would be counted to its children

TEXT_DIM, SHARED_DIM, ENCODER = 1600, 768, "hf:gpt2-xl#tokens"
IMAGES = {
    "imagenet.resnext101_32x48d.0": 2048,
    "imagenet.senet154.0": 2048,
    "r2p1d.r2p1d-ig65m-kinetics.0": 512,
    "r2p1d.r2p1d-ig65m.0": 512,
    "scene.densenet161.0": 2208,
}


@dataclass(frozen=True)
class Shape:
    """A test split, and CE+ for it."""

    videos: int
    slots: int
    captions: int
    words: int
    text_clusters: int
    ghost_clusters: int
    parameters: int
    dims: dict[str, int]
    clusters: dict[str, int] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)

    def captions_of(self, fraction: float) -> dict[str, list[str]]:
        """Ids by video: a fraction of its slots, and no more captions altogether than there are."""
        slots = max(1, math.ceil(fraction * self.slots))
        ids = [(f"v{video}", f"v{video}#{slot}") for slot in range(slots) for video in range(self.videos)]
        found: dict[str, list[str]] = {}
        for video, caption in ids[: self.captions]:
            found.setdefault(video, []).append(caption)
        return found


SHAPES = {
    "msvd": Shape(670, 81, 54_270, 30, 12, 0, 87_791_645, IMAGES),
    "msrvtt": Shape(
        2990,
        20,
        59_794,
        37,
        28,
        1,
        262_731_071,
        {"audio": 128, "speech": 300} | IMAGES,
        {"audio": 8, "speech": 19},
        {"audio": 29, "speech": 32},
    ),
}


def build(shape: Shape, folder: Path, fraction: float) -> None:
    import numpy as np
    import torch
    from safetensors.torch import save_file

    from teachtext.data.feature_writer import FeatureWriter
    from teachtext.encoders.registry import TEXT_ENCODERS
    from teachtext.learning.checkpoint import ModelSpec, save_spec
    from teachtext.learning.model_files import WEIGHTS

    random = np.random.default_rng(0)
    captions = shape.captions_of(fraction)
    # a folder has three splits; those that are not tested have one video each, without features
    told = [(video, caption) for video, ids in captions.items() for caption in ids]
    told += [(split, f"{split}#0") for split in ("train", "val")]
    dataset = folder / "dataset"
    dataset.mkdir(parents=True)
    lines = (json.dumps({"video": video, "id": caption, "text": "a caption"}) for video, caption in told)
    (dataset / "captions.jsonl").write_text("\n".join(lines))
    splits = {"train": ["train"], "val": ["val"], "test": list(captions)}
    (dataset / "splits.json").write_text(json.dumps(splits))

    sizes = {name: (dim, shape.tokens.get(name, 1), list(captions)) for name, dim in shape.dims.items()}
    stores = {folder / "features" / "video" / name: size for name, size in sizes.items()}
    every_caption = [caption for ids in captions.values() for caption in ids]
    stores[folder / "features" / "text" / TEXT_ENCODERS.folder_name(ENCODER)] = (TEXT_DIM, shape.words, every_caption)
    for store, (dim, rows, ids) in stores.items():
        with FeatureWriter(store, provenance={"random": True}, dim=dim) as writer:
            for item in ids:
                writer.add(item, random.random((rows, dim), np.float32) - np.float32(0.5))

    torch.manual_seed(0)
    arguments = {
        "expert_dims": shape.dims,
        "expert_clusters": shape.clusters,
        "text_dim": TEXT_DIM,
        "text_clusters": shape.text_clusters,
        "ghost_clusters": shape.ghost_clusters,
        "shared_dim": SHARED_DIM,
    }
    spec = ModelSpec(
        kind="ce",
        arguments=arguments,
        text_encoder=ENCODER,
        max_words=shape.words,
        max_tokens=shape.tokens,
        origin={"random": True},
    )
    model = spec.build()
    assert sum(weight.numel() for weight in model.parameters()) == shape.parameters
    save_spec(folder / "model", spec)
    save_file(model.state_dict(), folder / "model" / WEIGHTS)


def status(pid: int) -> dict[str, int]:
    """Bytes by name, from what Linux tells of a process; empty once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    return {line.split(":")[0]: 1024 * int(line.split()[1]) for line in lines if line.endswith("kB")}


def evaluate(folder: Path) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Run the command in a fresh process: what it prints, and what it took."""
    command = [sys.executable, "-c", "from teachtext.cli.main import main; main()", "evaluate"]
    command += [str(folder / "model"), str(folder / "dataset"), "--features", str(folder / "features"), "--json"]
    started, anonymous = time.perf_counter(), 0
    with tempfile.TemporaryFile("w+") as printed:
        process = subprocess.Popen(command, stdout=printed)
        while True:
            anonymous = max(anonymous, status(process.pid).get("RssAnon", 0))
            ended, code, usage = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            time.sleep(0.02)
        process.returncode = os.waitstatus_to_exitcode(code)
        if process.returncode:
            sys.exit("the evaluation failed")
        printed.seek(0)
        metrics = json.load(printed)
    seconds = time.perf_counter() - started
    return metrics, {"seconds": seconds, "peak": 1024 * usage.ru_maxrss, "anonymous": anonymous}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("--folder", type=Path, help="where the store is made and kept (default: a temporary one)")
    parser.add_argument("--fraction", type=float, default=1.0, help="of the captions of every video")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--build", action="store_true", help=argparse.SUPPRESS)
    told = parser.parse_args()
    shape = SHAPES[told.shape]
    if told.build:
        build(shape, told.folder, told.fraction)
        return
    os.environ["OMP_NUM_THREADS"] = str(told.threads)
    with tempfile.TemporaryDirectory() as temporary:
        folder = told.folder or Path(temporary) / told.shape
        if not folder.exists():
            made = folder.with_name(f"{folder.name}.part")
            again = [told.shape, "--folder", str(made), "--fraction", str(told.fraction), "--build"]
            subprocess.run([sys.executable, __file__, *again], check=True)
            made.rename(folder)
        metrics, took = evaluate(folder)
        captions = sum(map(len, shape.captions_of(told.fraction).values()))
        stored = sum(path.stat().st_size for path in (folder / "features").rglob("*.safetensors"))
    cells = shape.videos * shape.slots * shape.words * TEXT_DIM
    print(f"{told.shape}: {captions} captions, {shape.videos} videos, {shape.parameters} parameters, ", end="")
    print(f"{told.threads} threads, features of {stored / 1e9:.2f} GB")
    print(f"peak memory {took['peak'] / 1e9:.2f} GB, of it not of files {took['anonymous'] / 1e9:.2f} GB; ", end="")
    print(f"all captions as one padded tensor: {4e-9 * cells:.1f} GB in float32, {8e-9 * cells:.1f} GB in float64")
    print(f"{took['seconds']:.1f} s, {1000 * took['seconds'] / captions:.2f} ms a caption")
    for direction, found in metrics.items():
        print(direction, ", ".join(f"{name} {value:.2f}" for name, value in found.items()))


if __name__ == "__main__":
    main()
