"""Extraction of mutated videos: bytes flipped, files cut short or spliced, in the containers and codecs that matter.

A few whole clips with sound are mixed with mutants of them, always the same for the same seed, and extracted by the
command itself. It must not crash or hang; every file is extracted or listed with a reason; whole ones are extracted.
Run: python benchmarks/mutants.py --count 300 --out mutants.json
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np

# file name, codec and pixel format of the pictures, codec of the sound, options of the pictures
CLIPS = [
    ("h264.mp4", "libx264", "aac", {"crf": "23", "g": "12"}),
    ("mpeg4.mkv", "mpeg4", "ac3", {"g": "12"}),
    ("vp9.mkv", "libvpx-vp9", "libopus", {"deadline": "realtime", "cpu-used": "8", "g": "12"}),
    ("vp8.webm", "libvpx", "libopus", {"deadline": "realtime", "cpu-used": "8", "g": "12"}),
    ("mpeg4.avi", "mpeg4", "mp2", {"g": "12"}),
    ("mjpeg.avi", "mjpeg", "pcm_s16le", {}),
    ("hevc.mov", "libx265", "aac", {"x265-params": "log-level=none:keyint=12", "preset": "ultrafast"}),
    ("mpeg2.mpg", "mpeg2video", "mp2", {"g": "12"}),
]
SECONDS, FPS, RATE, HEIGHT, WIDTH = 2, 12, 48_000, 96, 128


def write_clip(path: Path, codec: str, sound: str, options: dict[str, str]) -> None:
    """Two seconds of a pattern that slides, and a tone that rises."""
    rng = np.random.default_rng(sum(path.name.encode()))
    pattern = rng.integers(0, 255, (30, 40, 3), np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    with av.open(str(path), "w") as file:
        picture: Any = file.add_stream(codec, rate=FPS, options=options)
        picture.width, picture.height = WIDTH, HEIGHT
        picture.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        audio: Any = file.add_stream(sound, rate=RATE)
        audio.layout = "stereo"
        for number in range(SECONDS * FPS):
            view = pattern[2 * number :, 3 * number :][:HEIGHT, :WIDTH]
            file.mux(picture.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(view), format="rgb24")))
        file.mux(picture.encode())
        moments = np.arange(SECONDS * RATE) / RATE
        wave = (8000 * np.sin(2 * np.pi * (300 + 200 * moments) * moments)).astype(np.int16)
        size = audio.codec_context.frame_size or 1024
        for start in range(0, len(wave) - size + 1, size):
            block = np.repeat(wave[start : start + size], 2)[None]
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout="stereo")
            frame.sample_rate, frame.pts = RATE, start
            file.mux(audio.encode(frame))
        file.mux(audio.encode())


def flip(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """A few to very many bytes become others."""
    flipped = bytearray(data)
    for _ in range(rng.choice([1, 4, 20, 100, len(data) // 20])):
        flipped[rng.randrange(len(flipped))] = rng.randrange(256)
    return bytes(flipped)


def flip_head(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Bytes of the first kilobyte, or of the last, become others: that is where containers keep what matters."""
    flipped, last = bytearray(data), rng.random() < 0.5
    for _ in range(rng.randrange(1, 12)):
        place = rng.randrange(min(1024, len(flipped)))
        flipped[-1 - place if last else place] = rng.choice([0, 255, 127, 128, rng.randrange(256)])
    return bytes(flipped)


