"""Load on `teachtext serve`: many clients at once on loopback; errors, requests a second, p50 and p99, memory.

    teachtext serve --index PLACE --rate none &
    python benchmarks/load.py --pid $! --minutes 5

Each client asks one question after another, of which some repeat. Memory is the server's resident set.
"""

import argparse
import asyncio
import itertools
import time
from collections import Counter
from pathlib import Path

import httpx2
import numpy as np

_THINGS = ("dog", "cat", "red ball", "car", "man with a hat", "bird", "two children", "guitar")
_DEEDS = ("runs", "sleeps", "falls", "is far away", "jumps over a wall", "turns to the left")


async def client(http: httpx2.AsyncClient, end: float, number: int, seconds: list[float], errors: Counter[str]) -> None:
    questions = itertools.cycle([f"a {thing} {deed}" for thing in _THINGS for deed in _DEEDS])
    for text in itertools.islice(questions, number, None):
        begun = time.perf_counter()
        if begun >= end:
            return
        try:
            answer = await http.get("/api/search", params={"text": text, "count": 20})
            if answer.status_code != 200:
                errors[f"status {answer.status_code}"] += 1
                continue
        except httpx2.HTTPError as error:
            errors[type(error).__name__] += 1
            continue
        seconds.append(time.perf_counter() - begun)


async def memory(pid: int, end: float, mib: list[float]) -> None:
    """Note the server's memory each second, in MiB."""
    while True:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        mib.append(next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")))
        if time.perf_counter() >= end:
            return
        await asyncio.sleep(1)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--pid", type=int, required=True, help="process of the server")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--minutes", type=float, default=5.0)
    asked = parser.parse_args()
    seconds: list[float] = []
    mib: list[float] = []
    errors: Counter[str] = Counter()
    begun = time.perf_counter()
    end = begun + 60 * asked.minutes
    limits = httpx2.Limits(max_connections=asked.clients, max_keepalive_connections=asked.clients)
    async with httpx2.AsyncClient(base_url=asked.url, limits=limits, timeout=60, trust_env=False) as http:
        clients = (client(http, end, number, seconds, errors) for number in range(asked.clients))
        await asyncio.gather(memory(asked.pid, end, mib), *clients)
    took = time.perf_counter() - begun
    if not seconds:
        raise SystemExit(f"nothing was answered: {dict(errors)}")
    p50, p99 = 1000 * np.percentile(seconds, [50, 99])
    print("| clients | minutes | answered | errors | a second | p50 ms | p99 ms | MiB at start | middle | end |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    print(
        f"| {asked.clients} | {took / 60:.1f} | {len(seconds):,} | {sum(errors.values())} | {len(seconds) / took:.1f} "
        f"| {p50:.0f} | {p99:.0f} | {mib[0]:.0f} | {mib[len(mib) // 2]:.0f} | {mib[-1]:.0f} |"
    )
    if errors:
        raise SystemExit(f"errors: {dict(errors)}")


if __name__ == "__main__":
    asyncio.run(main())
