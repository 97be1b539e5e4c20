"""How fast shared-space models are at their real size: random weights, the default architecture of transformers.

Run: python benchmarks/shared_space.py [FAMILY ...]; --out FILE writes the figures as JSON. Each family has a process of
its own. Times are of one thread, the median of some calls: a text, and a picture, a clip or ten seconds of sound, which
is one row of an index. Memory is the greatest that the process had.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.append(str(Path(__file__).parents[1] / "tests" / "helpers"))

TIMES = 5


def square(side: int) -> dict[str, Any]:
    return {"size": {"height": side, "width": side}}


def save(folder: Path, model: Any, *processors: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for part in (model, *processors):
        part.save_pretrained(folder)


def clip(folder: Path) -> str:
    import transformers
    from shared_models import pictures, save_tokenizer

    save_tokenizer(folder)
    crop = {"size": {"shortest_edge": 224}, "crop_size": {"height": 224, "width": 224}}
    config = transformers.CLIPConfig(text_config={"eos_token_id": 3}, projection_dim=512)
    save(folder, transformers.CLIPModel(config), pictures("CLIPImageProcessor", **crop))
    return "ViT-B/32, 224 pixels"


def siglip(folder: Path) -> str:
    import transformers
    from shared_models import pictures, save_tokenizer

    save_tokenizer(folder)
    save(
        folder,
        transformers.SiglipModel(transformers.SiglipConfig()),
        pictures("SiglipImageProcessor", **square(224)),
    )
    return "B/16, 224 pixels"


def siglip2(folder: Path) -> str:
    import transformers
    from shared_models import pictures, save_tokenizer

    save_tokenizer(folder)
    prepare = pictures("Siglip2ImageProcessor", patch_size=16, max_num_patches=256)
    save(folder, transformers.Siglip2Model(transformers.Siglip2Config()), prepare)
    return "B/16 NaFlex, 256 patches"


def xclip(folder: Path) -> str:
    import transformers
    from shared_models import pictures, save_tokenizer

    save_tokenizer(folder)
    crop = {"size": {"shortest_edge": 224}, "crop_size": {"height": 224, "width": 224}}
    config = transformers.XCLIPConfig(text_config={"eos_token_id": 3})
    save(folder, transformers.XCLIPModel(config), pictures("CLIPImageProcessor", **crop))
    return "B/32, 8 frames of 224 pixels"


def blip(folder: Path) -> str:
    import transformers
    from shared_models import pictures, save_tokenizer

    save_tokenizer(folder)
    config = transformers.BlipConfig(text_config={"sep_token_id": 3}, vision_config={"image_size": 384})
    save(folder, transformers.BlipForImageTextRetrieval(config), pictures("BlipImageProcessor", **square(384)))
    return "B/16, 384 pixels"


def clap(folder: Path) -> str:
    import transformers
    from shared_models import save_tokenizer

    save_tokenizer(folder)
    prepare = transformers.ClapFeatureExtractor(truncation="rand_trunc", padding="repeatpad")
    save(folder, transformers.ClapModel(transformers.ClapConfig()), prepare)
    return "HTSAT, 10 s of sound"


FAMILIES: Mapping[str, Callable[[Path], str]] = {
    "blip": blip, "clap": clap, "clip": clip, "siglip": siglip, "siglip2": siglip2, "xclip": xclip
}  # fmt: skip


def median_ms(call: Callable[[int], object]) -> float:
    call(-1)
    times = []
    for number in range(TIMES):
        begin = time.process_time()
        call(number)
        times.append(time.process_time() - begin)
    return 1000 * statistics.median(times)


def measure(family: str) -> dict[str, Any]:
    import numpy as np
    import torch

    from teachtext.encoders.shared_space.model import SharedSpace

    torch.set_num_threads(1)
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        architecture = FAMILIES[family](Path(folder))
        begin = time.process_time()
        space = SharedSpace(model=folder)
        loading_s = time.process_time() - begin
        size = sum(parameter.numel() for parameter in space.family.model.parameters())
        text_ms = median_ms(lambda number: space.encode_texts([f"a dog runs after the red ball {number}"]))
        calls: dict[str, Callable[[int], object]] = {
            "pictures": lambda _: space.encode_pictures([random.integers(0, 256, (360, 480, 3), np.uint8)]),
            "clips": lambda _: space.encode_clips([random.integers(0, 256, (8, 360, 480, 3), np.uint8)]),
            "sound": lambda _: space.encode_sound(random.normal(0, 0.1, 480_000).astype(np.float32), 48_000),
        }
        tower = next(name for name in calls if name in space.towers)
        row_ms = median_ms(calls[tower])
    return {
        "family": family,
        "architecture": architecture,
        "parameters": size,
        "loading_s": round(loading_s, 2),
        "text_ms": round(text_ms, 1),
        "row": {"pictures": "a frame", "clips": "a clip", "sound": "10 s of sound"}[tower],
        "row_ms": round(row_ms, 1),
        "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", metavar="FAMILY", help=", ".join(FAMILIES))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(arguments.one)))
        return
    rows = []
    print(f"{'family':8} {'architecture':30} {'parameters':>12} {'text':>9} {'a row':>24} {'memory':>9}")
    for family in arguments.families or FAMILIES:
        done = subprocess.run([sys.executable, __file__, "--one", family], check=True, capture_output=True, text=True)
        row = json.loads(done.stdout.splitlines()[-1])
        rows.append(row)
        print(
            f"{family:8} {row['architecture']:30} {row['parameters'] / 1e6:>10.0f} M {row['text_ms']:>6.0f} ms "
            f"{row['row_ms']:>9.0f} ms {row['row']:>11} {row['memory_mb']:>6,} MB",
            flush=True,
        )
    if arguments.out:
        machine = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count(), "threads": 1}
        arguments.out.write_text(json.dumps({"machine": machine, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