def cut(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Cut short."""
    return data[: rng.randrange(len(data))]


def splice(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """The beginning of one and the end of another file, which may be of another kind."""
    return data[: rng.randrange(len(data))] + other[rng.randrange(len(other)) :]


def repeat(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """A piece stands twice, or is left out."""
    start, end = sorted(rng.randrange(len(data)) for _ in range(2))
    return data[:end] + data[start:] if rng.random() < 0.5 else data[:start] + data[end:]


MUTATIONS: list[Callable[[bytes, bytes, random.Random], bytes]] = [flip, flip_head, cut, splice, repeat]


def write_mutants(folder: Path, clips: list[Path], count: int, seed: int) -> dict[str, str]:
    """Write mutants; return by id how each was made."""
    rng = random.Random(seed)
    whole = [(path, path.read_bytes()) for path in clips]
    made = {}
    for number in range(count):
        (path, data), (_, other) = whole[number % len(whole)], rng.choice(whole)
        mutation = MUTATIONS[number // len(whole) % len(MUTATIONS)]
        name = f"m{number:03}-{mutation.__name__}-{path.stem}"
        (folder / f"{name}{path.suffix}").write_bytes(mutation(data, other, rng))
        made[name] = mutation.__name__
    return made


def run(count: int, seed: int, experts: list[str], workers: int, time_limit: float) -> dict[str, Any]:
    """Extract whole clips and mutants; return what came of it.

    Raises:
        AssertionError: a crash, a hang, a file neither extracted nor listed, a whole clip that is not extracted.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder, store = Path(temporary) / "videos", Path(temporary) / "store"
        folder.mkdir()
        clips = [folder / name for name, *_ in CLIPS]
        for clip, (_, codec, sound, options) in zip(clips, CLIPS, strict=True):
            write_clip(clip, codec, sound, options)
        # an id is a name without its ending, so whole clips are told apart by all of it
        clips = [clip.rename(folder / f"whole-{clip.stem}-{clip.suffix[1:]}{clip.suffix}") for clip in clips]
        made = write_mutants(folder, clips, count, seed)
        command = [str(Path(sys.executable).parent / "teachtext"), "extract", str(folder.parent), "--out", str(store)]
        for expert in experts:
            command += ["--expert", expert]
        command += ["--workers", str(workers), "--time-limit", str(time_limit)]
        begun = time.monotonic()
        most_s = 120 + count * time_limit / workers
        said = subprocess.run(command, capture_output=True, text=True, timeout=most_s, check=False, env=os.environ)
        seconds = time.monotonic() - begun
        # 3: some files were set aside
        assert said.returncode in (0, 3) and "Traceback" not in said.stderr, said.stderr
        return judge(store / "video", experts, clips, made, said.stdout) | {
            "seed": seed,
            "seconds": round(seconds, 1),
            "peak_mb_of_one_process": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
        }


def judge(store: Path, experts: list[str], clips: list[Path], made: dict[str, str], said: str) -> dict[str, Any]:
    """Hold what is in the store, and what was said, to what must be."""
    from teachtext.data.store import FeatureFile

    listed = store / "failed.json"
    reasons = {one["id"]: one["reason"] for one in json.loads(listed.read_text())} if listed.exists() else {}
    files = [FeatureFile(store / expert, verify=True) for expert in experts]
    extracted = set(files[0].ids)
    assert all(set(file.ids) == extracted for file in files), "an expert left some out"
    assert extracted | reasons.keys() == {*made, *(clip.stem for clip in clips)}, "a file was lost"
    assert not extracted & reasons.keys(), "a file is extracted and set aside"
    assert all(reason and "\n" not in reason for reason in reasons.values()), "a reason is no sentence"
    assert said.count("set aside:") == len(reasons), "a reason was not told"
    for clip in clips:
        assert all(file.rows_of(clip.stem) for file in files), f"{clip.stem} is whole: {reasons.get(clip.stem)}"
    kinds = {
        "timed out": "took longer than",
        "killed its process": "killed the process",
        "not a video file": "is not a whole video file",
        "too much lost": "truncated or damaged",
        "no frame": "no frame that can be decoded",
        "unknown codec": "of a kind that nothing here decodes",
        "no video stream": "no video stream",
        "empty": "is empty",
        "text": "is a text file",
        "another error": "cannot be encoded",
    }
    told = Counter(next((kind for kind, part in kinds.items() if part in r), "other") for r in reasons.values())
    tried, got = Counter(made.values()), Counter(kind for name, kind in made.items() if name in extracted)
    by_mutation = {kind: f"{got[kind]} of {tried[kind]}" for kind in tried}
    odd = sorted(r for r in reasons.values() if "killed" in r or "longer" in r or "cannot be encoded" in r)
    return {
        "mutants": len(made),
        "whole": len(clips),
        "mutants extracted": sum(name in extracted for name in made),
        "extracted by mutation": by_mutation,
        "set aside": dict(told),
        "remarkable": [reason.replace(str(clips[0].parent) + "/", "") for reason in odd],
    }


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=300, help="mutants")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--expert", action="append", help="as in `teachtext extract`")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--time-limit", type=float, default=20.0, help="seconds a video")
    parser.add_argument("--out", type=Path, help="also write the result there, as JSON")
    given = parser.parse_args()
    experts = given.expert or ["appearance", "scene", "motion", "audio"]
    result = run(given.count, given.seed, experts, given.workers, given.time_limit)
    print(json.dumps(result, indent=2))
    if given.out:
        given.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
