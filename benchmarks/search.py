"""Exact and approximate multi-expert search, over every store. Run: python benchmarks/search.py [--items 100000].

Items have three experts of 384 dimensions, as a student's, in four presence patterns (all three 40 %, two 30 % and
20 %, one 10 %). They are made of a latent of 48 dimensions around one of 2,000 centres, which each expert sees in its
own way, with noise; a query is an item's latent, disturbed. Every step runs in a process of its own, whose peak of
resident memory is told. `product` is the floor: the matrix product of query and rows, and nothing else. FAISS is
measured where `faiss` can be imported; Milvus where the wheel `milvus` is installed, with the memory of its server.
Linux only.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

SPACES = {"a": 384, "b": 384, "c": 384}
PATTERNS = [("a", "b", "c"), ("a", "b"), ("a", "c"), ("a",)]
SHARES = [0.4, 0.3, 0.2, 0.1]
LATENT, CENTRES, K = 48, 2000, 10
BLOCK = 10_000
TAGGED = 0.1


def blocks(items: int) -> Iterator[tuple[int, np.ndarray, dict[str, np.ndarray], np.ndarray]]:
    """Yield the first number, (n,) patterns, vectors by space, and which have a tag, some items at a time."""
    views, centres = world()
    for first in range(0, items, BLOCK):
        random = np.random.default_rng([1, first])
        count = min(BLOCK, items - first)
        latents = centres[random.integers(0, CENTRES, count)] + 0.7 * random.standard_normal((count, LATENT))
        patterns = random.choice(len(PATTERNS), count, p=SHARES)
        yield first, patterns, embed(latents, views, random), random.random(count) < TAGGED


def world() -> tuple[dict[str, np.ndarray], np.ndarray]:
    random = np.random.default_rng(0)
    views = {name: random.standard_normal((LATENT, dim)) for name, dim in SPACES.items()}
    return views, random.standard_normal((CENTRES, LATENT))


def embed(latents: np.ndarray, views: dict[str, np.ndarray], random: np.random.Generator) -> dict[str, np.ndarray]:
    found = {}
    for name, view in views.items():
        seen = latents @ view + 2.0 * random.standard_normal((len(latents), view.shape[1]))
        found[name] = (seen / np.linalg.norm(seen, axis=1, keepdims=True)).astype(np.float32)
    return found


def queries(count: int) -> list[Any]:
    from teachtext.encoders.embedder import QueryVectors

    views, centres = world()
    random = np.random.default_rng(2)
    latents = centres[random.integers(0, CENTRES, count)] + 0.7 * random.standard_normal((count, LATENT))
    vectors = embed(latents, views, random)
    weights = random.dirichlet([1.0, 1.0, 1.0], count).astype(np.float32)
    return [QueryVectors({name: one[q] for name, one in vectors.items()}, weights[q]) for q in range(count)]


def matrices(items: int) -> dict[tuple[str, ...], tuple[np.ndarray, np.ndarray]]:
    """Numbers and rows of all items by pattern, in memory once."""
    counts = np.zeros(len(PATTERNS), int)
    for _, patterns, _, _ in blocks_of_patterns(items):
        counts += np.bincount(patterns, minlength=len(PATTERNS))
    from teachtext.search.vectors import width

    found = {
        pattern: (np.empty(count, int), np.zeros((count, width(pattern, SPACES)), np.float32))
        for pattern, count in zip(PATTERNS, counts, strict=True)
    }
    ends = dict.fromkeys(PATTERNS, 0)
    for first, patterns, vectors, _ in blocks(items):
        for number, pattern in enumerate(PATTERNS):
            rows = np.flatnonzero(patterns == number)
            numbers, matrix = found[pattern]
            place = slice(ends[pattern], ends[pattern] + len(rows))
            numbers[place] = first + rows
            for column, name in enumerate(pattern):
                matrix[place, column * 384 : (column + 1) * 384] = vectors[name][rows]
            ends[pattern] += len(rows)
    return found


def blocks_of_patterns(items: int) -> Iterator[tuple[int, np.ndarray, None, None]]:
    for first in range(0, items, BLOCK):
        random = np.random.default_rng([1, first])
        count = min(BLOCK, items - first)
        random.integers(0, CENTRES, count)
        random.standard_normal((count, LATENT))
        yield first, random.choice(len(PATTERNS), count, p=SHARES), None, None


# what is measured


def product(options: argparse.Namespace) -> dict[str, Any]:
    """The floor; and the truth, from it."""
    from teachtext.search.vectors import query_row

    rows = matrices(options.items)
    asked = [
        {pattern: query_row(one, pattern, SPACES, correct=False).astype(np.float32) for pattern in PATTERNS}
        for one in queries(options.queries)
    ]
    told = timed(lambda q: [matrix @ asked[q][pattern] for pattern, (_, matrix) in rows.items()], options.queries)
    numbers = np.concatenate([numbers for numbers, _ in rows.values()])
    truth = [
        numbers[np.argsort(-np.concatenate([matrix @ one[pattern] for pattern, (_, matrix) in rows.items()]))[:K]]
        for one in asked
    ]
    np.save(options.folder / "truth.npy", np.array(truth))
    return told


def faiss(options: argparse.Namespace) -> dict[str, Any]:
    """FAISS flat, an index a pattern."""
    import faiss as library

    from teachtext.search.vectors import query_row

    library.omp_set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1)))
    indexes = {}
    rows = matrices(options.items)
    for pattern in PATTERNS:
        numbers, matrix = rows.pop(pattern)
        indexes[pattern] = (numbers, library.IndexFlatIP(matrix.shape[1]))
        for start in range(0, len(matrix), BLOCK):
            indexes[pattern][1].add(matrix[start : start + BLOCK])
        del matrix
    asked = queries(options.queries)

    def search(q: int) -> list[int]:
        found: list[tuple[float, int]] = []
        for pattern, (numbers, index) in indexes.items():
            row = query_row(asked[q], pattern, SPACES, correct=False).astype(np.float32)
            scores, places = index.search(row[None], K)
            found += zip(scores[0].tolist(), numbers[places[0]].tolist(), strict=True)
        return [number for _, number in sorted(found, reverse=True)[:K]]

    return timed(search, options.queries, truth(options))


def build(options: argparse.Namespace) -> dict[str, Any]:
    """All items into a store, and its indexes."""
    from teachtext.search.stores import open_store
    from teachtext.search.types import Entry, Item

    begin = time.perf_counter()
    store = open_store(options.place)
    store.write_manifest({"spaces": SPACES})
    with store.writing():
        for first, patterns, vectors, tagged in blocks(options.items):
            store.put(
                [
                    Entry.of_clip(
                        Item(
                            id=f"videos/{first + row:07}.mp4",
                            content=f"{first + row:016x}",
                            made=f"{first + row:016x}",
                            added_s=1.7e9 + first + row,
                            size=1_000_000,
                            duration_s=float(row % 600),
                            tags=("tag",) if tagged[row] else (),
                        ),
                        {name: vectors[name][row] for name in PATTERNS[number]},
                    )
                    for row, number in enumerate(patterns)
                ]
            )
        written = time.perf_counter() - begin
        store.tidy()
        settle(store)
    return {"seconds": time.perf_counter() - begin, "of it writing": written}


def settle(store: Any) -> None:
    """Wait until a server has built its indexes."""
    if hasattr(store, "_client"):
        while True:
            told = store._client.describe_index(store._name, "vector")
            # rows that wait may be those of parts that were joined since
            if told["state"] == "Finished" and told["indexed_rows"] >= told["total_rows"]:
                break
            time.sleep(1)


def update(options: argparse.Namespace) -> dict[str, Any]:
    """A thousand items replaced, and the store tidied, three times."""
    from dataclasses import replace

    from teachtext.search.stores import open_store

    seconds = []
    for turn in range(3):
        store = open_store(options.place)
        names = [f"videos/{number:07}.mp4" for number in range(turn, options.items, options.items // 1000)][:1000]
        with store.writing():
            entries = store.get(names).values()
            begin = time.perf_counter()
            store.put([replace(one, item=replace(one.item, content="new")) for one in entries])
            store.tidy()
            seconds.append(time.perf_counter() - begin)
    return {"seconds": max(seconds)}


def exact(options: argparse.Namespace) -> dict[str, Any]:
    """Our exact search, from a store, with everything in memory."""
    return from_memory(options, nearly=False)


def nearly(options: argparse.Namespace) -> dict[str, Any]:
    """Our approximate search with everything in memory."""
    return from_memory(options, nearly=True)


def from_memory(options: argparse.Namespace, *, nearly: bool) -> dict[str, Any]:
    from teachtext.search.filters import EVERYTHING
    from teachtext.search.gallery import Asked, Gallery
    from teachtext.search.stores import open_store
    from teachtext.search.vectors import query_row

    store = open_store(options.place)
    gallery = Gallery(store, SPACES)
    asked = queries(options.queries)

    def top(query: Any, where: Any = EVERYTHING) -> list[Any]:
        return gallery.top_all([Asked(query, K, where)], nearly=nearly)[0]

    begin = time.perf_counter()
    gallery.prepare(store.versions()) if nearly else top(asked[0])
    opened = time.perf_counter() - begin
    rows = {pattern: block.rows for pattern, block in gallery._fresh(None).blocks.items()}
    floor = [
        {pattern: query_row(one, pattern, SPACES, correct=False).astype(np.float32) for pattern in PATTERNS}
        for one in asked
    ]
    # by turns, for the machine may be busy at one time and not at another
    turns = [
        (
            clocked(lambda q=q: [matrix @ floor[q][pattern] for pattern, matrix in rows.items()]),
            clocked(lambda q=q: top(asked[q])),
        )
        for q in range(options.queries)
    ]
    wall, cpu = np.median([np.divide(one, product) for product, one in turns], axis=0).tolist()
    told = timed(lambda q: number_of(top(asked[q])), options.queries, truth(options))
    told |= {"times the product beside it": wall, "times its CPU time": cpu, "opened in s": opened}
    return told | filtered(top, asked)


def clocked(work: Callable[[], Any]) -> tuple[float, float]:
    """Return the seconds and CPU-seconds of some work."""
    begin, begin_cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - begin, time.process_time() - begin_cpu


def approximate(options: argparse.Namespace) -> dict[str, Any]:
    """Our approximate search, from a store."""
    from teachtext.search.ranking import nearly_top
    from teachtext.search.stores import open_store

    store = open_store(options.place)
    asked = queries(options.queries)
    nearly_top(store, SPACES, asked[0], K)
    told = timed(lambda q: number_of(nearly_top(store, SPACES, asked[q], K)), options.queries, truth(options))
    return told | filtered(lambda one, where: nearly_top(store, SPACES, one, K, where=where), asked)


def filtered(search: Callable[[Any, Any], Any], asked: list[Any]) -> dict[str, float]:
    from teachtext.search.filters import Filter

    where = Filter(tags=["tag"])
    return {"filtered p50 ms": timed(lambda q: search(asked[q], where), min(50, len(asked)))["p50 ms"]}


def number_of(hits: list[Any]) -> list[int]:
    return [int(hit.id.split("/")[1].split(".")[0]) for hit in hits]


def truth(options: argparse.Namespace) -> np.ndarray:
    return np.load(options.folder / "truth.npy")


def timed(search: Callable[[int], Any], count: int, wanted: np.ndarray | None = None) -> dict[str, Any]:
    seconds, found = [], []
    for q in range(count):
        begin = time.perf_counter()
        result = search(q)
        seconds.append(time.perf_counter() - begin)
        if wanted is not None:
            found.append(len({*result} & {*wanted[q].tolist()}) / K)
    told = {"p50 ms": 1000 * float(np.median(seconds)), "p99 ms": 1000 * float(np.quantile(seconds, 0.99))}
    return told | ({"recall@10": float(np.mean(found))} if found else {})


ORDER = ["build", "exact", "nearly", "approximate", "update", "approximate"]
STEPS = {one.__name__: one for one in (product, faiss, build, update, exact, nearly, approximate)}


def run(name: str, options: argparse.Namespace, place: str, *, server: int | None = None) -> None:
    """Run a step in a process of its own, and tell what it measured."""
    command = [sys.executable, __file__, "--step", name, "--place", place, "--folder", str(options.folder)]
    command += ["--items", str(options.items), "--queries", str(options.queries)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    kind = "milvus" if "://" in place else "embedded" if place else ""
    if done.returncode != 0:
        print(f"{kind} {name}: failed: {done.stderr.strip().splitlines()[-1:]}", flush=True)
        return
    told = json.loads(done.stdout.strip().splitlines()[-1])
    if server is not None:
        told["server peak MB"] = peak_mb(server)
    shown = "  ".join(f"{key} {value:,.{3 if key[0] in 'rt' else 1}f}" for key, value in told.items())
    print(f"{kind:8} {name:12} {shown}", flush=True)


def peak_mb(pid: int | str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def disk_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--folder", type=Path, help="where stores are made, and removed again")
    parser.add_argument("--skip", nargs="*", default=[], choices=["faiss", "embedded", "milvus"])
    parser.add_argument(
        "--steps", nargs="*", default=ORDER, choices=sorted({*ORDER}), help="what is done with a store, in order"
    )
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--place", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        told = STEPS[options.step](options)
        print(json.dumps(told | {"peak MB": peak_mb("self")}))
        return
    options.folder = Path(tempfile.mkdtemp(dir=options.folder))
    try:
        print(f"{options.items:,} items, {options.queries} queries, {os.environ.get('OMP_NUM_THREADS')} threads")
        run("product", options, "")
        if "faiss" not in options.skip:
            run("faiss", options, "")
        if "embedded" not in options.skip:
            embedded = options.folder / "lance"
            for step in options.steps:
                run(step, options, str(embedded))
                print(f"         on disk {disk_mb(embedded):,.0f} MB", flush=True)
        if "milvus" not in options.skip:
            sys.path.append(str(Path(__file__).parents[1] / "tests" / "helpers"))
            from milvus_server import milvus_server

            with milvus_server(options.folder / "milvus") as (address, pid):
                for step in options.steps:
                    run(step, options, f"milvus://{address}/videos", server=pid)
                    print(f"         on disk {disk_mb(options.folder / 'milvus' / 'data'):,.0f} MB", flush=True)
    finally:
        shutil.rmtree(options.folder, ignore_errors=True)


if __name__ == "__main__":
    main()
