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


def aimv2(folder: Path) -> str:
    import transformers
    from shared_models import pictures, save_tokenizer

    save_tokenizer(folder)
    crop = {"size": {"shortest_edge": 224}, "crop_size": {"height": 224, "width": 224}}
    config = transformers.Aimv2Config(text_config={"eos_token_id": 3, "pad_token_id": 0})
    save(folder, transformers.Aimv2Model(config), pictures("CLIPImageProcessor", **crop))
    return "L/14, 224 pixels"


def tipsv2(folder: Path) -> str:
    import transformers
    from shared_models import save_tokenizer

    save_tokenizer(folder, ends=False, lower=True)
    save(folder, transformers.Tipsv2Model(transformers.Tipsv2Config()))
    prepare = {"do_resize": True, "do_rescale": True, "do_normalize": False, "resample": 2}
    (folder / "preprocessor_config.json").write_text(json.dumps(square(448) | prepare))
    return "B/14, 448 pixels"


def videoprism(folder: Path) -> str:
    import transformers
    from shared_models import save_tokenizer

    save_tokenizer(folder, ends=False)
    save(folder, transformers.VideoPrismClipModel(transformers.VideoPrismConfig()))
    prepare = {"do_resize": True, "do_rescale": True, "do_normalize": False}
    (folder / "video_preprocessor_config.json").write_text(json.dumps(square(288) | prepare))
    return "B, 16 frames of 288 pixels"


def pe_audio(folder: Path) -> str:
    import transformers
    from shared_models import save_tokenizer

    save_tokenizer(folder)
    config = transformers.PeAudioConfig(text_config={"model_type": "modernbert", "cls_token_id": 2, "sep_token_id": 3})
    save(folder, transformers.PeAudioModel(config), transformers.PeAudioFeatureExtractor())
    return "the default of transformers"


def qwen3_vl(folder: Path) -> str:
    import transformers
    from shared_models import CHAT, pictures, save_tokenizer

    save_tokenizer(folder, ends=False, chat_template=CHAT)
    text = {"hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 28, "num_attention_heads": 16}
    text |= {"num_key_value_heads": 8, "head_dim": 128, "bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
    text["rope_parameters"] = {"rope_type": "default", "rope_theta": 5e6, "mrope_section": [24, 20, 20]}
    picture = {"depth": 24, "hidden_size": 1024, "intermediate_size": 4096, "out_hidden_size": 2048}
    picture["deepstack_visual_indexes"] = [5, 11, 17]
    marks = {"image_token_id": 6, "video_token_id": 7, "vision_start_token_id": 4, "vision_end_token_id": 5}
    config = transformers.Qwen3VLConfig(text_config=text, vision_config=picture, **marks)
    save(folder, transformers.Qwen3VLModel(config), pictures("Qwen2VLImageProcessor", patch_size=16))
    return "2B"


def embedding_gemma2(folder: Path) -> str:
    import transformers
    from shared_models import CHAT, IDS, MARKS, pictures, save_tokenizer

    save_tokenizer(folder, chat_template=CHAT)
    config = transformers.EmbeddingGemma2Config(
        text_config=IDS,
        vision_config=transformers.Gemma4VisionConfig().to_dict(),
        eoa_token_index=9,
        **{f"{name}_token_id": number for name, number in MARKS.items()},
    )
    prepare = pictures("Gemma4ImageProcessor")
    save(folder, transformers.EmbeddingGemma2Model(config))
    (folder / "processor_config.json").write_text(json.dumps({"image_processor": prepare.to_dict()}, default=str))
    return "the default of transformers, without sound"


FAMILIES: Mapping[str, Callable[[Path], str]] = {
    "aimv2": aimv2, "blip": blip, "clap": clap, "clip": clip,
    "embedding_gemma2": embedding_gemma2, "pe_audio": pe_audio, "qwen3_vl": qwen3_vl,
    "siglip": siglip, "siglip2": siglip2, "tipsv2": tipsv2, "videoprism": videoprism, "xclip": xclip
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
