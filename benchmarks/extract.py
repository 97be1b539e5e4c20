"""How fast videos become features: seconds of video a second of wall time, by expert, and the share of decoding.

Run: python benchmarks/extract.py [FOLDER OF VIDEOS]; without a folder a playground is generated, which has sound.
With --hours 1 instead: one long video, a clip in a loop, and the peak memory of all processes together. Linux only.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

DEFAULT = ["appearance", "scene", "motion", "audio"]


def seconds_of(path: Path) -> float:
    import av

    with av.open(str(path)) as file:
        return float((file.duration or 0) / av.time_base)


def sounds(path: Path) -> bool:
    from teachtext.video.decode import sample_video
    from teachtext.video.sampling import SoundSampling
    from teachtext.video.sound import Ear, is_silent

    loud: list[bool] = []
    sample_video(path, [], [Ear(SoundSampling(), lambda samples: loud.append(not is_silent(samples)))])
    return any(loud)


def find(folder: Path, most: int) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in (".mp4", ".avi", ".mkv", ".webm"))[:most]


def serial(paths: Sequence[Path], names: Sequence[str]) -> tuple[float, float]:
    """CPU seconds of decoding and of encoding, in one process."""
    from teachtext.encoders.base import Hearing, listens
    from teachtext.encoders.registry import build_video_experts
    from teachtext.video.decode import sample_video
    from teachtext.video.sound import Ear, Samples

    experts = build_video_experts(names)
    looking = [expert for expert in experts if not listens(expert)]
    total = encoding = 0.0

    def heard(hearing: Hearing, samples: Samples) -> None:
        nonlocal encoding
        begun = time.process_time()
        hearing.hear(samples)
        encoding += time.process_time() - begun

    for number, path in enumerate([paths[0], *paths]):
        if number == 1:
            # the first one warmed up
            total = encoding = 0.0
        begun = time.process_time()
        hearings = [(expert.sampling, expert.begin()) for expert in experts if listens(expert)]
        ears = [Ear(sampling, partial(heard, hearing)) for sampling, hearing in hearings]
        seen = sample_video(path, [expert.sampling for expert in looking], ears)
        decoded = time.process_time()
        for expert, one in zip(looking, seen, strict=True):
            expert.encode(one)
        for _, hearing in hearings:
            hearing.finish()
        encoding += time.process_time() - decoded
        total += time.process_time() - begun
    return total - encoding, encoding


def parallel(paths: Sequence[Path], names: Sequence[str], workers: int) -> float:
    """Seconds of video a second of wall time, from the first video that is done to the last."""
    from teachtext.data.types import Video
    from teachtext.extraction.extract import extract

    lengths = {path: seconds_of(path) for path in paths}
    done_at: list[float] = []
    with tempfile.TemporaryDirectory() as store:
        done = extract(
            [Video(path.stem, path) for path in paths],
            names,
            Path(store),
            workers=workers,
            progress=lambda what, done, total: done_at.append(time.perf_counter()) if what == "videos" else None,
        )
    assert not done.failed, done.failed[0]
    # done_at[0] is the beginning, done_at[1] the first video, which waits for the workers to load
    return (sum(lengths.values()) - lengths[paths[0]]) / (done_at[-1] - done_at[1])


def make_long(clip: Path, hours: float, path: Path) -> None:
    """Repeat a clip's packets without coding them anew."""
    import av

    with av.open(str(path), "w") as out:
        streams: dict[int, object] = {}
        shift = 0.0
        while shift < hours * 3600:
            end = shift
            with av.open(str(clip)) as file:
                for stream in [*file.streams.video[:1], *file.streams.audio[:1]]:
                    if stream.index not in streams:
                        streams[stream.index] = out.add_stream_from_template(stream)
                for packet in file.demux([stream for stream in file.streams if stream.index in streams]):
                    if packet.dts is None:
                        continue
                    assert packet.time_base is not None and packet.pts is not None
                    moved = round(shift / packet.time_base)
                    end = max(end, shift + float((packet.pts + (packet.duration or 0)) * packet.time_base))
                    packet.pts, packet.dts = packet.pts + moved, packet.dts + moved
                    packet.stream = streams[packet.stream.index]  # type: ignore[assignment]
                    out.mux(packet)
            # a little later, for coded sound begins a little before its clip
            shift = end + 0.2


def memory_of_group(number: int) -> int:
    """Bytes that the processes of a group hold together; what several share is counted once."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int((folder / "stat").read_text().rpartition(")")[2].split()[2]) == number:
                lines = (folder / "smaps_rollup").read_text().splitlines()
                total += 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        except (OSError, ValueError):
            continue
    return total


def long(clip: Path, hours: float, names: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "videos" / "long.mp4"
        path.parent.mkdir()
        make_long(clip, hours, path)
        length, size = seconds_of(path), path.stat().st_size
        command = [sys.executable, "-c", "from teachtext.cli.main import main; main()", "extract", folder]
        command += ["--out", f"{folder}/features", "--workers", "1"]
        command += [part for name in names for part in ("--expert", name)]
        begun = time.perf_counter()
        process = subprocess.Popen(command, start_new_session=True)
        peak = 0
        while process.poll() is None:
            peak = max(peak, memory_of_group(process.pid))
            time.sleep(0.25)
        wall = time.perf_counter() - begun
        if process.returncode:
            sys.exit("the extraction failed")
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = usage.ru_utime + usage.ru_stime
    print(f"{', '.join(names)}: {length / 3600:.2f} hours, {size / 1e6:.0f} MB, one worker, start included")
    print(f"peak memory {peak / 1e9:.2f} GB; {wall:.0f} s, {length / wall:.1f} x real time", end="")
    print(f" ({cpu:.0f} s of CPU, {length / cpu:.1f} x real time)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="videos (default: a generated playground)")
    parser.add_argument("--videos", type=int, default=40)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--hours", type=float, help="make one video so long, and tell the peak memory")
    parser.add_argument("--experts", nargs="+", help="default: each one, and the default set")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = told.folder
        if folder is None:
            from teachtext.playground import build_playground

            folder = Path(temporary)
            build_playground(folder, videos=max(12, told.videos), captions_per_video=1, workers=told.workers)
        paths = find(folder, told.videos)
        if told.hours:
            clip = next((path for path in paths if sounds(path)), paths[0])
            print(f"{clip.name} in a loop, {'with' if sounds(clip) else 'without'} sound")
            long(clip, told.hours, told.experts or DEFAULT)
            return
        total = sum(map(seconds_of, paths))
        print(f"{len(paths)} videos, {total:.0f} s; load of the machine before: {os.getloadavg()[0]:.1f}")
        sets = [told.experts] if told.experts else [[name] for name in ("appearance", "motion", "audio")]
        sets += [] if told.experts else [["speech"], ["ocr"], ["face"], DEFAULT]
        heads = ("experts", "x real time a core (CPU)", "decoding", f"x, {told.workers} workers (wall)")
        print("{:34s} {:>25s} {:>9s} {:>22s}".format(*heads))
        for names in sets:
            decoding, encoding = serial(paths, names)
            wall = parallel(paths, names, told.workers)
            share = decoding / (decoding + encoding)
            print(f"{', '.join(names):34s} {total / (decoding + encoding):25.1f} {share:9.0%} {wall:22.1f}", flush=True)


if __name__ == "__main__":
    main()
