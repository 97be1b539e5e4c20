"""Kills of everything that writes, while the disk fills in half of them; then a comparison with an unbroken run.

    python benchmarks/kills.py [--what extract train run index upload] [--kills 10] [--seed 0]

Each command is killed (SIGKILL, with its workers) at a random moment and started again, until it has been killed so
often; whenever it comes to its end, its results are compared with those of an unbroken run, and it begins anew. In
every second attempt the disk fills at a random moment before the kill, and is free again afterwards. The disk is a
tmpfs of its own, which needs root; otherwise a limit of the size of files stands for the full disk.
"""

import argparse
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "tests" / "helpers"))
from clips import write_model

DISK_MB = 600
TEACHTEXT = [sys.executable, "-c", "from teachtext.cli.main import main; main()"]
EXPERT = "motion"


class Disk:
    """A folder, on a small disk of its own where that is allowed."""

    def __init__(self, folder: Path, megabytes: int = DISK_MB) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "teachtext-kills", str(folder)]
        self.is_own = subprocess.run(command, capture_output=True, check=False).returncode == 0

    def fill(self) -> None:
        """Leave no byte free."""
        with suppress(OSError), (self.folder / "ballast").open("ab", buffering=0) as file:
            for size in (2**20, 2**12, 1):
                with suppress(OSError):
                    while file.write(bytes(size)):
                        pass

    def free(self) -> None:
        (self.folder / "ballast").unlink(missing_ok=True)

    def close(self) -> None:
        if self.is_own:
            subprocess.run(["umount", "-l", str(self.folder)], check=False)


@contextmanager
def disk(folder: Path) -> Iterator[Disk]:
    made = Disk(folder)
    try:
        yield made
    finally:
        made.close()


class Attempts:
    """Runs commands that are killed at random, and counts how they ended."""

    def __init__(self, rng: random.Random, place: Disk) -> None:
        self.rng = rng
        self.place = place
        self.ends: Counter[str] = Counter()
        self.number = 0

    def next_is_full(self) -> bool:
        self.number += 1
        return self.number % 2 == 0

    def kill_once(self, command: list[str], seconds: float) -> bool:
        """Start a command and kill it within some seconds; return whether it came to its end before."""
        full, after = self.next_is_full(), self.rng.uniform(0.02, 0.7) * seconds
        limit = self.rng.randrange(1, 400_000) if full and not self.place.is_own else None
        begun = time.monotonic()
        with tempfile.TemporaryFile("w+") as errors:
            process = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True,
                preexec_fn=None if limit is None else partial(limit_files, limit),
            )  # fmt: skip
            if full and self.place.is_own:
                wait_for(process, begun + self.rng.uniform(0.1, 1) * after)
                self.place.fill()
            wait_for(process, begun + after)
            code = process.poll()
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self.place.free()
            errors.seek(0)
            said = errors.read()
        if code is None:
            self.ends["killed, disk full" if full else "killed"] += 1
        elif code == 0:
            self.ends["at its end"] += 1
        else:
            # nothing but one sentence, and lines of progress
            assert full and code == 2 and "Traceback" not in said, (command, code, said)
            self.ends["ended by the full disk"] += 1
        return code == 0


def limit_files(size: int) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def wait_for(process: subprocess.Popen[Any], moment: float) -> None:
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=max(0.0, moment - time.monotonic()))


def run_whole(command: list[str]) -> float:
    begun = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (command, done.stderr)
    return time.monotonic() - begun


def leftovers(folder: Path) -> list[str]:
    """Return what no process should leave: temporary files, locks that are held, half folders."""
    names = [path for path in folder.rglob(".*") if path.name.endswith(".tmp") or path.name == ".incoming"]
    return sorted(str(path.relative_to(folder)) for path in names)


class Case:
    """A command that works in a folder, and what is compared of its results."""

    def __init__(self, command: Callable[[Path], list[str]], results: Callable[[Path], dict[str, Any]]) -> None:
        self.command = command
        self.results = results

    def go(self, folder: Path, rng: random.Random, kills: int) -> dict[str, Any]:
        whole = folder / "whole"
        seconds = run_whole(self.command(whole))
        expected = self.results(whole)
        rounds, differences = 0, list[str]()
        with disk(folder / "disk") as place:
            attempts = Attempts(rng, place)
            while sum(attempts.ends.values()) - attempts.ends["at its end"] < kills:
                rounds += 1
                work = place.folder / f"round{rounds}"
                while sum(attempts.ends.values()) - attempts.ends["at its end"] < kills:
                    if attempts.kill_once(self.command(work), seconds):
                        break
                run_whole(self.command(work))
                differences += compare(expected, self.results(work))
                shutil.rmtree(work)
            own = place.is_own
        return {
            "ends": dict(attempts.ends), "rounds": rounds, "differences": differences, "own disk": own,
            "seconds of an unbroken run": round(seconds, 1),
        }  # fmt: skip


