"""Ranks of every caption and every video of a full test split, beside a full sort of every row and column.

Run: python benchmarks/evaluation.py [--captions 59800 --videos 2990] [--output FILE.json]

The sizes are those of MSR-VTT, full split. Each way runs in a process of its own; reported are CPU seconds and the
memory beyond the scores themselves. The ranks must be equal.
"""

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.evaluation.ranks import rank_t2v, rank_v2t


def scores_of(captions: int, videos: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return random scores (C, B), all different in a row and in a column, and the video of each caption (C,)."""
    random = np.random.default_rng(0)
    return random.random((captions, videos)), np.arange(captions) % videos


def ours(scores: NDArray[np.float64], video_of: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Rank both directions as the project does."""
    return rank_t2v(scores, video_of).ranks, rank_v2t(scores, video_of).ranks


def sorting(scores: NDArray[np.float64], video_of: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Rank both directions by sorting all scores."""
    order = np.argsort(-scores, axis=1)
    t2v = np.argmax(order == video_of[:, None], axis=1)
    ranks = np.argsort(np.argsort(-scores.T, axis=1), axis=1)
    right = video_of[None] == np.arange(scores.shape[1])[:, None]
    return t2v, np.where(right, ranks, scores.shape[0]).min(axis=1)


WAYS = {"ours": ours, "sorting": sorting}


def measured(way: str, captions: int, videos: int) -> dict[str, Any]:
    """Return what one way takes, in a process of its own."""
    command = [sys.executable, __file__, "--way", way, "--captions", str(captions), "--videos", str(videos)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def measure(way: str, captions: int, videos: int) -> dict[str, Any]:
    """Return CPU seconds, memory in MB beyond the scores, and a hash of the ranks."""
    scores, video_of = scores_of(captions, videos)
    before, begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    ranks = WAYS[way](scores, video_of)
    seconds = time.process_time() - begin
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    digest = hashlib.sha256(b"".join(np.asarray(part, np.int64).tobytes() for part in ranks)).hexdigest()
    return {"cpu_seconds": round(seconds, 2), "memory_mb": round(memory), "ranks": digest}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--captions", type=int, default=59_800)
    parser.add_argument("--videos", type=int, default=2_990)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.way:
        print(json.dumps(measure(asked.way, asked.captions, asked.videos)))
        return
    found = {way: measured(way, asked.captions, asked.videos) for way in WAYS}
    if found["ours"].pop("ranks") != found["sorting"].pop("ranks"):
        raise SystemExit("the ranks differ")
    print(f"{asked.captions:,} captions, {asked.videos:,} videos\n| | CPU seconds | MB |\n|---|---|---|")
    for way, row in found.items():
        print(f"| {way} | {row['cpu_seconds']} | {row['memory_mb']:,} |")
    if asked.output:
        sizes = {"captions": asked.captions, "videos": asked.videos}
        asked.output.write_text(json.dumps(sizes | found, indent=2) + "\n")


if __name__ == "__main__":
    main()
