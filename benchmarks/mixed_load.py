"""Mixed load on `teachtext serve`: searches, pictures, uploads, removals, and `teachtext index` beside it.

    python benchmarks/mixed_load.py [--minutes 10] [--seed 0] [--searchers 4] [--uploaders 2]

At the end the index is compared with what clients were answered: every accepted video that was not removed is there
once, with its content, and no other. Answers of 500 and more fail, and so do memory and open descriptors of the service
that grow from the second third to the last, and files that are more than a few for each video. (Tables keep each
version for ten minutes; the files are counted after these versions have been removed.)
"""

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
from kills import TEACHTEXT, clip_of, index_command, write_model

TEXTS = ("a dog runs", "something moves", "a red ball", "zanzibar", '"two words"', "un café", "犬が走る", "' OR 1=1 --")
# clips that are sent again and again, so that equal contents meet
CLIPS = 60
# uploaded videos that stay, at most: the load removes as many as it adds
KEPT = 25
# the clip that comes and goes in the folder that `teachtext index` reads
EXTRA = 77


class Load:
    """The clients, and what they were answered."""

    def __init__(self, http: httpx2.AsyncClient, clips: list[bytes], end: float, rng: random.Random) -> None:
        self.http = http
        self.clips = clips
        self.end = end
        self.rng = rng
        self.statuses: Counter[str] = Counter()
        self.wrong: list[str] = []
        # by id of the job, the number of the clip; by id of the video, the same
        self.jobs: dict[str, int] = {}
        self.there: dict[str, int] = {}
        self.removed: set[str] = set()
        self.seconds: dict[str, list[float]] = {}

    def going(self) -> bool:
        return time.monotonic() < self.end

    async def ask(self, kind: str, method: str, path: str, **arguments: Any) -> httpx2.Response | None:
        begun = time.monotonic()
        try:
            answer = await self.http.request(method, path, **arguments)
        except httpx2.HTTPError as error:
            self.statuses[f"{kind} {type(error).__name__}"] += 1
            self.wrong.append(f"{kind} {path}: {type(error).__name__} {error}")
            return None
        self.seconds.setdefault(kind, []).append(time.monotonic() - begun)
        self.statuses[f"{kind} {answer.status_code}"] += 1
        if answer.status_code >= 500:
            self.wrong.append(f"{kind} {path}: {answer.status_code} {answer.text[:200]}")
        return answer

    async def search(self) -> None:
        while self.going():
            by = self.rng.choice(["both", "model", "words"])
            answer = await self.ask("search", "GET", "/api/search", params={"text": self.rng.choice(TEXTS), "by": by})
            if answer is not None and answer.status_code == 200 and answer.json()["results"]:
                video = self.rng.choice(answer.json()["results"])["id"]
                path = f"/api/thumbnails/{video}"
                await self.ask("picture", "GET", path, params={"at": self.rng.choice([0, 1, 7, 1e9])})
                await self.ask("details", "GET", f"/api/videos/{video}")
                await self.ask("page", "GET", "/", params={"q": self.rng.choice(TEXTS)})
                await self.ask("live", "GET", "/api/health/live")
            await asyncio.sleep(0.02)

    async def upload(self) -> None:
        while self.going():
            number = self.rng.randrange(len(self.clips))
            name = self.rng.choice(["video.mp4", "clip.mp4", "日本語.mp4"])
            answer = await self.ask("upload", "POST", "/api/uploads", params={"name": name}, content=self.clips[number])
            if answer is not None and answer.status_code == 202:
                self.jobs[answer.json()["id"]] = number
                await self.settle(answer.json()["id"])
            while len(self.there) > KEPT and self.going():
                await self.remove()
            await asyncio.sleep(0.2)

    async def settle(self, job: str) -> None:
        """Wait until a video is in the index."""
        while True:
            answer = await self.ask("job", "GET", f"/api/uploads/{job}")
            if answer is not None and answer.json().get("state") == "done":
                self.there[answer.json()["video"]] = self.jobs.pop(job)
                return
            if answer is not None and answer.json().get("state") == "failed":
                self.wrong.append(f"job failed: {answer.text}")
                return
            await asyncio.sleep(0.3)

    async def remove(self) -> None:
        video = self.rng.choice(sorted(self.there))
        number = self.there.pop(video)
        answer = await self.ask("remove", "DELETE", f"/api/videos/{video}")
        if answer is None or answer.status_code == 409:
            self.there[video] = number
            await asyncio.sleep(0.3)
        elif answer.status_code != 204:
            self.wrong.append(f"remove {video}: {answer.status_code} {answer.text[:200]}")
        else:
            self.removed.add(video)