def compare(expected: dict[str, Any], actual: dict[str, Any]) -> list[str]:
    """Return the keys that differ. Arrays of float32 are equal but for rounding, because batches were other ones."""
    different = []
    for key in sorted(expected.keys() | actual.keys()):
        left, right = expected.get(key), actual.get(key)
        if isinstance(left, np.ndarray) and isinstance(right, np.ndarray):
            same = left.shape == right.shape and bool(np.allclose(left, right, rtol=0, atol=1e-6))
        else:
            same = bool(left == right)
        if not same:
            different.append(key)
    return different


def features_of(folder: Path) -> dict[str, Any]:
    from teachtext.data.store import FeatureFile

    values: dict[str, Any] = {"leftovers": leftovers(folder)}
    for store in sorted({path.parent for path in folder.rglob("part-*.safetensors")}):
        file, name = FeatureFile(store, verify=True), store.relative_to(folder)
        values |= {f"{name} {item}": (file.sources[item], file.read(item).tobytes()) for item in file.ids}
    return values


def weights_of(folder: Path) -> dict[str, Any]:
    values = {"leftovers": leftovers(folder)}
    return values | {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("model.safetensors")}


def metrics_of(folder: Path) -> dict[str, Any]:
    [results] = list(folder.rglob("results.json"))
    return weights_of(folder) | {"results": without_times(json.loads(results.read_text()), folder)}


def without_times(value: Any, folder: Path) -> Any:
    """Return a JSON value without durations and dates, and with the folder's name taken out."""
    if isinstance(value, dict):
        timed = ("seconds", "made", "date", "time", "peak", "cost", "work")
        return {key: without_times(item, folder) for key, item in value.items() if not any(t in key for t in timed)}
    if isinstance(value, list):
        return [without_times(item, folder) for item in value]
    return value.replace(str(folder), "") if isinstance(value, str) else value


def entries_of(folder: Path) -> dict[str, Any]:
    from teachtext.search.stores import open_store

    store = open_store(str(folder / "index"))
    items = {item.id: item for item in store.catalog()}
    values: dict[str, Any] = {"count": store.count(), "leftovers": leftovers(folder)}
    for name, entry in store.get(list(items)).items():
        values[name] = (entry.item.content, entry.item.made)
        for number, segment in enumerate(entry.segments):
            values[f"{name} {number}"] = (segment.start_s, segment.end_s)
            values |= {f"{name} {number} {space}": vector for space, vector in segment.vectors.items()}
    return values


