"""What `teachtext index` costs over a folder that is in the index already: nothing new, and one new video.

    OMP_NUM_THREADS=1 python benchmarks/reindexing.py [--videos 20000] [--captions 1000]

Videos are copies of a few small clips with other last bytes, so that each has a content of its own. Their features are
put in place beforehand, in shards as the extraction writes them: the features of the clips, disturbed. Then the command
runs over the folder until it is in the index, again, and again with one new video, which is extracted. The same runs
with as many videos as there are clips say what the commands cost without the other videos. CPU-seconds and bytes read
include the processes that the command starts. Linux only.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from kills import clip_of

CLIPS = 8
TEXTS = ("a dog", "a red car", "somebody cooks", "the sea", "two people talk", "a guitar", "a street", "a game")


def write_videos(folder: Path, numbers: range) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    clips = [clip_of(number) for number in range(CLIPS)]
    for number in numbers:
        (folder / f"{number:06}.mp4").write_bytes(clips[number % CLIPS] + number.to_bytes(8, "little"))


def write_features(source: Path, target: Path, folder: Path, count: int) -> None:
    """Give videos the features of the clips, disturbed."""
    from teachtext.data.feature_writer import FeatureWriter
    from teachtext.data.store import FeatureFile
    from teachtext.files import content_hash

    contents = [content_hash(folder / f"{number:06}.mp4") for number in range(count)]
    for place in sorted(path for path in source.iterdir() if path.is_dir() and path.name != "sketch"):
        file, random = FeatureFile(place), np.random.default_rng(0)
        passages = file.passages()
        with FeatureWriter(
            target / place.name, provenance=file.provenance, dim=file.dim, shard_items=64, shard_s=1e9
        ) as writer:
            for number, content in enumerate(contents):
                name = f"videos/{number % CLIPS:06}.mp4"
                values = file.read(name)
                values = (
                    values + 0.3 * np.abs(values).mean() * random.standard_normal(values.shape)
                    if len(values)
                    else values
                )
                writer.add(
                    f"videos/{number:06}.mp4",
                    values.astype(np.float32),
                    source=content,
                    times=file.times(name),
                    passages=passages.get(name, []) if passages else None,
                )


def run(shown: str, work: Path, captions: int) -> None:
    """Run the command, and print what it cost."""
    command = [sys.executable, "-m", "teachtext", "index", "videos", "--workers", "1"]
    command += ["--query-bank", "captions.txt"] if captions else []
    begin = time.perf_counter()
    process = subprocess.Popen(command, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, error = process.stdout, process.stderr
    assert out is not None and error is not None
    said = out.read() + error.read()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    seconds = time.perf_counter() - begin
    lines = Path(f"/proc/{process.pid}/io").read_text().splitlines()
    counts = dict(line.split(": ") for line in lines)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{shown}: {said}")
    print(
        f"{shown:36} CPU {usage.ru_utime + usage.ru_stime:8.1f} s  wall {seconds:8.1f} s  "
        f"read {int(counts['rchar']) / 2**20:9.1f} MB  written {int(counts['wchar']) / 2**20:7.1f} MB  "
        f"peak {usage.ru_maxrss / 1024:6.0f} MB  {said.strip().splitlines()[-1][:60]}",
        flush=True,
    )


def measure(work: Path, count: int, captions: int, prepared: Path | None) -> Path:
    """Index videos, twice, and with one more; return the folder of the features."""
    work.mkdir()
    lines = [f"{TEXTS[number % len(TEXTS)]} {number}" for number in range(captions)]
    (work / "captions.txt").write_text("\n".join(lines), "utf-8")
    write_videos(work / "videos", range(count))
    features = work / "teachtext-index" / "features" / "video-normal"
    if prepared is not None:
        write_features(prepared, features, work / "videos", count)
        # times of files that changed just now are not trusted
        time.sleep(4)
    run(f"{count:,} videos, first run", work, captions)
    if prepared is None:
        time.sleep(4)
    run(f"{count:,} videos, nothing new", work, captions)
    run(f"{count:,} videos, nothing new", work, captions)
    write_videos(work / "videos", range(count, count + 1))
    run(f"{count:,} videos, one new video", work, captions)
    return features


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=20_000)
    parser.add_argument("--captions", type=int, default=1000, help="of the query bank that corrects hubs; 0 for none")
    parser.add_argument("--folder", type=Path, help="where files are made, and removed again")
    parser.add_argument("--keep", action="store_true", help="leave the files there")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=options.folder)).resolve()
    print(f"files are in {folder}" if options.keep else f"{options.videos:,} videos")
    try:
        few = measure(folder / "few", CLIPS, options.captions, None)
        measure(folder / "many", options.videos, options.captions, few)
    finally:
        if not options.keep:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