async def index_beside(folder: Path, videos: Path, end: float, ends: Counter[str], pause_s: float) -> None:
    """Index the folder of videos again and again, with one file more or less."""
    extra = videos / "extra.mp4"
    while time.monotonic() < end:
        extra.unlink() if extra.exists() else extra.write_bytes(clip_of(EXTRA))
        process = await asyncio.create_subprocess_exec(
            *TEACHTEXT, "index", str(videos), "--index", str(folder), "--remove-missing",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await process.communicate()
        ends["done" if process.returncode == 0 else f"refused: {said.decode()[-200:]}"] += 1
        await asyncio.sleep(pause_s)


async def measure(pid: int, end: float, sizes: list[tuple[float, int]]) -> None:
    """Note memory (MiB) and open descriptors of the service, again and again."""
    while time.monotonic() < end:
        sizes.append((memory_of(pid), len(list(Path(f"/proc/{pid}/fd").iterdir()))))
        await asyncio.sleep(2)


def memory_of(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def check(load: Load, index: Path) -> list[str]:
    """Compare the index with what the clients were answered."""
    from teachtext.search.stores import open_store

    wrong = []
    items = {item.id: item for item in open_store(str(index)).catalog() if item.id.startswith("uploads/")}
    wrong += [f"lost: {video}" for video in load.there.keys() - items.keys()]
    wrong += [f"phantom: {video}" for video in items.keys() - load.there.keys()]
    for video in load.there.keys() & items.keys():
        if items[video].content != content_of(load.clips[load.there[video]]):
            wrong.append(f"another content: {video}")
    files = {path.name for path in (index / "uploads").iterdir()}
    wrong += [f"file without an entry: {name}" for name in files - {video.partition("/")[2] for video in items}]
    contents = {item.content for item in open_store(str(index)).catalog()}
    # `teachtext index` removes entries alone: features and pictures stay for a file that comes back
    contents.add(content_of(clip_of(EXTRA)))
    pictures = {path.name.partition("-")[0] for path in (index / "thumbnails").glob("*.jpg")}
    wrong += [f"picture of a removed video: {content}" for content in pictures - contents]
    return wrong


def content_of(video: bytes) -> str:
    """Return the hash by which an index knows the content of a file."""
    from teachtext.files import content_hash

    with tempfile.NamedTemporaryFile() as file:
        file.write(video)
        file.flush()
        return content_hash(Path(file.name))


def files_of(index: Path) -> dict[str, int]:
    """Return the number of files by folder, after the index was compacted without any older version."""
    from teachtext.search.stores import lance, open_store

    lance._KEEP = timedelta(0)
    store = open_store(str(index))
    with store.writing():
        store.tidy()
    counts = Counter(path.relative_to(index).parts[0] for path in index.rglob("*") if path.is_file())
    return {"videos": store.count(), **dict(sorted(counts.items()))}


def growth(sizes: list[tuple[float, int]]) -> dict[str, list[float]]:
    """Return the medians of the three thirds, of memory (MiB) and descriptors."""
    thirds = np.array_split(np.array(sizes, float), 3)
    medians = np.array([np.median(third, axis=0) for third in thirds])
    return {name: [round(float(value), 1) for value in medians[:, n]] for n, name in enumerate(("MiB", "descriptors"))}


async def run(index: Path, videos: Path, minutes: float, seed: int, searchers: int, uploaders: int) -> dict[str, Any]:
    command = [*TEACHTEXT, "serve", "--index", str(index), "--port", "0", "--rate", "none"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        address = next(word for word in service.stdout.readline().split() if word.startswith("http"))
        end = time.monotonic() + 60 * minutes
        limits = httpx2.Limits(max_connections=searchers + uploaders + 2)
        async with httpx2.AsyncClient(base_url=address, limits=limits, timeout=120, trust_env=False) as http:
            load = Load(http, [clip_of(1000 + number) for number in range(CLIPS)], end, random.Random(seed))
            sizes: list[tuple[float, int]] = []
            ends: Counter[str] = Counter()
            await asyncio.gather(
                measure(service.pid, end, sizes),
                index_beside(index, videos, end, ends, pause_s=5.0),
                *(load.search() for _ in range(searchers)),
                *(load.upload() for _ in range(uploaders)),
            )
            answer = await http.get("/api/health/ready")
            expected = len(load.there) + sum(1 for _ in videos.glob("*.mp4"))
            wrong = [*load.wrong, *check(load, index)]
            if answer.json()["videos"] != expected:
                wrong.append(f"the service counts {answer.text}, not {expected}")
        service.terminate()
    slow = {kind: [round(float(q), 3) for q in np.percentile(times, [50, 99])] for kind, times in load.seconds.items()}
    return {
        "requests": sum(load.statuses.values()), "statuses": dict(sorted(load.statuses.items())), "wrong": wrong,
        "uploads": sum(count for kind, count in load.statuses.items() if kind == "upload 202"),
        "removals": len(load.removed), "index beside": dict(ends), "thirds": growth(sizes), "p50 and p99 s": slow,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--searchers", type=int, default=4)
    parser.add_argument("--uploaders", type=int, default=2)
    parser.add_argument("--growth", type=float, default=1.15, help="what the last third may have of the second")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="load-") as temporary:
        index, videos = Path(temporary) / "index", Path(temporary) / "videos"
        videos.mkdir()
        for number in range(10):
            (videos / f"v{number}.mp4").write_bytes(clip_of(number))
        model = write_model(Path(temporary) / "model")
        subprocess.run(index_command(videos, index, model), check=True, stdout=sys.stderr)
        outcome = asyncio.run(run(index, videos, asked.minutes, asked.seed, asked.searchers, asked.uploaders))
        outcome["files"] = files_of(index)
    grown = [name for name, (_, middle, last) in outcome["thirds"].items() if last > asked.growth * middle]
    grown += ["files"] if sum(outcome["files"].values()) > 8 * outcome["files"]["videos"] + 50 else []
    print(json.dumps(outcome | {"grown": grown}, indent=2, ensure_ascii=False))
    raise SystemExit(int(bool(outcome["wrong"] or grown)))


if __name__ == "__main__":
    main()