class Service:
    """`teachtext serve` over an index, in a process."""

    def __init__(self, index: Path) -> None:
        command = [*TEACHTEXT, "serve", "--index", str(index), "--port", "0", "--rate", "none"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.address = next((word for word in line.split() if word.startswith("http")), "")
        assert self.address, "the service did not start"

    def upload(self, name: str, data: bytes) -> int:
        """Return the status of the answer; 0 where the service has gone."""
        url = f"{self.address}/api/uploads?{urllib.parse.urlencode({'name': name})}"
        headers = {"Content-Type": "application/octet-stream"}
        try:
            with urllib.request.urlopen(
                urllib.request.Request(url, data, headers, method="POST"), timeout=120
            ) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()


def kill_uploads(folder: Path, rng: random.Random, kills: int, make_clip: Callable[[int], bytes]) -> dict[str, Any]:
    """Kill a service while uploads come in, all of one name; return what became of them."""
    from teachtext.files import content_hash
    from teachtext.search.stores import open_store

    accepted, lost_answers, statuses, ends = list[str](), list[str](), Counter[int](), Counter[str]()
    with disk(folder / "disk") as place:
        index, number = place.folder / "index", 0
        shutil.copytree(folder / "index", index)
        for kill in range(kills):
            service, full = Service(index), kill % 2 == 1 and place.is_own
            # by answers and not by the clock alone: how long an upload takes depends on the machine
            before, filled, seconds = rng.randrange(0, 6), rng.randrange(0, 5), 1.0
            timers = list[threading.Timer]()
            for answer in range(40):
                if answer == before:
                    timers.append(threading.Timer(rng.uniform(0.0, 2.0 * seconds), service.kill))
                if full and answer == min(filled, before):
                    timers.append(threading.Timer(rng.uniform(0.0, seconds), place.fill))
                for timer in timers:
                    if timer.ident is None:
                        timer.start()
                number += 1
                clip = folder / "clip.mp4"
                clip.write_bytes(make_clip(number))
                begun = time.monotonic()
                status = service.upload("video.mp4", clip.read_bytes())
                seconds = time.monotonic() - begun
                statuses[status] += 1
                if status == 202:
                    accepted.append(content_hash(clip))
                elif status == 0:
                    lost_answers.append(content_hash(clip))
                if service.process.poll() is not None:
                    break
            for timer in timers:
                timer.join()
            service.process.wait()
            place.free()
            ends["killed, disk full" if full else "killed"] += 1
        service = Service(index)
        last = time.monotonic() + 1200
        while True:
            items = [item for item in open_store(str(index)).catalog() if item.id.startswith("uploads/")]
            contents = Counter(item.content for item in items)
            lost = [content for content in accepted if content not in contents]
            files = {path.name for path in (index / "uploads").iterdir() if not path.name.startswith(".")}
            if (not lost and len(files) == len(items)) or time.monotonic() > last:
                break
            time.sleep(0.5)
        service.process.terminate()
        service.process.wait()
        phantoms = [item.id for item in items if item.id.partition("/")[2] not in files]
        foreign = [content for content in contents if content not in {*accepted, *lost_answers}]
        return {
            "ends": dict(ends), "accepted": len(accepted), "statuses": dict(statuses), "lost": len(lost),
            "twice": sum(count - 1 for count in contents.values()), "phantoms": len(phantoms), "foreign": len(foreign),
            "in the index without an answer": len(set(lost_answers) & contents.keys()),
            "left half": leftovers(index), "own disk": place.is_own,
        }  # fmt: skip


@cache
def clip_of(number: int) -> bytes:
    """Return a clip of half a second, another one for each number.

    A clip is encoded once, for x264 may give other bytes each time.
    """
    import av

    random_values = np.random.default_rng(number)
    picture = random_values.integers(0, 255, (8, 8, 3), np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        with av.open(str(path), "w") as container:
            stream: Any = container.add_stream("libx264", rate=15)
            stream.height = stream.width = 64
            stream.pix_fmt = "yuv420p"
            for shift in range(8):
                frame = av.VideoFrame.from_ndarray(np.roll(picture, shift, axis=1), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path.read_bytes()


CONFIG = """\
name: kills
dataset: {{playground: {{videos: 16, captions_per_video: 2}}}}
experts: [motion]
teachers: [glove, wordllama]
student: {{text: wordllama}}
model: {{shared_dim: 16, text_clusters: 2}}
training: {{epochs: {epochs}, batch_size: 8}}
seeds: [0]
workers: 1
jobs: 1
threads: 1
work: {work}
"""


def experiment(verb: str, work: Path, *, epochs: int) -> list[str]:
    """Return the command of an experiment; its config lies beside its folder, so that a full disk does not matter."""
    config = Path(tempfile.gettempdir()) / f"kills-{os.getpid()}-{verb}-{work.name}.yaml"
    config.write_text(CONFIG.format(work=work, epochs=epochs))
    return [*TEACHTEXT, verb, str(config)]


def index_command(videos: Path, index: Path, model: Path) -> list[str]:
    return [*TEACHTEXT, "index", str(videos), "--index", str(index), "--model", str(model)]


def cases(videos: Path, model: Path) -> dict[str, Case]:
    extract = ["--expert", EXPERT, "--workers", "2"]
    return {
        "extract": Case(lambda work: [*TEACHTEXT, "extract", str(videos), "--out", str(work), *extract], features_of),
        "train": Case(lambda work: experiment("train", work, epochs=6), weights_of),
        "run": Case(lambda work: experiment("run", work, epochs=3), metrics_of),
        "index": Case(lambda work: index_command(videos, work / "index", model), entries_of),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    everything = ["extract", "train", "run", "index", "upload"]
    parser.add_argument("--what", nargs="+", choices=everything, default=everything)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--videos", type=int, default=60)
    asked = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory(prefix="kills-") as temporary:
        videos = Path(temporary) / "videos"
        videos.mkdir()
        for number in range(asked.videos):
            (videos / f"v{number:03}.mp4").write_bytes(clip_of(number))
        # random weights, of one expert that is fast
        model = write_model(Path(temporary) / "model")
        for what in asked.what:
            folder, rng = Path(temporary) / what, random.Random(f"{asked.seed} {what}")
            folder.mkdir()
            if what == "upload":
                run_whole(index_command(videos, folder / "index", model))
                outcome = kill_uploads(folder, rng, asked.kills, lambda number: clip_of(10_000 + number))
                bad = outcome["lost"] or outcome["twice"] or outcome["phantoms"] or outcome["foreign"]
            else:
                outcome = cases(videos, model)[what].go(folder, rng, asked.kills)
                bad = outcome["differences"]
            failed = failed or bool(bad)
            print(f"{what}: {'WRONG' if bad else 'equal'} {json.dumps(outcome)}", flush=True)
    raise SystemExit(int(failed))


if __name__ == "__main__":
    main()
